"""What viewers get: the newest frame, each size encoded once, at a bounded rate, in the frame's colours."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from paging import picture, soon

from edgeseg.clock import SystemClock
from edgeseg.frames import BT601, ColorSpace, Frame, Planes, Size
from edgeseg.remote.preview import Picture, Preview, fitted
from edgeseg.stages.pixels import yuv
from edgeseg.web.stream import STREAM_WIDTHS, _Pace

CLOCK = SystemClock()
ORANGE = (230, 120, 20)


LARGE = Size(1280, 720)


def frame(index: int = 0, size: Size = LARGE, color: ColorSpace = BT601) -> Frame:
    planes = Planes.allocate(size)
    planes.fill(yuv(ORANGE, color))
    return Frame(planes, size, index, color=color, captured_at=CLOCK.now())


@pytest.fixture
def made() -> Iterator[tuple[Preview, list[Picture]]]:
    given: list[Picture] = []
    preview = Preview(CLOCK, given.append)
    yield preview, given
    preview.close()


def test_nobody_looks_and_nothing_is_copied(made: tuple[Preview, list[Picture]]) -> None:
    preview, given = made
    for index in range(50):
        preview.offer(frame(index, Size(64, 48)))
        preview.offer_source(frame(index, Size(64, 48)))
    assert (preview.encoded, given, preview._buffers) == (0, [], {})


def test_each_size_is_encoded_once_for_all_who_look(made: tuple[Preview, list[Picture]]) -> None:
    preview, given = made
    for width in (960, 960, 960, 400):
        preview.look(width)
    preview.offer(frame(7))
    soon(lambda: len(given) == 2)
    assert [(one.width, one.size, one.index) for one in given] == [(400, (400, 224), 7), (960, (960, 540), 7)]
    for width in (960, 960, 960, 400):
        preview.leave(width)
    assert preview.viewers == 0
    preview.offer(frame(8))
    assert preview.encoded == 2


@pytest.mark.parametrize("color", [BT601, ColorSpace("bt709"), ColorSpace("bt601", True), ColorSpace("bt709", True)])
def test_colours_are_those_of_the_frame(made: tuple[Preview, list[Picture]], color: ColorSpace) -> None:
    preview, given = made
    preview.look(640)
    preview.offer(frame(0, color=color))
    soon(lambda: given)
    rgb = np.median(picture(given[0].jpeg).reshape(-1, 3), axis=0)[::-1]
    assert rgb == pytest.approx(ORANGE, abs=5)


@pytest.mark.parametrize("size", [Size(640, 360), Size(321, 241), Size(63, 47)])
def test_a_small_or_odd_frame_stays_as_large_as_it_is(made: tuple[Preview, list[Picture]], size: Size) -> None:
    preview, given = made
    preview.look(960)
    planes = Planes.allocate(size)
    planes.fill(yuv(ORANGE, BT601))
    preview.offer(Frame(planes, size, 1))
    soon(lambda: given)
    assert picture(given[0].jpeg).shape == (size.even.height, size.even.width, 3)


def test_frames_that_change_their_size_are_no_matter(made: tuple[Preview, list[Picture]]) -> None:
    preview, given = made
    preview.look(960)
    for number, size in enumerate((Size(640, 360), Size(1280, 720), Size(64, 48))):
        soon(
            lambda size=size, number=number: (preview.offer(frame(number, size)), given and given[-1].index == number)[
                1
            ]
        )
    assert list(dict.fromkeys(one.size.width for one in given)) == [640, 960, 64]
    assert len(preview._buffers) == 1


def test_the_rate_is_bounded_and_the_newest_wins(made: tuple[Preview, list[Picture]]) -> None:
    preview, given = made
    preview.look(400)
    start, index = CLOCK.now(), 0
    one = frame(0, Size(320, 180))
    while CLOCK.now() - start < 1.0:
        one.index = index = index + 1
        preview.offer(one)
        CLOCK.sleep(0.001)
    assert 5 < len(given) <= 34
    assert given[-1].index > index - 200


def test_sizes_are_even_and_no_larger() -> None:
    assert fitted(Size(1920, 1080), 960) == (960, 540)
    assert fitted(Size(1000, 10), 400) == (400, 4)
    assert fitted(Size(5000, 2), 400).height >= 2


def test_who_misses_half_gets_less_and_who_misses_none_gets_more() -> None:
    now = [0.0]
    pace = _Pace(lambda: now[0])

    def steps(seconds: float, missed: int) -> list[int]:
        made = []
        until = now[0] + seconds
        while now[0] < until:
            now[0] += 0.1
            made.append(pace.judge(missed))
        return [one for one in made if one]

    assert steps(2.1, missed=2) == [1]
    assert steps(8, missed=0) == []
    assert steps(8, missed=0) == [-1]
    assert sorted(STREAM_WIDTHS, reverse=True) == list(STREAM_WIDTHS)
