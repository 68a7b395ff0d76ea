"""Masks for frames: the engine is asked, its answers are believed or not, and the newest believed one is kept.

From a file every frame waits for its own mask. Live, one whose own mask is late takes the newest that was believed,
moved along with the person, if it is no older than `max_mask_age_s`; so does a frame that is not asked about.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from edgeseg.clock import Clock
from edgeseg.engine_thread import EngineThread
from edgeseg.errors import EngineFault
from edgeseg.frames import U8, Frame, Mask
from edgeseg.orders import Limits
from edgeseg.pipeline import Pipeline
from edgeseg.ports import Engine

_WAIT_S = 0.1  # how late a stop is noticed
Degrade = Callable[[str, str], None]


class Masks:
    """Asks one engine, in a thread of its own, about frames; from one thread.

    limits: set between two frames. infer_every: each so many-th frame is asked about. degrade: told why there is no
    mask. is_stopped: whether to wait no more.
    """

    def __init__(
        self, pipeline: Pipeline, clock: Clock, limits: Limits, degrade: Degrade, is_stopped: Callable[[], bool]
    ) -> None:
        self.limits, self.infer_every = limits, limits.infer_every
        self.has_believed = False  # any mask
        self.last_fault: EngineFault | None = None
        self.newest: Mask | None = None  # the newest believed one
        self.believed: list[Callable[[Mask, float], object]] = []  # told of each believed mask and its frame's time
        self._pipeline, self._clock, self._times = pipeline, clock, pipeline.times
        self._degrade, self._is_stopped = degrade, is_stopped
        self._engine: EngineThread | None = None
        self._newest_time_s = 0.0  # of its frame, in the source's time
        self._asked_at: tuple[int, float] | None = None  # the newest frame that was asked about: its number, its time
        self._hung = False  # from a file: the engine has not answered in time, and its late answers are nobody's
        self._first_index = 0  # of the source's first frame: what is said of earlier ones counts no more
        self._carry_s = 0.0  # what the last carried mask took

    @property
    def asks(self) -> bool:
        """Whether there is an engine."""
        return self._engine is not None

    def ask_of(self, engine: Engine | None) -> EngineThread | None:
        """Ask this engine from now on; gives the thread of the one before, to be closed by the caller."""
        before, self._engine, self._asked_at = self._engine, None, None
        if engine is not None:
            limits = self.limits
            self._engine = EngineThread(engine.infer, self._clock, self._times, limits.engine_timeout_s)
            self._pipeline.through(self._engine.infer)
        return before

    def forget(self, first_index: int) -> None:
        """What was asked and believed is of another picture; frames are numbered from `first_index` on."""
        self.newest = self._asked_at = None
        self._first_index = first_index
        self._pipeline.forget()

    def discard(self) -> None:
        """Take no notice of answers that are there: they are of frames from before."""
        while self._engine is not None and self._engine.pending and self._engine.wait(0):
            self._engine.take()

    def close(self) -> None:
        """End the engine's thread; the engine is its owner's."""
        if self._engine is not None:
            self._engine.close()

    def ask(self, frame: Frame, number: int) -> bool:
        """Whether this frame of a file is due to be asked about; it is then, unless the engine hangs on others."""
        engine = self._engine
        assert engine is not None
        if not self._is_due(number, frame.time_s):
            return False
        if self._hung and engine.wait(0):
            engine.take()  # its frame has been covered and is gone
            self._hung = engine.pending > 0
        if not self._hung:
            engine.submit(self._pipeline.prepare(frame), frame)
        return True

    def own(self, frame: Frame) -> U8 | None:
        """The believed person of this very frame, waiting for it as long as an engine may take."""
        now, timeout_s, engine = self._clock.now, self.limits.engine_timeout_s, self._engine
        assert engine is not None
        start = now()
        waits = math.ceil(timeout_s / _WAIT_S)  # counted, for the clock goes on while the machine is suspended
        while engine.asked_about(frame) and not self._hung and not self._is_stopped():
            if engine.wait(min(_WAIT_S, timeout_s)):
                self._times.add("wait", now() - start)
                return self._answer(engine)[1]
            waits -= 1
            if waits <= 0:
                self._hung = True
                self._degrade("engine_hung", f"The engine has not answered for {timeout_s:g} s.")
        return None

    def believe(self, person: U8, frame: Frame) -> Mask:
        """A believed person makes the newest mask, which is given."""
        self.has_believed = True
        self._newest_time_s = frame.time_s
        self.newest = self._pipeline.shape(person, frame)
        for saw in self.believed:
            saw(self.newest, frame.time_s)
        return self.newest

    def older(self, frame: Frame) -> tuple[Mask | None, str]:
        """The newest mask carried on to this frame of a file, and where it comes from."""
        return self._carried(frame, frame.time_s - self._newest_time_s)

    def live(self, frame: Frame, number: int, interval_s: float, show_s: float) -> tuple[Mask | None, str]:
        """The mask to show a live frame with and where it comes from; asks about it if it is due.

        interval_s: between two frames, show_s: of which one takes so long to be shown; the rest may be waited.
        """
        engine, now = self._engine, self._clock.now
        assert engine is not None
        self._pipeline.is_patient = 2 * engine.last_s + show_s < interval_s
        self._collect(engine)
        if not engine.pending and self._is_due(number, frame.captured_at, now()):
            engine.submit(self._pipeline.prepare(frame), frame)
            if engine.last_s < interval_s:  # a slower engine is not worth waiting for
                start = now()
                engine.wait(frame.captured_at + interval_s - show_s - self._carry_s - start)
                self._times.add("wait", now() - start)
        self._collect(engine)
        newest = self.newest
        if newest is not None and newest.frame_index == frame.index:
            return newest, "own"
        return self._carried(frame, now() - newest.captured_at if newest is not None else 0.0)

    def _is_due(self, number: int, at_s: float, since_s: float | None = None) -> bool:
        """Whether to ask about the frame of this number: each k-th, and one whose mask would else be too old.

        at_s: its time, to be kept if it is. since_s: the time now, if another one counts.
        """
        if self._asked_at is not None:
            last, asked_s = self._asked_at
            age_s = (at_s if since_s is None else since_s) - asked_s
            if number - last < self.infer_every and 0 <= age_s <= self.limits.max_mask_age_s:
                return False
        self._asked_at = number, at_s
        return True

    def _collect(self, engine: EngineThread) -> None:
        """Take the answer if one is there; a believed one is the newest mask."""
        if engine.wait(0):
            frame, person = self._answer(engine)
            if person is not None and frame.index >= self._first_index:
                self.believe(person, frame)

    def _answer(self, engine: EngineThread) -> tuple[Frame, U8 | None]:
        """The frame that was asked about and its believed person; None if there is none, with the reason told."""
        frame, scores = engine.take()
        try:
            if isinstance(scores, EngineFault):
                raise scores
            return frame, self._pipeline.believe(self._pipeline.read(scores, frame), frame)
        except EngineFault as fault:
            self.last_fault = fault
            self._asked_at = None  # the next frame is asked about at once
            self._degrade("engine_fault", str(fault))
            return frame, None

    def _carried(self, frame: Frame, age_s: float) -> tuple[Mask | None, str]:
        """The newest mask, so old, carried on to this frame, and where it comes from."""
        newest = self.newest
        if newest is None:
            self._degrade("mask_late", "There is no mask yet.")
            return None, "cover"
        if age_s <= self.limits.max_mask_age_s:
            self._times.add("mask_age", age_s)
            start = self._clock.now()
            carried = self._pipeline.carry(newest, frame)
            self._carry_s = self._clock.now() - start
            return carried, "carried"
        self._degrade("mask_late", f"The newest mask is {age_s * 1e3:.0f} ms old.")
        return None, "cover"
