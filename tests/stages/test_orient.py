"""Turning and mirroring, against numpy's own."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from edgeseg.frames import Planes, Size
from edgeseg.stages.orient import orient, oriented

WAYS = list(itertools.product((0, 90, 180, 270), (False, True), (False, True)))


def random_planes(size: Size) -> Planes:
    planes = Planes.allocate(size)
    for number, plane in enumerate(planes):
        plane[...] = np.random.default_rng(number).integers(0, 256, plane.shape, np.uint8)
    return planes


def expected(plane: np.ndarray, rotation: int, hflip: bool, vflip: bool) -> np.ndarray:
    turned = np.rot90(plane, -rotation // 90)
    turned = turned[:, ::-1] if hflip else turned
    return turned[::-1] if vflip else turned


@pytest.mark.parametrize("size", [Size(2, 2), Size(64, 48), Size(10, 2)], ids=str)
@pytest.mark.parametrize(("rotation", "hflip", "vflip"), WAYS)
def test_turn_then_mirror(size: Size, rotation: int, hflip: bool, vflip: bool) -> None:
    planes, out = random_planes(size), Planes.allocate(oriented(size, rotation))
    orient(planes, out, rotation, hflip, vflip)
    for source, target in zip(planes, out, strict=True):
        assert np.array_equal(target, expected(source, rotation, hflip, vflip))


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_the_repeated_edge_of_an_odd_picture_stays_at_the_end(rotation: int) -> None:
    size = Size(7, 5)
    planes, out = random_planes(size), Planes.allocate(oriented(size, rotation))
    orient(planes, out, rotation, size=size)
    turned = oriented(size, rotation)
    assert np.array_equal(out.y[: turned.height, : turned.width], expected(planes.y[:5, :7], rotation, False, False))
    assert np.array_equal(out.y[:, -1], out.y[:, -2])
    assert np.array_equal(out.y[-1], out.y[-2])


def test_planes_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="planes of 64x48 cannot hold a picture of 48x64"):
        orient(random_planes(Size(64, 48)), Planes.allocate(Size(64, 48)), 90)
