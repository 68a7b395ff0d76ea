"""Engines, really tried: started, asked a few times, and held to the known answer, each in a process of its own.

Also the engine cpu: the doctor must come to an end whatever a runtime does. A child costs 0.1 to 0.3 ms an inference
(docs/engines.md), of all engines alike.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgeseg.clock import Clock
from edgeseg.errors import EdgesegError
from edgeseg.ports import Engine, EngineReport, EngineWish
from edgeseg.tiers import files
from edgeseg.tiers.catalogue import DEFAULT_TIER, Tier

START_S, DEADLINE_S = 30.0, 5.0  # to be ready, its first inferences included; one inference
_RUNS, _LEAST, _MOST_S = 30, 3, 1.5


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of trying an engine. asked_by: who wanted it, None if only its hardware is there.

    skipped: why it was not tried. refusal: why it does not run. knows: whether it passed the known-answer test.
    times are milliseconds of an inference, in a child.
    """

    engine: str
    tier: str | None = None
    asked_by: str | None = None
    skipped: str | None = None
    refusal: str | None = None
    report: EngineReport | None = None
    start_s: float | None = None
    p50_ms: float | None = None
    runs: int = 0
    knows: bool | None = None

    @property
    def works(self) -> bool:
        """Whether it may serve."""
        return self.report is not None and self.refusal is None and self.knows is True

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {"works": self.works}


def try_engine(trial: Trial, wish: EngineWish, clock: Clock, models: str | None = None) -> Trial:
    """`trial` with what came of it. Raises nothing, and comes to an end."""
    from edgeseg.engines.child import ChildEngine

    try:
        tier = tier_for(trial.engine, trial.tier or DEFAULT_TIER, models)
        if tier is None:
            return replace(trial, tier=None, refusal=_no_compiled_tier(wish))
        trial = replace(trial, tier=tier.name)
        model = files.load(tier, models)
    except EdgesegError as error:
        return replace(trial, refusal=str(error))
    limits: dict[str, Any] = {"start_timeout_s": START_S, "deadline_s": DEADLINE_S, "clock": clock}
    return tried(trial, lambda: ChildEngine(trial.engine, model, tier.io, wish, **limits), clock)


def tried(trial: Trial, make: Callable[[], Engine], clock: Clock) -> Trial:
    """The same of an engine that `make` starts."""
    began = clock.now()
    try:
        engine = make()
    except EdgesegError as error:
        return replace(trial, refusal=str(error), start_s=round(clock.now() - began, 2))
    trial = replace(trial, report=engine.report, start_s=round(clock.now() - began, 2))
    try:
        return _asked(trial, engine, clock)
    except EdgesegError as error:
        return replace(trial, refusal=f"It started, and then: {error}")
    finally:
        engine.close()


def tier_for(engine: str, wanted: str, models: str | None) -> Tier | None:
    """The tier to try: the one that is wanted, or that goes with it on an Edge TPU or off it; None if there is none."""
    tier = files.tier(wanted, models)
    if engine != "edgetpu":
        return files.tier(tier.twin, models) if tier.twin else tier
    if tier.twin:
        return tier
    compiled = [one for one in files.tiers(models).values() if one.twin and files.find(one, models) is not None]
    return next((one for one in compiled if one.twin == wanted), compiled[0] if compiled else None)


def _no_compiled_tier(wish: EngineWish) -> str:
    """There is nothing to run; what else is missing is told too."""
    from edgeseg.engines.edgetpu import check_permission, library_of

    told = ["No tier here was compiled for an Edge TPU: see docs/edgetpu.md for how to make one."]
    for look in (lambda: library_of(wish.library), lambda: check_permission(Path("/"))):
        try:
            look()
        except EdgesegError as error:
            told.insert(0, str(error))
    return " ".join(told)


def _asked(trial: Trial, engine: Engine, clock: Clock) -> Trial:
    """Timed, then held to the known answer. Raises EngineFault."""
    from edgeseg.trust import KnownAnswer, fault_of

    io = engine.io
    rgb = np.full((io.height, io.width, 3), 0.5 if io.dtype == "float32" else 0, dtype=io.dtype)
    times: list[float] = []
    until = clock.now() + _MOST_S
    while len(times) < _RUNS and (len(times) < _LEAST or clock.now() < until):
        began = clock.now()
        engine.infer(rgb)
        times.append(clock.now() - began)
    known = fault_of(engine, KnownAnswer.portrait()) is None
    if not known:
        engine.infer(rgb)  # raises if it is no more: then it gave no wrong answer but none
    return replace(trial, p50_ms=round(statistics.median(times) * 1e3, 2), runs=len(times), knows=known)
