"""An engine that survives the loss of its accelerator: the CPU answers the very frame on which it fell.

A thread of its own ends what fell, tries the accelerator again with back-off, and lets it back only after it passed
the known-answer test; the change itself happens between two frames, in the thread that asks.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy.typing as npt

from edgeseg.clock import Clock
from edgeseg.errors import CandidateError, EdgesegError, EngineFault, sentence
from edgeseg.facts import ENGINE_LOST, Degraded, Emit, Noted, Recovered
from edgeseg.failover.patience import Patience, Record, failed, fell
from edgeseg.frames import F32
from edgeseg.ports import Engine, EngineReport, ModelIO

_PATIENCE = Patience()
_LOOK_S = 0.5  # how often to look whether the device is still there


class Failover:
    """An Engine, see `ports`: the accelerator while it is well, else the substitute.

    name: of the accelerator's engine. make: starts it; may take long and raise EdgesegError. substitute: of the same
    `io`, made and warm, so that it serves at once; None: nothing may take the accelerator's place, `lose` is called
    when it falls, and the constructor raises what `make` raised. fault: why an engine does not know the known answer,
    None if it does. present: whether the device is there; None if that cannot be seen.
    """

    def __init__(
        self,
        name: str,
        make: Callable[[], Engine],
        substitute: Engine | None,
        fault: Callable[[Engine], str | None],
        clock: Clock,
        emit: Emit,
        *,
        present: Callable[[], bool] | None = None,
        patience: Patience = _PATIENCE,
    ) -> None:
        self.name = name
        self.falls = 0
        self.lose: Callable[[EdgesegError], None] = _ignore
        self._make, self._substitute, self._fault = make, substitute, fault
        self._clock, self._emit, self._present, self._patience = clock, emit, present, patience
        self._record = Record()
        self._accelerator: Engine | None = None
        self._since = clock.now()  # when the accelerator began to serve
        self._back: Engine | None = None  # started and proved; it waits for the next frame
        self._fallen: list[Engine] = []  # to be ended
        self._doubt: str | None = None
        self._last_refusal = ""
        self._closed = False
        self._wake = threading.Event()
        try:
            self._accelerator = self._started()
        except EdgesegError as error:
            if substitute is None:
                raise
            self._lost(str(error))
        self.io: ModelIO = (self._accelerator or self._substitute_or_fault()).io
        self._thread = threading.Thread(target=self._watch, name="edgeseg-failover", daemon=True)
        self._thread.start()

    @property
    def report(self) -> EngineReport:
        """See `ports.Engine`; of the one that serves."""
        return (self._accelerator or self._substitute_or_fault()).report

    @property
    def is_lost(self) -> bool:
        """Whether the substitute serves."""
        return self._accelerator is None

    def infer(self, rgb: npt.NDArray[Any]) -> F32:
        """See `ports.Engine`."""
        self._change()
        if self._accelerator is not None:
            try:
                return self._accelerator.infer(rgb)
            except EngineFault as fault:
                self._fall(str(fault))
        return self._substitute_or_fault().infer(rgb)

    def distrust(self, why: str) -> None:
        """What it answered can be no mask; from any thread. An accelerator falls at the next frame."""
        self._doubt = why

    def close(self) -> None:
        """See `ports.Engine`. An accelerator that is just being started ends itself."""
        self._closed = True
        self._wake.set()
        self._thread.join(timeout=1.0)
        for engine in (self._accelerator, self._back, self._substitute, *self._fallen):
            if engine is not None:
                engine.close()
        self._fallen.clear()

    def _change(self) -> None:
        """What other threads asked for, between two frames."""
        doubt, self._doubt = self._doubt, None
        if self._accelerator is not None:
            if doubt is not None:
                self._fall(doubt)
        elif self._back is not None:
            self._accelerator, self._back = self._back, None
            self._since = self._clock.now()
            self._emit(Recovered(ENGINE_LOST))

    def _fall(self, why: str) -> None:
        assert self._accelerator is not None
        self._fallen.append(self._accelerator)
        self._accelerator = None
        self.falls += 1
        self._lost(why)
        self._wake.set()

    def _lost(self, why: str) -> None:
        now = self._clock.now()
        self._last_refusal = why
        if self._substitute is None:
            self.lose(CandidateError(f"The {self.name} engine is required, and it fell: {why}"))
            return
        self._record = fell(self._patience, self._record, now, now - self._since)
        wait_s = self._record.try_at - now
        serves = f"{sentence(why)} The {self._substitute.report.engine} engine serves"
        if self._record.is_benched:
            often = f"{self._patience.flaps} times within {self._patience.within_s / 60:g} minutes"
            then = f"fell {often} and rests for {wait_s / 60:.0f} minutes"
        else:
            then = f"is tried again in {wait_s:g} s"
        self._emit(Degraded(ENGINE_LOST, f"{serves}; {self.name} {then}."))

    def _substitute_or_fault(self) -> Engine:
        if self._substitute is None:
            raise EngineFault(f"The {self.name} engine fell, and nothing may take its place.")
        return self._substitute

    def _watch(self) -> None:
        """The thread that ends, looks and tries again."""
        while True:
            self._wake.wait(_LOOK_S if self._present else self._idle_s())
            self._wake.clear()
            if self._closed:
                return
            while self._fallen:
                self._fallen.pop().close()
            there = self._present is None or self._present()
            if self._accelerator is not None:
                if not there:
                    self.distrust(f"The device of the {self.name} engine is gone.")
            elif there and self._may_try():
                self._try()

    def _idle_s(self) -> float | None:
        """How long nothing is to be done; None: until somebody wakes us."""
        if self._accelerator is not None or self._back is not None or self._substitute is None:
            return None
        return max(0.0, self._record.try_at - self._clock.now())

    def _may_try(self) -> bool:
        return self._back is None and self._substitute is not None and self._clock.now() >= self._record.try_at

    def _try(self) -> None:
        try:
            engine = self._started()
        except EdgesegError as error:
            now = self._clock.now()
            self._record = failed(self._patience, self._record, now)
            if str(error) != self._last_refusal:  # the same words need not be said for months
                wait_s = self._record.try_at - now
                why = str(error).rstrip(".")
                self._emit(Noted("engine", f"{self.name} is not back: {why}; it is tried again in {wait_s:g} s."))
            self._last_refusal = str(error)
            return
        self._doubt = None  # a doubt about the one before
        self._back = engine
        if self._closed:
            engine.close()

    def _started(self) -> Engine:
        """A new accelerator that knows the known answer; raises EdgesegError."""
        engine = self._make()
        if self._substitute is not None and engine.io != self._substitute.io:
            engine.close()
            raise CandidateError(f"The {self.name} engine takes other pictures than its substitute; choose its twin.")
        fault = self._fault(engine)
        if fault is not None:
            engine.close()
            raise CandidateError(f"The {self.name} engine {fault}.")
        return engine


def _ignore(error: EdgesegError) -> None:
    """Nobody asked to be told."""
