"""The guided filter against its definition."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter

from edgeseg.frames import Size
from edgeseg.stages.refine import Refine


def _textbook(alpha: np.ndarray, guide: np.ndarray) -> np.ndarray:
    """He, Sun, Tang 2013, algorithm 1, with SciPy's means."""
    i, p = guide / 255.0, alpha / 255.0

    def mean(x: np.ndarray) -> np.ndarray:
        return uniform_filter(x, 5, mode="reflect")

    a = (mean(i * p) - mean(i) * mean(p)) / (mean(i * i) - mean(i) ** 2 + 3e-3)
    b = mean(p) - a * mean(i)
    return np.clip(mean(a) * i + mean(b), 0, 1) * 255


def test_equals_the_textbook() -> None:
    rng = np.random.default_rng(0)
    refine = Refine(Size(64, 36), Size(80, 45))
    assert refine.size == (80, 45)
    luma = rng.integers(0, 256, (46, 80), np.uint8)
    alpha = rng.integers(0, 256, (36, 64), np.uint8)
    ours = refine(alpha, luma)
    theirs = _textbook(refine.unrefined, luma[:45])
    assert np.abs(ours[2:-2, 2:-2] - theirs[2:-2, 2:-2]).max() <= 1.5


def test_the_edge_of_the_mask_moves_to_the_edge_of_the_picture() -> None:
    refine = Refine(Size(64, 64), Size(320, 320))
    luma = np.full((320, 320), 40, np.uint8)
    luma[:, 160:] = 220
    alpha = np.zeros((64, 64), np.uint8)
    alpha[:, 31:] = 255  # one mask pixel too far to the left
    refined = refine(alpha, luma)
    edge = 40
    off_before = np.abs(refine.unrefined[:, edge - 3 : edge].astype(int)).mean()
    assert refined[:, edge - 3 : edge].mean() < 0.9 * off_before
    assert refined[:, : edge - 8].max() == 0
    assert refined[:, edge + 8 :].min() == 255
