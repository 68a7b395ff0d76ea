"""A video behind the person: in the time of the frames, for ever, whatever kind of file it is."""

from __future__ import annotations

import gc
import os
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import psutil
import pytest

from edgeseg.backgrounds.video import VideoBackground
from edgeseg.capture.video import VideoSource
from edgeseg.clock import SystemClock
from edgeseg.errors import NotPermitted, UsageError
from edgeseg.frames import U8, ColorSpace, Frame, Planes, Size
from edgeseg.ports import SourceWish
from edgeseg.stages.pixels import i420_to_rgb

SIZE = Size(64, 48)
SPACES = [ColorSpace(matrix, full) for matrix in ("bt601", "bt709") for full in (False, True)]
KINDS = ["clip.mp4", "clip.webm", "clip.mkv", "clip.avi", "clip.ts", "clip.gif"]


def write(
    path: Path,
    count: int,
    *,
    size: Size = SIZE,
    fps: int = 25,
    pts: Sequence[int] | None = None,
    picture: U8 | None = None,
    pix_fmt: str = "yuv420p",
    codec: str = "",
    color: ColorSpace | None = None,
    rotation: int = 0,
    gop: int = 4,
) -> str:
    """A clip whose frame n has the luma 20 + 8 n; or of `picture`, (H, W, 3) RGB, in every frame."""
    codecs = {".webm": "libvpx", ".avi": "mpeg4", ".gif": "gif", ".ts": "mpeg2video"}
    codec = codec or codecs.get(path.suffix, "libx264")
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps)
        stream.width, stream.height = size
        stream.pix_fmt = "rgb8" if codec == "gif" else pix_fmt
        if codec == "libx264":
            stream.options = {"crf": "4"}
        else:
            stream.bit_rate = 4_000_000
        stream.codec_context.gop_size = gop
        if pts:
            stream.codec_context.time_base = Fraction(1, 1000)
        if color:
            stream.codec_context.colorspace = 1 if color.matrix == "bt709" else 6
            stream.codec_context.color_range = 2 if color.full_range else 1
        if rotation:
            if not hasattr(stream, "set_display_rotation"):
                pytest.skip("this PyAV cannot write a rotation")
            stream.set_display_rotation(rotation)
        for number in range(count):
            shot = _shot(number, size, picture, color or ColorSpace())
            shot = shot.reformat(format=stream.pix_fmt) if stream.pix_fmt != "yuv420p" else shot
            shot.pts, shot.time_base = (pts[number], Fraction(1, 1000)) if pts else (number, Fraction(1, fps))
            container.mux(stream.encode(shot))
        container.mux(stream.encode())
    return str(path)


