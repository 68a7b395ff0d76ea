"""Noisy figures that mostly stay as they are:

what they were lately, which outliers do not move and a change moves at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

KEEP = 32  # about a second of frames
NEWEST = 7  # so many are enough to believe that something has changed
JUMP = 0.2  # in logarithms: four standard deviations of the median of so many times with 10 % of noise

Figures = tuple[float, ...]


def lately(figures: Figures, new: Iterable[float], jump: float, newest_of: int = NEWEST, keep: int = KEEP) -> Figures:
    """The latest figures, oldest first, with new ones.

    If the newest differ by `jump` from all before, those before are forgotten.
    """
    joined = (*figures, *new)
    newest, older = joined[-newest_of:], joined[:-newest_of]
    if older:
        now, before = median(newest), median(older)
        if abs(now - before) > 2 * jump:  # the newest may hold some from before the change
            return tuple(figure for figure in newest if abs(figure - now) < abs(figure - before))
        if abs(now - before) > jump:
            return newest
    return joined[-keep:]


def median(values: Figures) -> float:
    """Of at least one value; of two in the middle, their mean."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


@dataclass(frozen=True, slots=True)
class Ratios:
    """How many times as long as its rung says something takes.

    logs: the latest, as logarithms; value: their median's, None if there are none.
    """

    logs: Figures = ()
    value: float | None = None

    def add(self, ratios: Iterable[float]) -> Ratios:
        """With these too."""
        logs = lately(self.logs, map(math.log, ratios), JUMP)
        return Ratios(logs, math.exp(median(logs)) if logs else None)
