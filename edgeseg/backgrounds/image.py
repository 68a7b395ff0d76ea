"""A picture: `image:beach.jpg`, scaled to cover the frame and cut at its middle."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from edgeseg.errors import NotPermitted, UsageError
from edgeseg.frames import U8, ColorSpace, Frame, Mask, Planes, Size
from edgeseg.stages.pixels import bgr_to_i420


class ImageBackground:
    """A still picture behind the person."""

    def __init__(self, where: str) -> None:
        self._bgr = _read(where)
        self._made: tuple[Size, ColorSpace, Planes] | None = None

    def render(self, frame: Frame, mask: Mask | None) -> Planes:
        """See `Background.render`."""
        size = frame.planes.size
        if self._made is None or self._made[:2] != (size, frame.color):
            planes = Planes.allocate(size)
            bgr_to_i420(_cover(self._bgr, size), planes, frame.color)
            self._made = (size, frame.color, planes)
        return self._made[2]

    def close(self) -> None:
        """Nothing is open."""


def _read(where: str) -> U8:
    path = Path(where)
    try:
        data = path.read_bytes()
    except PermissionError:
        raise NotPermitted(f"The background picture {where} may not be read by this user.") from None
    except OSError as error:
        raise UsageError(f"The background picture {where} cannot be read: {error.strerror}.") from None
    try:
        bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    except cv2.error:
        bgr = None
    if bgr is None:
        raise UsageError(f"The background {where} is no picture that can be read; give a JPEG, PNG or WebP file.")
    return np.asarray(bgr, np.uint8)


def _cover(bgr: U8, size: Size) -> U8:
    """Scale to the smallest picture that covers `size`, and cut out its middle."""
    height, width = bgr.shape[:2]
    scale = max(size.width / width, size.height / height)
    grown = Size(max(size.width, round(width * scale)), max(size.height, round(height * scale)))
    left, top = (grown.width - size.width) // 2, (grown.height - size.height) // 2
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(bgr, grown, interpolation=method), np.uint8)[
        top : top + size.height, left : left + size.width
    ]
