"""An engine in a thread of its own, which does nothing but infer.

The caller prepares the next frame and composes the last one meanwhile. That thread runs no other Python on purpose: a
second thread that makes many short calls would wait for the interpreter's lock at each of them (it cost a
third of the frame rate). Two questions may wait, so that the engine goes from one frame to the next without a pause.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy.typing as npt

from edgeseg.clock import Clock
from edgeseg.errors import EngineFault
from edgeseg.facts import StageTimes
from edgeseg.frames import F32, Frame

AHEAD = 2  # questions at a time: the one the engine works on, and the next


class Question:
    """A prepared tensor, the frame it is of (None: nobody's), and the answer once it is there."""

    __slots__ = ("answer", "frame", "tensor")

    def __init__(self, tensor: npt.NDArray[Any], frame: Frame | None) -> None:
        self.tensor, self.frame = tensor, frame
        self.answer: F32 | EngineFault | None = None


class EngineThread:
    """Answers questions in their order: `submit`, `wait`, `take`; or `infer`, which does all three out of turn.

    timeout_s: how long `infer` waits. A call that hangs keeps its question, and what was submitted behind it.
    """

    def __init__(self, infer: Callable[[npt.NDArray[Any]], F32], clock: Clock, times: StageTimes, timeout_s: float):
        self._call, self._clock, self._times, self._timeout_s = infer, clock, times, timeout_s
        self._changed = threading.Condition()
        self._waiting: deque[Question] = deque()
        self._asked: deque[Question] = deque()  # in order: answered ones, the one in work, waiting ones
        self._closed = False
        self.last_s = 0.0  # what the last answer took
        self._thread = threading.Thread(target=self._work, name="edgeseg-engine", daemon=True)
        self._thread.start()

    @property
    def pending(self) -> int:
        """How many questions were submitted whose answers have not been taken."""
        return len(self._asked)

    def asked_about(self, frame: Frame) -> bool:
        """Whether this frame's answer will come, or is there to be taken."""
        return any(question.frame is frame for question in self._asked)

    def submit(self, tensor: npt.NDArray[Any], frame: Frame) -> None:
        """Ask; `tensor` is read until the answer is there. At most `AHEAD` may be pending."""
        with self._changed:
            assert len(self._asked) < AHEAD
            question = Question(tensor, frame)
            self._asked.append(question)
            self._waiting.append(question)
            self._changed.notify_all()

    def wait(self, seconds: float) -> bool:
        """Whether the oldest question is answered, after at most so many seconds."""
        with self._changed:
            return self._changed.wait_for(
                lambda: bool(self._asked) and self._asked[0].answer is not None, max(0.0, seconds)
            )

    def take(self) -> tuple[Frame, F32 | EngineFault]:
        """The oldest question's frame and its answer, scores or a fault; only after `wait` said that it is there."""
        with self._changed:
            question = self._asked.popleft()
        assert question.frame is not None
        assert question.answer is not None
        return question.frame, question.answer

    def infer(self, rgb: npt.NDArray[Any]) -> F32:
        """Ask before all that wait, and wait for the answer; raises EngineFault if the engine fails, or hangs."""
        question = Question(rgb, None)
        with self._changed:
            self._waiting.appendleft(question)
            self._changed.notify_all()
            if not self._changed.wait_for(lambda: question.answer is not None, self._timeout_s):
                if question in self._waiting:
                    self._waiting.remove(question)
                raise EngineFault(f"The engine has not answered for {self._timeout_s:g} s.")
        assert question.answer is not None
        if isinstance(question.answer, EngineFault):
            raise question.answer
        return question.answer

    def close(self) -> None:
        """End the thread; one that hangs in the engine is left to the process's end."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(timeout=1.0)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting) or self._closed)
                if self._closed:
                    return
                question = self._waiting.popleft()
            start = self._clock.now()
            answer: F32 | EngineFault
            try:
                answer = self._call(question.tensor).copy()  # an engine's answer is valid until the next call only
            except EngineFault as fault:
                answer = fault
            except Exception as error:  # noqa: BLE001 - whatever an engine does, the room stays hidden
                answer = EngineFault(f"The engine failed with {type(error).__name__}: {error}")
            self.last_s = self._clock.now() - start
            self._times.add("infer", self.last_s)
            with self._changed:
                question.answer = answer
                self._changed.notify_all()
