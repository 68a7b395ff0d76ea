"""What a mask is worth that was carried on for so many milliseconds. Pure, but for reading the measured table once.

`carried.json` is written by `python -m benchmarks.carried --write`; docs/motion.md tells how it was measured.
"""

import functools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

FILE = Path(__file__).with_name("carried.json")
ANY = "any"


class Carried(NamedTuple):
    """The measured table.

    ages_ms: rising, the first 0. lost: by family, mean IoU (0 to 1) lost at each age against a mask of the frame's own;
    "any" is the mean of the families. carry_share: what a frame with a carried mask takes from capture to picture,
    as a share of what a frame with its own takes outside of the engine; both are work for the processor.
    """

    ages_ms: Sequence[float]
    lost: Mapping[str, Sequence[float]]
    carry_share: float

    def lost_at(self, age_ms: float, family: str = ANY) -> float:
        """Mean IoU lost at an age: between measured ages in a straight line, beyond the last as fast as just before it.

        A family that was not measured loses what they all do on average.
        """
        lost = self.lost.get(family, self.lost[ANY])
        if age_ms <= 0:
            return 0.0
        upper = next((n for n, age in enumerate(self.ages_ms) if age >= age_ms), len(self.ages_ms) - 1)
        left, right = self.ages_ms[upper - 1], self.ages_ms[upper]
        slope = (lost[upper] - lost[upper - 1]) / (right - left)
        return lost[upper - 1] + slope * (age_ms - left)


@functools.cache
def measured() -> Carried:
    """The table of this version."""
    table = json.loads(FILE.read_text(encoding="utf-8"))
    return Carried(table["ages_ms"], table["lost"], table["carry_share"])


def quality_at_age(quality: float, age_ms: float, family: str = ANY, table: Carried | None = None) -> float:
    """The quality (0 to 1) of a mask that was made `age_ms` ago and carried on; never below 0."""
    return max(0.0, quality - (table or measured()).lost_at(age_ms, family))


def quality_of_every(quality: float, every: int, fps: float, family: str = ANY, table: Carried | None = None) -> float:
    """The mean quality of frames of which each `every`-th has a mask of its own, at so many a second."""
    ages_ms = [1e3 * n / fps for n in range(every)]
    return sum(quality_at_age(quality, age, family, table) for age in ages_ms) / every
