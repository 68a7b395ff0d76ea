"""Masks smoothed over time: only where the model is unsure and the picture stands still."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeseg.frames import U8, Size
from edgeseg.stages.steady import Steady

MASK, GREY = Size(64, 36), Size(32, 18)


def plain(value: int, size: Size = MASK) -> U8:
    return np.full((size.height, size.width), value, np.uint8)


@pytest.fixture
def steady() -> Steady:
    return Steady(MASK, GREY)


def test_an_unsure_mask_stays_near_the_one_before(steady: Steady) -> None:
    grey = plain(100, GREY)
    assert abs(int(steady(plain(120), grey, plain(160), grey)[0, 0]) - 152) <= 1


@pytest.mark.parametrize("sure", [0, 255])
def test_a_sure_mask_holds_at_once(steady: Steady, sure: int) -> None:
    grey = plain(100, GREY)
    assert (steady(plain(sure), grey, plain(255 - sure), grey) == sure).all()


def test_where_the_picture_moved_the_new_mask_holds(steady: Steady) -> None:
    before, now = plain(100, GREY), plain(100, GREY)
    now[:, :8] = 160
    out = steady(plain(120), now, plain(160), before)
    assert (out[:, :12] == 120).all()
    assert (out[:, 40:] > 145).all()


def test_a_cut_resets_it(steady: Steady) -> None:
    alpha = plain(120)
    assert steady(alpha, plain(30, GREY), plain(160), plain(200, GREY)) is alpha


def test_flicker_falls_and_a_step_is_not_late(steady: Steady) -> None:
    """A trembling unsure edge over a still picture; then the person is sure to be elsewhere."""
    rng = np.random.default_rng(1)
    grey = plain(100, GREY)
    before, raw = plain(128), plain(128)
    changes = [0, 0]
    for _ in range(30):
        alpha = np.clip(rng.normal(128, 20, before.shape), 0, 255).astype(np.uint8)
        out = steady(alpha, grey, before, grey)
        changes[0] += np.count_nonzero((alpha >= 128) != (raw >= 128))
        changes[1] += np.count_nonzero((out >= 128) != (before >= 128))
        before, raw = out, alpha
    assert changes[1] < 0.7 * changes[0]
    assert (steady(plain(255), grey, before, grey) == 255).all()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_it_lies_between_the_two(seed: int) -> None:
    rng = np.random.default_rng(seed)
    alpha, before = (rng.integers(0, 256, (36, 64)).astype(np.uint8) for _ in range(2))
    grey = rng.integers(0, 256, (18, 32)).astype(np.uint8)
    noisy = np.clip(grey + rng.normal(0, 4, grey.shape), 0, 255).astype(np.uint8)
    out = Steady(MASK, GREY)(alpha, noisy, before, grey).astype(int)
    assert (out >= np.asarray(cv2.min(alpha, before), int) - 2).all()
    assert (out <= np.asarray(cv2.max(alpha, before), int) + 2).all()
