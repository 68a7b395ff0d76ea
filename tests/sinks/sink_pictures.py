"""Pictures for the tests of sinks, and what became of them in a file."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from edgeseg.frames import MICROSECONDS, ColorSpace, Frame, Planes, Size

SIZE, BT601 = Size(160, 120), ColorSpace()


def make_frame(
    index: int = 0,
    size: Size = SIZE,
    pts: int | None = None,
    time_base: Fraction = MICROSECONDS,
    color: ColorSpace = BT601,
    alpha: bool = False,
) -> Frame:
    """A smooth picture that moves with `index`, at 30 fps where no `pts` is given."""
    planes = Planes.allocate(size)
    for number, plane in enumerate(planes):
        y, x = np.mgrid[: plane.shape[0], : plane.shape[1]]
        plane[...] = (64 + 48 * number + 40 * np.sin((x + 2 * index) / 17) + 30 * np.cos(y / 23)).clip(16, 235)
    straight = None
    if alpha:
        straight = np.zeros(planes.y.shape, np.uint8)
        straight[:, planes.y.shape[1] // 4 :] = 255
        straight[:, planes.y.shape[1] // 2 :] = 128
    if pts is None:
        pts = round(index / 30 / time_base)
    return Frame(planes, size, index, pts, time_base, color, alpha=straight)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / max(1e-9, np.mean((a.astype(float) - b.astype(float)) ** 2))))


def rows(plane: av.video.plane.VideoPlane) -> np.ndarray:
    return np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]


def decode(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def audio_of(path: Path) -> tuple[str, list[float]]:
    """The name of the audio codec, and when each packet starts, in seconds."""
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return "", []
        stream = container.streams.audio[0]
        times = [float(p.pts * p.time_base) for p in container.demux(stream) if p.pts is not None]
        return stream.codec_context.name, times
