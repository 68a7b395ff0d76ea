"""From a picture that FFmpeg decoded to I420 planes, without a copy where it is I420 already."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
from av.video.frame import VideoFrame

from edgeseg.frames import ColorSpace, Frame, Planes, PlanesPool, Size
from edgeseg.stages.orient import orient, oriented

# ITU-T H.273 table 4 (matrix coefficients), which FFmpeg's AVColorSpace numbers follow.
_MATRIX = {1: "bt709", 4: "bt601", 5: "bt601", 6: "bt601"}
_UNSPECIFIED = (2, 3)
_LIMITED, _FULL = 1, 2  # AVCOL_RANGE_MPEG, AVCOL_RANGE_JPEG


class Framer:
    """Makes frames of decoded pictures; only what is turned, mirrored or odd-sided is copied, into a pool."""

    def __init__(self) -> None:
        self._pool: PlanesPool | None = None
        self._turn: tuple[Size, tuple[int, bool]] | None = None

    def frame(self, picture: VideoFrame, index: int, pts: int, time_base: Fraction) -> Frame:
        """The picture as its tags want it to be shown. Raises av.FFmpegError if it cannot be converted."""
        i420, color = as_i420(picture)
        size, planes = Size(picture.width, picture.height), planes_of(i420)
        # Asked once a size: PyAV's side data and its frame hold each other, so that the frames whose side data was
        # looked at pile up until the garbage collector runs, 300 MB of them at 720p.
        if self._turn is None or self._turn[0] != size:
            self._turn = (size, turn_of(picture))
        rotation, mirrored = self._turn[1]
        if not rotation and not mirrored and size == size.even:
            return Frame(planes, size, index, pts, time_base, color, owner=i420)
        upright = oriented(size, rotation)
        if self._pool is None or self._pool.size != upright:
            self._pool = PlanesPool(upright)
        out = self._pool.take()
        orient(planes, out, rotation, mirrored, size=size)
        return self._pool.lend(Frame(out, upright, index, pts, time_base, color))


def as_i420(picture: VideoFrame) -> tuple[VideoFrame, ColorSpace]:
    """The picture itself if it is 8-bit 4:2:0, else a converted one; and what its Y, U and V mean.

    Where the file does not say, BT.709 is taken above 576 lines or from 1280 columns on, as mpv does
    (mp_csp_guess_colorspace), and limited range. RGB becomes BT.601, BT.2020 becomes BT.709.
    """
    name, space = picture.format.name, int(picture.colorspace)
    if picture.format.is_rgb or picture.format.has_palette:
        return _reformat(picture, dst_colorspace="itu601", dst_color_range=_LIMITED), ColorSpace("bt601")
    full_by_format = name.startswith(("yuvj", "gray"))
    full = picture.color_range == _FULL or (full_by_format and picture.color_range != _LIMITED)
    span = _FULL if full else _LIMITED
    if space not in _MATRIX and space not in _UNSPECIFIED:
        return _reformat(picture, dst_colorspace="itu709", dst_color_range=span), ColorSpace("bt709", full)
    large = picture.width >= 1280 or picture.height > 576
    color = ColorSpace(_MATRIX.get(space, "bt709" if large else "bt601"), full)
    if any(plane.line_size < 0 for plane in picture.planes):  # stored bottom up: no view, and a format of its own
        picture, name = _reformat(picture, "yuv444p"), "yuv444p"
    if name in ("yuv420p", "yuvj420p"):
        return picture, color
    # PyAV up to 17 drops ranges that are equal, and then FFmpeg goes by the format: its full-range twin keeps it.
    twin = "yuvj420p" if full_by_format else "yuv420p"
    return _reformat(picture, twin, src_color_range=span, dst_color_range=span), color


def planes_of(i420: VideoFrame) -> Planes:
    """Views into the picture's own memory: Y (H, W), U and V ((H + 1) / 2, (W + 1) / 2), uint8.

    They live as long as whoever holds them also holds `i420`.
    """
    size = Size(i420.width, i420.height)
    views = []
    for plane, (width, height) in zip(i420.planes, (size, size.chroma, size.chroma), strict=True):
        buffer: Any = plane
        stride = plane.line_size
        views.append(np.frombuffer(buffer, np.uint8, stride * height).reshape(height, stride)[:, :width])
    return Planes(*views)


def turn_of(picture: VideoFrame) -> tuple[int, bool]:
    """How the display matrix wants the picture: degrees clockwise, then mirrored left to right.

    Layout of the matrix: libavutil/display.h. An angle between is taken to the nearest quarter turn.
    """
    data: Any = picture.side_data.get("DISPLAYMATRIX")
    if data is None:
        return 0, False
    a, b, _, c, d = np.frombuffer(data, np.int32)[:5].tolist()
    mirrored = a * d - b * c < 0
    if mirrored:
        a = -a
    return round(math.degrees(math.atan2(b, a)) / 90) * 90 % 360, mirrored


def _reformat(picture: VideoFrame, format: str = "yuv420p", **meaning: Any) -> VideoFrame:
    return picture.reformat(format=format, **meaning)
