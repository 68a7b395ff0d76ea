"""Frames of a source for the showing thread, whatever becomes of the source.

It is still, or lost: the cover goes out at the source's rate, and a lost one is opened anew until it gives frames.
Nobody reads the sink: a live run rests. The source is closed, the engine is asked nothing but stays warm, and the sink
gets the cover once a second; when somebody reads, the cover comes at once, and the source is opened again.
It is exchanged: another takes its place between two frames.

Whenever there was a gap, what was asked and believed before is forgotten, and frames are numbered on, so that no mask
of then can meet a frame of later. Covers are made of a black frame: nothing of the room is kept.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from edgeseg.attention import Attention
from edgeseg.capture_thread import CaptureThread
from edgeseg.clock import Clock
from edgeseg.errors import SourceError, sentence
from edgeseg.facts import Awake, Dropped, Emit, Idle, StageTimes
from edgeseg.frames import Frame
from edgeseg.masks import Masks
from edgeseg.orders import Exchange, Limits
from edgeseg.output import Output
from edgeseg.ports import FrameSource
from edgeseg.search import OPENING_S, OPENINGS, Search, given_up_after_s, still_after_s
from edgeseg.timeline import Timeline

RESTING_LOOK_S, RESTING_FEED_S = 0.05, 1.0  # how often it is asked for a reader; how often the cover is written
_LOOK_S = 0.05  # how late a stop, or another source, is noticed at the latest while there are no frames

Open = Callable[[], FrameSource]
Prepare = Callable[[Frame], Frame]


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
        prepare: Prepare | None,
        reopen: Open | None,
        between: Callable[[], object],
    ) -> None:
        self.live = source.info.live
        self.interval_s = 1 / 30  # between two frames
        self.taken = 0  # frames handed to the showing thread
        self.idle = False  # nobody reads, or somebody does and the source has not given a frame yet
        self.idles = 0  # how often
        self._rests_since_s = 0.0
        self.away = False  # the source gives nothing
        self.aways = 0  # how often, and how often there was a gap between two frames
        self._output, self._masks = output, masks
        self._clock, self._emit, self._times, self._limits = clock, emit, times, limits
        self._prepare, self._reopen, self._between = prepare, reopen, between
        self._stop = threading.Event()
        self._captured = 0  # by captures before this one
        self._changes: deque[Callable[[], object]] = deque()
        self._exchange: Exchange | None = None
        self._search: Search | None = None
        self._not_found: Exception | None = None  # what a search was for that ended in vain
        self._hanging: list[CaptureThread] = []  # openings that were given up
        self._proved: CaptureThread | None = None  # the newest that gave a frame in time
        self._silent = 0  # how many in a row were open and did not
        self._line = Timeline(source.info, clock.now())
        self._heed(source)
        self._capture = self._capture_of(lambda: source, prepare)
        self._heard_s = clock.now()  # since when a frame is waited for
        self.limit(limits)

    def start(self) -> None:
        """Begin to read."""
        self._capture.start()
        self._heard_s = self._clock.now()

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
        """Why the source gives no more frames: what was wrong at first; None if it has ended, or is looked for."""
        return self._capture.error if self._search is None else self._not_found

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
        wanted.capture = self._capture_of(wanted.open, wanted.prepare)
        wanted.capture.start()

    def exchange(self, wanted: Exchange) -> None:
        """Give the frames of another source; from any thread. See `Runtime.exchange`."""
        self._exchange = wanted

    def next(self, wait: bool = True) -> Frame | None:
        """The next frame to show; None after the last one, once the run is to stop, and without `wait` if late."""
        if self._limits.frames is not None and self.taken >= self._limits.frames:
            return None
        self._apply()
        frame = self._next_live() if self.live else self._capture.take(None if wait else 0.0)
        self.taken += frame is not None
        return None if self.is_stopped else frame

    def _next_live(self) -> Frame | None:
        if self.taken == 1:
            self._output.warm(self._line.black())
        self._heard_s = self._clock.now()  # what was slow until now was the showing, or the machine slept
        frame = self._fresh(still_after_s(self.interval_s))
        if frame is None:
            frame = self._bridged()
        if frame is not None and (wanted := self._exchange) is not None and wanted.capture is None:
            frame = self._exchanged(wanted)  # those that are read already follow the next frame
        if frame is not None and self._attention.is_lost(self._clock.now()) and not self._capture.is_over:
            self._emit(Dropped("idle"))
            self._rest()
            frame = self._bridged()
        if frame is None or self.is_stopped:
            return None
        self._proved, self._silent = self._capture, 0
        if not self._line.continues(frame, still_after_s(self.interval_s)):
            self._masks.forget(self._line.next_index)
            self.aways += 1
        return self._line.follow(frame, self._capture)

    def _fresh(self, wait_s: float) -> Frame | None:
        """The next frame, if one comes in time that is not of long ago."""
        frame = self._capture.take(wait_s)
        if frame is None:
            return None
        if self._clock.now() - frame.captured_at > still_after_s(self.interval_s):
            self._emit(Dropped("stale"))
            return None
        return frame

    def _bridged(self, on_trial: bool = False) -> Frame | None:
        """The cover at the source's rate until a frame comes, which is given; the source is looked for meanwhile.

        None once the run is to stop, or there is nothing more to hope for: of a source on trial, when it fails.
        """
        frame, now = None, self._clock.now
        due_s = now()
        while frame is None and not self.is_stopped and self._is_hopeful(on_trial):
            if self._attention.is_lost(now()):
                self._rest()
                due_s = now()
            self._cover()
            due_s = max(due_s + self._pace_s, now())
            while frame is None and not self.is_stopped and (left_s := due_s - now()) > 0:
                frame = self._fresh(min(left_s, _LOOK_S))
                if frame is None and self._capture.is_over:
                    self._stop.wait(min(left_s, _LOOK_S))
                self._between()
                self._apply()
                if self.away and self._takes_what_is_wanted():
                    self._open_anew()
        self._over(frame)
        return frame

    def _is_hopeful(self, on_trial: bool) -> bool:
        """Whether a frame may come; a source that is lost is opened anew when it is time."""
        capture, now_s = self._capture, self._clock.now()
        seek_s, is_open = self._limits.seek_s, capture.source is not None
        quiet_s = now_s - max(self._heard_s, capture.opened_s)
        given_up_s = given_up_after_s(self.interval_s)
        if capture is not self._proved:  # some cameras take long to begin, and so does all on a busy machine
            given_up_s = max(given_up_s, min(OPENING_S, given_up_s * 2**self._silent))
        seeks = not on_trial and self._reopen is not None and seek_s != 0
        if not capture.is_over and not ((seeks or on_trial) and quiet_s >= (given_up_s if is_open else OPENING_S)):
            if self._search is None and quiet_s >= (still_after_s(self.interval_s) if is_open else given_up_s):
                self._lack("source_still", f"No frame came for {quiet_s:.1f} s.")
            return True
        if not seeks:
            return False
        if self._search is None:
            if seek_s is not None and capture.is_over and capture.error is None:
                return False  # it has ended, as some do
            why = "The source has ended." if capture.is_over else f"No frame came for {quiet_s:.1f} s."
            self._search = Search(capture.error or SourceError(why), now_s)
            self._lack("source_lost", f"{sentence(self._search.why)} It is looked for.")
        if seek_s is not None and now_s - self._search.began_s >= seek_s:
            self._not_found = self._search.why
            return False
        if self._search.is_due(now_s):
            self._search.tried(now_s)
            self._open_anew()
        return True

    @property
    def _pace_s(self) -> float:
        fps = self._limits.fps
        return max(self.interval_s, float(1 / fps) if fps else 0.0)

    def _lack(self, cause: str, detail: str) -> None:
        if not self.away:
            self.away, self.aways = True, self.aways + 1
            self._masks.forget(self._line.next_index)
        if not self.is_stopped:
            self._output.degrade(cause, detail)

    def _cover(self) -> None:
        if self.away:
            self._output.show(self._line.cover(self._clock.now()), None, "cover")
        else:  # it is meant
            self._output.cover(self._line.black())

    def _over(self, frame: Frame | None) -> None:
        """Frames come again, or will never."""
        self._masks.discard()
        self._heed(self._capture.source)
        if self.idle:
            self._output.rested_s += self._clock.now() - self._rests_since_s
        self.away = self.idle = False
        if frame is not None:
            self._search = None

    def _open_anew(self) -> None:
        """Open the source again, in a thread in which what was open is closed first, unless too many of them hang."""
        old, reopen = self._capture, self._reopen
        assert reopen is not None
        hanging = [one for one in (*self._hanging, old) if one.is_alive and one.source is None]
        if len(hanging) >= OPENINGS:
            return
        self._hanging = hanging
        self._silent += old.source is not None and old is not self._proved and not old.is_over
        old.finish()

        def open_source() -> FrameSource:
            old.close()
            return reopen()

        self._captured += old.count
        self._capture = self._capture_of(open_source, self._prepare)
        self._heard_s = self._clock.now()
        self._capture.start()

    def _capture_of(self, open_source: Open, prepare: Prepare | None) -> CaptureThread:
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
            self._masks.forget(self._line.next_index)
            threading.Thread(target=old.close, name="edgeseg-retire", daemon=True).start()
            self._heed(wanted.capture.source)
            self._heard_s, self._search = self._clock.now(), None
            wanted.done.set()

    def _takes_what_is_wanted(self) -> bool:
        """While there is nothing to keep, another source is the one that is opened next."""
        wanted, self._exchange = self._exchange, None
        if wanted is None:
            return False
        self._reopen, self._prepare = wanted.open, wanted.prepare
        wanted.done.set()
        return True

    def _exchanged(self, wanted: Exchange) -> Frame | None:
        """Close the source and open the wanted one, or the old one again; gives the first frame of it."""
        self._emit(Dropped("source_changed"))
        self._masks.forget(self._line.next_index)
        before = self._reopen, self._prepare
        self._reopen, self._prepare, self._exchange = wanted.open, wanted.prepare, None
        self._open_anew()
        frame = self._bridged(on_trial=True)
        if frame is None and not self.is_stopped:
            wanted.error = self._capture.error or SourceError("The new source gives no frame.")
            self._reopen, self._prepare = before
            self._open_anew()
            frame = self._bridged()
        wanted.done.set()
        return frame

    def _heed(self, source: FrameSource | None) -> None:
        if source is not None and source.info.fps:
            self.interval_s = float(1 / source.info.fps)

    def _rest(self) -> None:
        """Let source and engine rest until somebody reads; then the source is being opened."""
        began_s = self._clock.now()
        if not self.idle:
            self._rests_since_s = began_s
        self.idle, self.idles, self.away = True, self.idles + 1, False
        self._emit(Idle(f"nobody reads {self._output.sink.detail}"))
        self._capture.close()
        self._masks.forget(self._line.next_index)
        self._feed_until_read()
        if not self.is_stopped:
            self._emit(Awake(f"somebody reads {self._output.sink.detail}", self._clock.now() - began_s))
            self._search = None
            self._open_anew()
            self._attention.regain()

    def _feed_until_read(self) -> None:
        now = self._clock.now
        due = now()
        while not self.is_stopped and self._output.sink.watched is False:
            if now() >= due:
                self._output.cover(self._line.black())
                due = now() + RESTING_FEED_S
            self._stop.wait(RESTING_LOOK_S)
            self._between()
            self._apply()
            self._takes_what_is_wanted()
