"""How long an inference takes, how hot the chip gets, and how much memory the process holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from edgeseg.candidate.eye import Eye
from edgeseg.candidate.plan import Plan, Told
from edgeseg.clock import Clock
from edgeseg.ports import Engine, Sensors


def time(eye: Eye, plan: Plan, clock: Clock, sensors: Sensors, told: Told, found: dict[str, Any]) -> None:
    """One inference after the other, as MLPerf's single-stream scenario has it; the pictures have warmed it up."""
    cooled_s = _cool(plan, clock, sensors, told)
    before = sensors.read().temp_c
    times = [] if plan.min_inferences else [eye.newest_ms]
    start = said_at = clock.now()
    while len(times) < plan.min_inferences or clock.now() - start < plan.min_seconds:
        times.append(eye.infer_ms())
        if clock.now() - said_at >= 1:
            said_at = clock.now()
            told("timing", len(times), max(plan.min_inferences, len(times)))
    found["speed"] = {
        "p50": round(float(np.percentile(times, 50)), 4),
        "p90": round(float(np.percentile(times, 90)), 4),
        "inferences": len(times),
        "seconds": round(clock.now() - start, 3),
    }
    found["heat"] = {"before": before, "after": sensors.read().temp_c, "cooled_s": round(cooled_s, 1)}


def _cool(plan: Plan, clock: Clock, sensors: Sensors, told: Told) -> float:
    """Wait until the chip has cooled down, where a sensor tells and it is wished for; the seconds that it took."""
    start = clock.now()
    while plan.cool_to_c is not None and (waited := clock.now() - start) < plan.cool_max_s:
        temp_c = sensors.read().temp_c
        if temp_c is None or temp_c <= plan.cool_to_c:
            break
        told("cooling", int(waited), int(plan.cool_max_s))
        clock.sleep(min(5.0, plan.cool_max_s - waited))
    return clock.now() - start if plan.cool_to_c is not None else 0.0


def peak_mb(engine: Engine) -> float | None:
    """The most that this process, and the engine's own where it has one, ever held, in MB (10**6 bytes)."""
    pids = ["self", *([str(pid)] if (pid := getattr(engine, "pid", None)) is not None else [])]
    peaks = [_high_water_mb(Path("/proc") / pid / "status") for pid in pids]
    known = [peak for peak in peaks if peak is not None]
    return round(sum(known), 1) if known else None


def _high_water_mb(status: Path) -> float | None:
    """VmHWM of proc(5), which unlike getrusage's knows nothing of the program that started this one."""
    try:
        for line in status.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    except (OSError, ValueError, IndexError):
        pass
    return None
