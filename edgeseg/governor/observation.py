"""What was seen since the last look. What is not known is None, never 0."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Observation:
    """Everything that `decide` may know of the world; made every quarter of a second by whoever runs the pipeline.

    now_s: of a clock that should not go back. span_s: how long was looked. rung: the name of the one that ran all
    that time; None while it was being changed. not_built: the name of one that was asked for and could not be built.
    frames_in, frames_out: frames that the source gave and the sink took. infer_ms, frame_ms: the times of single
    inferences, and of what single frames cost besides, in wall time. dropped: frames that came and were not shown,
    but for those that a half_fps rung leaves out.

    temp_c: the hottest zone. throttled: the board says that it slows itself down now. power_w: of the whole board.
    memory_mb: of the process. memory_available_mb: what the system could still give. cgroup_memory_mb,
    cgroup_memory_limit_mb: of the control group. memory_pressure: PSI, "some", avg10, in percent. battery_percent:
    None also if there is mains. cpu_quota, cpu_cores: cores that the control group is granted, and that it uses.
    cpu_throttled_share: of the quota's periods those in which it was used up.
    """

    now_s: float
    span_s: float
    rung: str | None
    frames_in: int = 0
    frames_out: int = 0
    dropped: int = 0
    infer_ms: tuple[float, ...] = ()
    frame_ms: tuple[float, ...] = ()
    temp_c: float | None = None
    throttled: bool | None = None
    power_w: float | None = None
    memory_mb: float | None = None
    memory_available_mb: float | None = None
    cgroup_memory_mb: float | None = None
    cgroup_memory_limit_mb: float | None = None
    memory_pressure: float | None = None
    battery_percent: float | None = None
    cpu_quota: float | None = None
    cpu_cores: float | None = None
    cpu_throttled_share: float | None = None
    not_built: str | None = None


# What can be true of a board; what lies outside is a broken sensor's and as good as None.
POSSIBLE = {
    "temp_c": (-40.0, 130.0),
    "power_w": (0.05, 1000.0),
    "memory_mb": (1.0, 1e7),
    "memory_available_mb": (0.0, 1e7),
    "cgroup_memory_mb": (0.0, 1e7),
    "cgroup_memory_limit_mb": (1.0, 1e7),
    "memory_pressure": (0.0, 100.0),
    "battery_percent": (0.0, 100.0),
    "cpu_quota": (1e-3, 1e4),
    "cpu_cores": (0.0, 1e4),
    "cpu_throttled_share": (0.0, 1.0),
}


MOST_FRAMES = 100_000  # in one look


def cleaned(seen: Observation) -> Observation:
    """The same without values that cannot be true: absurd sensors are None, times that are no times are left out."""
    wrong: dict[str, Any] = {}
    for name, (least, most) in POSSIBLE.items():
        value = getattr(seen, name)
        if value is not None and not (_is_number(value) and least <= value <= most):
            wrong[name] = None
    if not (_is_number(seen.span_s) and seen.span_s >= 0):
        wrong["span_s"] = 0.0
    if not _is_number(seen.now_s):
        wrong["now_s"] = 0.0
    for name in ("frames_in", "frames_out", "dropped"):
        if not 0 <= getattr(seen, name) <= MOST_FRAMES:
            wrong[name] = 0
    for name in ("infer_ms", "frame_ms"):
        times = getattr(seen, name)
        if not all(map(_is_time, times)):
            wrong[name] = tuple(ms for ms in times if _is_time(ms))
    return replace(seen, **wrong) if wrong else seen


def _is_number(value: float) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def _is_time(value: float) -> bool:
    return _is_number(value) and 0 < value < 1e6
