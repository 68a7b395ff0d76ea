"""What is known of a device's candidates, the ladder of those worth using, and which rung of it to take. Pure.

Tuples and no dataclasses: `edgeseg run` reads the ladder at its start, and making a dataclass takes a millisecond.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from edgeseg.tiers.carried import Carried

DEFAULT_FPS = 30.0
SHARE = 0.8  # of a frame's time that its mask and its picture may take; the source, the sink and the system need some
SAME_TIME = 0.03  # a share: times that are nearer than this cannot be told from each other
EVERY = (1, 2, 3, 4)
MAX_MASK_AGE_MS = 250.0  # as in `runtime.Limits`
FRAMINGS = ("any", "stills", "webcam")
"""Which golden set says what is good: the mean of both, photographs of people, one person at a desk."""


class Candidate(NamedTuple):
    """A way to make masks: a tier on an engine with so many threads."""

    tier: str
    engine: str
    threads: int

    def __str__(self) -> str:
        threads = "" if self.engine != "cpu" else f", {self.threads} thread{'s' if self.threads > 1 else ''}"
        return f"{self.tier} on {self.engine}{threads}"


class Measured(NamedTuple):
    """A candidate and what was measured of it on this device.

    sha256: of the tier's file. ms: one frame from capture to what people see, when nothing else runs.
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


class Refusal(NamedTuple):
    """A candidate that will not be used, and why, a clause for people. sha256: of the tier's file."""

    candidate: Candidate
    sha256: str
    reason: str


class Rung(NamedTuple):
    """An operating point: a candidate, asked about every k-th frame.

    quality: of the masks of all frames, on average. carried_ms: what a frame takes that carries a mask on.
    """

    measured: Measured
    quality: float
    every: int = 1
    carried_ms: float = 0.0

    @property
    def ms(self) -> float:
        """What a frame takes, on average over the frames with a mask of their own and those that carry one on."""
        return (self.measured.ms + (self.every - 1) * self.carried_ms) / self.every

    def __str__(self) -> str:
        return f"{self.measured.candidate}" + (f", every {self.every} frames" if self.every > 1 else "")


class Ladder(NamedTuple):
    """The rungs of a device, cheapest to best: each takes more than the one before it and is better."""

    rungs: tuple[Rung, ...]


class Choice(NamedTuple):
    """The rung to run, and why, a clause for people. fits: whether it holds the rate that was asked for."""

    rung: Rung
    reason: str
    fits: bool


def quality(golden: Mapping[str, float], framing: str = "any") -> float | None:
    """How good a tier is, as one number from 0 to 1; None if it was scored on none of the sets that say so."""
    sets = ("stills", "webcam") if framing == "any" else (framing,)
    scores = [golden[name] for name in sets if name in golden]
    return sum(scores) / len(scores) if scores else None


def ladder_of(measured: Iterable[Measured], framing: str = "any") -> Ladder:
    """The candidates that no other dominates; those without a quality are left out."""
    rated = [(quality(one.golden, framing), one) for one in measured]
    return _undominated([Rung(one, good) for good, one in rated if good is not None])


def rungs_of(
    measured: Iterable[Measured],
    fps: float,
    every: Iterable[int] = EVERY,
    framing: str = "any",
    families: Mapping[str, str] | None = None,
    max_mask_age_ms: float = MAX_MASK_AGE_MS,
    table: "Carried | None" = None,
) -> Ladder:
    """As `ladder_of`, each candidate also with inference of each k-th frame only, at `fps` frames a second.

    every: the k to make. families: by tier, for what its masks lose with age. max_mask_age_ms: rungs whose masks would
    grow older are left out, for their frames would be covered. table: what masks lose, as measured if None.
    Raises ValueError if `fps` is not above 0, or a k is below 1.
    """
    from edgeseg.tiers.carried import ANY, quality_of_every
    from edgeseg.tiers.carried import measured as measured_table

    counts = sorted(set(every))
    if not fps > 0 or any(k < 1 for k in counts):
        raise ValueError(f"there are no rungs of every {counts} at {fps} frames a second")
    counts = [k for k in counts if k == 1 or (k - 1) * 1e3 / fps <= max_mask_age_ms]
    table = table or measured_table()
    rungs = []
    for one in measured:
        good = quality(one.golden, framing)
        if good is None:
            continue
        family = (families or {}).get(one.candidate.tier, ANY)
        carried_ms = table.carry_share * max(0.0, one.ms - one.infer_ms)
        rungs += [Rung(one, quality_of_every(good, k, fps, family, table), k, carried_ms) for k in counts]
    return _undominated(rungs)


def _undominated(rungs: list[Rung]) -> Ladder:
    # The better first, of equals the cheaper: only what comes before can dominate.
    rungs.sort(key=lambda rung: (-rung.quality, rung.ms, rung.every, rung.measured.candidate))
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


def budget_ms(fps: float) -> float:
    """What one frame may take, in milliseconds, for so many a second."""
    return 1e3 / fps * SHARE


def choose(ladder: Ladder, fps: float) -> Choice | None:
    """The best rung that holds the rate, else the cheapest; None if there is no rung."""
    if not ladder.rungs:
        return None
    budget = budget_ms(fps)
    fitting = [rung for rung in ladder.rungs if rung.ms <= budget]
    if not fitting:
        rung = ladder.rungs[0]
        return Choice(rung, f"nothing holds {fps:g} fps here; it is the cheapest, {rung.ms:.1f} ms a frame", False)
    rung = fitting[-1]
    above = ladder.rungs[len(fitting) :]
    why = f"the best of {len(ladder.rungs)} rungs" if not above else f"the next better one takes {above[0].ms:.1f} ms"
    return Choice(rung, f"{rung.ms:.1f} ms of {budget:.1f} ms a frame for {fps:g} fps; {why}", True)
