"""What a run was: the object that `--json` prints, and the table that people read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgeseg.build import Run
from edgeseg.clock import Clock, seconds_since_process_start
from edgeseg.facts import Tally


@dataclass(slots=True)
class ProcessStart:
    """When this process began, on the runtime's clock: so that the first frame can be counted from there."""

    at: float

    @classmethod
    def of(cls, clock: Clock) -> ProcessStart:
        """Taken from the kernel; where it does not tell, from now."""
        return cls(clock.now() - (seconds_since_process_start() or 0.0))


def summary(run: Run, tally: Tally, start: ProcessStart) -> dict[str, Any]:
    """The figures of a finished run, as plain values for JSON. Times of stages are milliseconds a frame."""
    runtime = run.runtime
    first = runtime.first_shown_at
    engine = run.pipeline.engine  # the one that serves at the end
    report = engine.report if engine else None
    return {
        "frames": runtime.shown,
        "fps": round(runtime.fps, 2) if runtime.fps is not None else None,
        "stages": runtime.times.table(),
        "drops": dict(tally.drops),
        "masks": dict(tally.masks),
        "degraded": dict(tally.degraded),
        "idle": {"times": runtime.idles, "seconds": round(runtime.idle_s, 1)},
        "tier": run.tier,
        "requested": run.requested,
        "rung": runtime.plan.name,
        "rung_changes": tally.rung_changes,
        "engine": report.engine if report else None,
        "library": report.library if report else None,
        "threads": report.threads if report else None,
        "delegated": f"{report.delegated_nodes}/{report.all_nodes}" if report else None,
        "adapter": report.adapter if report else None,
        "evidence": list(report.evidence) if report else None,
        "rss_mb": rss_mb(),
        "first_frame_s": round(first - start.at, 3) if first is not None else None,
        "source": run.source.info.detail,
        "output": run.sink.detail,
    }


def rss_mb() -> float:
    """Resident memory of this process in MB (10**6 bytes)."""
    import psutil  # here, because the first frame need not wait for it

    return round(psutil.Process().memory_info().rss / 1e6, 1)
