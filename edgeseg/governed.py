"""A live run under the governor: the ladder of this device, the limits of its profile, its sensors, put together.

All of it is made in a thread of its own after the run has begun: the first frame waits for none of it.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from edgeseg.build import Run, Settings, make_pipeline_engine, own_options
from edgeseg.clock import Clock
from edgeseg.errors import CandidateError, EdgesegError, OutputError
from edgeseg.facts import Emit, Noted
from edgeseg.runtime import Plan
from edgeseg.tiers.catalogue import AUTO
from edgeseg.trust import KnownAnswer, fault_of

if TYPE_CHECKING:
    from edgeseg.config.profile import Limits
    from edgeseg.governor import Ladder, Policy, Rung
    from edgeseg.ports import Engine
    from edgeseg.readings import Reading
    from edgeseg.runtime import Runtime
    from edgeseg.steering import Decide, Steering, Writes
    from edgeseg.tiers.ladder import Rung as MeasuredRung

HALVED = 3  # so many of the cheapest rungs are offered at half the frame rate too
HALF_QUALITY = 0.5  # of a rung at half the frame rate, against the same at the whole; a choice, not measured
LEAST_BESIDE = 0.05  # of an inference, that a frame takes besides, whatever a busy board measured
COVER = "cover"


@dataclass(frozen=True, slots=True)
class Wish:
    """What to govern by: as the options of `edgeseg run`.

    trace: a file that every look is written to; writes: and whoever else takes its lines. is_asked: somebody wants it,
    and is told where it cannot be. limits: in place of the files'. only: the name of a rung that no other is to take
    the place of, but for the same with fewer frames and the cover, as limits ask.
    """

    profile: str | None = None
    instance: str | None = None
    config: Path | None = None
    trace: Path | None = None
    is_asked: bool = True
    limits: Limits | None = None
    writes: Writes | None = None
    only: str | None = None


class Governed:
    """Steers `run` from its first frame on until `close`.

    settings: of the run, as they were asked for. decide: see `Steering`. newest: what the sensors said last, where
    somebody reads them already. Nothing that goes wrong here ends the run; it is told as a fact.
    Raises OutputError if the trace cannot be written.
    """

    def __init__(
        self,
        run: Run,
        settings: Settings,
        wish: Wish,
        clock: Clock,
        emit: Emit,
        decide: Decide | None = None,
        newest: Callable[[], Reading | None] | None = None,
    ) -> None:
        self._run, self._settings, self._wish, self._clock, self._emit = run, settings, wish, clock, emit
        self._trace, self._decide, self._newest = _opened(wish.trace), decide, newest
        self._steering: Steering | None = None
        self._close_sensors: Callable[[], object] = _nothing
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._begin, name="edgeseg-governed", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Steer no more."""
        self._closed.set()
        self._thread.join(timeout=2.0)
        if self._steering is not None:
            self._steering.close()
        self._close_sensors()
        if self._trace is not None:
            with contextlib.suppress(OSError):
                self._trace.close()

    def _begin(self) -> None:
        try:
            self._made()
        except CandidateError as error:  # nothing was measured: whoever has not asked for the governor needs none
            if self._wish.is_asked or self._trace is not None:
                self._emit(Noted("governor", f"it does not run: {error}"))
        except EdgesegError as error:
            self._emit(Noted("governor", f"it does not run: {error}"))
        except Exception as error:  # noqa: BLE001 - a bug here must not end what people see
            self._emit(Noted("governor", f"it does not run, for a bug: {type(error).__name__}: {error}"))

    def _made(self) -> None:
        from edgeseg.governor import problems
        from edgeseg.sensors.sampler import Sampler
        from edgeseg.sensors.system import SystemSensors
        from edgeseg.steering import Steering

        policy, fps = self._policy()
        ladder, candidates = ladder_of(self._settings, fps)
        if self._wish.only is not None:
            ladder = only_of(ladder, self._wish.only)
        for problem in problems(policy, ladder):
            self._emit(Noted("governor", problem))
        newest = self._newest
        if newest is None:
            sampler = Sampler(
                lambda: SystemSensors(clock=self._clock, emit=self._emit), clock=self._clock, emit=self._emit
            )
            newest, self._close_sensors = sampler.newest, sampler.stop
        if self._closed.is_set():
            return
        runtime = self._run.runtime
        name = runtime.plan.name
        if name not in {rung.name for rung in ladder}:  # nobody has governed this run before
            name = self._running_name()
            runtime.switch(replace(runtime.plan, name=name))
        steering = Steering(
            runtime,
            policy,
            ladder,
            name,
            lambda rung: plan_of(rung, candidates[rung.candidate], self._settings, runtime, self._clock, self._emit),
            newest,
            self._clock,
            self._emit,
            self._trace if self._wish.writes is None else _Both(self._trace, self._wish.writes),
            self._decide,
        )
        self._steering = steering
        steering.start()

    def _running_name(self) -> str:
        """What the rung is called that the run begins with: as `tiers.ladder.Rung` calls itself."""
        from edgeseg.tiers.ladder import Candidate

        every, engine = self._settings.every, self._run.engine
        threads = engine.report.threads if engine is not None else 1
        name = str(Candidate(self._run.tier or "", self._run.requested or "", threads))
        return name + (f", every {every} frames" if every > 1 else "")

    def _policy(self) -> tuple[Policy, float]:
        """The profile's targets and limits, and the rate to hold: no more than the source gives."""
        from edgeseg.governor import Policy
        from edgeseg.probe import probe
        from edgeseg.resolve import resolve

        wish = self._wish
        keys = resolve(probe, profile=wish.profile, instance=wish.instance, config=wish.config).keys
        wanted = [rate for rate in (self._settings.fps or keys.targets.fps, self._run.source.info.fps) if rate]
        fps = float(min(wanted))
        limits, governor = wish.limits or keys.limits, keys.governor
        return Policy(
            fps=fps,
            temp_max_c=limits.temp_c,
            power_max_w=limits.power_w,
            memory_max_mb=limits.memory_mb,
            patience_s=governor.patience_s,
            patience_max_s=governor.longest_patience_s,
        ), fps


