"""A sink that keeps nothing: for measuring, and for the browser's page alone."""

from __future__ import annotations

from edgeseg.errors import OutputError
from edgeseg.facts import Emit
from edgeseg.frames import Frame
from edgeseg.ports import SinkWish


class NullSink:
    """Takes every frame and forgets it; `where` means nothing."""

    keeps_alpha = True
    watched = None
    detail = "nowhere: frames are counted and forgotten"

    def __init__(self, where: str, wish: SinkWish, emit: Emit) -> None:
        self._closed = False

    def write(self, frame: Frame) -> None:
        """Forget `frame`; OutputError after `close`."""
        if self._closed:
            raise OutputError("the output was closed: nothing can be written to it any more")

    def close(self) -> None:
        """Take no more frames."""
        self._closed = True
