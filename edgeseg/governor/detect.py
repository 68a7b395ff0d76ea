"""What pushes: the pressures on the running rung, the hardest first."""

from __future__ import annotations

from edgeseg.governor.decision import Pressure
from edgeseg.governor.fit import Fit, is_too_hot
from edgeseg.governor.learn import memory_of, target_fps
from edgeseg.governor.policy import Policy
from edgeseg.governor.state import State

OVER_LOOKS = 2  # looks in a row that must show too much work
HELD = 0.95  # of the rate: a rung that shows it is not too much for the quota, whatever was foreseen


def over_looks(policy: Policy, state: State, current: Fit) -> int:
    """How many looks in a row the running rung's work did not fit, this one included."""
    if current.share <= policy.keep_share or (current.time_share <= policy.keep_share and _is_shown(policy, state)):
        return 0
    return min(99, state.over_looks + 1)


def _is_shown(policy: Policy, state: State) -> bool:
    """Whether the rate was held over the last second."""
    rung, fps, shown = state.rung(state.running), target_fps(policy, state), state.rate.shown_fps()
    return rung is not None and fps is not None and shown is not None and shown >= HELD * fps / rung.frames


def pressures(policy: Policy, state: State, current: Fit, throttled: bool | None) -> tuple[Pressure, ...]:
    """What pushes the running rung down, the hardest first, `state.over_looks` being of this look."""
    found = []
    limit_mb, limit_w = state.memory_limit_mb, state.power_limit_w
    if limit_mb is not None and memory_of(state, current.rung) > limit_mb:
        found.append(Pressure.MEMORY)
    if limit_w is not None and (state.watts_more or current.rung.power_w is not None) and current.watts > limit_w:
        found.append(Pressure.POWER)
    if is_too_hot(policy, state, current.watts, throttled):
        found.append(Pressure.HEAT)
    if state.over_looks >= OVER_LOOKS:
        found.append(Pressure.LOAD)
    return tuple(found)
