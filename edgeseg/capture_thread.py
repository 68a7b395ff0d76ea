"""A source in a thread of its own, which leaves each frame in a slot for one.

It opens the source, reads it and closes it: opening a camera takes its time, and a GStreamer pipeline lives as long as
the thread that made it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from fractions import Fraction
from typing import Generic, TypeVar

from edgeseg.clock import Clock
from edgeseg.facts import Dropped, Emit, StageTimes
from edgeseg.frames import Frame
from edgeseg.ports import FrameSource
from edgeseg.search import still_after_s

T = TypeVar("T")
_QUEUED = 4  # buffers of Video4Linux and libcamera
_LONGEST_S = 0.5  # of what comes at once after a gap


class Mailbox(Generic[T]):
    """One slot between two threads: the newest item wins."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._item: T | None = None
        self._closed = False

    @property
    def is_over(self) -> bool:
        """Whether it is closed and empty, so that no item will come."""
        return self._closed and self._item is None

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

    def get(self, wait_s: float | None = None) -> T | None:
        """The item; None once the box is closed and empty, or if none comes in `wait_s` seconds (None: for ever)."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self._closed, wait_s)
            item, self._item = self._item, None
            self._changed.notify_all()
            return item

    def close(self) -> None:
        """No item will follow."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class CaptureThread:
    """Reads the source that `open_source` gives until it ends or `close`.

    prepare: is given each frame, in this thread. live: the newest frame wins, else each waits to be taken. fps: at most
    so many are left, None for all. frames: so many are read, None for all.

    Live, what was queued while nothing could be read (the source was still, the machine was suspended) is dropped.
    """

    def __init__(
        self,
        open_source: Callable[[], FrameSource],
        prepare: Callable[[Frame], Frame] | None,
        clock: Clock,
        times: StageTimes,
        emit: Emit,
        *,
        live: bool,
        fps: Fraction | None = None,
        frames: int | None = None,
    ) -> None:
        self.error: Exception | None = None  # which ended it
        self.count = 0  # frames that the source gave and `fps` let pass
        self.source: FrameSource | None = None  # once it is open
        self.opened_s = 0.0  # when it was
        self._open, self._prepare = open_source, prepare
        self._clock, self._times, self._emit = clock, times, emit
        self._live, self._fps, self._frames = live, fps, frames
        self._box: Mailbox[Frame] = Mailbox()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="edgeseg-capture", daemon=True)

    def start(self) -> None:
        """Open and read."""
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether its thread is there: reading, or hanging."""
        return self._thread.is_alive()

    @property
    def is_over(self) -> bool:
        """Whether no frame will come: it was closed, the source has ended, or `error` says why."""
        return self._box.is_over

    def take(self, wait_s: float | None = None) -> Frame | None:
        """The next frame; None if there will be none, or none comes within `wait_s` seconds (None: for ever)."""
        return self._box.get(wait_s)

    def limit(self, fps: Fraction | None) -> None:
        """Leave at most so many frames a second from now on; from any thread."""
        self._fps = fps

    def finish(self) -> None:
        """Take no more frames and hold up nobody who waits for one; from any thread."""
        self._closed.set()
        self._box.close()

    def close(self) -> None:
        """Also let go of the source. One that is just being opened is closed as soon as it is open."""
        self.finish()
        if self.source is not None:
            self.source.close()
        if self._thread.ident is not None:
            self._thread.join(timeout=1.0)

    def _run(self) -> None:
        try:
            source = self._open()
            self.opened_s = self._clock.now()
            self.source = source
            self._read(self.source)
        except Exception as error:  # noqa: BLE001 - carried to the thread that takes the frames, which raises it
            if not self._closed.is_set():
                self.error = error
        finally:
            self._box.close()
            if self.source is not None:
                self.source.close()

    def _read(self, source: FrameSource) -> None:
        now = self._clock.now
        due_s = 0.0
        limit = self._fps
        queue = _Queue(float(1 / source.info.fps) if source.info.fps else 1 / 30, now())
        while not self._closed.is_set() and (self._live or self._frames is None or self.count < self._frames):
            start = now()
            frame = source.read()
            if frame is None:
                return
            if self._live and queue.holds(start, now()):
                self._emit(Dropped("stale"))
                continue
            if self._fps != limit:
                limit, due_s = self._fps, frame.time_s
            if limit is not None:
                if frame.time_s < due_s - 1e-4:
                    self._emit(Dropped("fps_limit"))
                    continue
                due_s = max(due_s + float(1 / limit), frame.time_s)
            if self._prepare is not None:
                frame = self._prepare(frame)
            frame.captured_at = now()
            self._times.add("capture", frame.captured_at - start)
            self.count += 1
            if self._box.put(frame, 0.0 if self._live else None) is not None:
                self._emit(Dropped("output_busy"))


class _Queue:
    """What a driver has queued: after a gap the frames that are there at once, and at least as many as drivers keep."""

    def __init__(self, interval_s: float, now_s: float) -> None:
        self._gap_s, self._at_once_s = still_after_s(interval_s), interval_s / 4
        self._read_s = now_s  # when the last frame came
        self._gap_at_s: float | None = None
        self._dropped = 0

    def holds(self, start_s: float, end_s: float) -> bool:
        """Whether the frame that was read from `start_s` to `end_s` is of it."""
        before_s, self._read_s = self._read_s, end_s
        if end_s - before_s > self._gap_s:
            self._gap_at_s, self._dropped = end_s, 0
        elif self._gap_at_s is None:
            return False
        elif self._dropped >= _QUEUED and (end_s - start_s > self._at_once_s or end_s - self._gap_at_s > _LONGEST_S):
            self._gap_at_s = None
            return False
        self._dropped += 1
        return True
