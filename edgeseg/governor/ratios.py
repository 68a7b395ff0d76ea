"""How many times as long as its rung says something takes: the median of what was seen lately, which outliers do not move."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

KEEP = 32  # about a second of frames
NEWEST = 7  # so many are enough to believe that the board has changed
JUMP = 0.2  # in logarithms: four standard deviations of the median of so many times with 10 % of noise


@dataclass(frozen=True, slots=True)
class Ratios:
    """The latest ratios, oldest first."""

    recent: tuple[float, ...] = ()

    def add(self, ratios: Iterable[float]) -> Ratios:
        """With these too. If the newest differ from all before, those before are forgotten: the estimate jumps."""
        joined = (*self.recent, *ratios)
        newest, older = joined[-NEWEST:], joined[:-NEWEST]
        if older and abs(math.log(median(newest) / median(older))) > JUMP:
            joined = newest
        return Ratios(joined[-KEEP:])

    @property
    def value(self) -> float | None:
        """Their median; None if there are none."""
        return median(self.recent) if self.recent else None


def median(values: tuple[float, ...]) -> float:
    """Of at least one value; of two in the middle, their mean."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
