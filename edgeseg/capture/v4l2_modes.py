"""What a Video4Linux camera is asked for through OpenCV, what it gives, and how that becomes I420."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple, Protocol

import cv2
import numpy as np

from edgeseg.errors import SourceError
from edgeseg.frames import PixelFormat, Planes, Size
from edgeseg.stages.orient import repeat_edges
from edgeseg.stages.pixels import bgr_to_i420, nv12_to_i420, yuyv_to_i420

# Cheapest to bring to I420 first. MJPG costs a decoder, but is what USB 2 can carry at 720p and 30 fps.
ORDER = (PixelFormat.I420, PixelFormat.NV12, PixelFormat.YUYV, PixelFormat.MJPEG, PixelFormat.GREY, PixelFormat.BGR)


class Capture(Protocol):
    """What is used of `cv2.VideoCapture`."""

    def set(self, prop: int, value: float, /) -> bool:
        """See OpenCV."""
        ...

    def get(self, prop: int, /) -> float:
        """See OpenCV."""
        ...

    def read(self) -> tuple[bool, Any]:
        """See OpenCV."""
        ...

    def release(self) -> None:
        """See OpenCV."""
        ...


class Mode(NamedTuple):
    """What was negotiated; fps None where the driver does not say."""

    format: PixelFormat
    size: Size
    fps: Fraction | None

    def __str__(self) -> str:
        rate = f" at {float(self.fps):.4g} fps" if self.fps else ""
        return f"{self.format.value} {self.size}{rate}"


def negotiate(capture: Capture, where: str, size: Size, fps: Fraction) -> Mode:
    """Set the first of `ORDER` that gives `size` and `fps`, or else the nearest; what came of it.

    Raises SourceError if the camera gives none of the formats that can be read.
    """
    nearest: list[Mode] = []
    for format in ORDER:
        mode = _ask(capture, format, size, fps)
        if mode is None:
            continue
        if mode.size == size and (mode.fps is None or mode.fps >= fps * Fraction(95, 100)):
            return mode
        nearest.append(mode)
    if nearest:
        best = min(nearest, key=lambda mode: _distance(mode, size, fps))
        mode = _ask(capture, best.format, size, fps)
        if mode is not None:
            return mode
    given = _fourcc(capture) or "nothing"
    readable = ", ".join(format.value for format in ORDER)
    raise SourceError(f"The camera {where} gives {given}, none of {readable}; use gst: with a decoder for it.")


def convert(raw: Any, mode: Mode, out: Planes) -> None:
    """Bring what OpenCV handed out for `mode` to I420 in `out`; only its number of bytes is relied on.

    Raises SourceError if `raw` is not uint8 of just the bytes that a picture of `mode` has.
    """
    data, (width, height) = np.asarray(raw), mode.size
    halves = {PixelFormat.I420: 3, PixelFormat.NV12: 3, PixelFormat.YUYV: 4, PixelFormat.GREY: 2, PixelFormat.BGR: 6}
    expected = width * height * halves[mode.format] // 2
    odd = mode.size != mode.size.even and mode.format not in (PixelFormat.GREY, PixelFormat.BGR)
    if data.dtype != np.uint8 or data.size != expected or odd:
        raise SourceError(
            f"The camera said {mode} but handed out {data.dtype} {data.shape}, not {expected} bytes; ask another size."
        )
    flat = np.ascontiguousarray(data).reshape(-1)
    if mode.format is PixelFormat.I420:
        Planes.of_block(flat.reshape(height * 3 // 2, width)).copy_to(out)
    elif mode.format is PixelFormat.NV12:
        nv12_to_i420(flat.reshape(height * 3 // 2, width), out)
    elif mode.format is PixelFormat.YUYV:
        yuyv_to_i420(flat.reshape(height, width, 2), out)
    elif mode.format is PixelFormat.BGR:
        bgr_to_i420(flat.reshape(height, width, 3), out)
    else:
        out.fill((0, 128, 128))
        out.y[:height, :width] = flat.reshape(height, width)
        repeat_edges(out, mode.size)


def _ask(capture: Capture, format: PixelFormat, size: Size, fps: Fraction) -> Mode | None:
    """Ask for a mode; what the camera made of it, or None if it has not this format."""
    capture.set(cv2.CAP_PROP_CONVERT_RGB, 0)
    capture.set(cv2.CAP_PROP_FOURCC, int.from_bytes(format.value.encode("ascii"), "little"))
    if _fourcc(capture) != format.value:
        return None
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, size.width)
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size.height)
    capture.set(cv2.CAP_PROP_FPS, float(fps))
    given = Size(int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))
    rate = capture.get(cv2.CAP_PROP_FPS)
    if _fourcc(capture) != format.value or given.width < 1 or given.height < 1:
        return None
    return Mode(format, given, Fraction(rate).limit_denominator(1001) if 0 < rate < 1000 else None)


def _fourcc(capture: Capture) -> str:
    code = int(capture.get(cv2.CAP_PROP_FOURCC))
    return code.to_bytes(4, "little").decode("ascii", "replace").strip("\0 ") if 0 < code < 1 << 32 else ""


def _distance(mode: Mode, size: Size, fps: Fraction) -> tuple[int, Fraction]:
    pixels = abs(mode.size.width * mode.size.height - size.width * size.height)
    return pixels, max(Fraction(0), fps - (mode.fps or fps))
