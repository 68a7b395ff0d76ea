"""The sink of a run that can be watched from outside: what goes out goes to `Preview` too, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable

from edgeseg.frames import Frame
from edgeseg.ports import FrameSink
from edgeseg.remote.preview import Preview
from edgeseg.sinks.null import NullSink


class Tap:
    """A `FrameSink` that writes into another one and offers each frame to `preview`.

    looked: whether anybody looks from outside, a look at which the run must not rest.
    """

    def __init__(self, sink: FrameSink, preview: Preview, looked: Callable[[], bool]) -> None:
        self._sink, self._preview, self._looked = sink, preview, looked

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
        """See `FrameSink`. What goes nowhere else is read by those alone who look at it from outside."""
        if self._looked():
            return True
        return False if self._sink.detail == NullSink.detail else self._sink.watched

    def write(self, frame: Frame) -> None:
        """See `FrameSink.write`."""
        self._sink.write(frame)
        self._preview.offer(frame)

    def close(self) -> None:
        """See `FrameSink.close`."""
        self._sink.close()
