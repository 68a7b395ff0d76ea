from __future__ import annotations

import os
import pty
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from sink_pictures import decode, make_frame, rows

from edgeseg.errors import OutputClosed, OutputError, UsageError
from edgeseg.facts import Fact, Noted, ignore
from edgeseg.frames import ColorSpace, Size
from edgeseg.ports import SinkWish
from edgeseg.sinks.y4m import Y4mSink, header

FPS = Fraction(30_000, 1001)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    fd = os.open(tmp_path / "o.y4m", os.O_WRONLY | os.O_CREAT)
    yield tmp_path / "o.y4m", fd
    os.close(fd)


def test_the_header() -> None:
    wanted = b"YUV4MPEG2 W161 H91 F30000:1001 Ip A1:1 C420jpeg XCOLORRANGE=LIMITED\n"
    assert header(Size(161, 91), FPS, False) == wanted


@pytest.mark.parametrize("size", [Size(160, 120), Size(161, 91)])
@pytest.mark.parametrize("full_range", [False, True])
def test_ffmpeg_reads_every_pixel(file: tuple[Path, int], size: Size, full_range: bool) -> None:
    path, fd = file
    sink = Y4mSink("", SinkWish(FPS), ignore, fd)
    frames = [make_frame(i, size, color=ColorSpace("bt601", full_range)) for i in range(4)]
    for frame in frames:
        sink.write(frame)
    sink.close()
    os.fstat(fd)  # it was not ours to close
    pictures = decode(path)
    assert [(p.width, p.height) for p in pictures] == [size] * 4
    assert [p.pts * p.time_base for p in pictures] == [i / FPS for i in range(4)]
    assert pictures[0].color_range == (2 if full_range else 1)
    for picture, frame in zip(pictures, frames, strict=True):
        for plane, wanted in zip(picture.planes, frame.planes, strict=True):
            np.testing.assert_array_equal(rows(plane), wanted[: plane.height, : plane.width])


def test_planes_with_gaps_between_rows(file: tuple[Path, int]) -> None:
    path, fd = file
    frame = make_frame()
    frame.planes = type(frame.planes)(*(np.pad(p, ((0, 0), (0, 32)))[:, : p.shape[1]] for p in frame.planes))
    Y4mSink("", SinkWish(FPS), ignore, fd).write(frame)
    np.testing.assert_array_equal(rows(decode(path)[0].planes[0]), frame.planes.y)


def test_a_new_size_is_fitted_and_an_unknown_rate_is_noted(file: tuple[Path, int], facts: list[Fact]) -> None:
    path, fd = file
    sink = Y4mSink("", SinkWish(), facts.append, fd)
    sink.write(make_frame(0))
    sink.write(make_frame(1, Size(64, 64)))
    assert [(p.width, p.height) for p in decode(path)] == [(160, 120)] * 2
    assert [f for f in facts if isinstance(f, Noted)] == [
        Noted("output", "the frame rate is unknown: 25 fps is written"),
        Noted("output", "frames changed from 160x120 to 64x64; they are scaled to 160x120"),
    ]


def test_a_reader_that_goes_is_a_normal_end() -> None:
    read, write = os.pipe()
    sink = Y4mSink("", SinkWish(FPS), ignore, write)
    gone = threading.Thread(target=lambda: (os.read(read, 1000), os.close(read)))
    gone.start()
    with pytest.raises(OutputClosed, match=r"^whoever read standard output has gone$") as raised:  # noqa: PT012
        for index in range(1000):
            sink.write(make_frame(index))
    gone.join()
    assert raised.value.exit_code == 0
    sink.close()
    os.close(write)


def test_a_full_disk() -> None:
    fd = os.open("/dev/full", os.O_WRONLY)
    try:
        with pytest.raises(
            OutputError, match=r"^cannot write standard output: no space is left on that disk"
        ) as raised:
            Y4mSink("", SinkWish(FPS), ignore, fd).write(make_frame())
    finally:
        os.close(fd)
    assert raised.value.exit_code == 7


def test_a_terminal_is_spared() -> None:
    ours, theirs = pty.openpty()
    try:
        with pytest.raises(UsageError, match=r"pipe it into a player \(edgeseg \.\.\. \| ffplay -\) or name a file$"):
            Y4mSink("", SinkWish(FPS), ignore, theirs)
    finally:
        os.close(ours)
        os.close(theirs)


def test_no_standard_output() -> None:
    with pytest.raises(OutputError, match=r"^standard output is closed; name a file instead$"):
        Y4mSink("", SinkWish(FPS), ignore, 987)


def test_transparency() -> None:
    with pytest.raises(UsageError, match=r"cannot hold transparency; name a \.webm or \.mov file$"):
        Y4mSink("", SinkWish(FPS, alpha=True), ignore, 1)
