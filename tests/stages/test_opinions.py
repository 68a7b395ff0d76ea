"""What several models say made one: the surer counts for more, and one alone stays as it is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgeseg.frames import U8
from edgeseg.stages.opinions import Opinion, weighed

MASKS = arrays(np.uint8, (4, 5))


def one(person: U8) -> Opinion:
    return Opinion(person.copy(), person)


def of(value: int, doubtful: int = 0) -> Opinion:
    """`value` on the left, and on the right so many columns that are neither person nor room."""
    mask = np.zeros((8, 8), np.uint8)
    mask[:, :4] = value
    mask[:, 4 : 4 + doubtful] = 128
    return one(mask)


@given(MASKS)
def test_doubt_is_a_share(mask: U8) -> None:
    assert 0 <= one(mask).doubt <= 1


def test_doubt_grows_with_what_is_left_open() -> None:
    doubts = [of(255, columns).doubt for columns in range(5)]
    assert doubts[0] == 0
    assert doubts == sorted(set(doubts))
    assert of(0).doubt == 1  # who says nothing is not sure of a person


@given(MASKS, st.integers(1, 3))
def test_who_agree_are_believed(mask: U8, count: int) -> None:
    found = weighed([one(mask)] * count)
    assert np.abs(found.alpha.astype(int) - mask).max() <= 1
    assert np.array_equal(found.alpha, found.person)


@given(MASKS, MASKS)
def test_a_place_lies_between_what_is_said_of_it(first: U8, second: U8) -> None:
    found = weighed([one(first), one(second)]).person.astype(int)
    assert (found >= np.minimum(first, second).astype(int) - 1).all()
    assert (found <= np.maximum(first, second).astype(int) + 1).all()


@pytest.mark.parametrize("order", [1, -1])
def test_the_surer_one_wins_where_they_differ(order: int) -> None:
    sure, unsure = of(255), of(0, 4)  # these two contradict each other everywhere
    found = weighed([sure, unsure][::order])
    assert (found.person[:, :4] > 200).all()
    assert (found.person[:, 4:] < 60).all()


def test_another_size_is_brought_to_the_first_ones() -> None:
    small = np.zeros((3, 5), np.uint8)
    small[:, :2] = 255
    assert weighed([of(255), one(small)]).alpha.shape == (8, 8)


def test_who_is_given_more_to_say_is_believed() -> None:
    sure, unsure = of(255), of(0, 4)
    assert (weighed([sure, unsure], [1.0, 1e9]).person[:, :4] < 60).all()
    assert np.array_equal(weighed([sure, unsure], [3.0, 3.0]).alpha, weighed([sure, unsure]).alpha)
