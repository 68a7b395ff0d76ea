"""The driver: three threads around the pipeline, the clock, and what happens when something is late.

::

    capture thread --+--> to_show (one slot) --> the caller's thread: show, write
                     +--> to_infer (one slot) -> inference thread: a believed mask, put on the job

A job is a frame on its way and the place for its mask. From a file every frame waits for its own mask and nothing
is dropped. Live, the newest frame wins, and a frame whose own mask is late takes the newest one that was believed, if
it is no older than `max_mask_age_s`; otherwise it is covered.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Generic, TypeVar

from edgeseg.clock import Clock
from edgeseg.errors import CandidateError, EngineFault, OutputClosed
from edgeseg.facts import Degraded, Dropped, Emit, Recovered, Shown
from edgeseg.frames import Frame, Mask
from edgeseg.pipeline import Mode, Pipeline
from edgeseg.ports import FrameSink, FrameSource

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Limits:
    """When to stop waiting.

    frames: how many to show, None for all. fps: at most so many, None for all. max_mask_age_s: the oldest mask a live
    frame may take. engine_timeout_s: an engine silent for so long hangs.
    """

    frames: int | None = None
    fps: Fraction | None = None
    max_mask_age_s: float = 0.25
    engine_timeout_s: float = 5.0


NO_LIMITS = Limits()


class Mailbox(Generic[T]):
    """One slot between two threads: the newest item wins."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._item: T | None = None
        self._closed = False

    def put(self, item: T, wait_s: float | None) -> T | None:
        """Leave an item; gives back the one it displaced.

        The slot gets `wait_s` seconds to become free, None for as long as it takes. A closed box takes nothing.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._item is None or self._closed, wait_s)
            if self._closed:
                return None
            displaced, self._item = self._item, item
            self._changed.notify_all()
            return displaced

    def get(self) -> T | None:
        """The item, waiting for one; None once the box is closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self._closed)
            item, self._item = self._item, None
            self._changed.notify_all()
            return item

    def close(self) -> None:
        """No item will follow."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class Job:
    """A frame on its way, and the place for its mask: None if it was skipped or the engine failed."""

    __slots__ = ("_done", "fault", "frame", "mask")

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.mask: Mask | None = None
        self.fault: EngineFault | None = None
        self._done = threading.Event()

    def finish(self, mask: Mask | None, fault: EngineFault | None = None) -> None:
        """Put the mask, or the reason why there is none."""
        self.mask, self.fault = mask, fault
        self._done.set()

    def wait(self, seconds: float) -> bool:
        """Whether the job was finished within so many seconds."""
        return self._done.wait(max(0.0, seconds))


class Runtime:
    """Runs one source through one pipeline into one sink.

    prepare: is given each frame in the capture thread, for flips. emit: is given the facts, from any of the threads.
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
    ) -> None:
        self.times = pipeline.times
        self.first_shown_at: float | None = None
        self.last_shown_at: float | None = None
        self.shown = 0
        self._source, self._pipeline, self._sink = source, pipeline, sink
        self._clock, self._emit, self._limits = clock, emit, limits
        self._prepare = prepare
        self._to_show: Mailbox[Job] = Mailbox()
        self._to_infer: Mailbox[Job] = Mailbox()
        self._stop = threading.Event()
        self._error: Exception | None = None  # of another thread
        self._newest: Mask | None = None  # the newest believed mask; written by the inference thread only
        self._last_fault: EngineFault | None = None
        self._degraded: str | None = None
        self._hung = False
        self._live = source.info.live
        self._interval_s = float(1 / source.info.fps) if source.info.fps else 1 / 30
        self._hiding = pipeline if pipeline.mode is not Mode.NONE else None

    def stop(self) -> None:
        """Finish after the frame in hand; from any thread but not from a signal handler, which may hold our locks."""
        self._stop.set()
        self._to_infer.close()
        self._to_show.close()

    def run(self) -> None:
        """Until the source ends, `stop` is called or something fails; source and sink are closed either way.

        Raises what the source or the sink raised, and CandidateError if the engine failed its known-answer test at
        the start or not one mask could be believed.
        """
        threads = [threading.Thread(target=self._capture, name="edgeseg-capture", daemon=True)]
        if self._hiding is not None:
            threads.append(threading.Thread(target=self._infer, name="edgeseg-infer", daemon=True))
        try:
            for thread in threads:
                thread.start()
            self._show_all()
        except OutputClosed:
            pass
        finally:
            self.stop()
            self._source.close()
            for thread in threads:  # a hung engine never comes back: its thread is left to the process's end
                thread.join(timeout=1.0)
            self._sink.close()
        if self._error is not None:
            raise self._error
        if self._hiding is not None and self.shown and self._newest is None:
            reason = self._last_fault or "it gave no answer."
            raise CandidateError(f"All {self.shown} frames are covered, for the engine made no mask to trust: {reason}")

    def _capture(self) -> None:
        """Read frames and hand them on; a thread of its own."""
        try:
            self._capture_frames()
        except Exception as error:  # noqa: BLE001 - carried to the caller's thread, which raises it
            if not self._stop.is_set():
                self._error = error
        finally:
            self._to_infer.close()
            self._to_show.close()

    def _capture_frames(self) -> None:
        now = self._clock.now
        due_s = 0.0
        read = 0
        while not self._stop.is_set() and (self._live or self._limits.frames is None or read < self._limits.frames):
            start = now()
            frame = self._source.read()
            if frame is None:
                return
            if self._limits.fps is not None:
                if frame.time_s < due_s - 1e-4:
                    self._emit(Dropped("fps_limit"))
                    continue
                due_s = max(due_s, frame.time_s) + float(1 / self._limits.fps)
            if self._prepare is not None:
                frame = self._prepare(frame)
            frame.captured_at = now()
            self.times.add("capture", frame.captured_at - start)
            read += 1
            self._hand_on(Job(frame))

    def _hand_on(self, job: Job) -> None:
        """To both threads: live at once, from a file when there is room, unless the engine hangs."""
        if self._hiding is not None:
            wait_s = 0.0 if self._live or self._hung else self._limits.engine_timeout_s
            skipped = self._to_infer.put(job, wait_s)
            if skipped is not None:
                skipped.finish(None)
        dropped = self._to_show.put(job, 0.0 if self._live else None)
        if dropped is not None:
            self._emit(Dropped("output_busy"))

    def _infer(self) -> None:
        """Turn jobs into masks; a thread of its own."""
        assert self._hiding is not None
        try:
            self._hiding.prove()
        except Exception as error:  # noqa: BLE001 - carried to the caller's thread, which raises it
            self._error = error
            self.stop()
            return
        while (job := self._to_infer.get()) is not None:
            try:
                mask = self._hiding.believed(job.frame)
            except Exception as error:  # noqa: BLE001 - whatever an engine does, the room stays hidden
                fault = error if isinstance(error, EngineFault) else EngineFault(f"{type(error).__name__}: {error}")
                self._last_fault = fault
                job.finish(None, fault)
                continue
            self._newest = mask
            self._hung = False
            job.finish(mask)

    def _show_all(self) -> None:
        """Show the frames one after the other, in the caller's thread."""
        now = self._clock.now
        while self._limits.frames is None or self.shown < self._limits.frames:
            job = self._to_show.get()
            if job is None:
                return
            frame = job.frame
            mask, origin = self._mask_for(job)
            if self._stop.is_set():
                return
            shown = self._pipeline.show(frame, mask)
            start = now()
            self._sink.write(shown)
            end = now()
            self.times.add("write", end - start)
            self.times.add("latency", end - frame.captured_at)
            self.shown += 1
            self.last_shown_at = end
            if self.first_shown_at is None:
                self.first_shown_at = end
            self._emit(Shown(frame.index, origin))

    def _mask_for(self, job: Job) -> tuple[Mask | None, str]:
        """The mask to show this frame with and where it comes from; None to cover it."""
        if self._hiding is None:
            return None, "none"
        now = self._clock.now
        limit_s = self._limits.engine_timeout_s
        if self._live:
            # One and a half frames after its capture the next one waits already.
            limit_s = min(limit_s, job.frame.captured_at + 1.5 * self._interval_s - now())
        elif self._hung:
            limit_s = 0.0
        start = now()
        while not job.wait(min(0.1, start + limit_s - now())):
            if self._stop.is_set() or now() - start >= limit_s:
                break
        self.times.add("wait", now() - start)
        if job.mask is not None:
            self._recover()
            return job.mask, "own"
        if job.fault is not None:
            self._degrade("engine_fault", str(job.fault))
        elif not self._live:
            self._hung = True
            self._degrade("engine_hung", f"The engine has not answered for {self._limits.engine_timeout_s:g} s.")
        newest = self._newest
        if self._live and newest is not None:
            age_s = now() - newest.captured_at
            if age_s <= self._limits.max_mask_age_s:
                self.times.add("mask_age", age_s)
                if job.fault is None:
                    self._recover()
                return newest, "carried"
            self._degrade("mask_late", f"The newest mask is {age_s * 1e3:.0f} ms old.")
        return None, "cover"

    def _degrade(self, cause: str, detail: str) -> None:
        if self._degraded != cause and not self._stop.is_set():
            self._degraded = cause
            self._emit(Degraded(cause, detail))

    def _recover(self) -> None:
        if self._degraded is not None:
            self._emit(Recovered(self._degraded))
            self._degraded = None
