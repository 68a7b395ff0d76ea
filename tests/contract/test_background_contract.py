"""What every `Background` must keep, the fake among them."""

from __future__ import annotations

import gc
import importlib
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from edgeseg.backgrounds import BACKGROUNDS
from edgeseg.backgrounds.blur import BlurBackground
from edgeseg.backgrounds.color import ColorBackground
from edgeseg.backgrounds.image import ImageBackground
from edgeseg.backgrounds.video import VideoBackground
from edgeseg.frames import U8, ColorSpace, Frame, Mask, Planes, Size
from edgeseg.ports import Background
from edgeseg.stages.pixels import i420_to_rgb, yuv
from edgeseg.testing.background import FakeBackground

SPACES = [ColorSpace(matrix, full) for matrix in ("bt601", "bt709") for full in (False, True)]
RGB = (200, 120, 40)
SIZE = Size(128, 96)
Make = Callable[[], Background]


def picture(path: Path) -> str:
    cv2.imwrite(str(path), np.full((90, 160, 3), RGB[::-1], np.uint8))
    return str(path)


def clip(path: Path) -> str:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = 160, 90, "yuv420p"
        for _ in range(5):
            shot = av.VideoFrame.from_ndarray(np.full((90, 160, 3), RGB, np.uint8), "rgb24")
            container.mux(stream.encode(shot.reformat(format="yuv420p", dst_colorspace="itu601")))
        container.mux(stream.encode())
    return str(path)


