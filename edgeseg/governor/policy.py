"""What the user wants of the governor: a target, hard limits, and how patient it is."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from edgeseg.governor.rung import Kind, Ladder


@dataclass(frozen=True, slots=True)
class Policy:
    """Targets, hard limits (None: there is none), patience.

    fps: frames a second to hold; 0: none. temp_max_c, power_max_w, memory_max_mb: hard limits. memory_reserve_mb:
    what must stay available to others. battery_low_percent: from there on battery_power_w is a hard limit too.

    keep_share, take_share: the share of a frame's time that a rung's work may take to be kept, and to be taken.
    patience_s: how long a better rung must fit before it is taken; it doubles, up to patience_max_s, with each
    failure of that rung. settle_s: after a change nothing is judged for so long. review_s: when what was expected is
    compared.

    thermal_tau_s, thermal_c_per_w: how fast the board warms and by how much, first guesses; what is wrong with them
    is corrected by what is seen. temp_margin_c: kept below temp_max_c. horizon_s: a limit that will be met within it
    is acted on now.
    """

    fps: float = 30.0
    temp_max_c: float | None = None
    power_max_w: float | None = None
    memory_max_mb: float | None = None
    memory_reserve_mb: float | None = None
    battery_low_percent: float | None = None
    battery_power_w: float | None = None
    keep_share: float = 1.0
    take_share: float = 0.91
    patience_s: float = 4.0
    patience_max_s: float = 300.0
    settle_s: float = 0.75
    review_s: float = 3.0
    thermal_tau_s: float = 60.0
    thermal_c_per_w: float = 10.0
    temp_margin_c: float = 0.7
    horizon_s: float = 15.0


def problems(policy: Policy, ladder: Ladder) -> tuple[str, ...]:
    """What is wrong with them, a sentence each, to be said at the start; `decide` copes with all of it."""
    found = []
    for field in fields(policy):
        value = getattr(policy, field.name)
        if value is not None and (not math.isfinite(value) or value < 0):
            found.append(f"The governor's {field.name} is {value}; write a number of 0 or more.")
    if not ladder:
        found.append("The governor's ladder is empty: there is nothing to choose from; measure it anew.")
        return tuple(found)
    bad = [rung.name for rung in ladder if not rung.is_sane]
    if bad:
        found.append(f"These rungs have figures that cannot be meant and are not used: {', '.join(bad)}.")
    names = [rung.name for rung in ladder]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        found.append(f"These rungs' names are there more than once: {', '.join(twice)}.")
    return (*found, *_limits(policy, ladder))


def _limits(policy: Policy, ladder: Ladder) -> list[str]:
    """Limits that no rung but the cover can keep."""
    shown = [rung for rung in ladder if rung.is_sane and rung.kind is not Kind.COVER]
    found = []
    powers = [rung.power_w for rung in shown if rung.power_w is not None]
    if policy.power_max_w is not None and powers and min(powers) > policy.power_max_w:
        limit = f"{policy.power_max_w:g} W (limits.power_w)"
        found.append(f"No rung stays under {limit}: the least takes {min(powers):.1f} W.")
    if policy.memory_max_mb is not None and shown:
        least = min(rung.memory_mb for rung in shown)
        if least > policy.memory_max_mb:
            limit = f"{policy.memory_max_mb:g} MB of memory (limits.memory_mb)"
            found.append(f"No rung stays under {limit}: the least takes {least:.0f} MB.")
    if (policy.battery_low_percent is None) != (policy.battery_power_w is None):
        found.append("battery_low_percent and battery_power_w mean something only together: set both or none.")
    return found
