"""A fake engine for a child process: its model is a list of orders, so that a test can say what is to happen there."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import time
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeseg import errors
from edgeseg.frames import F32
from edgeseg.ports import EngineReport, EngineWish, ModelIO
from edgeseg.testing.engine import FakeEngine

TARGET = "edgeseg.testing.child_engine:ChildFake"


def orders(*faults: tuple[int, str, Any], **start: Any) -> bytes:
    """The model of a `ChildFake`. faults: (number of the call from 0, what happens, with what):

    "die" signal, "exit" code, "hang" seconds, "late" seconds (and then the right answer), "say" words on stderr,
    "raise" a sentence, "throw" words (no error of ours), "flood" bytes on stderr, and the faults of `FakeEngine`
    ("nan", "shape", ...), with None.

    start: refuse=(name of an error, sentence), die=signal, hang=seconds, say=words, throw=words: while it starts.

    >>> json.loads(orders((2, "die", 11)))
    {"faults": [[2, "die", 11]], "start": {}}
    """
    return json.dumps({"faults": faults, "start": start}).encode()


class ChildFake(FakeEngine):
    """Answers the picture's red as the mask, until its orders say otherwise."""

    def __init__(self, model: bytes, io: ModelIO, wish: EngineWish = EngineWish()) -> None:
        told = json.loads(model)
        scale = {"float32": 1, "uint8": 255, "int8": 255}[io.dtype]
        shift = 128 if io.dtype == "int8" else 0
        super().__init__(io, lambda rgb: (rgb[..., 0] + np.float32(shift)) / scale)
        self._faults = {call: (fault, value) for call, fault, value in told["faults"]}
        self._calls = 0
        self._wish = wish
        for what, value in told["start"].items():
            if what == "refuse":
                raise getattr(errors, value[0])(value[1])
            _do(what, value)

    @property
    def report(self) -> EngineReport:
        """See `ports.Engine`; the wish comes back in the adapter and the evidence."""
        wish = self._wish
        return EngineReport(
            "cpu", "fake", wish.threads, None, 0, 0, 0, wish.device, wish.software, (f"library {wish.library}",)
        )

    def infer(self, rgb: npt.NDArray[Any]) -> F32:
        """See `ports.Engine`."""
        fault, value = self._faults.get(self._calls, (None, None))
        self._calls += 1
        if fault is not None and not _do(fault, value):
            self.inject(fault, calls=1)
        return super().infer(rgb)


def _do(what: str, value: Any) -> bool:
    """Whether it is one of the things that a process can do."""
    if what == "die":
        os.kill(os.getpid(), value)
        signal.pause()
    elif what == "exit":
        os._exit(value)
    elif what == "hang":  # in C, and with the interpreter's lock held, as a library may
        ctypes.PyDLL(None).sleep(int(value))
    elif what == "late":
        time.sleep(value)
    elif what == "say":
        sys.stderr.write(f"{value}\n")
        sys.stderr.flush()
    elif what == "flood":
        os.write(2, b"x" * 79 + b"\n")
        for _ in range(value // 4096):
            try:
                os.write(2, b"y" * 4095 + b"\n")
            except OSError:
                break
    elif what == "raise":
        raise errors.EngineFault(value)
    elif what == "throw":
        raise KeyError(value)
    else:
        return False
    return True
