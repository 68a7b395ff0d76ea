"""One run of the farm, from the farm file to the verdicts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from deploy.farm import farmfile, runs
from deploy.farm.card import Golden
from deploy.farm.farmfile import Farm
from deploy.farm.jobs import Given, Job, jobs_of
from deploy.farm.judging import Outcome, judged
from deploy.farm.lane import Told
from deploy.farm.rules import RULES
from deploy.farm.runner import Part, cards_of, run_jobs
from deploy.farm.runs import Run
from deploy.farm.shipping import keep_newest_wheels, shipment, wheel_of
from deploy.farm.speed import is_worth_again
from deploy.farm.statistics import units_of
from edgeseg.errors import GoldenError, UsageError, did_you_mean
from edgeseg.golden.card import sha256_of
from edgeseg.golden.checking import check
from edgeseg.golden.dataset import Dataset, load
from edgeseg.tiers import files
from edgeseg.tiers.catalogue import Tier, catalogue

Watching = Callable[[dict[str, int]], AbstractContextManager[Told]]
"""Makes what is told of a run's jobs, of so many a device."""

_KEPT_WHEELS = 3


@dataclass(frozen=True, slots=True)
class Session:
    """What a run came to. outcomes: of all jobs that have a card."""

    run: Run
    golden: Dataset
    outcomes: list[Outcome]


def tiers_of(models: Path | None) -> dict[str, Tier]:
    """The tiers that a farm may run: the catalogue's, and those of its own folder of models. Not what else is here."""
    own = catalogue()
    found = {}
    for name, tier in files.tiers(models).items():
        path = files.find(tier, models)
        if name in own or (path is not None and path.parent == models):
            found[name] = tier
    return found


def read(path: Path) -> Farm:
    """The farm file; see `farmfile.read`."""
    return farmfile.read(path, lambda models: list(tiers_of(models)))


def chosen(farm: Farm, only: Sequence[str]) -> list[str]:
    """The devices of that name, all but those on demand if none is named, in the file's order; raises UsageError."""
    for name in only:
        if name not in farm.entries:
            raise UsageError(f"{farm.path} has no device {name!r}; {did_you_mean(name, farm.entries)}")
    return [name for name, entry in farm.entries.items() if (name in only if only else not entry.on_demand)]


def sound(folder: Path) -> Dataset:
    """The golden set in a folder; raises GoldenError with all that is wrong with it."""
    golden = load(folder)
    faults = check(folder)
    if faults:
        raise GoldenError("\n".join([*faults, f"The golden set {folder} has faults, and no device is asked."]))
    return golden


def cache_of(given: Path | None) -> Path:
    """Where what devices are made of is kept: the folder given, or the user's own."""
    if given is not None:
        return given
    import platformdirs

    return platformdirs.user_cache_path("edgeseg") / "farm"


def baselines_of(folder: Path, golden: Path) -> Path:
    """Where a golden set's baselines are: each set has its own, for another's scores say nothing of it."""
    return folder / load(golden).file.name


def run(
    farm: Farm,
    names: Sequence[str],
    output: Path,
    cache: Path,
    baselines: Path,
    when: str,
    watching: Watching,
    *,
    wheel: Path | None = None,
    fresh: bool = False,
) -> Session:
    """Run the jobs of these devices that have no card yet, and judge all of them.

    when: the date and time, as YYYYMMDD-HHMMSS. Raises UsageError, GoldenError, CandidateError, OutputError,
    NotPermitted (another run goes on), and KeyboardInterrupt, after which the next run goes on where this one was.
    """
    golden = sound(farm.golden)
    with runs.locked(output), runs.locked(cache):
        packed = wheel_of(wheel, cache)
        about = Golden(
            golden.file.name,
            golden.file.version,
            sha256_of(golden),
            len(golden.file.items),
            len(golden.file.items),
        )
        given = Given(packed.sha256, tiers_of(farm.models), golden.file.items, about)
        parts: list[Part] = []
        for name in names:
            device = farm.device(name, cache)
            jobs = jobs_of(farm, name, device.timing, given)
            parts.append((device, jobs, shipment(packed, golden, [job.tier for job in jobs], farm.models)))
        of = {"wheel": packed.sha256, "golden": about.sha256, "devices": list(names)}
        made = runs.start(output, {**of, "golden_path": str(farm.golden.resolve())}, when, fresh)
        with watching(_left(made, parts)) as told:
            run_jobs(made, parts, told)
        outcomes = judged(cards_of(made, parts), baselines, units=units_of(golden))
        if slower := _slower(parts, outcomes):
            with watching({device.name: sum(job.name in slower for job in jobs) for device, jobs, _ in parts}) as told:
                run_jobs(made, parts, told, again=slower)
            outcomes = judged(cards_of(made, parts), baselines, units=units_of(golden))
        made.finish(all(made.card_of(job) is not None for _, jobs, _ in parts for job in jobs))
        runs.prune(output, farm.budget.keep_runs)
        keep_newest_wheels(cache, _KEPT_WHEELS)
    return Session(made, golden, outcomes)


def _left(made: Run, parts: Sequence[Part]) -> dict[str, int]:
    return {device.name: sum(made.card_of(job) is None for job in jobs) for device, jobs, _ in parts}


def _slower(parts: Sequence[Part], outcomes: Sequence[Outcome]) -> set[str]:
    """Names of the jobs that are timed once more: a machine that was busy passes, and what is slower stays so."""
    slow = {
        (outcome.card.device, outcome.card.candidate)
        for outcome in outcomes
        if outcome.accepted is not None and is_worth_again(outcome.accepted, outcome.card, RULES)
    }
    jobs: list[Job] = [job for _, own, _ in parts for job in own]
    return {job.name for job in jobs if (job.device, job.candidate) in slow}
