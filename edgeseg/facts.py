"""What happened, as one stream of small values that feeds figures, logs, reports and replay."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Opened:
    """A source, sink, engine or background is ready; `detail` says what was negotiated."""

    what: str
    detail: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """A frame did not reach the sink; `cause` is one of a few stable words."""

    cause: str


ENGINE_LOST = "engine_lost"  # the cause of `Degraded` while an accelerator's substitute serves: nothing is covered


@dataclass(frozen=True, slots=True)
class Degraded:
    """What is shown is less than was asked for: a cover, or an old mask; `cause` is a stable word."""

    cause: str
    detail: str


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was degraded is whole again."""

    cause: str


@dataclass(frozen=True, slots=True)
class Noted:
    """Something a user should know that is no fault: an audio track that could not be copied."""

    what: str
    detail: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A frame went to the sink.

    mask: "own", "carried" (the newest believed one, of an earlier frame), "cover" (none: the room is covered) or
    "none" (nothing is hidden).
    """

    index: int
    mask: str


@dataclass(frozen=True, slots=True)
class RungChanged:
    """The governor asks for another rung: its name, a stable word why, and the sentence for people."""

    rung: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Idle:
    """The run rests, camera and engine with it; `reason` says why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Awake:
    """It goes on after so many seconds; `reason` says why."""

    reason: str
    after_s: float


Fact = Opened | Dropped | Degraded | Recovered | Noted | RungChanged | Shown | Idle | Awake
Emit = Callable[[Fact], None]


def ignore(fact: Fact) -> None:
    """An `Emit` for whoever does not care."""


class StageTimes:
    """The latest times of each stage, in fixed memory, and their percentiles."""

    def __init__(self, keep: int = 2048) -> None:
        self._keep = keep
        self._ring: dict[str, array[float]] = {}
        self._count: Counter[str] = Counter()
        self._total_s: dict[str, float] = {}

    def add(self, stage: str, seconds: float) -> None:
        """Note that `stage` took `seconds` once."""
        ring = self._ring.get(stage)
        if ring is None:
            ring = self._ring[stage] = array("d", bytes(8 * self._keep))
        ring[self._count[stage] % self._keep] = seconds
        self._count[stage] += 1
        self._total_s[stage] = self._total_s.get(stage, 0.0) + seconds

    @property
    def stages(self) -> tuple[str, ...]:
        """Their names, in the order in which they first ran."""
        return tuple(self._ring)

    def total_s(self, stages: Iterable[str]) -> float:
        """What these stages took in all, in seconds."""
        return sum(self._total_s.get(stage, 0.0) for stage in stages)

    def since(self, stage: str, count: int) -> tuple[list[float], int]:
        """(the times in seconds that came after the first `count` of `stage` and are kept still, how many came)."""
        now = self._count[stage]
        new = min(now - count, self._keep, now)
        ring = self._ring.get(stage)
        return ([ring[at % self._keep] for at in range(now - new, now)] if ring else []), now

    def percentile_ms(self, stage: str, share: float) -> float:
        """The `share` quantile (0..1, nearest rank) of the kept times of `stage`, in ms; 0 if none."""
        return _at(self._ordered(stage), share)

    def table(self) -> dict[str, dict[str, float]]:
        """{stage: {"p50_ms": ..., "p95_ms": ...}} in the order the stages first ran."""
        made = {}
        for stage in self.stages:
            ordered = self._ordered(stage)
            made[stage] = {"p50_ms": round(_at(ordered, 0.50), 3), "p95_ms": round(_at(ordered, 0.95), 3)}
        return made

    def _ordered(self, stage: str) -> list[float]:
        count = min(self._count[stage], self._keep)
        return sorted(self._ring[stage][:count]) if count else []


def _at(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1e3 if ordered else 0.0


@dataclass(slots=True)
class Tally:
    """Counts facts: an `Emit` that keeps totals."""

    drops: Counter[str] = field(default_factory=Counter)
    degraded: Counter[str] = field(default_factory=Counter)
    masks: Counter[str] = field(default_factory=Counter)
    rung_changes: int = 0

    def __call__(self, fact: Fact) -> None:
        """Count one fact."""
        if isinstance(fact, Shown):
            self.masks[fact.mask] += 1
        elif isinstance(fact, Dropped):
            self.drops[fact.cause] += 1
        elif isinstance(fact, Degraded):
            self.degraded[fact.cause] += 1
        elif isinstance(fact, RungChanged):
            self.rung_changes += 1
