"""`--tier auto`: the candidate that the kept ladder of this device says is best for a frame rate.

It is asked at every start, so nothing heavy is imported and one small file is read.
"""

from typing import NamedTuple

from edgeseg.errors import UsageError
from edgeseg.tiers import files, kept
from edgeseg.tiers.catalogue import AUTO, DEFAULT_TIER
from edgeseg.tiers.identity import board_identity, runtime_identity
from edgeseg.tiers.ladder import DEFAULT_FPS, Candidate, Choice, Measured, choose, ladder_of

_REMEDY = "run edgeseg calibrate"


class Chosen(NamedTuple):
    """What to run. threads: 0 where nothing was measured. choice: the rung, None without one. note: for people."""

    candidate: Candidate
    choice: Choice | None
    note: str


def choose_here(
    engine: str = AUTO,
    threads: int = 0,
    fps: float | None = None,
    models: str | None = None,
) -> Chosen:
    """The best kept candidate for `fps` (30 if it is not known), and the default tier where none is kept.

    engine: only candidates with it, unless "auto". threads: those with so many before others, and so many in any case;
    0: as was best.
    """
    found, why = kept.read(board_identity(), runtime_identity())
    measured = found.measured if found is not None else ()
    fitting = [one for one in measured if engine in (AUTO, one.candidate.engine)]
    fitting = [one for one in fitting if one.candidate.threads == threads] or fitting
    changed: set[str] = set()
    while True:
        choice = choose(ladder_of(one for one in fitting if one.candidate.tier not in changed), fps or DEFAULT_FPS)
        if choice is None:
            break
        one = choice.rung.measured
        if _is_current(one, models):
            candidate = one.candidate._replace(threads=threads or one.candidate.threads)
            return Chosen(candidate, choice, f"{one.candidate}: {choice.reason}{_told(changed)}")
        changed.add(one.candidate.tier)
    if found is not None and engine != AUTO and not fitting:
        other = choose_here(AUTO, threads, fps, models)
        if other.choice is not None:
            tier = other.candidate.tier
            note = f"nothing was measured with --engine {engine}: {tier}, which is the choice without it"
            return Chosen(Candidate(tier, engine, threads), None, note)
    fallback = Candidate(DEFAULT_TIER, "cpu" if engine == AUTO else engine, threads)
    if found is None:
        reason = f"not calibrated, for {why}" if why else "not calibrated"
    elif fitting:
        reason = "what was measured is of models that have changed"
    else:
        reason = f"nothing was measured with --engine {engine}"
    return Chosen(fallback, None, f"{reason}: {_REMEDY} (until then: {DEFAULT_TIER})")


def _is_current(one: Measured, models: str | None) -> bool:
    """Whether the tier is there, and its file is the one that was measured."""
    try:
        tier = files.tier(one.candidate.tier, models)
    except UsageError:
        return False
    return tier.sha256 == one.sha256 and files.find(tier, models) is not None


def _told(changed: set[str]) -> str:
    return f" (of other models than were measured: {', '.join(sorted(changed))}; {_REMEDY})" if changed else ""
