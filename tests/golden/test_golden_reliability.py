"""ECE and Brier score against formulas written pixel by pixel, and cases whose answer is known."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgeseg.golden.reliability import BINS, Reliability

Pair = tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]


@st.composite
def _pictures(draw: st.DrawFn) -> list[Pair]:
    shapes = draw(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=4))
    return [(draw(arrays(np.uint8, shape)), draw(arrays(np.bool_, shape))) for shape in shapes]


def _of(pictures: list[Pair]) -> Reliability:
    found = Reliability()
    for alpha, truth in pictures:
        found.add(alpha, truth)
    return found


def _ece_in_fractions(pictures: list[Pair]) -> float:
    """Each pixel put into its bin by exact arithmetic, as the definition says."""
    weight = [Fraction(0)] * BINS
    forecast = [Fraction(0)] * BINS
    happened = [Fraction(0)] * BINS
    for alpha, truth in pictures:
        share = Fraction(1, alpha.size * len(pictures))
        for level, person in zip(alpha.ravel().tolist(), truth.ravel().tolist(), strict=True):
            p = Fraction(level, 255)
            i = next(i for i in range(BINS) if p < Fraction(i + 1, BINS) or i == BINS - 1)
            weight[i] += share
            forecast[i] += share * p
            happened[i] += share * person
    filled = [i for i in range(BINS) if weight[i]]
    return float(sum(weight[i] * abs(forecast[i] / weight[i] - happened[i] / weight[i]) for i in filled))


@given(_pictures())
def test_ece_is_its_definition_in_fractions(pictures: list[Pair]) -> None:
    assert _of(pictures).ece == pytest.approx(_ece_in_fractions(pictures), abs=1e-12)


@given(_pictures())
def test_brier_is_the_mean_of_squares_each_picture_counting_once(pictures: list[Pair]) -> None:
    """As scikit-learn's brier_score_loss with sample weights of 1 / pixels."""
    p = np.concatenate([alpha.ravel() / 255 for alpha, _ in pictures])
    o = np.concatenate([truth.ravel() for _, truth in pictures]).astype(float)
    weights = np.concatenate([np.full(alpha.size, 1 / alpha.size) for alpha, _ in pictures])
    assert _of(pictures).brier == pytest.approx(np.average((p - o) ** 2, weights=weights), abs=1e-12)


def test_a_perfect_mask_has_neither() -> None:
    truth = np.arange(100).reshape(10, 10) % 3 == 0
    found = _of([(truth.astype(np.uint8) * 255, truth)])
    assert (found.ece, found.brier) == (0.0, 0.0)


def test_a_mask_that_is_always_wrong_has_all_of_both() -> None:
    truth = np.arange(100).reshape(10, 10) % 3 == 0
    found = _of([((~truth).astype(np.uint8) * 255, truth)])
    assert (found.ece, found.brier) == pytest.approx((1.0, 1.0))


def test_alpha_that_is_the_chance_is_calibrated_and_alpha_pushed_to_the_ends_is_not() -> None:
    """Truth drawn with the chance that alpha says; then alpha made surer than it may be, as overfitted networks do."""
    rng = np.random.default_rng(3)
    alpha = rng.integers(0, 256, (400, 500), np.uint8)
    truth = rng.random(alpha.shape) < alpha / 255
    honest = _of([(alpha, truth)])
    assert honest.ece < 0.01
    assert honest.brier == pytest.approx(1 / 6, abs=0.005)  # the mean of p (1 - p) over p from 0 to 1
    sure = _of([(np.where(alpha < 128, alpha // 2, 255 - (255 - alpha) // 2).astype(np.uint8), truth)])
    assert sure.ece == pytest.approx(1 / 8, abs=0.01)  # the mean of |p - p / 2| over p from 0 to 1/2
    assert sure.brier > honest.brier


def test_shapes_must_agree_and_nothing_seen_is_nothing_wrong() -> None:
    with pytest.raises(ValueError, match=r"alpha is \(2, 3\), the truth \(3, 2\)"):
        Reliability().add(np.zeros((2, 3), np.uint8), np.zeros((3, 2), bool))
    assert (Reliability().ece, Reliability().brier) == (0.0, 0.0)
