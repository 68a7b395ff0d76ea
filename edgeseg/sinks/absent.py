"""The sink of a service whose sink is not there yet."""

from __future__ import annotations

from edgeseg.errors import EdgesegError
from edgeseg.frames import Frame


class AbsentSink:
    """Raises `error` when it is written to, so that whoever looks for a lost sink looks for this one."""

    keeps_alpha = False

    def __init__(self, error: EdgesegError) -> None:
        self._error = error

    @property
    def detail(self) -> str:
        """See `FrameSink.detail`."""
        return f"no sink yet: {self._error}"

    @property
    def watched(self) -> bool | None:
        """See `FrameSink.watched`."""
        return None

    def write(self, frame: Frame) -> None:
        """See `FrameSink.write`."""
        raise self._error

    def close(self) -> None:
        """Nothing is open."""
