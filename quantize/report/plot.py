"""Where things go in a plot: scales, ticks and labels that do not meet. In pixels, from the upper left corner."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

FONT = 11.0
_WIDE = 0.7  # of the font's size: a digit in bold DejaVu Sans, the widest font that a page may get
_NEAR, _STEPS = 4.5, 4  # between a mark and its label
MARK, RING = 5.0, 8.5  # half the side of a mark, and of a ring around one

_MS = (0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50, 70, 100, 200, 500, 1000)
_MIOU = (0.1, 0.3, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.88, 0.9, 0.92, 0.93, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        """Whether they share more than an edge."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def holds(self, other: Box) -> bool:
        """Whether the other is inside."""
        return (
            self.left <= other.left
            and other.right <= self.right
            and self.top <= other.top
            and other.bottom <= self.bottom
        )


@dataclass(frozen=True, slots=True)
class Scale:
    """Values to pixels. form: what is spaced evenly."""

    form: Callable[[float], float]
    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Where a value is."""
        low, high = self.form(self.low), self.form(self.high)
        return self.start + (self.form(value) - low) / ((high - low) or 1.0) * (self.end - self.start)

    def ticks(self, candidates: Iterable[float], apart: float) -> list[float]:
        """The candidates within the scale, so many pixels apart at least."""
        kept: list[float] = []
        for value in candidates:
            if self.low <= value <= self.high and (not kept or abs(self(value) - self(kept[-1])) >= apart):
                kept.append(value)
        return kept


def times(values: Iterable[float], start: float, end: float) -> tuple[Scale, list[float]]:
    """(the scale of times, its ticks): each doubling is as wide."""
    found = list(values)
    scale = Scale(math.log, min(found) / 1.15, max(found) * 1.25, start, end)
    return scale, scale.ticks(_MS, 34)


def scores(values: Iterable[float], start: float, end: float) -> tuple[Scale, list[float]]:
    """(the scale of scores, its ticks): spaced by what is missing to 1, each halving of it is as high."""
    missing = [max(1 - value, 0.002) for value in values]  # 1 itself would be endlessly far
    most, least = min(max(missing) * 1.12, 1.0), min(missing) / 1.12
    scale = Scale(lambda value: -math.log(max(1 - value, least)), 1 - most, 1 - least, start, end)
    return scale, scale.ticks(_MIOU, 22)


def front(measured: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Those (time, score) that none is as fast and better than, the fastest first."""
    kept: list[tuple[float, float]] = []
    for time, value in sorted(measured, key=lambda one: (one[0], -one[1])):
        if not kept or value > kept[-1][1]:
            kept.append((time, value))
    return kept


@dataclass(frozen=True, slots=True)
class Label:
    """A text and its place: `box` around it, and the baseline's left end."""

    text: str
    box: Box
    x: float
    y: float


def place(
    wanted: Iterable[tuple[float, float, str]], marks: Iterable[tuple[float, float]], inside: Box, font: float = FONT
) -> list[Label | None]:
    """A place beside each (x, y, text), the first ones first; None where everything near is taken."""
    taken = [Box(x - RING, y - RING, x + RING, y + RING) for x, y in marks]
    placed: list[Label | None] = []
    for x, y, text in wanted:
        boxes = _around(x, y, len(text) * font * _WIDE, font)
        free = (box for box in boxes if inside.holds(box) and not any(box.meets(other) for other in taken))
        box = next(free, None)
        if box is not None:
            taken.append(box)
        placed.append(Label(text, box, box.left, box.bottom - font * 0.25) if box else None)
    return placed


def _around(x: float, y: float, width: float, height: float) -> Iterable[Box]:
    """Places for a text beside a mark: right, left, above, below, then the corners; then farther away."""
    for step in range(_STEPS):
        gap = MARK + _NEAR + step * 8
        beside, above, below = y - height / 2, y - gap - height, y + gap
        if step == 0:
            corners = [(x + gap, beside), (x - gap - width, beside), (x - width / 2, above), (x - width / 2, below)]
        else:
            corners = []
        reach = gap * 0.7
        corners += [(x + reach, above), (x + reach, below), (x - reach - width, above), (x - reach - width, below)]
        yield from (Box(left, top, left + width, top + height) for left, top in corners)
