"""Which candidate a run takes and why: what edgeseg calibrate kept, and whether the target can be reached."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edgeseg.doctor.asked import Asked
from edgeseg.doctor.finding import Finding
from edgeseg.doctor.trial import Trial
from edgeseg.tiers.kept import Kept
from edgeseg.tiers.ladder import Candidate, Choice, Ladder, budget_ms

_CALIBRATE = "edgeseg calibrate"


@dataclass(frozen=True, slots=True)
class Taken:
    """What `edgeseg run` takes. candidate: None where no model is run. why: a clause.

    kept: what edgeseg calibrate kept of the models that are here; not_kept: why what is kept does not count. has_file:
    whether the tier is installed. is_known: false of a saved board, where a ladder and models are not part of it.
    """

    candidate: Candidate | None
    why: str
    choice: Choice | None = None
    kept: Kept | None = None
    ladder: Ladder | None = None
    not_kept: tuple[str, ...] = ()
    has_file: bool = True
    is_known: bool = True

    @property
    def reason(self) -> str:
        """Why, without what to do about it."""
        return self.why.partition(": run ")[0]


def check(taken: Taken, asked: Asked, trials: list[Trial]) -> list[Finding]:
    """What there is to say of it."""
    return [*_kept(taken, asked, trials), *_rate(taken, asked, trials)] if taken.is_known else []


def _kept(taken: Taken, asked: Asked, trials: list[Trial]) -> Iterator[Finding]:
    where = "the state folder, ladder.json"
    is_told = any(one.refusal is not None for one in trials)  # by the engine that wanted its file
    if taken.candidate is not None and not taken.has_file and not is_told:
        what = f"The tier {taken.candidate.tier} is not installed: its file is in no folder of models."
        remedy = "Run make setup in edgeseg's checkout, or install a wheel, which brings it; --models names a folder."
        yield Finding("fault", "choice", what, "edgeseg tiers", remedy)
    for reason in taken.not_kept:
        yield Finding("warning", "choice", reason, where, f"Run {_CALIBRATE} again.")
    if taken.candidate is None:
        return
    is_named = asked.settings.tier != "auto"
    if taken.choice is not None:
        yield Finding("fine", "choice", f"A run takes {taken.candidate}: {taken.choice.reason}.", where)
    elif is_named or taken.not_kept:
        return
    elif taken.kept is None:
        what = f"This device is not calibrated, so that {taken.candidate.tier} is taken unmeasured."
        yield Finding("note", "choice", what, where, f"Run {_CALIBRATE}: a minute, and the best tier is known.")
    else:
        what = f"Nothing of what is kept can be taken: {taken.reason}."
        yield Finding("note", "choice", what, where, f"Run {_CALIBRATE}.")


def _rate(taken: Taken, asked: Asked, trials: list[Trial]) -> Iterator[Finding]:
    """Whether the target is within reach: by what was measured, else by the trial's inferences alone."""
    candidate, fps = taken.candidate, asked.fps
    lower = f"Lower the target (targets.fps or targets.size), or take a smaller tier: see {_CALIBRATE}."
    if candidate is None:
        return
    if taken.choice is not None:
        if not taken.choice.fits:
            what = f"The target of {fps:g} fps is not reached: {taken.choice.reason}."
            yield Finding("warning", "choice", what, "the kept ladder", lower)
        return
    trial = next((one for one in trials if one.engine == candidate.engine and one.works), None)
    if trial is not None and trial.p50_ms is not None and trial.p50_ms > budget_ms(fps):
        what = (
            f"{trial.tier} on {trial.engine} takes {trial.p50_ms:.1f} ms an inference, and {fps:g} fps leave"
            f" {budget_ms(fps):.1f} ms a frame."
        )
        others = [one for one in trials if one.works and one.p50_ms is not None and one.p50_ms <= budget_ms(fps)]
        remedy = f"Choose --engine {others[0].engine}, which is fast enough." if others else lower
        yield Finding("warning", "choice", what, "measured just now", remedy)