@pytest.fixture(params=["fake", "blur:1", "blur:50", "blur:100", "color", "image", "video"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make(kind: str, tmp_path: Path) -> Iterator[Make]:
    made: list[Background] = []

    def build() -> Background:
        made.append(_build(kind, tmp_path))
        return made[-1]

    yield build
    for background in made:
        background.close()


def _build(kind: str, folder: Path) -> Background:
    name, _, where = kind.partition(":")
    if name == "fake":
        return FakeBackground(RGB)
    if name == "blur":
        return BlurBackground(where)
    if name == "color":
        return ColorBackground("#{:02x}{:02x}{:02x}".format(*RGB))
    if name == "image":
        return ImageBackground(picture(folder / "picture.png"))
    return VideoBackground(clip(folder / "clip.mp4"))


def plain(size: Size = SIZE, color: ColorSpace = ColorSpace(), index: int = 0) -> Frame:  # noqa: B008
    planes = Planes.allocate(size)
    planes.fill(yuv(RGB, color))
    return Frame(planes, size, index, index * 40_000, color=color)


def checkerboard(size: Size = SIZE, index: int = 0) -> Frame:
    """Squares of two pixels, as dark and light and as green and red as can be."""
    planes = Planes.allocate(size)
    for plane, square in zip(planes, (2, 1, 1), strict=True):
        rows, columns = np.indices(plane.shape) // square
        plane[...] = np.where((rows + columns) % 2, 255, 0)
    return Frame(planes, size, index, index * 40_000)


def masks() -> list[Mask | None]:
    soft = np.zeros((36, 64), np.uint8)
    cv2.ellipse(soft, (32, 25), (12, 18), 0, 0, 360, 255, -1)
    alphas: list[U8] = [soft, cv2.GaussianBlur(soft, (15, 15), 0)]
    for shape in ((1, 1), (36, 64), (144, 256), (256, 256), (97, 129), (500, 700)):
        alphas += [np.zeros(shape, np.uint8), np.full(shape, 255, np.uint8)]
    alphas.append(np.tile(np.array([[0, 255]], np.uint8), (90, 80)))
    return [None, *[Mask(alpha) for alpha in alphas]]


def rgb_of(planes: Planes, color: ColorSpace) -> U8:
    out = np.empty((*planes.y.shape, 3), np.uint8)
    i420_to_rgb(planes, color, out)
    return out


@pytest.mark.parametrize("color", SPACES)
def test_the_same_colour_in_every_colour_space(make: Make, color: ColorSpace) -> None:
    shown = make().render(plain(color=color), None)
    assert np.abs(rgb_of(shown, color).astype(int) - RGB).max() <= 5


def test_a_colour_space_may_change_midway(make: Make) -> None:
    background = make()
    for index, color in enumerate([*SPACES, *SPACES]):
        shown = background.render(plain(color=color, index=index), None)
        assert np.abs(rgb_of(shown, color).astype(int) - RGB).max() <= 5


def test_planes_have_the_size_of_the_frame_whatever_it_becomes(make: Make) -> None:
    background = make()
    sizes = [Size(128, 96), Size(127, 95), Size(2, 2), Size(640, 2), Size(2, 360), Size(1, 1), Size(33, 21), SIZE]
    for index, size in enumerate(sizes):
        for mask in (None, masks()[1]):
            shown = background.render(plain(size, index=index), mask)
            assert shown.size == size.even
            assert shown.u.shape == shown.v.shape == (size.even.height // 2, size.even.width // 2)
            assert all(plane.dtype == np.uint8 and plane.strides[1] == 1 for plane in shown)


@pytest.mark.parametrize("size", [Size(1280, 720), Size(128, 96), Size(33, 21)])
def test_the_half_if_there_is_one_is_the_luma_with_each_pixel_four_times(make: Make, size: Size) -> None:
    background = make()
    for mask in (None, masks()[1]):
        shown = background.render(checkerboard(size), mask)
        if background.half is not None:
            assert np.array_equal(shown.y, background.half.repeat(2, axis=0).repeat(2, axis=1))


def test_any_mask_will_do(make: Make) -> None:
    background = make()
    for index, mask in enumerate(masks()):
        shown = background.render(plain(index=index), mask)
        assert np.abs(rgb_of(shown, ColorSpace()).astype(int) - RGB).max() <= 5


def test_neither_frame_nor_mask_is_written(make: Make) -> None:
    background = make()
    frame = checkerboard()
    for plane in frame.planes:
        plane.flags.writeable = False
    for mask in masks():
        if mask is not None:
            mask.alpha.flags.writeable = False
        shown = background.render(frame, mask)
        assert not any(np.shares_memory(a, b) for a in shown for b in frame.planes)


def test_the_room_is_not_shown(make: Make) -> None:
    background = make()
    room = np.zeros((90, 160), np.uint8)
    room[:, 60:100] = 255
    for mask in (None, Mask(np.zeros((90, 160), np.uint8)), Mask(room), Mask(np.full((90, 160), 255, np.uint8))):
        for size in (Size(1280, 720), Size(640, 480), SIZE, Size(322, 242)):
            shown = background.render(checkerboard(size), mask)
            for plane in shown:  # in a corner, mirrored at two edges, one square weighs four times
                assert plane.std() <= 2.5, (size, mask and mask.coverage)
                assert np.ptp(np.percentile(plane, [1, 99])) <= 12, (size, mask and mask.coverage)


def test_the_frame_has_no_influence(make: Make, kind: str) -> None:
    if kind.startswith("blur"):
        pytest.skip("shows the room, blurred")
    background = make()
    first = [plane.copy() for plane in background.render(plain(), None)]
    for frame in (plain(), checkerboard()):
        for mask in masks():
            shown = background.render(frame, mask)
            assert all(np.array_equal(a, b) for a, b in zip(first, shown, strict=True))


def test_nothing_grows(make: Make) -> None:
    background = make()
    frames, mask = [checkerboard(index=index) for index in range(8)], masks()[1]

    def play(rounds: int) -> set[int]:
        seen = set()
        for count in range(rounds):
            frame = frames[count % 8]
            frame.pts = (rounds * 8 + count) * 40_000
            seen.add(background.render(frame, mask).y.ctypes.data)
            if isinstance(background, FakeBackground):
                background.rendered.clear()
        return seen

    play(40)
    gc.collect()
    gc.disable()  # what only the garbage collector frees piles up on a device that is short of memory
    tracemalloc.start()
    try:
        play(40)
        before = tracemalloc.get_traced_memory()[0]
        assert len(play(200)) <= 2
        assert tracemalloc.get_traced_memory()[0] - before < 20_000
    finally:
        tracemalloc.stop()
        gc.enable()


def test_it_closes_more_than_once(make: Make) -> None:
    background = make()
    background.render(plain(), None)
    background.close()
    background.close()
    make().close()


def test_time_may_stand_still_and_go_back(make: Make) -> None:
    background = make()
    for index in (5, 5, 0, 0, 3, 1_000_000, 2):
        assert background.render(plain(index=index), None).size == SIZE


def test_the_table_names_classes_that_are_there() -> None:
    for target in BACKGROUNDS.values():
        module, _, name = target.partition(":")
        assert isinstance(getattr(importlib.import_module(module), name), type)


def test_the_fake_fails_when_told_and_remembers() -> None:
    slept: list[int] = []
    fake = FakeBackground(fail_at=2, slow=lambda frame: slept.append(frame.index))
    first = fake.render(plain(index=7), Mask(np.zeros((2, 2), np.uint8), frame_index=6))
    before = first.y.copy()
    fake.render(plain(index=8), None)
    assert not np.array_equal(before, first.y)  # valid until the next call, and no longer
    for _ in range(2):
        with pytest.raises(type(fake.error), match="told to fail"):
            fake.render(plain(index=9), None)
    assert [(seen.index, seen.mask_of) for seen in fake.rendered] == [(7, 6), (8, None), (9, None), (9, None)]
    assert slept == [7, 8, 9, 9]
    fake.close()
    with pytest.raises(AssertionError, match="after close"):
        fake.render(plain(), None)


def test_the_same_object_is_the_same_picture(make: Make) -> None:
    background = make()
    last: Planes | None = None
    seen: list[U8] = []
    for index in range(12):
        frame = checkerboard(index=index)
        frame.planes.y[: 8 * index] = 16
        planes = background.render(frame, masks()[index % 4])
        if planes is last:
            assert all(np.array_equal(now, before) for now, before in zip(planes, seen, strict=True))
        last, seen = planes, [plane.copy() for plane in planes]
