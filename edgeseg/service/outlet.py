"""The sink of a service: it counts what went out, and another sink can take its place between two frames."""

from __future__ import annotations

import threading
from collections.abc import Callable

from edgeseg.errors import EdgesegError, OutputError
from edgeseg.frames import Frame
from edgeseg.ports import FrameSink

_CLOSING_S = 1.0


class Outlet:
    """A `FrameSink` that writes into another one. now: the clock."""

    def __init__(self, sink: FrameSink, now: Callable[[], float]) -> None:
        self._sink, self._now = sink, now
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
        return self._sink.watched

    def write(self, frame: Frame) -> None:
        """See `FrameSink.write`."""
        if self._wanted is None or not self._is_taken(frame):
            self._sink.write(frame)
        self.written_at = self._now()

    def close(self) -> None:
        """See `FrameSink.close`."""
        with self._turn:
            if self._wanted is not None:
                self._wanted, self.refusal = None, OutputError("The service was stopped.")
            self._turn.notify_all()
        try:
            self._sink.close()
        finally:
            if self._closing is not None:
                self._closing.join(_CLOSING_S)
        self.closed = True

    def change(self, sink: FrameSink, wait_s: float) -> None:
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
                self._sink, old = new, self._sink
                self._closing = threading.Thread(target=old.close, name="edgeseg-old-sink", daemon=True)
                self._closing.start()  # aside, for a file's end takes its time
            self._wanted = None
            self._turn.notify_all()
            return self.refusal is None
