"""A fake engine for a child process that does wrong on command, while it works: a file is its lever."""

from __future__ import annotations

import ctypes
import os
import resource
import time
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeseg.errors import CandidateError
from edgeseg.frames import F32
from edgeseg.ports import EngineReport, EngineWish, ModelIO
from edgeseg.testing.engine import FAULTS, FakeEngine

TARGET = "edgeseg.testing.drill_engine:DrillEngine"
DARK = 0.35  # what is darker is the person


class DrillEngine(FakeEngine):
    """Finds what is dark; `wish.library` is a file whose first word orders a fault from then on, empty for none.

    "exit", "late" (by 0.3 s), "stuck" (in C, with the interpreter's lock held), "memory" (asks for more than the
    process may have), and the faults of `FakeEngine`. "refuse": it does not start.
    """

    def __init__(self, model: bytes, io: ModelIO, wish: EngineWish = EngineWish()) -> None:
        super().__init__(io, lambda rgb: np.clip((DARK - rgb.mean(axis=2, dtype=np.float32)) / 0.15, 0, 1))
        assert wish.library is not None
        self._lever = os.open(wish.library, os.O_RDONLY)
        if self._order() == "refuse":
            raise CandidateError("The drill's engine was told not to start.")

    @property
    def report(self) -> EngineReport:
        """See `ports.Engine`."""
        return EngineReport("gpu", "drill", 1, "drill", 1, 1)

    def infer(self, rgb: npt.NDArray[Any]) -> F32:
        """See `ports.Engine`."""
        order = self._order()
        if order == "exit":
            os._exit(3)
        elif order == "late":
            time.sleep(0.3)
        elif order == "stuck":
            ctypes.PyDLL(None).sleep(60)
        elif order == "memory":
            resource.setrlimit(resource.RLIMIT_AS, (1 << 28, 1 << 28))
            np.ones(1 << 29, np.uint8)
        fault = next((known for known in FAULTS if known == order), None)
        if fault is not None:
            self.inject(fault, calls=1)
        return super().infer(rgb)

    def _order(self) -> str:
        return os.pread(self._lever, 64, 0).decode().strip()
