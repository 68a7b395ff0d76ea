"""Whether a sensor can be believed: one that repeats itself, or leaps as nothing can, is as good as none."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

CHANGES = 8  # so often it must have changed before it can be called stuck
STUCK_S, STUCK_GAPS = 10.0, 15.0  # it is silent for so long, and for so many times its usual gap between two changes
LEAP_BELIEVED_S = 10.0  # a leap that lasts so long was true


@dataclass(frozen=True, slots=True)
class Sensing:
    """One sensor's past.

    value: the last that was believed. changed_s: when what it says last changed. step: the smallest change of it.
    """

    said: float | None = None
    value: float | None = None
    changed_s: float = 0.0
    changes: int = 0
    gap_s: float = 0.0
    step: float = math.inf
    leapt_s: float | None = None
    is_stuck: bool = False


def sensed(sensing: Sensing, said: float | None, at_s: float, most_leap: float, fine: float) -> Sensing:
    """With what it says now; `value` is what may be believed of it, None if nothing.

    most_leap: two values that follow each other differ by no more. fine: a sensor that was seen to change by so little
    shows its noise, and does not repeat itself; one that changes by more only may rest on a value for as long as it
    likes (whether that can be is for `edgeseg.sensors.belief`, which knows the load). at_s: of the governor's own time.
    """
    if said is None:
        return replace(sensing, value=None)
    if sensing.said is None:
        return Sensing(said, said, at_s)
    if said != sensing.said:
        gap_s = at_s - sensing.changed_s
        usual = gap_s if sensing.changes == 0 else sensing.gap_s + (min(gap_s, 4 * sensing.gap_s) - sensing.gap_s) / 8
        step = min(sensing.step, abs(said - sensing.said))
        changes = sensing.changes + 1
        sensing = replace(sensing, changed_s=at_s, changes=changes, gap_s=usual, step=step, is_stuck=False)
    elif (
        sensing.changes >= CHANGES
        and sensing.step <= fine
        and at_s - sensing.changed_s > max(STUCK_S, STUCK_GAPS * sensing.gap_s)
    ):
        sensing = replace(sensing, is_stuck=True)
    return _without_leaps(sensing, said, at_s, most_leap)


def _without_leaps(sensing: Sensing, said: float, at_s: float, most_leap: float) -> Sensing:
    leapt_s = sensing.leapt_s
    if leapt_s is None and sensing.said is not None and abs(said - sensing.said) > most_leap:
        leapt_s = at_s
    elif (leapt_s is not None and at_s - leapt_s > LEAP_BELIEVED_S) or (
        leapt_s is not None and sensing.value is not None and abs(said - sensing.value) <= most_leap
    ):
        leapt_s = None
    believed = None if sensing.is_stuck else said
    if leapt_s is not None:
        believed = sensing.value if sensing.value is not None and at_s - leapt_s < 1.0 else None
    return replace(sensing, said=said, value=believed, leapt_s=leapt_s)
