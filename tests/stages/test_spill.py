from __future__ import annotations

import numpy as np
import pytest

from edgeseg.frames import ColorSpace, Planes, Size
from edgeseg.stages.pixels import yuv
from edgeseg.stages.spill import remove_spill, spill_of

BT601 = ColorSpace()
GREEN, BLUE, YELLOW = (0, 255, 0), (0, 0, 255), (255, 255, 0)
SKIN = (224, 172, 140)


def cleaned(
    rgb: tuple[int, int, int], key: tuple[int, int, int], alpha: int | None = None, color: ColorSpace = BT601
) -> tuple[int, int, int]:
    """What becomes of a picture of one colour."""
    size = Size(8, 6)
    planes, out = Planes.allocate(size), Planes.allocate(size)
    planes.fill(yuv(rgb, color))
    before = [plane.copy() for plane in planes]
    weight = None if alpha is None else np.full(planes.u.shape, alpha, np.uint8)
    remove_spill(planes, spill_of(key, color), weight, out, np.empty((2, *planes.u.shape), np.uint8))
    for plane, was in zip(planes, before, strict=True):
        np.testing.assert_array_equal(plane, was)
    assert all((plane == plane[0, 0]).all() for plane in out)
    return int(out.y[0, 0]), int(out.u[0, 0]), int(out.v[0, 0])


@pytest.mark.parametrize("color", [BT601, ColorSpace("bt709"), ColorSpace("bt601", True)])
@pytest.mark.parametrize("key", [GREEN, BLUE, YELLOW])
def test_the_key_colour_turns_grey(key: tuple[int, int, int], color: ColorSpace) -> None:
    luma, u, v = cleaned(key, key, color=color)
    assert luma == yuv(key, color)[0]
    assert (u, v) == pytest.approx((128, 128), abs=1)


@pytest.mark.parametrize(
    ("key", "other"),
    [
        (key, other)
        for key in (GREEN, BLUE, YELLOW)
        for other in (SKIN, (90, 56, 37), (128, 128, 128), (200, 40, 40), (160, 40, 140))
        if (key, other) != (BLUE, (160, 40, 140))  # purple is half blue
    ],
)
def test_skin_greys_and_opposite_hues_stay(key: tuple[int, int, int], other: tuple[int, int, int]) -> None:
    assert cleaned(other, key) == pytest.approx(yuv(other, BT601), abs=3)


def test_green_on_skin_is_taken_out() -> None:
    spilt = (190, 190, 130)
    _, u, v = cleaned(spilt, GREEN)
    _, u_was, v_was = yuv(spilt, BT601)
    along = spill_of(GREEN, BT601)
    assert (u_was - 128) * along.u + (v_was - 128) * along.v > 5
    assert (u - 128) * along.u + (v - 128) * along.v == pytest.approx(0, abs=1)


def test_alpha_says_how_strongly() -> None:
    whole, half, none = (cleaned(GREEN, GREEN, alpha)[1] for alpha in (255, 128, 0))
    assert none == yuv(GREEN, BT601)[1]
    assert whole == pytest.approx(128, abs=1)
    assert half == pytest.approx((none + whole) / 2, abs=1)


def test_a_grey_key_takes_nothing() -> None:
    assert cleaned(SKIN, (128, 128, 128)) == yuv(SKIN, BT601)


def test_luma_may_be_shared() -> None:
    planes = Planes.allocate(Size(4, 4))
    planes.fill(yuv(GREEN, BT601))
    out = Planes(planes.y, np.empty_like(planes.u), np.empty_like(planes.v))
    remove_spill(planes, spill_of(GREEN, BT601), None, out, np.empty((2, 2, 2), np.uint8))
    assert out.u[0, 0] == pytest.approx(128, abs=1)
