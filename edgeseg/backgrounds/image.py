"""A picture: `image:beach.jpg`, scaled to cover the frame and cut at its middle."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from edgeseg.errors import NotPermitted, UsageError
from edgeseg.frames import U8, ColorSpace, Frame, Mask, Planes, Size
from edgeseg.stages.cover import cover
from edgeseg.stages.pixels import bgr_to_i420, decode_bgr

_ENOUGH = Size(3840, 2160)  # a picture that covers more is kept smaller: 50 megapixels would fill 150 MB


class ImageBackground:
    """A still picture behind the person: EXIF orientation obeyed, transparency flattened on black.

    Raises UsageError or NotPermitted if there is no picture that can be read.
    """

    paints_anew = False
    half = None

    def __init__(self, where: str) -> None:
        self._bgr = _at_most(_read(where), _ENOUGH)
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
        if path.is_char_device() or path.is_fifo():  # the one may never end, the other never begin
            raise UsageError(f"The background {where} is a device or a pipe; give a picture file.")
        data = path.read_bytes()
    except PermissionError:
        raise NotPermitted(f"The background picture {where} may not be read by this user.") from None
    except OSError as error:
        raise UsageError(f"The background picture {where} cannot be read: {error.strerror}.") from None
    except ValueError as error:  # a NUL in the name
        raise UsageError(f"The background picture {where!r} cannot be read: {error}.") from None
    try:
        bgr = decode_bgr(np.frombuffer(data, np.uint8)) if data else None
    except cv2.error as error:
        if "CV_IO_MAX_IMAGE" in str(error):
            raise UsageError(f"The background {where} has more pixels than OpenCV accepts; make it smaller.") from None
        bgr = None
    if bgr is None:
        raise UsageError(f"The background {where} is no picture that can be read; give a JPEG, PNG or WebP file.")
    return bgr


def _at_most(bgr: U8, enough: Size) -> U8:
    height, width = bgr.shape[:2]
    scale = max(enough.width / width, enough.height / height)
    if scale >= 1:
        return bgr
    size = Size(max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(bgr, size, interpolation=cv2.INTER_AREA), np.uint8)


def _cover(bgr: U8, size: Size) -> U8:
    """The middle of the picture, (H, W, 3) uint8 of `size`."""
    part, grown = cover(Size(bgr.shape[1], bgr.shape[0]), size)
    method = cv2.INTER_AREA if grown.width < part.size.width else cv2.INTER_LINEAR
    scaled = np.asarray(cv2.resize(part.of(bgr), grown, interpolation=method), np.uint8)
    left, top = (grown.width - size.width) // 2, (grown.height - size.height) // 2
    return scaled[top : top + size.height, left : left + size.width]
