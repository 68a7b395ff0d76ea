"""What every `FrameSink` must keep, the fake among them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from edgeseg.errors import OutputError
from edgeseg.facts import Fact, Opened
from edgeseg.frames import Frame, Planes, Size
from edgeseg.ports import FrameSink, SinkWish
from edgeseg.sinks.images import ImagesSink
from edgeseg.sinks.null import NullSink
from edgeseg.sinks.v4l2 import V4l2Sink
from edgeseg.sinks.video import VideoSink
from edgeseg.sinks.y4m import Y4mSink
from edgeseg.testing.sink import FakeSink

WISH = SinkWish(fps=Fraction(30))


@dataclass
class Case:
    open: Callable[..., FrameSink]
    where: Path | None
    facts: list[Fact]


def webcam() -> str:
    for path in sorted(Path("/dev").glob("video*")):
        try:
            V4l2Sink(str(path), WISH, lambda fact: None).close()
        except Exception:  # noqa: BLE001
            continue
        return str(path)
    pytest.skip("no video output device here; the guest has one")


@pytest.fixture(params=["fake", "null", "mp4", "mov", "mkv", "webm", "images", "png", "jpg", "y4m", "v4l2"])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    kind: str = request.param
    facts: list[Fact] = []
    classes = {"fake": FakeSink, "null": NullSink, "images": ImagesSink, "png": ImagesSink, "jpg": ImagesSink}
    if kind == "y4m":
        read, write = os.open("/dev/null", os.O_RDONLY), os.open("/dev/null", os.O_WRONLY)
        yield Case(lambda wish=WISH: Y4mSink("-", wish, facts.append, write), None, facts)
        os.close(read)
        os.close(write)
    elif kind == "v4l2":
        where = webcam()
        yield Case(lambda wish=WISH: V4l2Sink(where, wish, facts.append), None, facts)
    else:
        path = tmp_path / ("frames" if kind == "images" else f"o.{kind}")
        cls = classes.get(kind, VideoSink)
        yield Case(lambda wish=WISH: cls(str(path), wish, facts.append), path, facts)


def frame(index: int = 0, size: Size = Size(64, 48)) -> Frame:  # noqa: B008
    planes = Planes.allocate(size)
    planes.fill((40 + index, 100, 150))
    return Frame(planes, size, index, index * 33_333)


def test_nothing_is_made_before_the_first_write(case: Case, tmp_path: Path) -> None:
    sink = case.open()
    sink.close()
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten_before_the_first_write(case: Case) -> None:
    if case.where is None or not case.where.suffix:
        pytest.skip("is no file")
    case.where.write_text("precious")
    case.open().close()
    assert case.where.read_text() == "precious"


def test_it_closes_more_than_once_and_takes_nothing_after(case: Case) -> None:
    sink = case.open()
    for index in range(3):
        sink.write(frame(index))
    sink.close()
    sink.close()
    before = case.where.stat().st_size if case.where and case.where.exists() else None
    with pytest.raises(OutputError, match="closed"):
        sink.write(frame(3))
    sink.close()
    if before is not None:
        assert case.where is not None
        assert case.where.stat().st_size == before


def test_the_frame_is_neither_written_nor_kept(case: Case) -> None:
    sink = case.open()
    kept = frame(0, Size(65, 47))
    copy = [plane.copy() for plane in kept.planes]
    for plane in kept.planes:
        plane.flags.writeable = False
    sink.write(kept)
    sink.write(kept)
    for plane, before in zip(kept.planes, copy, strict=True):
        np.testing.assert_array_equal(plane, before)
    sink.close()


def test_it_says_what_it_is_in_one_line(case: Case) -> None:
    sink = case.open()
    assert sink.detail
    assert "\n" not in sink.detail
    assert isinstance(sink.keeps_alpha, bool)
    sink.write(frame())
    assert "\n" not in sink.detail
    sink.close()
    assert len([fact for fact in case.facts if isinstance(fact, Opened)]) <= 1


def test_it_knows_whether_anybody_reads_or_says_that_it_does_not(case: Case) -> None:
    sink = case.open()
    assert sink.watched in (True, False, None)
    sink.write(frame())
    assert sink.watched in (True, False, None)
    sink.close()
    assert sink.watched in (True, False, None)


def test_sizes_and_alpha_may_come_and_go(case: Case) -> None:
    sink = case.open()
    for index, size in enumerate([Size(64, 48), Size(33, 21), Size(640, 2), Size(1, 1), Size(64, 48)]):
        changed = frame(index, size)
        if index % 2:
            changed.alpha = np.full(changed.planes.y.shape, 128, np.uint8)
        sink.write(changed)
    sink.close()


def test_times_that_stand_still_do_no_harm(case: Case) -> None:
    sink = case.open()
    for index in range(4):
        still = frame(index)
        still.pts = 1000 * (index // 2)
        sink.write(still)
    sink.close()
