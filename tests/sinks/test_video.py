"""What arrives in a video file: pixels, times, colour tags, audio, transparency; and what is left after a fault."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from sink_pictures import audio_of, decode, make_frame, psnr, rows

from edgeseg.errors import OutputError, UsageError
from edgeseg.facts import Fact, Noted, ignore
from edgeseg.frames import ColorSpace, Size
from edgeseg.ports import SinkWish
from edgeseg.sinks import video
from edgeseg.sinks.video import Codec, VideoSink

FPS = Fraction(30)
ENDINGS = [".mp4", ".mov", ".mkv", ".webm"]


def write(path: Path, frames: list, emit: Callable[[Fact], None] = ignore, **wish: object) -> VideoSink:
    sink = VideoSink(str(path), SinkWish(**{"fps": FPS, **wish}), emit)
    for frame in frames:
        sink.write(frame)
    sink.close()
    return sink


@pytest.mark.parametrize("ending", ENDINGS)
def test_pixels_come_back(tmp_path: Path, ending: str) -> None:
    frames = [make_frame(i) for i in range(20)]
    write(tmp_path / f"o{ending}", frames)
    pictures = decode(tmp_path / f"o{ending}")
    assert len(pictures) == 20
    for picture, frame in zip(pictures, frames, strict=True):
        for plane, expected in zip(picture.planes, frame.planes, strict=True):
            assert psnr(rows(plane), expected) > 35


@pytest.mark.parametrize("ending", [".mp4", ".mov"])
@pytest.mark.parametrize(
    ("time_base", "first"),
    [
        (Fraction(1, 1_000_000), 0),
        (Fraction(1, 1_000_000), 52_531),
        (Fraction(1001, 30_000), 5),
        (Fraction(1, 90_000), 7),
    ],
)
def test_variable_times_are_exact(tmp_path: Path, ending: str, time_base: Fraction, first: int) -> None:
    steps = np.random.default_rng(1).integers(1, 60_000 if time_base < Fraction(1, 1000) else 4, 40)
    frames = [make_frame(i, pts=first + int(p), time_base=time_base) for i, p in enumerate(np.cumsum(steps) - steps[0])]
    write(tmp_path / f"o{ending}", frames)
    times = [p.pts * p.time_base for p in decode(tmp_path / f"o{ending}")]
    assert times == [frame.pts * time_base for frame in frames]


@pytest.mark.parametrize("ending", [".mkv", ".webm"])
def test_matroska_keeps_milliseconds(tmp_path: Path, ending: str) -> None:
    frames = [make_frame(i, pts=p) for i, p in enumerate([40_400, 71_313, 133_700, 134_900, 500_000])]
    write(tmp_path / f"o{ending}", frames)
    times = [float(p.pts * p.time_base) for p in decode(tmp_path / f"o{ending}")]
    assert times == pytest.approx([frame.time_s for frame in frames], abs=0.0005)


def test_a_time_base_that_changes_is_rescaled_and_times_never_go_back(tmp_path: Path) -> None:
    frames = [
        make_frame(0, pts=0, time_base=Fraction(1, 1000)),
        make_frame(1, pts=2_000, time_base=Fraction(1, 30_000)),
        make_frame(2, pts=66, time_base=Fraction(1, 1000)),
        make_frame(3, pts=100, time_base=Fraction(1, 1000)),
    ]
    write(tmp_path / "o.mp4", frames)
    assert [p.pts * p.time_base for p in decode(tmp_path / "o.mp4")] == [Fraction(n, 1000) for n in (0, 67, 68, 100)]


def test_a_finer_time_base_than_a_container_has_becomes_microseconds(tmp_path: Path) -> None:
    frames = [make_frame(i, pts=i * 33_333_333, time_base=Fraction(1, 10**9)) for i in range(5)]
    write(tmp_path / "o.mp4", frames)
    times = [float(p.pts * p.time_base) for p in decode(tmp_path / "o.mp4")]
    assert times == pytest.approx([i * 0.033333 for i in range(5)], abs=2e-6)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("color", [ColorSpace("bt601", False), ColorSpace("bt709", False), ColorSpace("bt709", True)])
def test_colour_tags(tmp_path: Path, ending: str, color: ColorSpace) -> None:
    write(tmp_path / f"o{ending}", [make_frame(i, color=color) for i in range(3)])
    picture = decode(tmp_path / f"o{ending}")[0]
    assert picture.colorspace in {"bt601": (5, 6), "bt709": (1,)}[color.matrix]
    assert picture.color_range == (2 if color.full_range else 1)


@pytest.mark.parametrize("ending", ENDINGS)
def test_odd_sides_are_written_even(tmp_path: Path, ending: str) -> None:
    frame = make_frame(size=Size(161, 91))
    write(tmp_path / f"o{ending}", [frame])
    (picture,) = decode(tmp_path / f"o{ending}")
    assert (picture.width, picture.height) == (162, 92)
    assert psnr(rows(picture.planes[0]), frame.planes.y) > 35


def test_a_new_size_is_fitted_into_the_first(tmp_path: Path, facts: list[Fact]) -> None:
    frames = [make_frame(0), make_frame(1, Size(320, 120)), make_frame(2, Size(320, 120)), make_frame(3)]
    write(tmp_path / "o.mp4", frames, facts.append)
    pictures = decode(tmp_path / "o.mp4")
    assert [(p.width, p.height) for p in pictures] == [(160, 120)] * 4
    wide = rows(pictures[1].planes[0])
    assert wide[:24].max() < 24  # black above the letterboxed picture
    assert wide[-24:].max() < 24
    assert wide[40:80].mean() > 50
    assert psnr(rows(pictures[3].planes[0]), frames[3].planes.y) > 35
    notes = [fact for fact in facts if isinstance(fact, Noted)]
    assert notes == [Noted("output", "frames changed from 160x120 to 320x120; they are scaled to 160x120")]


class TestAudio:
    def test_is_copied_and_ends_with_the_video(self, tmp_path: Path, sine: Callable[..., Path]) -> None:
        source = sine()
        write(tmp_path / "o.mp4", [make_frame(i) for i in range(30)], audio_from=str(source))
        codec, times = audio_of(tmp_path / "o.mp4")
        assert codec == "aac"
        assert times == pytest.approx([t for t in audio_of(source)[1] if t < 1.0], abs=1e-6)
        with av.open(str(source)) as before, av.open(str(tmp_path / "o.mp4")) as after:
            packets = [bytes(p) for p in after.demux(audio=0) if p.size]
            assert packets == [bytes(p) for p in before.demux(audio=0) if p.size][: len(packets)]

    @pytest.mark.parametrize("ending", [".mp4", ".mkv"])
    def test_keeps_its_start_and_leaves_the_video_where_it_is(
        self, tmp_path: Path, sine: Callable[..., Path], ending: str
    ) -> None:
        source = sine("late.mkv", start_s=0.5)
        frames = [make_frame(i, pts=200_000 + 40_000 * i) for i in range(30)]
        write(tmp_path / f"o{ending}", frames, audio_from=str(source))
        _, times = audio_of(tmp_path / f"o{ending}")
        assert times[0] == pytest.approx(audio_of(source)[1][0], abs=0.002)
        assert times[0] > 0.4
        pictures = decode(tmp_path / f"o{ending}")
        assert float(pictures[0].pts * pictures[0].time_base) == pytest.approx(0.2, abs=1e-6)

    def test_priming_samples_do_not_move_the_video_in_matroska(self, tmp_path: Path, sine: Callable[..., Path]) -> None:
        source = sine()
        assert audio_of(source)[1][0] < 0
        write(tmp_path / "o.mkv", [make_frame(i) for i in range(30)], audio_from=str(source))
        assert decode(tmp_path / "o.mkv")[0].pts == 0
        assert audio_of(tmp_path / "o.mkv")[1][0] == 0

    def test_is_encoded_anew_where_the_container_cannot_hold_it(
        self, tmp_path: Path, sine: Callable[..., Path], facts: list[Fact]
    ) -> None:
        write(tmp_path / "o.webm", [make_frame(i) for i in range(45)], facts.append, audio_from=str(sine()))
        codec, times = audio_of(tmp_path / "o.webm")
        assert codec == "opus"
        assert times[-1] == pytest.approx(1.5, abs=0.05)
        assert Noted("audio", ".webm cannot hold aac audio: it is encoded anew as libopus") in facts
        with av.open(str(tmp_path / "o.webm")) as container:
            wave = np.concatenate([f.to_ndarray()[0] for f in container.decode(audio=0)])[4800:52800]
        assert np.argmax(np.abs(np.fft.rfft(wave))) == pytest.approx(440, abs=2)  # one second: bins are Hz

    def test_is_left_out_where_it_can_be_neither_copied_nor_encoded(
        self, tmp_path: Path, sine: Callable[..., Path], facts: list[Fact], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(video.AudioTrack.open.__func__.__globals__["_ENCODER"], ".webm", "libnothing")
        write(tmp_path / "o.webm", [make_frame(i) for i in range(3)], facts.append, audio_from=str(sine()))
        assert len(decode(tmp_path / "o.webm")) == 3
        (note,) = [fact for fact in facts if isinstance(fact, Noted)]
        assert note.detail.startswith(f"the audio of {tmp_path / 'sine.mp4'} is left out: ")

    def test_that_is_refused_with_the_header_is_encoded_anew(
        self, tmp_path: Path, sine: Callable[..., Path], facts: list[Fact]
    ) -> None:
        source = sine("sine.mkv", codec="libopus")
        write(tmp_path / "o.mov", [make_frame(i) for i in range(3)], facts.append, audio_from=str(source))
        assert len(decode(tmp_path / "o.mov")) == 3
        assert audio_of(tmp_path / "o.mov")[0] == "aac"
        assert Noted("audio", ".mov cannot hold opus audio: it is encoded anew as aac") in facts

    def test_a_source_without_audio_is_no_news(self, tmp_path: Path, facts: list[Fact]) -> None:
        write(tmp_path / "silent.mp4", [make_frame(i) for i in range(3)])
        write(tmp_path / "o.mp4", [make_frame(0)], facts.append, audio_from=str(tmp_path / "silent.mp4"))
        assert not [fact for fact in facts if isinstance(fact, Noted)]

    def test_the_source_is_never_written_over(self, tmp_path: Path, sine: Callable[..., Path]) -> None:
        source = sine()
        with pytest.raises(UsageError, match="is both the source and the output; name another output"):
            VideoSink(str(source), SinkWish(audio_from=str(source)), ignore)


class TestAlpha:
    def test_webm(self, tmp_path: Path) -> None:
        frames = [make_frame(i, alpha=True) for i in range(5)]
        sink = write(tmp_path / "o.webm", frames, alpha=True)
        assert sink.keeps_alpha
        decoder = av.CodecContext.create("libvpx-vp9", "r")  # FFmpeg's own VP9 decoder does not look at alpha
        with av.open(str(tmp_path / "o.webm")) as container:
            pictures = [f for p in container.demux(video=0) for f in decoder.decode(p if p.size else None)]
        assert len(pictures) == 5
        for picture, frame in zip(pictures, frames, strict=True):
            assert picture.format.name == "yuva420p"
            assert psnr(rows(picture.planes[3]), frame.alpha) > 35
            assert psnr(rows(picture.planes[0]), frame.planes.y) > 35

    @pytest.mark.parametrize("codec", range(2))
    @pytest.mark.parametrize("color", [ColorSpace("bt601"), ColorSpace("bt709"), ColorSpace("bt709", True)])
    def test_mov(self, tmp_path: Path, codec: int, color: ColorSpace, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(video.ALPHA_CODECS, ".mov", video.ALPHA_CODECS[".mov"][codec:])
        frames = [make_frame(i, alpha=True, color=color) for i in range(3)]
        write(tmp_path / "o.mov", frames, alpha=True)
        pictures = decode(tmp_path / "o.mov")
        assert len(pictures) == 3
        for picture, frame in zip(pictures, frames, strict=True):
            rgba = picture.to_ndarray(format="rgba")
            assert np.abs(rgba[..., 3].astype(int) - frame.alpha).max() <= 1
            u, v = (np.repeat(np.repeat(p, 2, 0), 2, 1) for p in frame.planes[1:])
            rgb = np.stack([frame.planes.y, u, v, np.ones_like(u)], -1).astype(float) @ color.to_rgb().T
            assert psnr(rgba[..., :3], rgb.clip(0, 255)) > 35

    @pytest.mark.parametrize("ending", [".webm", ".mov"])
    def test_a_frame_without_alpha_is_opaque(self, tmp_path: Path, ending: str) -> None:
        write(tmp_path / f"o{ending}", [make_frame(0)], alpha=True)
        assert len(decode(tmp_path / f"o{ending}")) == 1

    @pytest.mark.parametrize("ending", [".mp4", ".mkv"])
    def test_other_endings_say_which_can(self, tmp_path: Path, ending: str) -> None:
        path = tmp_path / f"o{ending}"
        said = f"{path}: a {ending} file cannot hold transparency; use .webm or .mov, or a folder of PNGs"
        with pytest.raises(UsageError, match=f"^{re.escape(said)}$"):
            VideoSink(str(path), SinkWish(alpha=True), ignore)


class TestRefusals:
    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("o.mp5", "o.mp5 ends in '.mp5', which names no kind of video file: did you mean '.mp4'?"),
            ("o.xyz", "names no kind of video file: choose one of .mkv, .mov, .mp4, .webm."),
            ("o", "o has no ending that names a kind of video file: choose one of .mkv, .mov, .mp4, .webm."),
        ],
    )
    def test_unknown_endings(self, tmp_path: Path, name: str, said: str) -> None:
        with pytest.raises(UsageError, match=re.escape(said)):
            VideoSink(str(tmp_path / name), SinkWish(), ignore)

    def test_a_missing_folder(self, tmp_path: Path) -> None:
        path = tmp_path / "no" / "o.mp4"
        said = f"cannot write {path}: the folder {path.parent} does not exist; make it first"
        with pytest.raises(OutputError, match=f"^{re.escape(said)}$"):
            VideoSink(str(path), SinkWish(), ignore)

    def test_a_folder(self, tmp_path: Path) -> None:
        (tmp_path / "o.mp4").mkdir()
        with pytest.raises(OutputError, match="it is a folder; name a file in it"):
            VideoSink(str(tmp_path / "o.mp4"), SinkWish(), ignore)

    def test_a_place_in_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "f").touch()
        with pytest.raises(OutputError, match="is a file, not a folder"):
            VideoSink(str(tmp_path / "f" / "o.mp4"), SinkWish(), ignore)

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_a_folder_of_others(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o500)
        with pytest.raises(OutputError, match="is not writable by this user"):
            VideoSink(str(tmp_path / "o.mp4"), SinkWish(), ignore)

    def test_a_build_without_the_codec_takes_the_next_and_says_so(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "o.mp4"
        monkeypatch.setitem(video.CODECS, ".mp4", (Codec("libnothing"), *video.CODECS[".mp4"][2:]))
        frames = [make_frame(i) for i in range(5)]
        sink = write(path, frames)
        assert sink.detail == f"{path}: mpeg4 (libnothing is not in this build of FFmpeg)"
        assert psnr(rows(decode(path)[2].planes[0]), frames[2].planes.y) > 30

    def test_a_build_without_any_codec(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(video.CODECS, ".mp4", (Codec("libnothing"), Codec("libnone")))
        with pytest.raises(OutputError, match="has none of the encoders libnothing, libnone"):
            VideoSink(str(tmp_path / "o.mp4"), SinkWish(), ignore)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small disk needs root and the right to mount")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def noisy(index: int) -> object:
    frame = make_frame(index, Size(320, 240))
    frame.planes.y[...] = np.random.default_rng(index).integers(16, 236, frame.planes.y.shape)
    return frame


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_full_disk_leaves_what_was_written(
    small_disk: Path, sine: Callable[..., Path], ending: str, facts: list[Fact]
) -> None:
    path = small_disk / f"o{ending}"
    sink = VideoSink(str(path), SinkWish(fps=FPS, audio_from=str(sine())), facts.append)
    said = f"cannot write {path}: no space is left on that disk; what was written so far is kept, free some space"
    with pytest.raises(OutputError, match=f"^{re.escape(said)}$"):  # noqa: PT012
        for index in range(1000):
            sink.write(noisy(index))
        sink.close()
    with pytest.raises(OutputError, match="it was closed"):
        sink.write(noisy(0))
    sink.close()
    sink.close()
    assert playable(path) >= 10


def playable(path: Path) -> int:
    """How many frames a player gets to show before the place where the file breaks off."""
    count = 0
    with av.open(str(path)) as container:
        try:
            for _ in container.decode(video=0):
                count += 1
        except av.error.FFmpegError:
            pass
    return count


CHILD = """
import sys
sys.path.insert(0, {here!r})
from fractions import Fraction
from sink_pictures import make_frame
from edgeseg.facts import ignore
from edgeseg.ports import SinkWish
from edgeseg.sinks.video import VideoSink

sink = VideoSink({path!r}, SinkWish(fps=Fraction(30)), ignore)
for index in range(100_000):
    sink.write(make_frame(index))
    print(index, flush=True)
"""


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_killed_process_leaves_a_file_that_plays(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"o{ending}"
    code = CHILD.format(here=str(Path(__file__).parent), path=str(path))
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    for line in child.stdout:
        if int(line) >= 300:
            break
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert playable(path) >= 300 - 2 * 60 - 30  # two groups of pictures of two seconds, and what threads hold
