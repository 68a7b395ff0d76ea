"""Clips made for a test, so that no media lie in the repository."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from edgeseg.frames import U8, Size


def ramp(number: int, size: Size) -> U8:
    """(H, W, 3) RGB: dark at the top left, one of 24 grey steps a frame, red to the right, green to the bottom."""
    picture = np.full((size.height, size.width, 3), 20 + 5 * number % 120, np.uint8)
    picture[..., 0] += np.linspace(0, 100, size.width).astype(np.uint8)
    picture[..., 1] += np.linspace(0, 100, size.height).astype(np.uint8)[:, None]
    return picture


def noise(number: int, size: Size) -> U8:
    """(H, W, 3) RGB that compresses badly, the same for the same number."""
    return np.random.default_rng(number).integers(0, 256, (size.height, size.width, 3), np.uint8)


def write_clip(
    path: Path,
    count: int = 6,
    size: Size = Size(64, 48),  # noqa: B008
    *,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    pts: Sequence[int] | None = None,
    time_base: Fraction = Fraction(1, 30),
    rotation: float | None = None,
    mirrored: bool = False,
    audio: bool = False,
    options: dict[str, str] | None = None,
    paint: Callable[[int, Size], U8] = ramp,
    dst_colorspace: str | None = None,
) -> Path:
    """Write a clip of `count` frames; `pts` in `time_base` where the rate varies."""
    with av.open(
        str(path), "w", options={"video_track_timescale": "600"} if path.suffix == ".mp4" else {}
    ) as container:
        stream = container.add_stream(codec, rate=30, options=options or {})
        stream.width, stream.height, stream.pix_fmt = size.width, size.height, pix_fmt
        stream.codec_context.time_base = time_base
        if rotation is not None or mirrored:
            if not hasattr(stream, "set_display_rotation"):
                pytest.skip("this PyAV cannot write a rotation")
            stream.set_display_rotation(rotation or 0, hflip=mirrored)
        sound = container.add_stream("aac", rate=48000) if audio else None
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(paint(number, size), "rgb24").reformat(
                format=pix_fmt, dst_colorspace=dst_colorspace
            )
            frame.pts, frame.time_base = (pts[number] if pts else number), time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if sound is not None:
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            silence.sample_rate, silence.pts = 48000, 0
            container.mux(sound.encode(silence))
            container.mux(sound.encode())
    return path
