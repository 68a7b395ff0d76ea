"""How long one inference of a tier takes here, and with `per_op` what its ops take: the figures of `edgeseg bench`."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from edgeseg.bench.op_times import OpTimes, op_times
from edgeseg.build import Settings, check_words, make_engine
from edgeseg.clock import Clock, SystemClock
from edgeseg.errors import UsageError
from edgeseg.ports import Engine, ModelIO
from edgeseg.tiers import files

WARM_UP_RUNS, WARM_UP_S = 10, 0.3  # at least both: caches, and a processor that raises its frequency
MAX_RUNS = 100_000


def tier_times(settings: Settings, runs: int, per_op: bool, clock: Clock | None = None) -> dict[str, Any]:
    """Time the settings' tier on its engine: milliseconds that `infer` takes, p50 and p95 of the runs after a warm-up.

    With `per_op` also the keys "profiled_ms", "method", "note" and "partitions", "ops" and "not_delegated", see
    `OpTimes`. Raises UsageError for words that name nothing, CandidateError if the tier cannot be run.
    """
    check_words(settings)
    if not 1 <= runs <= MAX_RUNS:
        raise UsageError(f"--runs is {runs}; give 1 to {MAX_RUNS}.")
    if per_op and settings.engine != "cpu":
        raise UsageError(f"--per-op takes the ops of the engine cpu apart, not of {settings.engine}; leave one out.")
    clock = clock or SystemClock()
    engine = make_engine(settings)
    try:
        times_ms = _times_ms(engine, runs, clock)
        report = engine.report
    finally:
        engine.close()
    figures: dict[str, Any] = {
        "tier": settings.tier,
        "engine": report.engine,
        "library": report.library,
        "threads": report.threads,
        "runs": runs,
        "ms": {"p50": _rounded(np.percentile(times_ms, 50)), "p95": _rounded(np.percentile(times_ms, 95))},
        "delegate": report.delegate,
        "delegated": report.delegated_nodes,
        "nodes": report.all_nodes,
        "adapter": report.adapter,
        "evidence": list(report.evidence),
    }
    if per_op:
        model = files.load(files.tier(settings.tier, settings.models), settings.models)
        figures |= _per_op(op_times(model, report.threads, runs, clock))
    return figures


def _times_ms(engine: Engine, runs: int, clock: Clock) -> list[float]:
    rgb = noise(engine.io)
    start, warm = clock.now(), 0
    while warm < WARM_UP_RUNS or clock.now() - start < WARM_UP_S:
        engine.infer(rgb)
        warm += 1
    times = []
    for _ in range(runs):
        start = clock.now()
        engine.infer(rgb)
        times.append((clock.now() - start) * 1e3)
    return times


def noise(io: ModelIO) -> Any:
    """A picture that is no special case: zeros could be multiplied faster."""
    rng = np.random.default_rng(0)
    shape = (io.height, io.width, 3)
    if io.dtype == "float32":
        return rng.random(shape, np.float32)
    limits = np.iinfo(io.dtype)
    return rng.integers(limits.min, limits.max, shape, io.dtype, endpoint=True)


def _per_op(times: OpTimes) -> dict[str, Any]:
    return {
        "partitions": times.partitions,
        "method": times.method,
        "note": times.note,
        "profiled_ms": _rounded(times.ms),
        "ops": [dataclasses.asdict(op) | {"ms": _rounded(op.ms), "share": _rounded(op.share)} for op in times.ops],
        "not_delegated": [dataclasses.asdict(one) for one in times.not_delegated],
    }


def _rounded(value: float) -> float:
    return round(float(value), 5)
