"""Frames of a source for the showing thread, while the source is read, rests, or is exchanged for another.

Where nobody reads the sink for a while, a live run rests: the source is closed, the engine is asked nothing but stays
warm, and the sink gets the cover once a second. When somebody reads, the cover comes at once, and the source is opened
again. Another source takes the place of the one that is shown between two frames.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from edgeseg.attention import Attention
from edgeseg.capture_thread import CaptureThread
from edgeseg.clock import Clock
from edgeseg.facts import Awake, Dropped, Emit, Idle, StageTimes
from edgeseg.frames import Frame
from edgeseg.masks import Masks
from edgeseg.orders import Exchange, Limits
from edgeseg.output import Output, black
from edgeseg.ports import FrameSource

RESTING_LOOK_S, RESTING_FEED_S = 0.05, 1.0  # how often it is asked for a reader; how often the cover is written
WAKING_FEED_S = 0.1  # likewise, until the source gives a frame
_APART = 1 << 20  # between the numbers of two sources' frames: more than come while the second one is opened


class Supply:
    """Gives the frames of one source after the other; from one thread, but for what says otherwise.

    prepare: is given each frame in the capture thread. reopen: opens the source anew, raising as at first; None: it is
    never closed before the end. between: what else is to be done between two frames.
    """

    def __init__(
        self,
        source: FrameSource,
        output: Output,
        masks: Masks,
        clock: Clock,
        emit: Emit,
        times: StageTimes,
        limits: Limits,
        prepare: Callable[[Frame], Frame] | None,
        reopen: Callable[[], FrameSource] | None,
        between: Callable[[], object],
    ) -> None:
        self.live = source.info.live
        self.interval_s = 1 / 30  # between two frames
        self.taken = 0  # frames handed to the showing thread
        self.idle = False  # nobody reads, or somebody does and the source has not given a frame yet
        self.idles = 0  # how often
        self._output, self._masks = output, masks
        self._clock, self._emit, self._times, self._limits = clock, emit, times, limits
        self._prepare, self._reopen, self._between = prepare, reopen, between
        self._stop = threading.Event()
        self._captured = 0  # by captures before this one
        self._changes: deque[Callable[[], object]] = deque()
        self._exchange: Exchange | None = None
        self._heed(source)
        self._capture = self._capture_of(lambda: source, 0, prepare)
        self.limit(limits)

    def start(self) -> None:
        """Begin to read."""
        self._capture.start()

    def stop(self) -> None:
        """Give no more frames; from any thread."""
        self._stop.set()
        self._capture.finish()

    def close(self) -> None:
        """Let go of the source."""
        self._capture.close()

    @property
    def is_stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stop.is_set()

    @property
    def captured(self) -> int:
        """Frames that the source gave."""
        return self._captured + self._capture.count

    @property
    def error(self) -> Exception | None:
        """Why the source gives no more frames; None if it has ended, or has not."""
        return self._capture.error

    def limit(self, limits: Limits) -> None:
        """Go by these limits from now on, but for `frames`."""
        self._limits = limits
        self._capture.limit(limits.fps)
        rests = self.live and self._reopen is not None
        self._attention = Attention(self._output.sink, limits.idle_after_s if rests else None)

    def change(self, change: Callable[[], object]) -> None:
        """Have this done before the next frame is taken; from any thread. It must raise nothing."""
        self._changes.append(change)

    def read_aside(self, wanted: Exchange) -> None:
        """Begin to read another source beside this one, in `wanted.capture`; from any thread."""
        wanted.capture = self._capture_of(wanted.open, self._capture.first_index + _APART, wanted.prepare)
        wanted.capture.start()

    def exchange(self, wanted: Exchange) -> None:
        """Give the frames of another source; from any thread. See `Runtime.exchange`."""
        self._exchange = wanted

    def next(self, wait: bool = True) -> Frame | None:
        """The next frame to show; None after the last one, once the run is to stop, and without `wait` if late."""
        if self._limits.frames is not None and self.taken >= self._limits.frames:
            return None
        self._apply()
        frame = self._capture.take(None if wait else 0.0)
        wanted = self._exchange
        if frame is not None and wanted is not None and wanted.capture is None:  # the others follow the next frame
            frame = self._exchanged(frame, wanted)
        if frame is not None and self._attention.is_lost(self._clock.now()) and not self._capture.is_over:
            self._emit(Dropped("idle"))
            frame = self._rest(frame)
        self.taken += frame is not None
        return None if self.is_stopped else frame

    def _capture_of(
        self, open_source: Callable[[], FrameSource], first_index: int, prepare: Callable[[Frame], Frame] | None
    ) -> CaptureThread:
        limits = self._limits
        return CaptureThread(
            open_source,
            prepare,
            self._clock,
            self._times,
            self._emit,
            live=self.live,
            fps=limits.fps,
            frames=limits.frames,
            first_index=first_index,
        )

    def _apply(self) -> None:
        """Do what is to be done between two frames."""
        while self._changes:
            self._changes.popleft()()
        wanted = self._exchange
        if wanted is not None and wanted.capture is not None:
            old, self._capture, self._exchange = self._capture, wanted.capture, None
            self._captured += old.count
            self._reopen, self._prepare = wanted.open, wanted.prepare
            self._masks.forget(wanted.capture.first_index)
            threading.Thread(target=old.close, name="edgeseg-retire", daemon=True).start()
            self._heed(wanted.capture.source)
            wanted.done.set()

    def _exchanged(self, last: Frame, wanted: Exchange) -> Frame | None:
        """Close the source and open the wanted one, or the old one again; gives the first frame of it."""
        self._emit(Dropped("source_changed"))
        self._capture.close()
        cover = black(last)
        self._masks.forget(cover.index + 1)
        before = self._reopen, self._prepare
        self._reopen, self._prepare, self._exchange = wanted.open, wanted.prepare, None
        frame = self._wake(cover)
        if frame is None and self._capture.error is not None and not self.is_stopped:
            wanted.error = self._capture.error
            self._reopen, self._prepare = before
            frame = self._wake(cover)
        wanted.done.set()
        return frame

    def _heed(self, source: FrameSource | None) -> None:
        if source is not None and source.info.fps:
            self.interval_s = float(1 / source.info.fps)

    def _rest(self, last: Frame) -> Frame | None:
        """Let source and engine rest until somebody reads; gives the first frame after that.

        What the sink gets meanwhile is made of a black frame: nothing of the room is kept. Whatever was asked and
        believed before is forgotten, and frames are numbered on, so that no mask of then can meet a frame of later.
        """
        began = self._clock.now()
        self.idle, self.idles = True, self.idles + 1
        self._emit(Idle(f"nobody reads {self._output.sink.detail}"))
        self._capture.close()
        cover = black(last)
        self._masks.forget(cover.index + 1)
        try:
            self._feed_until_read(cover)
            if self.is_stopped:
                return None
            self._emit(Awake(f"somebody reads {self._output.sink.detail}", self._clock.now() - began))
            return self._wake(cover)
        finally:
            self._output.rested_s += self._clock.now() - began
            self.idle = False

    def _feed_until_read(self, cover: Frame) -> None:
        now = self._clock.now
        due = now()
        while not self.is_stopped and self._output.sink.watched is False:
            if now() >= due:
                self._output.cover(cover)
                due = now() + RESTING_FEED_S
            self._stop.wait(RESTING_LOOK_S)
            self._between()
            self._apply()
            if self._exchange is not None:  # nothing is open: it is the one that will be
                wanted, self._exchange = self._exchange, None
                self._reopen, self._prepare = wanted.open, wanted.prepare
                wanted.done.set()

    def _wake(self, cover: Frame) -> Frame | None:
        """Open the source again; until its first frame is there, which is given, the reader sees the cover."""
        assert self._reopen is not None
        self._captured += self._capture.count
        self._capture = self._capture_of(self._reopen, cover.index + 1, self._prepare)
        self._capture.start()
        frame = None
        while frame is None and not self.is_stopped and not self._capture.is_over:
            self._output.cover(cover)
            frame = self._capture.take(WAKING_FEED_S)
        self._masks.discard()
        self._heed(self._capture.source)
        self._attention.regain()
        return frame
