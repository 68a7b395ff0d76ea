"""An engine in a thread of its own, which does nothing but infer.

The caller prepares the next frame and composes the last one meanwhile. That thread runs no other Python on purpose: a
second thread that makes many short calls would wait for the interpreter's lock at each of them (it cost a
third of the frame rate).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy.typing as npt

from edgeseg.clock import Clock
from edgeseg.errors import EngineFault
from edgeseg.facts import StageTimes
from edgeseg.frames import F32, Frame

Answer = tuple[Frame | None, F32 | EngineFault]


class EngineThread:
    """One question at a time: `submit`, `wait`, `take`; or `infer`, which does all three.

    timeout_s: how long `infer` waits. A call that hangs keeps the engine busy; its late answer is there to be taken
    and is nobody's then.
    """

    def __init__(self, infer: Callable[[npt.NDArray[Any]], F32], clock: Clock, times: StageTimes, timeout_s: float):
        self._call, self._clock, self._times, self._timeout_s = infer, clock, times, timeout_s
        self._changed = threading.Condition()
        self._question: tuple[npt.NDArray[Any], Frame | None] | None = None
        self._answer: Answer | None = None
        self._idle = True
        self._closed = False
        self.frame: Frame | None = None  # what it is, or was last, asked about, until the answer is taken
        self.last_s = 0.0  # what the last answer took
        self._thread = threading.Thread(target=self._work, name="edgeseg-engine", daemon=True)
        self._thread.start()

    @property
    def idle(self) -> bool:
        """Whether a question may be submitted: none is asked, and no answer waits to be taken."""
        return self._idle

    def is_free(self) -> bool:
        """Whether a question may be submitted, after forgetting an answer that nobody waits for any more."""
        if self.wait(0):
            self.take()
        return self._idle

    def submit(self, tensor: npt.NDArray[Any], frame: Frame | None) -> None:
        """Ask; `tensor` is read until the answer is there. Only when `idle`."""
        with self._changed:
            assert self._idle
            self._idle = False
            self.frame = frame
            self._question = (tensor, frame)
            self._changed.notify_all()

    def wait(self, seconds: float) -> bool:
        """Whether an answer is there, after at most so many seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self._answer is not None, max(0.0, seconds))

    def take(self) -> Answer:
        """The answer, scores or a fault, and the frame it is for; the scores are valid until the next question."""
        with self._changed:
            assert self._answer is not None
            answer, self._answer = self._answer, None
            self._idle, self.frame = True, None
            return answer

    def infer(self, rgb: npt.NDArray[Any]) -> F32:
        """Ask and wait; raises EngineFault if the engine fails, or hangs."""
        if not self._idle and self.wait(self._timeout_s):
            self.take()
        if self._idle:
            self.submit(rgb, None)
            if self.wait(self._timeout_s):
                _, scores = self.take()
                if isinstance(scores, EngineFault):
                    raise scores
                return scores
        raise EngineFault(f"The engine has not answered for {self._timeout_s:g} s.")

    def close(self) -> None:
        """End the thread; one that hangs in the engine is left to the process's end."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(timeout=1.0)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._question is not None or self._closed)
                if self._question is None:
                    return
                (tensor, frame), self._question = self._question, None
            start = self._clock.now()
            scores: F32 | EngineFault
            try:
                scores = self._call(tensor)
            except EngineFault as fault:
                scores = fault
            except Exception as error:  # noqa: BLE001 - whatever an engine does, the room stays hidden
                scores = EngineFault(f"The engine failed with {type(error).__name__}: {error}")
            self.last_s = self._clock.now() - start
            self._times.add("infer", self.last_s)
            with self._changed:
                self._answer = (frame, scores)
                self._changed.notify_all()
