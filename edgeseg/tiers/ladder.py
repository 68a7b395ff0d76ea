"""What is known of a device's candidates: measured ones, refused ones, and the ladder of those worth using. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

SAME_TIME = 0.03  # a share: times that are nearer than this cannot be told from each other
FRAMINGS = ("any", "stills", "webcam")
"""Which golden set says what is good: the mean of both, photographs of people, one person at a desk."""


@dataclass(frozen=True, slots=True, order=True)
class Candidate:
    """A way to make masks: a tier on an engine with so many threads."""

    tier: str
    engine: str
    threads: int

    def __str__(self) -> str:
        threads = "" if self.engine != "cpu" else f", {self.threads} thread{'s' if self.threads > 1 else ''}"
        return f"{self.tier} on {self.engine}{threads}"


@dataclass(frozen=True, slots=True)
class Measured:
    """A candidate and what was measured of it on this device.

    sha256: of the tier's file. ms: one frame from capture to what people see, in the quiet quarter of the time.
    p50_ms, p95_ms: the same, of all `runs`. infer_ms: the engine's part, median. score: mean IoU on the small golden
    set here; expected: on the reference engine. golden: mean IoU on the large sets, from the catalogue. memory_mb: of
    the process with it, in 10^6 bytes. library, delegated, nodes: what the engine could prove, see `EngineReport`.
    """

    candidate: Candidate
    sha256: str
    ms: float
    p50_ms: float
    p95_ms: float
    infer_ms: float
    runs: int
    score: float
    expected: float
    golden: Mapping[str, float]
    memory_mb: float
    library: str
    delegated: int
    nodes: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A candidate that will not be used, and why, a clause for people. sha256: of the tier's file."""

    candidate: Candidate
    sha256: str
    reason: str


@dataclass(frozen=True, slots=True)
class Rung:
    """An operating point: a candidate, asked about every k-th frame."""

    measured: Measured
    quality: float
    every: int = 1

    @property
    def ms(self) -> float:
        """What a frame takes, on average over the frames with a mask of their own and those that carry one on."""
        return self.measured.ms / self.every


@dataclass(frozen=True, slots=True)
class Ladder:
    """The rungs of a device, cheapest to best: each takes more than the one before it and is better."""

    rungs: tuple[Rung, ...]


def quality(golden: Mapping[str, float], framing: str = "any") -> float | None:
    """How good a tier is, as one number from 0 to 1; None if it was scored on none of the sets that say so."""
    sets = ("stills", "webcam") if framing == "any" else (framing,)
    scores = [golden[name] for name in sets if name in golden]
    return sum(scores) / len(scores) if scores else None


def ladder_of(measured: Iterable[Measured], framing: str = "any") -> Ladder:
    """The candidates that no other dominates; those without a quality are left out."""
    rated = [(quality(one.golden, framing), one) for one in measured]
    rungs = [Rung(one, good) for good, one in rated if good is not None]
    # The better first, of equals the cheaper: only what comes before can dominate.
    rungs.sort(key=lambda rung: (-rung.quality, rung.ms, rung.measured.candidate))
    kept: list[Rung] = []
    for rung in rungs:
        if not any(dominates(other, rung) for other in kept):
            kept.append(rung)
    return Ladder(tuple(reversed(kept)))


def dominates(one: Rung, other: Rung) -> bool:
    """Whether `one` is as good as `other` and as cheap, times within `SAME_TIME` being equal if it is better."""
    if one.quality > other.quality:
        return one.ms <= other.ms * (1 + SAME_TIME)
    return one.quality == other.quality and one.ms <= other.ms
