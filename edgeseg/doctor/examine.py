"""The examination: the board, what is asked for, engines tried, and every check over what came of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from edgeseg.build import engine_wish, named
from edgeseg.clock import Clock
from edgeseg.config.places import CONFIG, Places, places, shipped
from edgeseg.doctor import cameras, choice, engines, limits, load, loopback, outside, permissions, software, speed
from edgeseg.doctor.asked import Asked, Options, ask
from edgeseg.doctor.choice import Taken
from edgeseg.doctor.finding import Finding, worst_first
from edgeseg.doctor.outside import Outside
from edgeseg.doctor.trial import Trial, try_engine
from edgeseg.engines import ENGINES
from edgeseg.errors import EdgesegError
from edgeseg.ports import EngineWish
from edgeseg.probe import Capabilities, probe_and_pack
from edgeseg.tiers import files, kept
from edgeseg.tiers.catalogue import DEFAULT_TIER
from edgeseg.tiers.ladder import Candidate, ladder_of

SAVED = "of a saved board that is not known"
Try = Callable[[Trial, EngineWish, Clock, "str | None"], Trial]


@dataclass(frozen=True, slots=True)
class Report:
    """All that the doctor knows. packed: the probe's files, a tar. outside: None for a saved board."""

    found: Capabilities
    asked: Asked
    taken: Taken
    trials: list[Trial]
    serves: Trial | None
    outside: Outside | None
    findings: list[Finding]
    packed: bytes
    is_saved: bool


def examine(
    options: Options,
    clock: Clock,
    root: Path = Path("/"),
    attempt: Try = try_engine,
    told: Callable[[str], None] = lambda what: None,
) -> Report:
    """Look at everything and try what there is to try; `told` hears what is being done.

    Raises UsageError for options that name nothing; all else becomes a finding.
    """
    is_saved = os.path.realpath(root) != "/"
    told("looking at the board")
    found, packed = probe_and_pack(root)
    where = Places((), (shipped(),)) if is_saved else places()
    asked, findings = ask(found, options, where)
    seen = None if is_saved else _outside(found, where, clock)
    taken = _of_saved(asked) if is_saved else _taken(asked, findings)
    trials = planned(found, asked, taken)
    if is_saved:
        trials = [replace(one, skipped=SAVED) for one in trials]
    else:
        trials = [_tried(one, asked, clock, attempt, told) for one in trials]
    findings += [
        *engines.check(found, asked, taken, trials),
        *choice.check(taken, asked, trials),
        *speed.check(found, seen.load if seen else None),
        *limits.check(found, asked.limit("temp_c"), asked.limit("power_w")),
        *cameras.check(found, seen, asked.settings.source, asked.size, asked.fps),
        *loopback.check(found, seen, asked.settings.sink, asked.size),
        *permissions.check(seen),
        *software.check(found),
    ]
    serves = engines.serving(taken, trials)
    return Report(found, asked, taken, trials, serves, seen, worst_first(findings), packed, is_saved)


def _taken(asked: Asked, findings: list[Finding]) -> Taken:
    """What a run takes; what keeps it from that, such as a faulty catalogue of the user's own, becomes findings."""
    try:
        return taken_here(asked)
    except EdgesegError as error:
        plain = named(asked.settings)
        remedy = "Mend it; edgeseg tiers tells of it too."
        findings += [Finding("fault", "choice", line, "edgeseg tiers", remedy) for line in str(error).splitlines()]
        return Taken(Candidate(plain.tier, plain.engine, plain.threads), "nothing more can be told", is_known=False)


def taken_here(asked: Asked) -> Taken:
    """What a run takes on this machine, and what is kept for it."""
    from edgeseg.calibrate.device import kept_here
    from edgeseg.chosen import choose_here

    settings = asked.settings
    if settings.segmenter == "chroma":
        return Taken(None, "a key of one colour takes no model")
    found, notes = kept_here(settings.models)
    own = ladder_of(found.measured) if found is not None else None
    if settings.tier == "auto":
        chosen = choose_here(settings.engine, settings.threads, asked.fps, settings.models)
        candidate, why, taken = chosen.candidate, chosen.note, chosen.choice
    else:
        plain = named(settings)
        candidate, why, taken = Candidate(plain.tier, plain.engine, plain.threads), "it was named", None
    tier = files.tier(candidate.tier, settings.models)
    has_file = files.find(tier, settings.models) is not None
    return Taken(candidate, why, taken, found, own, tuple(notes), has_file)


def _of_saved(asked: Asked) -> Taken:
    plain = named(asked.settings)
    candidate = Candidate(plain.tier, plain.engine, plain.threads)
    return Taken(candidate, "what edgeseg calibrate kept is not part of a saved board", is_known=False)


def planned(found: Capabilities, asked: Asked, taken: Taken) -> list[Trial]:
    """The engines to try, the cpu always: it serves where others fall, and they are held against it."""
    wanted = asked.engines()
    tier = taken.candidate.tier if taken.candidate else DEFAULT_TIER
    trials = []
    for engine in (name for name in ENGINES if name != "chroma"):
        is_taken = taken.candidate is not None and taken.candidate.engine == engine
        if engine == "cpu" or is_taken or asked.is_users(engine) or is_here(engine, found):
            trials.append(Trial(engine, tier, wanted.get(engine)))
    return trials


def is_here(engine: str, found: Capabilities) -> bool:
    """Whether there is something for the engine: its hardware, or a driver or plug-in that was installed for it."""
    if any(one.engine == engine for one in found.accelerators):
        return True
    if engine == "gpu":
        return bool(found.vulkan) or any(os.environ.get(name) for name in ("VK_DRIVER_FILES", "VK_ICD_FILENAMES"))
    return engine == "npu" and "ai-edge-litert-sdk-intel" in found.software.packages


def _tried(trial: Trial, asked: Asked, clock: Clock, attempt: Try, told: Callable[[str], None]) -> Trial:
    told(f"trying the engine {trial.engine}")
    settings = asked.settings
    wish = engine_wish(settings)
    if settings.engine != trial.engine:  # then library and device are not meant for it
        wish = replace(wish, library=None, device=None)
    return attempt(trial, wish, clock, settings.models)


def _outside(found: Capabilities, where: Places, clock: Clock) -> Outside:
    nodes = [node.node for node in found.cameras.nodes if node.kind in ("camera", "loopback")]
    nodes += [path for one in found.accelerators for path in one.nodes]
    return outside.look(dict.fromkeys(nodes), _places(where), load.measure(clock), Path("/"))


def _places(where: Places) -> Iterable[tuple[str, Path]]:
    yield "The state folder", kept.state_folder()
    for folder in where.config:
        if (path := folder / CONFIG).exists():
            yield "The config file", path