def ladder_of(settings: Settings, fps: float) -> tuple[Ladder, dict[str, MeasuredRung]]:
    """The rungs of this device at a rate, and by their candidates' names what was measured. Raises CandidateError."""
    from edgeseg.tiers import files, kept
    from edgeseg.tiers.identity import board_identity, runtime_identity
    from edgeseg.tiers.ladder import rungs_of

    found, why = kept.read(board_identity(), runtime_identity())
    if found is None:
        raise CandidateError(f"there is no ladder of this device{f', for {why}' if why else ''}: run edgeseg calibrate")
    tiers = files.tiers(settings.models)
    current = kept.of_models(found, {name: tier.sha256 for name, tier in tiers.items()})
    families = {name: tier.family for name, tier in tiers.items()}
    age_ms = settings.max_mask_age_s * 1e3
    asked = settings.engine
    measured = [one for one in current.measured if asked in (AUTO, one.candidate.engine)]
    rungs = rungs_of(measured, fps, families=families, max_mask_age_ms=age_ms).rungs
    if current.measured and not measured:
        raise CandidateError(f"nothing was measured with --engine {asked}: run edgeseg calibrate --engine {asked}")
    if not rungs:
        raise CandidateError("what was measured is of models that have changed: run edgeseg calibrate")
    return governors(rungs), {str(rung.measured.candidate): rung for rung in rungs}


def only_of(ladder: Ladder, name: str) -> Ladder:
    """The ladder's rung of this name, the same at half the rate, and the cover. Raises CandidateError."""
    from edgeseg.governor import Kind

    pinned = next((rung for rung in ladder if rung.name == name), None)
    if pinned is None:
        raise CandidateError(f"there is no rung {name!r} on this device's ladder")
    same = (pinned.candidate, pinned.every)
    return tuple(
        rung
        for rung in ladder
        if rung is pinned
        or rung.kind is Kind.COVER
        or (rung.kind is Kind.HALF_FPS and (rung.candidate, rung.every) == same)
    )


def plan_of(rung: Rung, measured: MeasuredRung, settings: Settings, runtime: Runtime, clock: Clock, emit: Emit) -> Plan:
    """A rung's plan for a run of these settings, built, warm and proved. Raises EdgesegError."""
    tier, engine_name, threads = measured.measured.candidate
    settings = own_options(replace(settings, tier=tier, engine=engine_name, threads=threads))
    return Plan(rung.name, proved_engine(settings, runtime, clock, emit), rung.every, rung.frames)


def proved_engine(settings: Settings, runtime: Runtime, clock: Clock, emit: Emit) -> Engine:
    """The engine of these settings (a tier and an engine named) for a run that goes on: built, warm and proved.

    Raises EdgesegError.
    """
    from edgeseg.failover.engine import Failover

    known = KnownAnswer.portrait()
    engine = make_pipeline_engine(settings, known, clock, emit)
    fault = fault_of(engine, known)
    if fault is not None:
        engine.close()
        raise CandidateError(f"The engine {engine.report.engine} {fault}.")
    if isinstance(engine, Failover):
        engine.lose = runtime.fail  # as `build` does for the engine that a run begins with
    return engine


def governors(rungs: tuple[MeasuredRung, ...]) -> Ladder:
    """Measured rungs, cheapest first, as the governor takes them; the cheapest also at half the rate, and the cover."""
    from edgeseg.governor import Kind, Rung

    made = []
    besides = [rung.measured.ms - rung.measured.infer_ms for rung in rungs]
    least_ms = sorted(besides)[len(besides) // 2] / 2  # all frames need about the same besides; less was a bad moment
    for number, rung in enumerate(rungs):
        one = rung.measured
        plain = Rung(
            str(rung),
            str(one.candidate),
            rung.every,
            one.infer_ms,
            max(least_ms, LEAST_BESIDE * one.infer_ms, one.ms - one.infer_ms),
            rung.quality,
            one.memory_mb,
            overlap=0.0 if one.candidate.engine == "cpu" else 1.0,  # an accelerator works beside the processor
            threads=one.candidate.threads,
        )
        made.append(plain)
        if number < HALVED:
            half = replace(plain, name=f"{plain.name}, half the frames", kind=Kind.HALF_FPS)
            made.append(replace(half, quality=plain.quality * HALF_QUALITY))
    cheapest = made[0]
    made.append(replace(cheapest, name=COVER, candidate=COVER, cost_ms=0.0, quality=0.0, every=1, kind=Kind.COVER))
    return tuple(made)


class _Both:
    """A trace's file, if there is one, and somebody else who takes its lines."""

    def __init__(self, file: TextIO | None, other: Writes) -> None:
        self._file, self._other = file, other

    def write(self, text: str, /) -> int:
        self._other.write(text)
        return self._file.write(text) if self._file is not None else len(text)


def _opened(path: Path | None) -> TextIO | None:
    if path is None:
        return None
    try:
        return path.open("w", encoding="utf-8", buffering=1)
    except OSError as error:
        raise OutputError(
            f"The trace {path} cannot be written: {error.strerror}; name a file in a folder that is there."
        ) from error


def _nothing() -> None:
    """There are no sensors yet."""
