"""The source of a service whose camera is not there yet."""

from __future__ import annotations

from fractions import Fraction

from edgeseg.errors import EdgesegError
from edgeseg.frames import Frame, Size
from edgeseg.ports import SourceInfo, SourceWish

_SIZE, _FPS = Size(1280, 720), Fraction(30)  # as cameras are asked where nobody says


class AbsentSource:
    """Raises `error` when it is read; its `info` says what is wished, so that covers are of that size and rate."""

    def __init__(self, error: EdgesegError, wish: SourceWish) -> None:
        self._error = error
        self.info = SourceInfo(wish.size or _SIZE, wish.fps or _FPS, True, f"no source yet: {error}")

    def read(self) -> Frame | None:
        """See `FrameSource.read`."""
        raise self._error

    def close(self) -> None:
        """Nothing is open."""
