"""Whether alpha means what it says: of the pixels with alpha 0.7, are 7 of 10 the person's?"""

from __future__ import annotations

import numpy as np

from edgeseg.frames import U8
from edgeseg.golden.metrics import Bool

BINS = 15
"""As many as Guo et al. take. 255 = 15 * 17, so that each bin holds 17 levels of alpha, the last one 18."""

_LEVELS = np.arange(256)
_BIN_OF_LEVEL = np.minimum(_LEVELS // 17, BINS - 1)


class Reliability:
    """Calibration error and Brier score of alpha against the truth, over pictures of which each counts once.

    A pixel is a forecast: p = alpha / 255, that it is the person's; o is 1 if it is, else 0. A picture of N pixels
    gives each of them the weight 1 / N. Only a table of 2 x 256 weights is held, so that both figures are exact.
    """

    def __init__(self) -> None:
        self._all = np.zeros(256)
        self._person = np.zeros(256)

    def add(self, alpha: U8, truth: Bool) -> None:
        """Take one picture: alpha (H, W) uint8, truth (H, W) bool. Raises ValueError if the shapes differ."""
        if alpha.shape != truth.shape:
            raise ValueError(f"alpha is {alpha.shape}, the truth {truth.shape}: they must be of one shape")
        self._all += np.bincount(alpha.ravel(), minlength=256) / max(1, alpha.size)
        self._person += np.bincount(alpha[truth], minlength=256) / max(1, alpha.size)

    @property
    def ece(self) -> float:
        """Expected calibration error, 0..1, lower is better; 0.0 before the first picture.

        The sum over bins of (the bin's share of all weight) * |mean p - mean o| in it. 15 bins of equal width in p;
        bin i holds i / 15 <= p < (i + 1) / 15, the last one p = 1 too; an empty bin adds nothing.

        Source: Naeini, Cooper and Hauskrecht, "Obtaining Well Calibrated Probabilities Using Bayesian Binning", AAAI
        2015, for two classes as here, with the probability of the one (the person); 15 bins as in Guo et al., "On
        Calibration of Modern Neural Networks", ICML 2017. Guo's bins are open below and closed above, which puts a
        p of exactly i / 15 one bin lower, and his confidence is that of the class that won.
        """
        gap = self._all * (_LEVELS / 255) - self._person
        per_bin = np.bincount(_BIN_OF_LEVEL, weights=gap, minlength=BINS)
        return float(np.abs(per_bin).sum() / total) if (total := self._all.sum()) else 0.0

    @property
    def brier(self) -> float:
        """Brier score, the mean of (p - o)^2, 0..1, lower is better; 0.0 before the first picture.

        Source: Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 1950, in
        the form for one event that is now usual (half of Brier's own sum over both classes).
        """
        p = _LEVELS / 255
        squares = self._person * (1 - p) ** 2 + (self._all - self._person) * p**2
        return float(squares.sum() / total) if (total := self._all.sum()) else 0.0
