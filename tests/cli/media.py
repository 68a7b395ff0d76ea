"""Clips and pictures for the command, made where they are used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from edgeseg.frames import U8

SIZE = (96, 64)


def grey_steps(number: int, width: int, height: int) -> U8:
    """(H, W, 3) BGR: dark at the left, a little brighter with each frame, one bright corner at the top left."""
    picture = np.empty((height, width, 3), np.uint8)
    picture[...] = np.linspace(30, 150, width).astype(np.uint8)[None, :, None] + number % 20 * 4
    picture[: height // 4, : width // 4] = 250
    return picture


def noise(number: int, width: int, height: int) -> U8:
    """(H, W, 3) BGR that no encoder makes small."""
    return np.random.default_rng(number % 5).integers(0, 256, (height, width, 3), np.uint8)


def clip(
    path: Path,
    count: int = 6,
    size: tuple[int, int] = SIZE,
    *,
    audio: bool = False,
    pts: Sequence[int] | None = None,
    time_base: Fraction = Fraction(1, 30),
    rotation: int | None = None,
    paint: Callable[[int, int, int], U8] = grey_steps,
) -> Path:
    """An H.264 clip at 30 fps, or timed by `pts` in `time_base`."""
    options = {"video_track_timescale": "600", "movflags": "faststart"} if path.suffix == ".mp4" else {}
    with av.open(str(path), "w", options=options) as out:
        video = out.add_stream("libx264", rate=30, options={"preset": "ultrafast", "bf": "0"})
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        video.codec_context.time_base = time_base
        if rotation is not None:
            if not hasattr(video, "set_display_rotation"):
                pytest.skip("this PyAV cannot write a rotation")
            video.set_display_rotation(rotation)
        sound = out.add_stream("aac", rate=48000) if audio else None
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(paint(number, *size), "bgr24").reformat(format="yuv420p")
            frame.pts, frame.time_base = (pts[number] if pts else number), time_base
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        if sound is not None:
            for number in range(count * 1600 // 1024):
                silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
                silence.sample_rate, silence.pts = 48000, number * 1024
                out.mux(sound.encode(silence))
            out.mux(sound.encode(None))
    return path


def song(path: Path) -> Path:
    """Audio alone."""
    with av.open(str(path), "w", format="mp4") as out:
        sound = out.add_stream("aac", rate=48000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        silence.sample_rate, silence.pts = 48000, 0
        out.mux(sound.encode(silence))
        out.mux(sound.encode(None))
    return path


def picture(path: Path, size: tuple[int, int] = SIZE, channels: int = 3, depth: type = np.uint8) -> Path:
    """A still of `channels` (1 grey, 3 BGR, 4 BGRA) and 8 or 16 bits."""
    bgr: np.ndarray = grey_steps(0, *size)
    if channels == 1:
        bgr = bgr[..., 0]
    elif channels == 4:
        bgr = cv2.cvtColor(bgr, cv2.COLOR_BGR2BGRA)
    if depth is np.uint16:
        bgr = bgr.astype(np.uint16) * 257
    assert cv2.imwrite(str(path), bgr)
    return path


def frames_of(path: Path) -> int:
    """How many frames play, up to where the file is damaged."""
    count = 0
    with av.open(str(path)) as container:
        for packet in container.demux(video=0):
            try:
                count += len(packet.decode())
            except av.FFmpegError:
                return count
    return count


def times_of(path: Path) -> list[Fraction]:
    """When each frame is shown, in seconds."""
    with av.open(str(path)) as container:
        return [Fraction(frame.pts) * Fraction(frame.time_base) for frame in container.decode(video=0)]


def audio_of(path: Path) -> bytes:
    """The bytes of all audio packets."""
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return b""
        return b"".join(bytes(packet) for packet in container.demux(audio=0))


def y4m(data: bytes) -> tuple[dict[str, str], list[U8]]:
    """The tags of a YUV4MPEG2 stream's header and the Y planes of its frames; every byte is accounted for."""
    header, _, rest = data.partition(b"\n")
    magic, *fields = header.decode().split()
    assert magic == "YUV4MPEG2"
    tags = {field[0]: field[1:] for field in fields}
    width, height = int(tags["W"]), int(tags["H"])
    chroma = 2 * ((width + 1) // 2) * ((height + 1) // 2)
    planes: list[U8] = []
    while rest:
        mark, _, rest = rest.partition(b"\n")
        assert mark == b"FRAME"
        assert len(rest) >= width * height + chroma
        planes.append(np.frombuffer(rest, np.uint8, width * height).reshape(height, width))
        rest = rest[width * height + chroma :]
    return tags, planes
