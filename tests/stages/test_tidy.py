"""Specks and holes: what goes, what stays, and for how long anybody can be hidden."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeseg.frames import U8, Size
from edgeseg.stages.tidy import SHOWN_S, Tidy

MASK = Size(480, 270)


def nobody() -> U8:
    return np.zeros((MASK.height, MASK.width), np.uint8)


def person() -> U8:
    alpha = nobody()
    cv2.rectangle(alpha, (200, 80), (300, 269), 255, -1)
    return alpha


def tidied(alpha: U8, said: U8 | None = None, tidy: Tidy | None = None, at_s: float = 0.0) -> U8:
    return (tidy or Tidy(MASK))(alpha.copy(), alpha if said is None else said, at_s)


def test_a_person_stays_as_he_is() -> None:
    alpha = cv2.GaussianBlur(person(), (0, 0), 2)
    assert np.array_equal(tidied(alpha), alpha)


def test_what_the_model_is_nowhere_sure_of_goes() -> None:
    doubt = (person() > 0).astype(np.uint8) * 200
    assert not tidied(person(), doubt).any()  # an empty room is an empty mask


def test_a_second_person_stays() -> None:
    alpha = person()
    cv2.rectangle(alpha, (60, 150), (110, 260), 255, -1)
    assert np.array_equal(tidied(alpha), alpha)


def speck(x: int, y: int) -> U8:
    alpha = person()
    cv2.circle(alpha, (x, y), 5, 255, -1)
    return alpha


def test_a_speck_far_off_goes_and_a_held_thing_stays() -> None:
    assert np.array_equal(tidied(speck(60, 60)), person())
    near = speck(320, 150)  # beside a hand
    assert np.array_equal(tidied(near), near)


@pytest.mark.parametrize("place", [(3, 130), (476, 130), (60, 3), (60, 266)])
def test_who_enters_at_the_border_is_shown_at_once(place: tuple[int, int]) -> None:
    assert np.array_equal(tidied(speck(*place)), speck(*place))


def test_a_speck_that_stays_is_shown_before_half_a_second_is_over() -> None:
    tidy, shown_at = Tidy(MASK), None
    for n in range(30):
        at_s = n / 30
        if np.array_equal(tidied(speck(60 + n, 60), None, tidy, at_s), speck(60 + n, 60)):  # it walks
            shown_at = at_s
            break
    assert shown_at is not None
    assert SHOWN_S - 1e-6 <= shown_at <= 0.5


def test_specks_that_come_and_go_are_never_shown() -> None:
    tidy, rng = Tidy(MASK), np.random.default_rng(3)
    for n in range(40):
        at = (int(rng.integers(20, 140)), int(rng.integers(20, 200)))
        assert np.array_equal(tidied(speck(*at), None, tidy, n / 30), person())


def test_a_small_hole_is_shut_unless_the_model_sees_the_room_in_it() -> None:
    alpha, said = person(), person()
    cv2.circle(alpha, (250, 180), 4, 0, -1)
    cv2.circle(said, (250, 180), 4, 90, -1)
    assert np.array_equal(tidied(alpha, said), person())
    cv2.circle(said, (250, 180), 6, 0, -1)
    assert np.array_equal(tidied(alpha, said), alpha)


def test_a_large_hole_stays_open() -> None:
    alpha, said = person(), person()
    cv2.rectangle(alpha, (230, 130), (270, 200), 0, -1)
    cv2.rectangle(said, (230, 130), (270, 200), 90, -1)
    assert np.array_equal(tidied(alpha, said), alpha)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), width=st.integers(1, 500), height=st.integers(1, 500), share=st.floats(0, 1))
def test_whatever_the_mask_it_only_loses_islands_and_gains_holes(
    seed: int, width: int, height: int, share: float
) -> None:
    rng = np.random.default_rng(seed)
    alpha = (rng.random((height, width)) < share).astype(np.uint8) * 255
    tidy = Tidy(Size(width, height))
    for n in range(3):
        out = tidy(alpha.copy(), alpha, n * 0.2)
        assert out.shape == alpha.shape
        assert not (out > cv2.morphologyEx(alpha, cv2.MORPH_CLOSE, np.ones((41, 41), np.uint8))).any() or share > 0.3
