"""What masks prove of their cause, and what they do not."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from deploy.farm.causes import Bool, cause
from edgeseg.golden import SMALL
from edgeseg.golden.dataset import load
from edgeseg.golden.pictures import read_mask


@pytest.fixture(scope="module")
def people() -> list[Bool]:
    golden = load(SMALL)
    return [read_mask(golden.path(item.mask)) for item in golden.file.items if not item.is_empty]


def moved(across: int, down: int) -> Callable[[Bool], Bool]:
    matrix = np.array([[1, 0, across], [0, 1, down]], np.float32)
    return lambda mask: cv2.warpAffine(mask.astype(np.uint8), matrix, mask.shape[::-1]) > 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda mask: mask, None),
        (moved(4, 0), "the mask is shifted by 4 px to the right in 6 of 6 pictures"),
        (moved(-4, 3), "the mask is shifted by 4 px to the left and 3 px down in 6 of 6 pictures"),
        (moved(0, -7), "the mask is shifted by 7 px up in 6 of 6 pictures"),
        (np.fliplr, "the mask is mirrored left to right in 6 of 6 pictures"),
        (np.flipud, "the mask is upside down in 6 of 6 pictures"),
        (np.invert, "person and background are exchanged in 6 of 6 pictures"),
        (np.zeros_like, "the mask is empty in 6 of 6 pictures"),
        (np.ones_like, "everything is called person in 6 of 6 pictures"),
        (lambda mask: cv2.erode(mask.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0, None),
        (lambda mask: mask & (np.arange(mask.shape[1]) < mask.shape[1] // 2), None),
    ],
)
def test_a_pattern_has_its_name(people: list[Bool], change: Callable[[Bool], Bool], said: str | None) -> None:
    assert cause((mask, np.asarray(change(mask), bool)) for mask in people) == said


def test_one_odd_picture_is_no_pattern(people: list[Bool]) -> None:
    assert cause((mask, mask & (n > 0)) for n, mask in enumerate(people)) is None


def test_another_shift_in_each_picture_is_no_pattern(people: list[Bool]) -> None:
    assert cause((mask, moved(2 * n, 0)(mask)) for n, mask in enumerate(people)) is None


def test_nothing_to_look_at() -> None:
    assert cause([]) is None


def test_a_shift_of_the_models_own_pixels_is_told_as_a_part_of_the_width(people: list[Bool]) -> None:
    """4 of the 256 columns that the model sees are other pixels in pictures of another size."""
    pairs = [(mask, moved(round(mask.shape[1] * 4 / 256), 0)(mask)) for mask in people]
    assert cause(pairs) == "the mask is shifted by 1.5% of the width to the right in 6 of 6 pictures"
