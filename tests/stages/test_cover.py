"""Which part of a picture fills a frame."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.frames import Planes, Rect, Size
from edgeseg.stages.cover import Cover, cover

sides = st.integers(1, 5000)
even = st.integers(1, 1000).map(lambda half: 2 * half)


@given(st.builds(Size, sides, sides), st.builds(Size, even, even))
def test_the_part_is_in_the_middle_and_no_more_than_needed(source: Size, target: Size) -> None:
    part, grown = cover(source, target)
    assert 0 <= part.left < part.right <= source.width
    assert 0 <= part.top < part.bottom <= source.height
    assert part.left == source.width - part.right
    assert part.top == source.height - part.bottom
    assert part.left == 0 or part.top == 0
    assert grown.width >= target.width
    assert grown.height >= target.height
    assert grown.width % 2 == grown.height % 2 == 0
    scale = max(target.width / source.width, target.height / source.height)
    for side, size, wanted in zip(grown, part.size, target, strict=True):
        assert abs(side - size * scale) <= 1.01
        assert side - wanted <= 2 * scale + 2


@given(st.builds(Size, even, even), st.builds(Size, even, even))
def test_with_a_step_of_two_it_lies_on_whole_chroma_pixels(source: Size, target: Size) -> None:
    part, _ = cover(source, target, 2)
    assert all(edge % 2 == 0 for edge in part)
    assert part.right <= source.width


def test_the_same_shape_is_taken_whole() -> None:
    assert cover(Size(1920, 1080), Size(1280, 720), 2) == (Rect(0, 0, 1920, 1080), Size(1280, 720))


@pytest.mark.parametrize("source", [Size(64, 48), Size(48, 64), Size(200, 20), Size(20, 200), Size(2, 2)])
@pytest.mark.parametrize("target", [Size(64, 48), Size(128, 72), Size(30, 50), Size(2, 2)])
def test_planes_are_centred(source: Size, target: Size) -> None:
    planes, out = Planes.allocate(source), Planes.allocate(target)
    for plane in planes:  # a ramp around 128 in the middle, to the right and to the bottom
        rows, columns = (np.linspace(-1, 1, side) if side > 1 else np.zeros(1) for side in plane.shape)
        plane[...] = np.rint(128 + 60 * columns[None, :] + 60 * rows[:, None])
    Cover(source, target)(planes, out)
    for plane in out:
        assert abs(float(plane.mean()) - 128) <= 1
        assert np.abs(plane.astype(int) + plane[::-1, ::-1] - 256).max() <= 3
