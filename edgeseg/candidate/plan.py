"""How a candidate is looked at, and who is told of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Told = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is: "scoring", 3, 24."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a candidate is looked at.

    items: the pictures, all if empty. masks: the folder to keep masks in. min_inferences, min_seconds: what a timing
    takes at least, both; with 0 inferences the last picture's own time is all there is. cool_to_c, cool_max_s: before
    timing it is waited for so long until the chip is no hotter.
    """

    items: tuple[str, ...] = ()
    masks: Path | None = None
    min_inferences: int = 1024
    min_seconds: float = 60.0
    cool_to_c: float | None = None
    cool_max_s: float = 0.0
