"""An engine in a process of its own: one that aborts, hangs or fills the memory takes no picture with it.

Accelerators' libraries do all of that: a USB fault of an Edge TPU ends its process, a GPU's driver may hang for ever.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import threading
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeseg import errors
from edgeseg.clock import Clock, SystemClock
from edgeseg.engines import ENGINES
from edgeseg.engines import child_link as link
from edgeseg.engines.child_spawn import Gone, Spawned
from edgeseg.errors import CandidateError, EdgesegError, EngineFault
from edgeseg.frames import F32
from edgeseg.ports import EngineReport, EngineWish, ModelIO


class ChildEngine:
    """Runs any engine of the table in a child process. An Engine, see `ports`.

    kind: its name in `engines.ENGINES`. model, io, wish: what its class takes. start_timeout_s: how long it may take to
    be ready, its first `warm_up` inferences included. deadline_s: how long one inference may take. target: the class as
    "module:Class", for tests.

    The constructor raises what the engine's own raised in the child, and CandidateError if the child died or was not
    ready. `infer` raises EngineFault if the child died or missed the deadline; it is ended then, so that no answer
    comes late, and every further call raises EngineFault at once: make another. An engine's own EngineFault, and an
    answer of another shape or dtype, leave it alive. The child ends with this process, however that ends.
    """

    def __init__(
        self,
        kind: str,
        model: bytes,
        io: ModelIO,
        wish: EngineWish = EngineWish(),
        *,
        start_timeout_s: float = 60.0,
        deadline_s: float = 0.5,
        warm_up: int = 2,
        target: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._kind, self._io, self._deadline_s = kind, io, deadline_s
        self._clock = clock or SystemClock()
        self._busy = threading.Lock()
        self._asked = 0
        self._gone: str | None = None
        self._closed = False
        self._answer: F32 = np.empty((io.height, io.width), np.float32)
        try:
            self._child = Spawned(kind, target or ENGINES[kind], model, io, wish, warm_up, self._clock)
        except OSError as error:
            raise CandidateError(
                f"The {kind} engine needs a process of its own, which cannot be made: {error.strerror or error}; free"
                " memory or allow more processes."
            ) from error
        try:
            self._report = self._ready(start_timeout_s)
        except BaseException:
            self.close()
            raise

    @property
    def io(self) -> ModelIO:
        """See `ports.Engine`."""
        return self._io

    @property
    def report(self) -> EngineReport:
        """See `ports.Engine`; as the child said it when it was ready."""
        return self._report

    @property
    def pid(self) -> int:
        """The child's process number."""
        return self._child.pid

    @property
    def is_alive(self) -> bool:
        """Whether the child is there to be asked."""
        return not self._closed and self._gone is None and self._child.is_alive

    def infer(self, rgb: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """See `ports.Engine`."""
        if not self._busy.acquire(blocking=False):
            raise EngineFault(f"The {self._kind} engine was called while a call was running.")
        try:
            return self._infer(rgb)
        finally:
            self._busy.release()

    def close(self) -> None:
        """See `ports.Engine`; takes a second at most. A call that runs in another thread comes back with a fault."""
        if self._closed:
            return
        self._closed = True
        self._child.end()
        if self._busy.acquire(timeout=1.0):  # nobody uses the link's descriptor any more
            self._child.release()
            self._busy.release()

    def _infer(self, rgb: npt.NDArray[Any]) -> F32:
        if self._closed:
            raise EngineFault(f"The {self._kind} engine was asked for a mask after it was closed.")
        if self._gone is not None:
            raise EngineFault(self._gone)
        frames = self._child.frames
        if rgb.shape != frames.given.shape or rgb.dtype != frames.given.dtype:
            raise EngineFault(
                f"The {self._kind} engine takes {frames.given.dtype} {frames.given.shape}, not {rgb.dtype} {rgb.shape}."
            )
        np.copyto(frames.given, rgb)
        self._asked += 1
        until = self._clock.now() + self._deadline_s
        try:
            self._child.send(link.question(self._asked))
            fault = self._answered(until)
        except Gone as gone:
            if self._closed:
                raise EngineFault(f"The {self._kind} engine was closed while it worked.") from None
            self._gone = f"The {self._kind} engine's process {gone}."
            raise EngineFault(self._gone) from None
        if fault is not None:
            raise EngineFault(fault)
        np.copyto(self._answer, frames.answer)  # what a child does later cannot change it
        return self._answer

    def _answered(self, until: float) -> str | None:
        """None once the answer to the newest question is there, or its fault; raises Gone, also for the deadline."""
        while True:
            message = self._child.receive(until)
            if message is None:
                self._child.kill()
                raise Gone(f"did not answer within {self._deadline_s:g} s and was ended{self._child.last_words()}")
            with contextlib.suppress(ValueError):
                number, fault = link.answer_of(message)
                if number == self._asked:
                    return fault

    def _ready(self, timeout_s: float) -> EngineReport:
        """What the child says when it can be asked; raises what its engine raised."""
        remedy = "choose another --engine"
        try:
            message = self._child.receive(self._clock.now() + timeout_s)
        except Gone as gone:
            raise CandidateError(f"The {self._kind} engine's process {gone}; it had not started: {remedy}.") from None
        if message is None:
            self._child.kill()
            raise CandidateError(
                f"The {self._kind} engine was not ready after {timeout_s:g} s and was ended{self._child.last_words()};"
                f" {remedy}."
            )
        ready = json.loads(message)
        if "refused" in ready:
            kind = getattr(errors, ready["refused"], CandidateError)
            raise (kind if issubclass(kind, EdgesegError) else CandidateError)(ready["says"])
        report = link.report_of(ready["report"])
        timing = ", then ".join(f"{one:g} ms" for one in ready["times_ms"])
        told = f"runs in a process of its own, number {self.pid}"
        if timing:
            told += f"; its first inferences took {timing}"
        return dataclasses.replace(report, evidence=(*report.evidence, told))
