"""What a session takes and gives: a started candidate, a step for a progress bar, and the outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from edgeseg.calibrate.turns import Timed
from edgeseg.ports import EngineReport
from edgeseg.tiers.ladder import Candidate, Measured, Refusal


class Starts(Timed, Protocol):
    """A started candidate, see `line.Line`."""

    memory_mb: float

    @property
    def report(self) -> EngineReport:
        """What its engine can prove."""
        ...

    def score(self) -> float:
        """Mean IoU on the small golden set."""
        ...

    def close(self) -> None:
        """Free it."""
        ...


Start = Callable[[Candidate], Starts]


@dataclass(frozen=True, slots=True)
class Step:
    """What a session is doing: for a progress bar. seconds: since it began."""

    what: str
    seconds: float
    done: int
    left: int


@dataclass(slots=True)
class Outcome:
    """What came of a session. left: candidates for which there was no time."""

    reference_ms: float
    measured: list[Measured] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    left: list[Candidate] = field(default_factory=list)
    interrupted: bool = False