def _shot(number: int, size: Size, picture: U8 | None, color: ColorSpace) -> av.VideoFrame:
    if picture is None:
        block = np.full((size.height * 3 // 2, size.width), 128, np.uint8)
        block[: size.height] = 20 + 8 * number
    else:
        block = np.empty((size.height * 3 // 2, size.width), np.uint8)
        planes = Planes.of_block(block)
        exact = np.einsum("ij,hwj->ihw", color.from_rgb(), np.dstack([picture, np.ones(picture.shape[:2])]))
        for index, (plane, values) in enumerate(zip(planes, np.rint(exact).clip(0, 255).astype(np.uint8), strict=True)):
            plane[...] = values if index == 0 else values[::2, ::2]
    shot = av.VideoFrame.from_ndarray(block, "yuv420p")
    shot.colorspace = 1 if color.matrix == "bt709" else 6
    shot.color_range = 2 if color.full_range else 1
    return shot


def frame_at(time_s: Fraction | float, size: Size = SIZE, color: ColorSpace = ColorSpace()) -> Frame:  # noqa: B008
    return Frame(Planes.allocate(size), size, 0, round(Fraction(time_s) * 1_000_000), color=color)


def numbers(background: VideoBackground, times: Sequence[Fraction | float]) -> list[int]:
    """Which frame of a clip of `write` is shown at each time."""
    return [round((float(background.render(frame_at(t), None).y.mean()) - 20) / 8) for t in times]


def rgb_at(background: VideoBackground, size: Size, color: ColorSpace = ColorSpace()) -> U8:  # noqa: B008
    planes = background.render(frame_at(0, size, color), None)
    out = np.empty((*planes.y.shape, 3), np.uint8)
    i420_to_rgb(planes, color, out)
    return out


@pytest.mark.parametrize("kind", KINDS)
def test_it_plays_for_ever_without_drift(tmp_path: Path, kind: str) -> None:
    background = VideoBackground(write(tmp_path / kind, 10))
    start = Fraction(7, 3)
    times = [start + Fraction(n, 25) + Fraction(1, 100) for n in range(64)]
    shown = numbers(background, [start, *times])
    assert shown[1:] == [n % 10 for n in range(64)]


@pytest.mark.parametrize("fps", [10, 24, 30, 60, 100])
def test_frames_of_another_rate_show_the_last_that_is_due(tmp_path: Path, fps: int) -> None:
    background = VideoBackground(write(tmp_path / "clip.mp4", 10))
    times = [Fraction(n, fps) + Fraction(1, 1000) for n in range(4 * fps)]
    shown = numbers(background, [0, *times])
    assert shown[1:] == [int(t * 25) % 10 for t in times]


def test_times_between_that_vary(tmp_path: Path) -> None:
    background = VideoBackground(write(tmp_path / "clip.mp4", 10))
    times, now = [], Fraction(0)
    for step in np.random.default_rng(1).integers(0, 1900, 200).tolist():
        now += Fraction(step, 1000)
        times.append(now)
    shown = numbers(background, [0, *[t + Fraction(1, 1000) for t in times]])
    assert shown[1:] == [int((t + Fraction(1, 1000)) * 25) % 10 for t in times]


def test_a_video_of_uneven_times(tmp_path: Path) -> None:
    pts = [0, 100, 110, 400, 900]  # the last as long as the file says
    path = write(tmp_path / "clip.mkv", 5, pts=pts)
    background = VideoBackground(path)
    times = [0.0, 0.099, 0.101, 0.109, 0.111, 0.399, 0.401, 0.899, 0.901]
    assert numbers(background, times) == [0, 0, 1, 1, 2, 2, 3, 3, 4]
    later = numbers(background, [0.901 + n / 1000 for n in range(0, 700, 5)])
    assert later[-1] in (0, 1, 2, 3)
    assert 4 in later
    assert later == [4] * later.count(4) + later[later.count(4) :]


def test_time_that_goes_back_lets_the_video_go_on(tmp_path: Path) -> None:
    background = VideoBackground(write(tmp_path / "clip.mp4", 10))
    assert numbers(background, [5.0, 5.121, 5.161]) == [0, 3, 4]
    assert numbers(background, [0.0, 0.04, 0.08]) == [4, 5, 6]
    assert numbers(background, [0.0, 0.0]) == [6, 6]


def test_after_a_long_pause_it_goes_on_within_two_seconds(tmp_path: Path) -> None:
    background = VideoBackground(write(tmp_path / "clip.mp4", 10))
    # Ten frames last 0.4 s, and two seconds are five rounds of them.
    assert numbers(background, [0.0, 0.001, 86_400.0, 86_400.04]) == [0, 0, 0, 1]


@pytest.mark.parametrize("kind", KINDS)
def test_one_frame_stands_still(tmp_path: Path, kind: str) -> None:
    background = VideoBackground(write(tmp_path / kind, 1))
    assert numbers(background, [0.0, 0.02, 0.04, 1.0, 50.0, 0.0]) == [0] * 6


@pytest.mark.parametrize("name", ["p.png", "p.jpg", "p.webp", "p.bmp", "grey.png"])
def test_a_still_picture_stands_still(tmp_path: Path, name: str) -> None:
    rgb = np.full((90, 160, 3), (120, 120, 120) if name == "grey.png" else (200, 120, 40), np.uint8)
    cv2.imwrite(str(tmp_path / name), rgb[..., 0] if name == "grey.png" else rgb[..., ::-1])
    background = VideoBackground(str(tmp_path / name))
    for size in (Size(640, 480), Size(33, 21), Size(64, 48)):
        assert np.abs(rgb_at(background, size).astype(int) - rgb[0, 0]).max() <= 5
    background.render(frame_at(9.0), None)


@pytest.mark.parametrize("shown", SPACES)
@pytest.mark.parametrize("stored", SPACES)
def test_colours_come_out_as_the_file_means_them(tmp_path: Path, stored: ColorSpace, shown: ColorSpace) -> None:
    rgb = np.full((48, 64, 3), (200, 120, 40), np.uint8)
    background = VideoBackground(write(tmp_path / "clip.mp4", 2, picture=rgb, color=stored))
    assert np.abs(rgb_at(background, SIZE, shown).astype(int) - rgb[0, 0]).max() <= 5


@pytest.mark.parametrize("pix_fmt", ["yuv422p", "yuv444p", "yuv420p10le"])
def test_other_pixel_formats_are_converted(tmp_path: Path, pix_fmt: str) -> None:
    rgb = np.full((48, 64, 3), (200, 120, 40), np.uint8)
    background = VideoBackground(write(tmp_path / "clip.mp4", 2, picture=rgb, pix_fmt=pix_fmt))
    for color in SPACES:
        assert np.abs(rgb_at(background, SIZE, color).astype(int) - rgb[0, 0]).max() <= 6


@pytest.mark.parametrize("size", [Size(128, 96), Size(256, 96), Size(64, 96), Size(1280, 720), Size(120, 500)])
@pytest.mark.parametrize("stored", [Size(64, 48), Size(160, 90), Size(90, 160), Size(640, 480)])
def test_it_covers_the_frame_from_its_middle(tmp_path: Path, stored: Size, size: Size) -> None:
    rgb = np.empty((stored.height, stored.width, 3), np.uint8)
    rgb[:, : stored.width // 2], rgb[:, stored.width // 2 :] = (180, 60, 60), (60, 60, 180)
    background = VideoBackground(write(tmp_path / "clip.mp4", 1, size=stored, picture=rgb))
    shown = rgb_at(background, size).astype(int)
    reach = 4 + int(3 * max(size.width / stored.width, size.height / stored.height))
    assert np.abs(shown[:, : size.width // 2 - reach] - (180, 60, 60)).max() <= 8
    assert np.abs(shown[:, size.width // 2 + reach :] - (60, 60, 180)).max() <= 8


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_a_rotation_tag_is_obeyed_as_sources_do(tmp_path: Path, rotation: int) -> None:
    rgb = np.full((48, 64, 3), 60, np.uint8)
    rgb[:24, :32] = (60, 200, 60)
    rgb[24:, :32] = (200, 60, 60)
    path = write(tmp_path / "clip.mp4", 2, picture=rgb, rotation=rotation)
    source = VideoSource(path, SourceWish(), SystemClock(), lambda fact: None)
    upright = source.read()
    source.close()
    assert upright is not None
    shown = VideoBackground(path).render(Frame(upright.planes, upright.size, color=upright.color), None)
    for ours, theirs in zip(shown, upright.planes, strict=True):
        assert np.abs(ours.astype(int) - theirs).max() <= 2


def test_a_damaged_end_starts_over(tmp_path: Path) -> None:
    path = Path(write(tmp_path / "clip.ts", 25, gop=5))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    background = VideoBackground(str(path))
    shown = numbers(background, [n / 25 + 0.001 for n in range(100)])
    length = shown.index(0, 1)
    assert 3 < length < 25
    assert shown == [n % length for n in range(100)]


def test_damage_in_the_middle_is_passed_over(tmp_path: Path) -> None:
    path = Path(write(tmp_path / "clip.ts", 25, gop=5))
    data = bytearray(path.read_bytes())
    data[len(data) // 3 : len(data) // 3 + 300] = bytes(300)
    path.write_bytes(bytes(data))
    shown = numbers(VideoBackground(str(path)), [n / 25 + 0.001 for n in range(60)])
    assert shown[0] == 0
    assert 24 in shown
    assert 0 in shown[20:]


def test_a_file_that_goes_away_leaves_its_last_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(write(tmp_path / "clip.mp4", 5))
    background = VideoBackground(str(path))
    path.unlink()  # the file stays open and can still be sought
    assert numbers(background, [n / 25 + 0.001 for n in range(12)])[-1] == 1

    path = Path(write(tmp_path / "again.gif", 5))
    background = VideoBackground(str(path))
    monkeypatch.setattr(background._clip, "_pts", -1)  # as if seeking led elsewhere, so that it is opened again
    path.unlink()
    assert numbers(background, [n / 25 + 0.001 for n in range(12)])[-1] == 4


def test_a_file_that_cannot_be_sought_is_opened_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    background = VideoBackground(write(tmp_path / "clip.mp4", 5))
    monkeypatch.setattr(background._clip, "_pts", -1)
    shown = numbers(background, [n / 25 + 0.001 for n in range(23)])
    assert shown == [n % 5 for n in range(23)]


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p"])
@pytest.mark.parametrize("rotation", [0, 90])
def test_memory_does_not_grow_over_many_rounds(tmp_path: Path, pix_fmt: str, rotation: int) -> None:
    path = write(tmp_path / "clip.mp4", 8, size=Size(640, 360), pix_fmt=pix_fmt, rotation=rotation)
    background, process, frame = VideoBackground(path), psutil.Process(), frame_at(0, Size(320, 240))

    def play(start: int, count: int) -> int:
        for number in range(start, start + count):
            frame.pts = number * 40_000
            background.render(frame, None)
        return int(process.memory_info().rss)

    gc.disable()  # what only the garbage collector frees piles up: 640 x 360 would be 345 kB a frame
    try:
        before = play(0, 80)
        assert play(80, 400) - before < 8_000_000
    finally:
        gc.enable()


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("no video\n" * 50)
    (tmp_path / "text.txt").write_text("no video\n" * 50)
    for name in ("empty.mp4", "text.mp4", "text.txt"):
        with pytest.raises(UsageError, match="is no video that can be read"):
            VideoBackground(str(tmp_path / name))
    with pytest.raises(UsageError, match="is not there"):
        VideoBackground(str(tmp_path / "none.mp4"))
    with pytest.raises(UsageError, match="is a folder"):
        VideoBackground(str(tmp_path))
    with pytest.raises(UsageError, match="is no video"):
        VideoBackground("a\0b")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_video_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    path = Path(write(tmp_path / "clip.mp4", 1))
    path.chmod(0)
    with pytest.raises(NotPermitted, match="may not be read"):
        VideoBackground(str(path))
