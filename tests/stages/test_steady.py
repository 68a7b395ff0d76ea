"""Masks smoothed over time: only where the model is unsure and the picture stands still."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeseg.frames import U8, Size
from edgeseg.stages.steady import Steady

MASK, FRAME = Size(64, 36), Size(128, 72)


def plain(value: int, size: Size = MASK) -> U8:
    return np.full((size.height, size.width), value, np.uint8)


@pytest.fixture
def steady() -> Steady:
    return Steady(MASK, FRAME)


def second(steady: Steady, alpha: U8, before: U8, now: U8, earlier: U8) -> U8:
    """What comes of `alpha`, after `before`, and of their frames' Y planes."""
    assert steady(before, None, earlier) is before
    return steady(alpha, before, now)


def test_an_unsure_mask_stays_near_the_one_before(steady: Steady) -> None:
    luma = plain(100, FRAME)
    assert abs(int(second(steady, plain(120), plain(160), luma, luma)[0, 0]) - 156) <= 1


@pytest.mark.parametrize("sure", [0, 255])
def test_a_sure_mask_holds_at_once(steady: Steady, sure: int) -> None:
    luma = plain(100, FRAME)
    assert (second(steady, plain(sure), plain(255 - sure), luma, luma) == sure).all()


def test_where_the_picture_moved_the_new_mask_holds(steady: Steady) -> None:
    before, now = plain(100, FRAME), plain(100, FRAME)
    now[:, :32] = 160
    out = second(steady, plain(120), plain(160), now, before)
    assert (out[:, :16] == 120).all()
    assert (out[:, 20:] > 145).all()  # two pixels of the mask farther it stands still


def test_a_cut_resets_it(steady: Steady) -> None:
    alpha = plain(120)
    assert second(steady, alpha, plain(160), plain(30, FRAME), plain(200, FRAME)) is alpha


def test_a_frame_is_compared_with_the_one_before_it_and_no_other(steady: Steady) -> None:
    mask, dark, light = plain(120), plain(100, FRAME), plain(112, FRAME)
    steady(plain(160), None, dark)
    steady(mask, None, light)  # the mask before this one did not count
    assert abs(int(steady(mask, plain(160), light)[0, 0]) - 156) <= 1


def test_flicker_falls_and_a_step_is_not_late(steady: Steady) -> None:
    """A trembling unsure edge over a still picture; then the person is sure to be elsewhere."""
    rng = np.random.default_rng(1)
    luma = plain(100, FRAME)
    before, raw = plain(128), plain(128)
    changes = [0, 0]
    steady(before, None, luma)
    for _ in range(30):
        alpha = np.clip(rng.normal(128, 20, before.shape), 0, 255).astype(np.uint8)
        out = steady(alpha, before, luma)
        changes[0] += np.count_nonzero((alpha >= 128) != (raw >= 128))
        changes[1] += np.count_nonzero((out >= 128) != (before >= 128))
        before, raw = out, alpha
    assert changes[1] < 0.7 * changes[0]
    assert (steady(plain(255), before, luma) == 255).all()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_it_lies_between_the_two(seed: int) -> None:
    rng = np.random.default_rng(seed)
    alpha, before = (rng.integers(0, 256, (36, 64)).astype(np.uint8) for _ in range(2))
    luma = rng.integers(0, 256, (72, 128)).astype(np.uint8)
    noisy = np.clip(luma + rng.normal(0, 4, luma.shape), 0, 255).astype(np.uint8)
    out = second(Steady(MASK, FRAME), alpha, before, noisy, luma).astype(int)
    assert (out >= np.asarray(cv2.min(alpha, before), int) - 2).all()
    assert (out <= np.asarray(cv2.max(alpha, before), int) + 2).all()
