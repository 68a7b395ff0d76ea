"""Plants a fault into the edgeseg that a farm device runs: Python imports this where the folder is on its path.

EDGESEG_PLANTED names the lever. Each wraps the real engine of the device's own edgeseg; nothing of it is in the
product. The interpreter looks for this file by its name.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Infer = Callable[[Any, Any], Any]
SLOWER = 0.3  # of the time that an inference takes


def swapped(infer: Infer) -> Infer:
    """Red and blue are fed in each other's place."""
    return lambda self, rgb: infer(self, np.ascontiguousarray(rgb[..., ::-1]))


def halved(infer: Infer) -> Infer:
    """The input's scale is off by two: [0, 1] arrives as [0, 0.5]."""

    def wrong(self: Any, rgb: Any) -> Any:
        if rgb.dtype == np.int8:
            return infer(self, ((rgb.astype(np.int16) + 128) // 2 - 128).astype(np.int8))
        return infer(self, rgb * np.float32(0.5))

    return wrong


def signed(infer: Infer) -> Infer:
    """A model that takes [0, 1] is fed [-1, 1]."""

    def wrong(self: Any, rgb: Any) -> Any:
        if rgb.dtype == np.int8:
            return infer(self, np.clip((rgb.astype(np.int16) + 128) * 2 - 255 - 128, -128, 127).astype(np.int8))
        return infer(self, rgb * np.float32(2) - np.float32(1))

    return wrong


def shifted(infer: Infer) -> Infer:
    """The mask lies four pixels of its own too far to the right."""
    return lambda self, rgb: np.roll(infer(self, rgb), 4, axis=1)


def no_number(infer: Infer) -> Infer:
    """One value of the mask is NaN."""

    def wrong(self: Any, rgb: Any) -> Any:
        answer = infer(self, rgb).copy()
        answer[7, 7] = np.nan
        return answer

    return wrong


def hanging(infer: Infer) -> Infer:
    """The third inference never ends."""

    def wrong(self: Any, rgb: Any) -> Any:
        self._planted = getattr(self, "_planted", 0) + 1
        while self._planted > 2:
            time.sleep(1)
        return infer(self, rgb)

    return wrong


def dying(infer: Infer) -> Infer:
    """The third inference ends the process, as a fault in native code does."""

    def wrong(self: Any, rgb: Any) -> Any:
        self._planted = getattr(self, "_planted", 0) + 1
        if self._planted > 2:
            os.abort()
        return infer(self, rgb)

    return wrong


def slower(infer: Infer) -> Infer:
    """INT8 takes 30 % longer, as with a kernel that lost its instructions."""

    def wrong(self: Any, rgb: Any) -> Any:
        if rgb.dtype != np.int8:
            return infer(self, rgb)
        start = time.perf_counter()
        answer = infer(self, rgb)
        end = start + (time.perf_counter() - start) * (1 + SLOWER)
        while time.perf_counter() < end:
            pass
        return answer

    return wrong


def fatter(infer: Infer) -> Infer:
    """The process comes to hold twice what it held."""

    def wrong(self: Any, rgb: Any) -> Any:
        if not hasattr(self, "_planted"):
            with open("/proc/self/statm", encoding="ascii") as statm:
                pages = int(statm.read().split()[1])
            self._planted = np.ones(pages * os.sysconf("SC_PAGESIZE"), np.uint8)
        return infer(self, rgb)

    return wrong


LEVERS = {
    lever.__name__: lever for lever in (swapped, halved, signed, shifted, no_number, hanging, dying, slower, fatter)
}


def plant(name: str) -> None:
    """Wrap the cpu engine of the edgeseg in the folder that the command was started in."""
    sys.path.insert(0, str(Path.cwd()))  # as it will be, but not yet is
    from edgeseg.engines import litert

    engine: Any = litert.CpuEngine
    engine.infer = LEVERS[name](engine.infer)
    sys.path.pop(0)


if os.environ.get("EDGESEG_PLANTED"):
    plant(os.environ["EDGESEG_PLANTED"])
