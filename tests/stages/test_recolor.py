"""From one colour space to another."""

from __future__ import annotations

import numpy as np
import pytest

from edgeseg.frames import ColorSpace, Planes, Size
from edgeseg.stages.recolor import Recolor

SPACES = [ColorSpace(matrix, full) for matrix in ("bt601", "bt709") for full in (False, True)]
COLOURS = [(0, 0, 0), (255, 255, 255), (128, 128, 128), (200, 60, 60), (60, 200, 60), (60, 60, 200), (250, 10, 250)]


@pytest.mark.parametrize("rgb", COLOURS)
@pytest.mark.parametrize("target", SPACES)
@pytest.mark.parametrize("source", SPACES)
def test_a_colour_stays_what_it_is(source: ColorSpace, target: ColorSpace, rgb: tuple[int, int, int]) -> None:
    size = Size(8, 6)
    planes = Planes.allocate(size)
    exact = source.from_rgb() @ [*rgb, 1]
    planes.fill(tuple(np.rint(exact).astype(int)))
    Recolor(size, source, target)(planes)
    wanted = np.clip(target.from_rgb() @ [*rgb, 1], 0, 255)
    for plane, value in zip(planes, wanted, strict=True):
        assert np.abs(plane - value).max() <= 2


def test_the_same_is_left_alone() -> None:
    planes = Planes.allocate(Size(4, 4))
    planes.fill((1, 2, 3))
    Recolor(Size(4, 4), SPACES[0], SPACES[0])(planes)
    assert (planes.y == 1).all()
    assert (planes.u == 2).all()


@pytest.mark.parametrize("target", SPACES)
@pytest.mark.parametrize("source", SPACES)
def test_any_planes_as_in_floating_point(source: ColorSpace, target: ColorSpace) -> None:
    size = Size(32, 24)
    planes = Planes.allocate(size)
    random = np.random.default_rng(0)
    for plane, (low, high) in zip(planes, ((60, 190), (90, 160), (90, 160)), strict=True):
        plane[...] = np.repeat(
            np.repeat(random.integers(low, high, (3, 4)), plane.shape[0] // 3, 0), plane.shape[1] // 4, 1
        )
    inner = np.stack([planes.y[3::8, 3::8], planes.u[1::4, 1::4], planes.v[1::4, 1::4], np.ones((3, 4), np.uint8)])
    matrix = target.from_rgb() @ np.vstack([source.to_rgb(), [0, 0, 0, 1]])
    wanted = np.einsum("ij,jkl->ikl", matrix, inner.astype(float))
    Recolor(size, source, target)(planes)
    for plane, value, (first, step) in zip(planes, wanted, ((3, 8), (1, 4), (1, 4)), strict=True):
        assert np.abs(plane[first::step, first::step] - value).max() <= 2
