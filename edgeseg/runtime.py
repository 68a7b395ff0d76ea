"""The driver: three threads around the pipeline, the clock, and what happens when something is late.

::

    capture thread --> one slot --> the caller's thread: prepare, believe, shape, show, write
                                        |    ^
                                        v    |
                                    engine thread: infer, and nothing else

From a file every frame waits for its own mask and nothing is dropped: the engine works on a frame while the one
before is shown. Live, the newest frame wins; one whose own mask is late takes the newest that was believed, moved
along with the person, if it is no older than `max_mask_age_s`; otherwise it is covered. So does a frame that is not
asked about, where only each k-th is.

Where nobody reads the sink for a while, a live run rests: the source is closed, the engine is asked nothing but stays
warm, and the sink gets the cover once a second. When somebody reads, the cover comes at once, and the source is opened
again.

What a run is made of can change between two frames: `switch` (the plan), `between` (anything small), `exchange` (the
source). The showing thread does it, so that no stage ever meets half a change.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

from edgeseg.allocator import give_back
from edgeseg.attention import Attention
from edgeseg.capture_thread import CaptureThread
from edgeseg.clock import Clock
from edgeseg.engine_thread import EngineThread
from edgeseg.errors import CandidateError, EngineFault, OutputClosed
from edgeseg.facts import Awake, Degraded, Dropped, Emit, Idle, Recovered, Shown
from edgeseg.frames import U8, Frame, Mask, Planes
from edgeseg.pipeline import Pipeline
from edgeseg.ports import Engine, FrameSink, FrameSource
from edgeseg.presence import Presence


@dataclass(frozen=True, slots=True)
class Limits:
    """When to stop waiting, and what to leave out.

    frames: how many to show, None for all. fps: at most so many, None for all. max_mask_age_s: the oldest mask that a
    frame may take which has none of its own. engine_timeout_s: an engine silent for so long hangs. infer_every: the
    engine is asked about each so many-th frame, and sooner where its mask would grow too old. idle_after_s: nobody
    reads the sink for so long before a live run rests; None: it never does.
    """

    frames: int | None = None
    fps: Fraction | None = None
    max_mask_age_s: float = 0.25
    engine_timeout_s: float = 5.0
    infer_every: int = 1
    idle_after_s: float | None = None


NO_LIMITS = Limits()
BLACK = (16, 128, 128)
RESTING_LOOK_S, RESTING_FEED_S = 0.05, 1.0  # how often it is asked for a reader; how often the cover is written
WAKING_FEED_S = 0.1  # likewise, until the source gives a frame
_APART = 1 << 20  # between the numbers of two sources' frames: more than come while the second one is opened
WORK = ("preprocess", "postprocess", "refine", "carry", "background", "composite", "write")  # in the showing thread


@dataclass(frozen=True, slots=True)
class Plan:
    """What a live run does with each frame, changed between two frames.

    name: for people and for whoever steers. engine: made, warm and proved; None: nobody is shown. every: each k-th
    frame is inferred, the others carry a mask on. frames: one of so many is shown.
    """

    name: str
    engine: Engine | None
    every: int = 1
    frames: int = 1


@dataclass(slots=True)
class Exchange:
    """Another source: how it is opened, what is done to each of its frames. error: why it was not taken.

    capture: reads it already, so that no frame is lost; None: the old one must be closed first.
    """

    open: Callable[[], FrameSource]
    prepare: Callable[[Frame], Frame] | None
    capture: CaptureThread | None = None
    error: Exception | None = None
    done: threading.Event = field(default_factory=threading.Event)


class Runtime:
    """Runs one source through one pipeline into one sink.

    prepare: is given each frame in the capture thread, for flips. name: of the plan that it begins with. emit: is given
    the facts, from any of the threads. reopen: opens the source anew, raising as at first; None: it is never closed
    before the end.
    """

    def __init__(
        self,
        source: FrameSource,
        pipeline: Pipeline,
        sink: FrameSink,
        clock: Clock,
        emit: Emit,
        limits: Limits = NO_LIMITS,
        prepare: Callable[[Frame], Frame] | None = None,
        name: str = "",
        reopen: Callable[[], FrameSource] | None = None,
    ) -> None:
        self.times = pipeline.times
        self.first_shown_at: float | None = None
        self.last_shown_at: float | None = None
        self.shown = 0
        self._infer_every = limits.infer_every  # of frames that are taken
        self._pipeline, self._sink = pipeline, sink
        self._clock, self._emit, self._limits = clock, emit, limits
        self._prepare, self._reopen = prepare, reopen
        self._stop = threading.Event()
        self._error: Exception | None = None  # of another thread, but for the capture's
        self._newest: Mask | None = None  # the newest believed mask
        self._has_believed = False  # any mask
        self._newest_time_s = 0.0  # of its frame, in the source's time
        self._asked_at: tuple[int, float] | None = None  # the newest frame that was asked about: its number, its time
        self.believed: list[Callable[[Mask, float], object]] = [Presence(emit).saw]  # told of masks and frames' times
        self._last_fault: EngineFault | None = None
        self._degraded: str | None = None
        self._hung = False  # from a file: the engine has not answered in time, and its late answers are nobody's
        self._live = source.info.live
        self._capture = self._capture_of(lambda: source, 0, prepare)
        self._attention = Attention(sink, limits.idle_after_s if self._live and reopen is not None else None)
        self.idle = False  # nobody reads, or somebody does and the source has not given a frame yet
        self.idles = 0  # how often
        self.idle_s = 0.0  # for how long in all, when it was over
        self._rested_s = 0.0  # likewise, until the last frame was shown
        pipeline.carries = self._live or limits.infer_every > 1
        pipeline.max_mask_age_s = limits.max_mask_age_s
        self._interval_s = float(1 / source.info.fps) if source.info.fps else 1 / 30
        self._taken = 0  # frames handed to the showing thread
        self._show_s = 0.0  # what the last frame took to compose and write
        self._worked_s = 0.0  # what all frames took that were shown, but for inference
        self._carry_s = 0.0  # what the last carried mask took
        self._engine: EngineThread | None = None
        self._plan = Plan(name, pipeline.engine, limits.infer_every)
        self._wanted: Plan | None = None  # from the next frame on
        self._captured = 0  # by captures before this one
        self._changes: deque[Callable[[], object]] = deque()
        self._exchange: Exchange | None = None
        self._first_index = 0  # of the source's first frame: what is said of earlier ones counts no more

    def stop(self) -> None:
        """Finish after the frame in hand; from any thread but not from a signal handler, which may hold our locks."""
        self._stop.set()
        self._capture.finish()

    @property
    def captured(self) -> int:
        """Frames that the source gave."""
        return self._captured + self._capture.count

    @property
    def fps(self) -> float | None:
        """Frames shown a second, from the first to the last, without the rests between; None before the second."""
        first, last = self.first_shown_at, self.last_shown_at
        if first is None or last is None or self.shown < 2:
            return None
        return (self.shown - 1) / max(1e-9, last - first - self._rested_s)

    @property
    def infer_every(self) -> int:
        """The engine is asked about each so many-th frame that is taken; set from any thread, from the next one on."""
        return self._infer_every

    @infer_every.setter
    def infer_every(self, every: int) -> None:
        self._infer_every = every
        self._pipeline.carries |= every > 1

    @property
    def plan(self) -> Plan:
        """What is done with the frames now."""
        return self._plan

    def switch(self, plan: Plan) -> None:
        """Do this from the next live frame on; from any thread. The engine of the plan before is closed then.

        No frame is lost by it, and the newest mask is carried on until the new engine gives one.
        """
        self._wanted = plan

    def between(self, change: Callable[[], object]) -> None:
        """Have the showing thread do this before it takes the next frame; from any thread. It must raise nothing."""
        self._changes.append(change)

    def limit(self, limits: Limits) -> None:
        """Go by these limits from now on, but for `frames`; only in what is given to `between`."""
        self._limits = limits
        self._pipeline.max_mask_age_s = limits.max_mask_age_s
        self._capture.limit(limits.fps)
        rests = self._live and self._reopen is not None
        self._attention = Attention(self._sink, limits.idle_after_s if rests else None)

    @property
    def limits(self) -> Limits:
        """What it goes by."""
        return self._limits

    def read_aside(self, wanted: Exchange) -> None:
        """Begin to read another source beside the one that is shown, in `wanted.capture`; then `exchange`."""
        wanted.capture = self._capture_of(wanted.open, self._first_index + _APART, wanted.prepare)
        wanted.capture.start()

    def exchange(self, wanted: Exchange) -> None:
        """Show another source; from any thread, of live ones only. `wanted.done` is set once it is shown, or refused.

        Where the old one must be closed first, the cover is shown meanwhile; if the new one cannot be opened, the old
        one is opened again, and `wanted.error` says why.
        """
        self._exchange = wanted

    def fail(self, error: Exception) -> None:
        """Finish likewise; `run` raises this error. From any thread."""
        self._error = self._error or error
        self.stop()

    def run(self) -> None:
        """Until the source ends, `stop` is called or something fails; source and sink are closed either way.

        Raises what the source or the sink raised, and CandidateError if the engine failed its known-answer test at
        the start or not one mask could be believed.
        """
        self._capture.start()
        try:
            if self._pipeline.engine is None:
                self._show_all()
            else:
                self._engine = self._started(self._pipeline.engine)
                self._pipeline.prove()
                if self._live:
                    self._show_live()
                else:
                    self._show_file(self._engine)
        except OutputClosed:
            pass
        finally:
            self.stop()
            try:
                self._sink.close()  # before those that may hang: what was written must be whole
            finally:
                self._capture.close()
                if self._engine is not None:
                    self._engine.close()
        error = self._error or self._capture.error
        if error is not None:
            raise error
        if self._engine is not None and self.shown and not self._has_believed:
            reason = self._last_fault or "it gave no answer."
            raise CandidateError(f"All {self.shown} frames are covered, for the engine made no mask to trust: {reason}")

    def _started(self, engine: Engine) -> EngineThread:
        thread = EngineThread(engine.infer, self._clock, self.times, self._limits.engine_timeout_s)
        self._pipeline.through(thread.infer)
        return thread

    def _capture_of(
        self,
        open_source: Callable[[], FrameSource],
        first_index: int = 0,
        prepare: Callable[[Frame], Frame] | None = None,
    ) -> CaptureThread:
        limits = self._limits
        return CaptureThread(
            open_source,
            prepare,
            self._clock,
            self.times,
            self._emit,
            live=self._live,
            fps=limits.fps,
            frames=limits.frames,
            first_index=first_index,
        )

    def _next(self, wait: bool = True) -> Frame | None:
        """The next frame to show; None after the last one, once the run is to stop, and without `wait` if late."""
        if self._limits.frames is not None and self._taken >= self._limits.frames:
            return None
        self._apply()
        frame = self._capture.take(None if wait else 0.0)
        wanted = self._exchange
        if frame is not None and wanted is not None and wanted.capture is None:  # the others follow the next frame
            frame = self._exchanged(frame, wanted)
        if frame is not None and self._attention.is_lost(self._clock.now()) and not self._capture.is_over:
            self._emit(Dropped("idle"))
            frame = self._rest(frame)
        self._taken += frame is not None
        return None if self._stop.is_set() else frame

    def _apply(self) -> None:
        """Do what is to be done between two frames."""
        while self._changes:
            self._changes.popleft()()
        wanted = self._exchange
        if wanted is not None and wanted.capture is not None:
            old, self._capture, self._exchange = self._capture, wanted.capture, None
            self._captured += old.count
            self._reopen, self._prepare = wanted.open, wanted.prepare
            self._forget(wanted.capture.first_index)
            threading.Thread(target=old.close, name="edgeseg-retire", daemon=True).start()
            self._heed(wanted.capture.source)
            wanted.done.set()

    def _exchanged(self, last: Frame, wanted: Exchange) -> Frame | None:
        """Close the source and open the wanted one, or the old one again; gives the first frame of it."""
        self._emit(Dropped("source_changed"))
        self._capture.close()
        black = _black(last)
        self._forget(black.index + 1)
        before = self._reopen, self._prepare
        self._reopen, self._prepare, self._exchange = wanted.open, wanted.prepare, None
        frame = self._wake(black)
        if frame is None and self._capture.error is not None and not self._stop.is_set():
            wanted.error = self._capture.error
            self._reopen, self._prepare = before
            frame = self._wake(black)
        wanted.done.set()
        return frame

    def _forget(self, first_index: int) -> None:
        """What was asked and believed is of another picture; frames are numbered from `first_index` on."""
        self._newest = self._asked_at = None
        self._first_index = first_index
        self._pipeline.forget()

    def _heed(self, source: FrameSource | None) -> None:
        if source is not None and source.info.fps:
            self._interval_s = float(1 / source.info.fps)

    def _rest(self, last: Frame) -> Frame | None:
        """Let source and engine rest until somebody reads; gives the first frame after that.

        What the sink gets meanwhile is made of a black frame: nothing of the room is kept. Whatever was asked and
        believed before is forgotten, and frames are numbered on, so that no mask of then can meet a frame of later.
        """
        began = self._clock.now()
        self.idle, self.idles = True, self.idles + 1
        self._emit(Idle(f"nobody reads {self._sink.detail}"))
        self._capture.close()
        black = _black(last)
        self._forget(black.index + 1)
        try:
            self._feed_until_read(black)
            if self._stop.is_set():
                return None
            self._emit(Awake(f"somebody reads {self._sink.detail}", self._clock.now() - began))
            return self._wake(black)
        finally:
            self._worked_s = self.times.total_s(WORK)  # without what the covers took
            self.idle_s += self._clock.now() - began
            self.idle = False

    def _feed_until_read(self, black: Frame) -> None:
        now = self._clock.now
        due = now()
        while not self._stop.is_set() and self._sink.watched is False:
            if now() >= due:
                self._cover(black)
                due = now() + RESTING_FEED_S
            self._stop.wait(RESTING_LOOK_S)
            self._adopt()
            self._apply()
            if self._exchange is not None:  # nothing is open: it is the one that will be
                wanted, self._exchange = self._exchange, None
                self._reopen, self._prepare = wanted.open, wanted.prepare
                wanted.done.set()

    def _wake(self, black: Frame) -> Frame | None:
        """Open the source again; until its first frame is there, which is given, the reader sees the cover."""
        assert self._reopen is not None
        self._captured += self._capture.count
        self._capture = self._capture_of(self._reopen, black.index + 1, self._prepare)
        self._capture.start()
        frame = None
        while frame is None and not self._stop.is_set() and not self._capture.is_over:
            self._cover(black)
            frame = self._capture.take(WAKING_FEED_S)
        while self._engine is not None and self._engine.pending and self._engine.wait(0):
            self._engine.take()  # what it said of a frame from before
        self._heed(self._capture.source)
        self._attention.regain()
        return frame

    def _cover(self, black: Frame) -> None:
        self._sink.write(self._pipeline.show(black, None))

    def _show_all(self) -> None:
        """Nothing is hidden, and there is no engine."""
        while (frame := self._next()) is not None:
            self._show(frame, None, "none")

    def _show_file(self, engine: EngineThread) -> None:
        """Each frame with its own mask, if it is asked about; the engine is given the next one before it is shown."""
        frame: Frame | None = None
        asked = asked_ahead = False
        while True:
            ahead = self._next(wait=frame is None)
            if ahead is None and frame is None:
                return
            if ahead is not None:
                asked_ahead = self._ask(engine, ahead)
            person = self._own(engine, frame) if frame is not None and asked else None
            if self._stop.is_set():
                return
            if ahead is None and (ahead := self._next(wait=False)) is not None:
                asked_ahead = self._ask(engine, ahead)
            if frame is not None:
                if person is not None:
                    self._believe(person, frame)
                    self._show(frame, self._newest, "own")
                elif asked:
                    self._show(frame, None, "cover")
                else:
                    self._show(frame, *self._older_mask(frame, frame.time_s - self._newest_time_s))
            frame, asked = ahead, asked_ahead

    def _ask(self, engine: EngineThread, frame: Frame) -> bool:
        """Whether this frame is due to be asked about; it is submitted then, unless the engine hangs on others."""
        if not self._is_due(frame.time_s):
            return False
        if self._hung and engine.wait(0):
            engine.take()  # its frame has been covered and is gone
            self._hung = engine.pending > 0
        if not self._hung:
            engine.submit(self._pipeline.prepare(frame), frame)
        return True

    def _is_due(self, at_s: float, since_s: float | None = None) -> bool:
        """Whether to ask about the frame that was taken last: each k-th, and one whose mask would else be too old.

        at_s: its time, to be kept if it is. since_s: the time now, if another one counts.
        """
        if self._asked_at is not None:
            number, asked_s = self._asked_at
            age_s = (at_s if since_s is None else since_s) - asked_s
            if self._taken - number < self._infer_every and 0 <= age_s <= self._limits.max_mask_age_s:
                return False
        self._asked_at = self._taken, at_s
        return True

    def _believe(self, person: U8, frame: Frame) -> None:
        """A believed person makes the newest mask."""
        self._has_believed = True
        self._newest, self._newest_time_s = self._pipeline.shape(person, frame), frame.time_s
        for saw in self.believed:
            saw(self._newest, frame.time_s)

    def _own(self, engine: EngineThread, frame: Frame) -> U8 | None:
        """The believed person of this very frame, waiting for it as long as an engine may take."""
        now = self._clock.now
        start = now()
        until = start + self._limits.engine_timeout_s
        while engine.asked_about(frame) and not self._hung and not self._stop.is_set():
            if engine.wait(min(0.1, until - now())):
                self.times.add("wait", now() - start)
                return self._answer(engine)[1]
            if now() >= until:
                self._hung = True
                self._degrade("engine_hung", f"The engine has not answered for {self._limits.engine_timeout_s:g} s.")
        return None

    def _adopt(self) -> None:
        """Take up the plan that is wanted. What the engine before was asked is nobody's; it is closed aside."""
        plan, self._wanted = self._wanted, None
        if plan is None:
            return
        before, thread, self._plan = self._plan, self._engine, plan
        self._infer_every = plan.every * plan.frames
        if plan.engine is before.engine:
            return
        if plan.engine is not None:
            self._pipeline.switch(plan.engine)
            self._engine = self._started(plan.engine)
            self._asked_at = None
        else:
            self._engine = None

        def retire() -> None:
            if thread is not None:
                thread.close()
            if before.engine is not None:
                before.engine.close()
            give_back()

        threading.Thread(target=retire, name="edgeseg-retire", daemon=True).start()

    def _show_live(self) -> None:
        """Each frame as it comes, with its own mask if that is there in time, else with the newest one."""
        now = self._clock.now
        while (frame := self._next()) is not None:
            self._adopt()
            if self._taken % self._plan.frames:
                self._emit(Dropped("half_fps"))
                continue
            engine = self._engine
            if engine is None:
                self._show(frame, None, "cover")
                continue
            self._collect(engine)
            if not engine.pending and self._is_due(frame.captured_at, now()):
                engine.submit(self._pipeline.prepare(frame), frame)
                if engine.last_s < self._interval_s:  # a slower engine is not worth waiting for
                    start = now()
                    engine.wait(frame.captured_at + self._interval_s - self._show_s - self._carry_s - start)
                    self.times.add("wait", now() - start)
            self._collect(engine)
            if self._stop.is_set():
                return
            self._show(frame, *self._mask_now(frame))

    def _collect(self, engine: EngineThread) -> None:
        """Take the answer if one is there; a believed one is the newest mask."""
        if engine.wait(0):
            frame, person = self._answer(engine)
            if person is not None and frame.index >= self._first_index:
                self._believe(person, frame)

    def _answer(self, engine: EngineThread) -> tuple[Frame, U8 | None]:
        """The frame that was asked about and its believed person; None if there is none, with the reason told."""
        frame, scores = engine.take()
        try:
            if isinstance(scores, EngineFault):
                raise scores
            return frame, self._pipeline.believe(self._pipeline.read(scores, frame), frame)
        except EngineFault as fault:
            self._last_fault = fault
            self._asked_at = None  # the next frame is asked about at once
            self._degrade("engine_fault", str(fault))
            return frame, None

    def _mask_now(self, frame: Frame) -> tuple[Mask | None, str]:
        """The mask to show a live frame with and where it comes from."""
        newest = self._newest
        if newest is not None and newest.frame_index == frame.index:
            return newest, "own"
        return self._older_mask(frame, self._clock.now() - newest.captured_at if newest is not None else 0.0)

    def _older_mask(self, frame: Frame, age_s: float) -> tuple[Mask | None, str]:
        """The newest mask, so old, carried on to this frame, and where it comes from."""
        newest = self._newest
        if newest is None:
            self._degrade("mask_late", "There is no mask yet.")
            return None, "cover"
        if age_s <= self._limits.max_mask_age_s:
            self.times.add("mask_age", age_s)
            start = self._clock.now()
            carried = self._pipeline.carry(newest, frame)
            self._carry_s = self._clock.now() - start
            return carried, "carried"
        self._degrade("mask_late", f"The newest mask is {age_s * 1e3:.0f} ms old.")
        return None, "cover"

    def _show(self, frame: Frame, mask: Mask | None, origin: str) -> None:
        """Compose and write one frame, and tell of it."""
        now = self._clock.now
        if self._degraded is not None and (origin == "own" or (origin, self._degraded) == ("carried", "mask_late")):
            self._emit(Recovered(self._degraded))
            self._degraded = None
        start = now()
        shown = self._pipeline.show(frame, mask)
        composed = now()
        self._sink.write(shown)
        end = now()
        self.times.add("write", end - composed)
        self.times.add("latency", end - frame.captured_at)
        before_s, self._worked_s = self._worked_s, self.times.total_s(WORK)
        self.times.add("work", self._worked_s - before_s)
        self._show_s = end - start
        self.shown += 1
        self.last_shown_at, self._rested_s = end, self.idle_s
        if self.first_shown_at is None:
            self.first_shown_at = end
        self._emit(Shown(frame.index, origin))

    def _degrade(self, cause: str, detail: str) -> None:
        if self._degraded != cause and not self._stop.is_set():
            self._degraded = cause
            self._emit(Degraded(cause, detail))


def _black(frame: Frame) -> Frame:
    """A black frame as large as this one, at its time."""
    planes = Planes.allocate(frame.size)
    planes.fill(BLACK)
    return Frame(planes, frame.size, frame.index, frame.pts, frame.time_base, frame.color, frame.captured_at)
