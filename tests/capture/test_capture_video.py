"""Video files: times, formats, rotation, and everything that can be wrong with one."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import Colorspace
from clips import noise, ramp, write_clip

from edgeseg.capture.video import VideoSource
from edgeseg.clock import SystemClock
from edgeseg.errors import NotPermitted, SourceError
from edgeseg.facts import Fact, Noted
from edgeseg.frames import ColorSpace, Frame, Size
from edgeseg.ports import SourceWish
from edgeseg.stages.pixels import i420_to_rgb


class HandClock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.time_s = 100.0

    def now(self) -> float:
        return self.time_s

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.time_s += seconds


def open_clip(path: Path, facts: list[Fact] | None = None) -> VideoSource:
    return VideoSource(str(path), SourceWish(), SystemClock(), ([] if facts is None else facts).append)


def read_all(source: VideoSource) -> list[Frame]:
    frames = []
    while (frame := source.read()) is not None:
        frames.append(frame)
    return frames


def rgb(frame: Frame) -> np.ndarray:
    out = np.empty((frame.size.height, frame.size.width, 3), np.uint8)
    i420_to_rgb(frame.planes, frame.color, out)
    return out.astype(int)


def test_times_of_a_variable_rate_are_kept_exactly(tmp_path: Path) -> None:
    pts = [0, 20, 60, 70, 200, 210]
    path = write_clip(tmp_path / "vfr.mp4", pts=pts, time_base=Fraction(1, 600), options={"bf": "0"})
    frames = read_all(open_clip(path))
    assert [frame.pts * frame.time_base for frame in frames] == [Fraction(value, 600) for value in pts]


def test_what_is_known_of_a_clip(tmp_path: Path) -> None:
    source = open_clip(write_clip(tmp_path / "a.mp4", audio=True))
    info = source.info
    assert (info.size, info.fps, info.frames, info.live) == (Size(64, 48), Fraction(30), 6, False)
    assert info.audio_from == str(tmp_path / "a.mp4")
    assert info.detail == f"{tmp_path / 'a.mp4'}: h264 64x48, 30 fps, with audio"
    source.close()


def test_i420_is_not_copied(tmp_path: Path) -> None:
    frame = open_clip(write_clip(tmp_path / "a.mp4")).read()
    assert frame is not None
    assert frame.owner is not None
    y = np.frombuffer(frame.owner.planes[0], np.uint8)  # type: ignore[attr-defined]
    assert np.shares_memory(frame.planes.y, y)


@pytest.mark.parametrize(
    ("degrees", "turns"), [(90, 1), (180, 2), (270, 3)], ids=["left up", "upside down", "right up"]
)
def test_the_rotation_tag_is_obeyed(tmp_path: Path, degrees: int, turns: int) -> None:
    flat = rgb(read_all(open_clip(write_clip(tmp_path / "flat.mp4")))[0])
    frame = read_all(open_clip(write_clip(tmp_path / "turned.mp4", rotation=degrees)))[0]
    assert frame.size == (Size(64, 48) if degrees == 180 else Size(48, 64))
    assert np.abs(rgb(frame) - np.rot90(flat, turns)).max() <= 6


def test_a_mirror_tag_is_obeyed(tmp_path: Path) -> None:
    flat = rgb(read_all(open_clip(write_clip(tmp_path / "flat.mp4")))[0])
    frame = read_all(open_clip(write_clip(tmp_path / "mirrored.mp4", mirrored=True)))[0]
    assert np.abs(rgb(frame) - flat[:, ::-1]).max() <= 6


@pytest.mark.parametrize("rotation", [None, 90, 180])
def test_odd_sides_repeat_the_last_row_and_column(tmp_path: Path, rotation: int | None) -> None:
    path = write_clip(tmp_path / "odd.mp4", size=Size(63, 47), pix_fmt="yuv444p", rotation=rotation)
    frame = read_all(open_clip(path))[0]
    upright = Size(47, 63) if rotation == 90 else Size(63, 47)
    assert (frame.size, frame.planes.size) == (upright, upright.even)
    assert np.array_equal(frame.planes.y[:, -1], frame.planes.y[:, -2])
    assert np.array_equal(frame.planes.y[-1], frame.planes.y[-2])
    expected = np.rot90(ramp(0, Size(63, 47)).astype(int), (rotation or 0) // 90)
    assert np.abs(rgb(frame) - expected).mean() < 6


FORMATS = [
    ("ffv1", "yuv420p10le", "a.mkv"),
    ("ffv1", "yuv420p16le", "a.mkv"),
    ("ffv1", "yuv422p", "a.mkv"),
    ("ffv1", "yuv444p", "a.mkv"),
    ("ffv1", "bgr0", "a.mkv"),
    ("libx264", "yuv420p10le", "a.mp4"),
    ("mjpeg", "yuvj420p", "a.avi"),
    ("mjpeg", "yuvj422p", "a.avi"),
    ("rawvideo", "bgr24", "a.avi"),
    ("rawvideo", "yuv420p", "a.avi"),
    ("png", "rgba", "a.mov"),
    ("gif", "rgb8", "a.gif"),
]


@pytest.mark.parametrize(("codec", "pix_fmt", "name"), FORMATS)
def test_every_pixel_format_shows_the_picture(tmp_path: Path, codec: str, pix_fmt: str, name: str) -> None:
    frames = read_all(open_clip(write_clip(tmp_path / name, codec=codec, pix_fmt=pix_fmt)))
    assert len(frames) == 6
    for number in (0, 5):
        assert np.abs(rgb(frames[number]) - ramp(number, Size(64, 48))).mean() < (20 if codec == "gif" else 5)


def test_grey_stays_grey(tmp_path: Path) -> None:
    frame = read_all(open_clip(write_clip(tmp_path / "a.mkv", codec="ffv1", pix_fmt="gray")))[0]
    assert set(np.unique(frame.planes.u)) == {128}
    assert frame.color.full_range
    assert np.ptp(rgb(frame), axis=2).max() <= 2


@pytest.mark.parametrize(("size", "matrix"), [(Size(640, 480), "bt601"), (Size(1280, 720), "bt709")])
def test_untagged_colour_is_taken_by_size(tmp_path: Path, size: Size, matrix: str) -> None:
    frame = open_clip(write_clip(tmp_path / "a.mp4", count=1, size=size)).read()
    assert frame is not None
    assert frame.color == ColorSpace(matrix, full_range=False)


def test_a_tag_says_the_colour(tmp_path: Path) -> None:
    options = {"colorspace": "bt709", "color_range": "pc"}
    frame = open_clip(write_clip(tmp_path / "a.mp4", count=1, options=options)).read()
    assert frame is not None
    assert frame.color == ColorSpace("bt709", full_range=True)


@pytest.mark.skipif(not hasattr(Colorspace, "bt2020"), reason="this PyAV cannot write BT.2020")
def test_bt2020_becomes_bt709(tmp_path: Path) -> None:
    options = {"colorspace": "bt2020nc", "color_range": "tv"}
    path = write_clip(tmp_path / "a.mp4", pix_fmt="yuv420p10le", options=options, dst_colorspace="bt2020")
    frame = read_all(open_clip(path))[0]
    assert frame.color == ColorSpace("bt709")
    assert np.abs(rgb(frame) - ramp(0, Size(64, 48))).mean() < 4


def test_a_format_that_cannot_be_converted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(picture: av.VideoFrame) -> None:
        raise av.error.NotImplementedError(95, "Operation not supported")

    monkeypatch.setattr("edgeseg.capture.decoded.as_i420", refuse)
    with pytest.raises(SourceError, match=r"a\.mp4 has pixels of the format yuv420p, which cannot be converted"):
        open_clip(write_clip(tmp_path / "a.mp4"))


def test_a_size_that_changes_midway_is_followed(tmp_path: Path) -> None:
    parts = [
        write_clip(tmp_path / f"{size}.ts", 4, size, codec="mpeg2video").read_bytes()
        for size in (Size(64, 48), Size(96, 64))
    ]
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(parts))
    frames = read_all(open_clip(path))
    # FFmpeg's MPEG-2 decoder itself loses the picture it holds back when the size changes.
    assert [frame.size for frame in frames] == [Size(64, 48)] * 3 + [Size(96, 64)] * 4
    times = [frame.time_s for frame in frames]
    assert times == sorted(times), "the second part starts at zero again"
    assert np.allclose(np.diff(times), 1 / 30, atol=1e-3)


def test_missing_timestamps_are_filled_in_from_the_rate(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.h264", options={"bf": "0"})
    frames = read_all(open_clip(path))
    steps = np.diff([frame.time_s for frame in frames])
    assert len(frames) == 6
    assert np.all(steps > 0)
    assert np.allclose(steps, steps[0])


def test_realtime_comes_when_it_is_due(tmp_path: Path) -> None:
    clock = HandClock()
    pts = [0, 60, 300, 360, 1200, 1260]
    path = write_clip(tmp_path / "a.mp4", pts=pts, time_base=Fraction(1, 600), options={"bf": "0"})
    source = VideoSource(str(path), SourceWish(realtime=True), clock, lambda fact: None)
    assert source.info.live
    arrivals = [frame.captured_at - 100 for frame in read_all(source)]
    assert arrivals == pytest.approx([value / 600 for value in pts])


def test_a_song_with_a_cover_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 48000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(SourceError, match=r"song\.mp4 has no video stream that can be decoded; give a video file\.$"):
        open_clip(path)


def test_a_clip_that_is_cut_short_gives_what_there_is(tmp_path: Path) -> None:
    whole = write_clip(tmp_path / "a.mkv", 60, codec="mpeg4", paint=noise).read_bytes()
    path = tmp_path / "cut.avi"
    avi = write_clip(tmp_path / "a.avi", 60, codec="mpeg4", paint=noise).read_bytes()
    path.write_bytes(avi[: len(avi) // 2])
    facts: list[Fact] = []
    frames = read_all(open_clip(path, facts))
    assert 5 < len(frames) < 60
    (noted,) = (fact for fact in facts if isinstance(fact, Noted))
    assert noted.what == "source"
    assert noted.detail == f"{path} gave {len(frames)} of 60 frames; the rest is cut off or damaged."
    path = tmp_path / "cut.mkv"
    path.write_bytes(whole[: len(whole) // 2])
    assert 5 < len(read_all(open_clip(path))) < 60


def test_damage_in_the_middle_is_passed_over(tmp_path: Path) -> None:
    data = bytearray(write_clip(tmp_path / "a.avi", 60, codec="mjpeg", pix_fmt="yuvj420p").read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = bytes(3000)
    path = tmp_path / "damaged.avi"
    path.write_bytes(data)
    frames = read_all(open_clip(path))
    assert 30 < len(frames) <= 60
    times = [frame.time_s for frame in frames]
    assert times == sorted(times)


NOT_READ = "is no video that FFmpeg can read; check the file, or convert it."
BAD = [
    ("empty.mp4", b"", "is empty (0 bytes); record or copy it again."),
    ("text.mp4", b"not a video\n" * 90, NOT_READ),
    ("text.txt", b"not a video\n" * 90, "is text, not a video; give a video file."),
    ("noise.mkv", bytes(range(256)) * 9, NOT_READ),
]


@pytest.mark.parametrize(("name", "content", "message"), BAD)
def test_what_is_no_video_is_said_in_one_sentence(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    path = tmp_path / name
    with pytest.raises(SourceError) as caught:
        open_clip(path)
    assert str(caught.value) == f"{path} {message}"


def test_a_clip_without_a_picture(tmp_path: Path) -> None:
    whole = write_clip(tmp_path / "a.mp4", options={"movflags": "faststart"}).read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(whole[: whole.index(b"mdat") + 8])
    with pytest.raises(SourceError, match=r"cut\.mp4 (holds no picture|is no video|has no video stream)"):
        open_clip(path)


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"^There is no file .*nope\.mp4; check the path\.$"):
        open_clip(tmp_path / "nope.mp4")
    with pytest.raises(SourceError, match=r"is a folder, not a video file; for a folder of pictures use images:"):
        open_clip(tmp_path)
    with pytest.raises(SourceError, match=r"null is a device, not a video file; for a camera use camera:/dev/null$"):
        open_clip(Path("/dev/null"))
    with pytest.raises(SourceError, match="cannot be read"):
        VideoSource("a\0b", SourceWish(), SystemClock(), lambda fact: None)
    (tmp_path / "a:b%03d.mp4").write_bytes(write_clip(tmp_path / "a.mp4").read_bytes())
    assert len(read_all(open_clip(tmp_path / "a:b%03d.mp4"))) == 6


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_file_of_another_user(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4")
    path.chmod(0o600)
    os.seteuid(65534)
    try:
        with pytest.raises(NotPermitted, match=r"may not be read by this user; change its permissions or the user\.$"):
            open_clip(path)
    finally:
        os.seteuid(0)
