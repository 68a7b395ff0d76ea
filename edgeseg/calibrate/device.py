"""`edgeseg calibrate`: what this board allows, what is known of it already, a session, and what is kept of that."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2

from edgeseg.calibrate.line import NO_OPTIONS, Line
from edgeseg.calibrate.session import Session
from edgeseg.calibrate.steps import Step
from edgeseg.clock import Clock
from edgeseg.engines import ENGINES
from edgeseg.errors import CandidateError, OutputError, UsageError, did_you_mean
from edgeseg.probe import Capabilities
from edgeseg.tiers import files, kept
from edgeseg.tiers.catalogue import Tier
from edgeseg.tiers.identity import board_identity, runtime_identity
from edgeseg.tiers.kept import Kept
from edgeseg.tiers.ladder import Candidate, Choice, Ladder, choose, ladder_of
from edgeseg.tiers.selection import Allowed, candidates, threads_to_try


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What is known of this device now. left: no time was left for them. path: where it is kept, None if it is not.

    notes: what people should know, a sentence each; not_kept: why it could not be kept.
    """

    kept: Kept
    ladder: Ladder
    choice: Choice | None
    left: tuple[Candidate, ...]
    new: int
    path: Path | None
    notes: tuple[str, ...]
    not_kept: OutputError | None
    interrupted: bool


def allowed_here(
    found: Capabilities,
    engines: tuple[str, ...],
    fps: float,
    memory_mb: float | None = None,
    threads: tuple[int, ...] = (),
) -> Allowed:
    """What the board allows. engines: those asked for, all if none; memory_mb, threads: a profile's, if it has some."""
    known = tuple(name for name in ENGINES if name != "chroma")
    for name in engines:
        if name not in known:
            raise UsageError(f"There is no engine {name!r}; {did_you_mean(name, known)}")
    cpu = found.cpu
    cores = [fact.value for fact in (cpu.allowed, cpu.cores) if fact is not None]
    quota = [max(1, round(cpu.quota.value))] if cpu.quota is not None else []
    limits = [limit for limit in (memory_mb, found.memory.limit_mb and found.memory.limit_mb.value) if limit]
    return Allowed(
        engines=engines or known,
        threads=threads or threads_to_try(min([*cores[:1], *quota], default=1)),
        memory_mb=min(limits, default=None),
        fps=fps,
        features=frozenset(cpu.features.value if cpu.features else ()),
    )


def with_hardware(found: Capabilities, engines: Iterable[str]) -> tuple[str, ...]:
    """Those of a profile's engines whose hardware the probe found. A Vulkan driver that computes on the CPU is none."""
    there = {"cpu", *(one.engine for one in found.accelerators if one.engine)}
    if any(not driver.software for driver in found.vulkan):
        there.add("gpu")
    return tuple(name for name in engines if name in there)


def known_tiers(models: str | None) -> dict[str, Tier]:
    """All tiers whose file is here, by name; those from Coral's compiler have the scores of what they were made of."""
    known = files.tiers(models)
    here = {name: tier for name, tier in known.items() if files.find(tier, models) is not None}
    twins = {name: known[tier.twin].golden for name, tier in here.items() if tier.twin in known}
    return {name: dataclasses.replace(tier, golden=tier.golden or twins.get(name, {})) for name, tier in here.items()}


def calibrate(
    allowed: Allowed,
    clock: Clock,
    when: str,
    told: Callable[[Step], None],
    *,
    time_s: float = 60.0,
    again: bool = False,
    models: str | None = None,
    framing: str = "any",
    options: Mapping[str, Any] = NO_OPTIONS,
    folder: Path | None = None,
) -> Calibrated:
    """Measure what is not known yet, keep it, and say what is best.

    when: the date that is kept with it. again: measure anew what is known. options: see `Line`. folder: of the state,
    this user's if None.
    Raises CandidateError if nothing can be used here, KeyboardInterrupt if it came before anything was measured.
    """
    cv2.setNumThreads(1)  # as in a run
    tiers = known_tiers(models)
    before, notes = _known(tiers, folder)
    wanted = candidates(tiers.values(), allowed)
    old = before.measured if before is not None else ()
    if again:
        old = tuple(one for one in old if one.candidate not in set(wanted))
    reference_ms = before.reference_ms if before is not None and old else None
    done = {one.candidate for one in old}
    start = functools.partial(Line, clock=clock, models=models, options=options)
    session = Session(tiers, allowed, start, clock, time_s, told, old, reference_ms)
    out = session.run([one for one in wanted if one not in done])
    if out.interrupted and not (out.measured or out.refusals):
        raise KeyboardInterrupt
    all_measured = tuple(sorted((*old, *out.measured), key=lambda one: one.candidate))
    if not all_measured:
        raise CandidateError(_nothing([one.reason for one in out.refusals]))
    refused = () if again or before is None else before.refusals
    refusals = [one for one in refused if one.candidate not in set(wanted)]
    now = Kept(
        board_identity(),
        runtime_identity(),
        out.reference_ms if out.measured or before is None else before.reference_ms,
        when if out.measured or before is None else before.when,
        all_measured,
        (*refusals, *out.refusals),
    )
    path, not_kept = _keep(now, folder)
    ladder = ladder_of(all_measured, framing)
    return Calibrated(
        now,
        ladder,
        choose(ladder, allowed.fps),
        tuple(out.left),
        len(out.measured),
        path,
        tuple(notes),
        not_kept,
        out.interrupted,
    )


def kept_here(models: str | None = None, folder: Path | None = None) -> tuple[Kept | None, list[str]]:
    """What is kept for this device and is of the models that are here, and what people should know of it."""
    return _known(known_tiers(models), folder)


def _known(tiers: Mapping[str, Tier], folder: Path | None) -> tuple[Kept | None, list[str]]:
    found, why = kept.read(board_identity(), runtime_identity(), folder)
    if found is None:
        return None, [
            f"{why[0].upper()}{why[1:]}: it does not count, and is made anew by edgeseg calibrate."
        ] if why else []
    current = kept.of_models(found, {name: tier.sha256 for name, tier in tiers.items()})
    gone = len(found.measured) - len(current.measured)
    notes = [f"{gone} of {len(found.measured)} kept candidates are of models that have changed."] if gone else []
    return current, notes


def _keep(now: Kept, folder: Path | None) -> tuple[Path | None, OutputError | None]:
    try:
        return kept.write(now, folder), None
    except OutputError as error:
        return None, error


def _nothing(reasons: Iterable[str]) -> str:
    told = "; ".join(dict.fromkeys(reasons)) or "there was no time for any, give more with --time"
    return f"No candidate can be used here: {told}."
