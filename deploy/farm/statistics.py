"""Whether scores fell, or only look as if: with few pictures a small fall may be chance.

Each picture was scored twice, by the baseline and now, and what counts is the difference of the two: a picture that is
hard for both says nothing. Frames of a sequence are much alike and fall together, so that a sequence is one witness.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from edgeseg.golden.dataset import Dataset

F64 = npt.NDArray[np.float64]

CONFIDENCE = 0.95
RESAMPLES = 9999
_AT_ONCE = 1000  # resamples that are held in memory together


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean over `n` pictures of (now - baseline), and the interval that holds the true one.

    low, high: its ends at `confidence`; None if there is but one witness, of which nothing can be said. units: how many
    independent witnesses there are, sequences counting once.
    """

    low: float | None
    mean: float
    high: float | None
    n: int
    units: int
    confidence: float

    def is_fall(self, tolerance: float) -> bool:
        """Whether the true fall is more than `tolerance`, beyond chance: the whole interval lies below -tolerance."""
        return self.high is not None and self.high < -tolerance

    def __str__(self) -> str:
        """In points, hundredths, for people."""
        of = f"{self.n} pictures" if self.units == self.n else f"{self.n} pictures in {self.units} units"
        mean = f"{self.mean * 100:+.2f} points"
        if self.low is None or self.high is None:
            return f"{mean} (one unit only, which has no interval, {of})"
        ends = f"{self.low * 100:+.2f} to {self.high * 100:+.2f}"
        return f"{mean} ({ends} at {self.confidence:.0%}, {of})"


def difference(
    baseline: Mapping[str, float],
    now: Mapping[str, float],
    units: Mapping[str, str] | None = None,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Difference:
    """The mean difference of the scores of the pictures in `now` from those in `baseline`, and its interval.

    units: for the pictures that do not stand alone, which unit they are of (`units_of`); all others are their own. The
    same arguments give the same interval, whatever the order of the pictures. Raises ValueError if there is no
    picture, if one is not in the baseline or has a score that is no number, and for a confidence outside (0, 1).

    The interval is the wider, at each end, of two. Percentiles of a paired bootstrap: units are drawn with replacement,
    each with all its pictures (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 8.3 and 13.3;
    Davison and Hinkley, "Bootstrap Methods and their Application", 1997, 3.8, for the units). Student's t with the
    variance of a ratio of sums over units (Cochran, "Sampling Techniques", 1977, 2.11 and 6.3), because a bootstrap of
    few knows no values but theirs: with two pictures both differences fall by chance in one of four cases.

    Where it falls short: noise of many small falls that a rare large gain makes up for. A sample without the gain looks
    like a fall, whatever the interval: of the real differences between FP32 and INT8, turned upside down, 4 to 11 % of
    samples were called a fall with no tolerance where 2.5 % were stated, and 0.2 % or fewer with one of 0.2 points.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; it must lie between 0 and 1")
    sums, sizes = _by_unit(baseline, now, units or {})
    n, count = int(sizes.sum()), len(sums)
    mean = float(sums.sum() / n)
    if count == 1:
        return Difference(None, mean, None, n, 1, confidence)
    tail = (1 - confidence) / 2
    drawn = _bootstrap(sums, sizes, resamples, np.random.default_rng(seed))
    low, high = np.quantile(drawn, [tail, 1 - tail])
    spread = np.sqrt(count / (count - 1) * np.sum((sums - mean * sizes) ** 2)) / n
    reach = float(stdtrit(count - 1, 1 - tail) * spread)
    return Difference(min(float(low), mean - reach), mean, max(float(high), mean + reach), n, count, confidence)


def is_fall(
    baseline: Mapping[str, float],
    now: Mapping[str, float],
    tolerance: float,
    units: Mapping[str, str] | None = None,
) -> bool:
    """`difference` and its `is_fall`, for who wants to know no more."""
    return difference(baseline, now, units).is_fall(tolerance)


def units_of(dataset: Dataset) -> dict[str, str]:
    """The sequence of each picture that is a frame of one."""
    return {item.image: item.sequence for item in dataset.file.items if item.sequence is not None}


def _by_unit(baseline: Mapping[str, float], now: Mapping[str, float], units: Mapping[str, str]) -> tuple[F64, F64]:
    """The sum of the differences in each unit, and the number of its pictures; in an order that is always the same."""
    if not now:
        raise ValueError("there is no picture to compare")
    unknown = sorted(now.keys() - baseline.keys())
    if unknown:
        raise ValueError(f"the baseline has no score of {', '.join(unknown[:5])}{' ...' if unknown[5:] else ''}")
    found: dict[tuple[bool, str], list[float]] = {}
    for item in sorted(now):
        change = now[item] - baseline[item]
        if not np.isfinite(change):
            raise ValueError(f"the scores of {item} are {baseline[item]} and {now[item]}, which have no difference")
        # A sequence may be named as a picture is.
        found.setdefault((item in units, units.get(item, item)), []).append(change)
    order = sorted(found)
    return np.array([sum(found[unit]) for unit in order]), np.array([float(len(found[unit])) for unit in order])


def _bootstrap(sums: F64, sizes: F64, resamples: int, rng: np.random.Generator) -> F64:
    """The mean difference of each resample, (resamples,): how often each unit is drawn is multinomial."""
    count = len(sums)
    parts = []
    for start in range(0, resamples, _AT_ONCE):
        times = rng.multinomial(count, np.full(count, 1 / count), size=min(_AT_ONCE, resamples - start))
        parts.append((times @ sums) / (times @ sizes))
    return np.concatenate(parts)
