"""The sink of a service: it counts what went out, another can take its place, and one that is lost is opened anew.

While there is none, frames go nowhere and nobody reads: so the run rests, as it does without a reader.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

from edgeseg.errors import EdgesegError, NotPermitted, OutputError, sentence
from edgeseg.facts import Degraded, Emit, Recovered, ignore
from edgeseg.frames import Frame
from edgeseg.ports import FrameSink
from edgeseg.search import Search

LOST = "sink_lost"
_CLOSING_S = 1.0
_Faults = (OutputError, NotPermitted)


class Outlet:
    """A `FrameSink` that writes into another one. now: the clock.

    reopen: opens the sink anew; None: what it raises ends the run.
    """

    def __init__(
        self,
        sink: FrameSink,
        now: Callable[[], float],
        emit: Emit = ignore,
        reopen: Callable[[], FrameSink] | None = None,
    ) -> None:
        self._sink, self._now, self._emit, self._reopen = sink, now, emit, reopen
        self._search: Search | None = None  # while the sink is lost
        self._wanted: FrameSink | None = None
        self._turn = threading.Condition()
        self.written_at: float | None = None
        self.refusal: EdgesegError | None = None  # why the last wanted one was not taken
        self.closed = False
        self._closing: threading.Thread | None = None

    @property
    def keeps_alpha(self) -> bool:
        """See `FrameSink`."""
        return self._sink.keeps_alpha

    @property
    def detail(self) -> str:
        """See `FrameSink`."""
        return self._sink.detail

    @property
    def watched(self) -> bool | None:
        """See `FrameSink`."""
        return self._sink.watched if self._search is None else False

    def write(self, frame: Frame) -> None:
        """See `FrameSink.write`."""
        if self._wanted is not None and self._is_taken(frame):
            pass
        elif self._search is not None:
            self._look(self._search, frame)
        else:
            try:
                self._sink.write(frame)
            except _Faults as error:
                if self._reopen is None:
                    raise
                self._lose(error)
        self.written_at = self._now()

    def close(self) -> None:
        """See `FrameSink.close`."""
        with self._turn:
            if self._wanted is not None:
                self._wanted, self.refusal = None, OutputError("The service was stopped.")
            self._turn.notify_all()
        try:
            if self._search is None:
                self._sink.close()
        finally:
            if self._closing is not None:
                self._closing.join(_CLOSING_S)
        self.closed = True

    def change(self, sink: FrameSink, wait_s: float, reopen: Callable[[], FrameSink] | None = None) -> None:
        """Write into this one from the next frame on, once it has taken that; the old one is closed then.

        From another thread than `write`. Raises what the new one raised, or OutputError if no frame came in time: then
        the old one goes on, and the new one is left to the caller.
        """
        with self._turn:
            self.refusal, self._wanted = None, sink
            taken = self._turn.wait_for(lambda: self._wanted is None, wait_s)
            self._wanted = None
        if not taken:
            raise OutputError(f"No frame came for the new sink within {wait_s:g} s.")
        if self.refusal is not None:
            raise self.refusal
        self._reopen = reopen or self._reopen

    def _is_taken(self, frame: Frame) -> bool:
        with self._turn:
            new = self._wanted
            if new is None:
                return False
            try:
                new.write(frame)
            except EdgesegError as error:
                self.refusal = error
            else:
                self._closing = threading.Thread(target=self._sink.close, name="edgeseg-old-sink", daemon=True)
                self._closing.start()  # aside, for a file's end takes its time
                self._take(new)
            self._wanted = None
            self._turn.notify_all()
            return self.refusal is None

    def _take(self, sink: FrameSink) -> None:
        self._sink = sink
        if self._search is not None:
            self._search = None
            self._emit(Recovered(LOST))

    def _lose(self, error: EdgesegError) -> None:
        self._search = Search(error, self._now())
        self._search.tried(self._now())
        with contextlib.suppress(EdgesegError):  # what was wrong is known
            self._sink.close()
        self._emit(Degraded(LOST, f"{sentence(error)} It is looked for."))

    def _look(self, search: Search, frame: Frame) -> None:
        """Open it anew if it is time; it is back once it has taken a frame."""
        if self._reopen is None or not search.is_due(self._now()):
            return
        search.tried(self._now())
        with contextlib.suppress(*_Faults):
            sink = self._reopen()
            try:
                sink.write(frame)
            except _Faults:
                with contextlib.suppress(EdgesegError):
                    sink.close()
                raise
            self._take(sink)
