"""A public fake of the Engine port: a mask you know, faults you order, and a history."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from edgeseg.errors import EngineFault
from edgeseg.frames import F32
from edgeseg.ports import EngineReport, ModelIO

Fault = Literal["raise", "hang", "nan", "shape", "x255", "logits", "half", "ones", "zeros"]
"""raise: EngineFault. hang: no answer until `release`. nan: a NaN among good values. shape: one row too few.

x255, logits, half: the right mask on a wrong scale (p * 255; logits where probabilities are due; p * 0.5 + 0.5, which
is person everywhere). ones, zeros: all person, nobody.
"""
FAULTS: tuple[Fault, ...] = get_args(Fault)

_LOGIT_LIMIT = 12.0  # logits of 0 and 1 are endless; real models stay within about this


@dataclass(frozen=True, slots=True)
class Call:
    """One `infer`: its number from 0 and the fault that was in force."""

    number: int
    fault: Fault | None


class FakeEngine:
    """An Engine that computes nothing.

    io: what it claims. mask: (height, width) array of person probability in [0, 1], or a function from the picture
    it is given to such an array; nobody by default. It enforces the port's rules with EngineFault: picture's shape and
    dtype, one call at a time, none after `close`; and it spoils its last answer when the next is asked for.

    >>> engine = FakeEngine(ModelIO(2, 2), np.ones((2, 2), np.float32))
    >>> engine.inject("nan", calls=1)
    >>> bool(np.isnan(engine.infer(np.zeros((2, 2, 3), np.float32))).any())
    True
    >>> float(engine.infer(np.zeros((2, 2, 3), np.float32)).min())
    1.0
    """

    def __init__(
        self,
        io: ModelIO,
        mask: npt.NDArray[Any] | Callable[[npt.NDArray[Any]], npt.NDArray[Any]] | None = None,
        *,
        engine: str = "cpu",
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._io = io
        self._mask = np.zeros((io.height, io.width), np.float32) if mask is None else mask
        self._report = EngineReport(engine, "fake", 1, None, 0, 0)
        self._sleep = sleep
        self._busy = threading.Lock()
        self._released = threading.Event()
        self._orders: list[tuple[Fault | None, int | None]] = []
        self._last: F32 | None = None
        self.delay_s = 0.0
        self.history: list[Call] = []
        self.hanging = threading.Event()
        self.closed = False

    @property
    def io(self) -> ModelIO:
        """See `ports.Engine`."""
        return self._io

    @property
    def report(self) -> EngineReport:
        """See `ports.Engine`."""
        return self._report

    def inject(self, fault: Fault | None, calls: int | None = None) -> None:
        """Order a fault (None: a good answer) for the next `calls` calls (None: ever after), behind earlier orders."""
        self._orders.append((fault, calls))

    def heal(self) -> None:
        """Forget every order and let a hanging call go."""
        self._orders.clear()
        self.release()

    def release(self) -> None:
        """Let a hanging call go: it answers, late."""
        self._released.set()

    def infer(self, rgb: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """See `ports.Engine`; also sleeps `delay_s` seconds."""
        if not self._busy.acquire(blocking=False):
            raise EngineFault("The fake engine was called while a call was running.")
        try:
            return self._infer(rgb)
        finally:
            self._busy.release()

    def close(self) -> None:
        """See `ports.Engine`; also lets a hanging call go."""
        self.closed = True
        self.release()

    def _infer(self, rgb: npt.NDArray[Any]) -> F32:
        io = self._io
        if self.closed:
            raise EngineFault("The fake engine was asked for a mask after it was closed.")
        if rgb.shape != (io.height, io.width, 3) or rgb.dtype != np.dtype(io.dtype):
            raise EngineFault(
                f"The fake engine takes {io.dtype} {(io.height, io.width, 3)}, not {rgb.dtype} {rgb.shape}."
            )
        fault = self._next_order()
        self.history.append(Call(len(self.history), fault))
        if self._last is not None:
            self._last.fill(np.nan)
        if self.delay_s:
            self._sleep(self.delay_s)
        if fault == "hang":
            self._hang()
        if fault == "raise":
            raise EngineFault("The fake engine was told to fail.")
        mask = self._mask(rgb) if callable(self._mask) else self._mask
        self._last = _spoil(np.array(mask, np.float32), fault)
        return self._last

    def _next_order(self) -> Fault | None:
        if not self._orders:
            return None
        fault, calls = self._orders[0]
        if calls is not None:
            if calls > 1:
                self._orders[0] = (fault, calls - 1)
            else:
                self._orders.pop(0)
        return fault

    def _hang(self) -> None:
        self._released.clear()
        if self.closed:  # closed between the check above and the line before this one
            return
        self.hanging.set()
        self._released.wait()
        self.hanging.clear()


def _spoil(person: F32, fault: Fault | None) -> F32:
    """The answer: `person`, in [0, 1], with the fault in it."""
    if fault in ("ones", "zeros"):
        person = np.full_like(person, fault == "ones")
    elif fault == "half":
        person = person * 0.5 + 0.5
    answer = _logit(person) if fault == "logits" else person
    if fault == "x255":
        answer = answer * 255
    elif fault == "nan":
        answer[answer.shape[0] // 2, answer.shape[1] // 2] = np.nan
    elif fault == "shape":
        answer = answer[:-1]
    return np.ascontiguousarray(answer, np.float32)


def _logit(person: F32) -> F32:
    with np.errstate(divide="ignore"):
        logit = np.log(person) - np.log1p(-person)
    clipped: F32 = np.clip(logit, -_LOGIT_LIMIT, _LOGIT_LIMIT)
    return clipped
