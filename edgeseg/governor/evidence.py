"""What a reason rests on, in words."""

from __future__ import annotations

from edgeseg.governor.fit import Fit
from edgeseg.governor.learn import memory_of, target_fps
from edgeseg.governor.policy import Policy
from edgeseg.governor.state import State


def figures(policy: Policy, state: State, fit: Fit) -> str:
    """A rung's figures of now, of those that somebody asked for: work, rate, heat, power, memory."""
    parts = [f"takes {fit.load_ms:.1f} ms"]
    fps, shown = target_fps(policy, state), state.rate.shown_fps()
    if fps is not None:
        parts[0] += f" of {1e3 / fps * fit.rung.frames:.1f} a frame"
    if shown is not None:
        parts.append(f"{shown:.1f} fps")
    if state.speed.slow > 1.1 or state.speed.slow < 0.9:
        slow = state.speed.slow
        compared = f"{slow:.2f} times as slow" if slow > 1 else f"{1 / slow:.2f} times as fast"
        parts.append(f"the board is {compared}")
    if state.quota.cores is not None:
        share = state.quota.share(fit.rung, fps or 0.0)
        parts.append(f"{share:.0%} of what can be used of {state.quota.cores:g} cores")
    if policy.temp_max_c is not None and state.heat.temp_c is not None:
        blind = ", by the model alone" if state.heat.is_blind else ""
        parts.append(f"{state.heat.temp_c:.1f} C, {fit.temp_c or 0:.1f} to come{blind}")
    if state.power_limit_w is not None and (state.watts_more or fit.rung.power_w is not None):
        parts.append(f"{fit.watts:.2f} W of {state.power_limit_w:g}")
    if state.memory_limit_mb is not None:
        parts.append(f"{memory_of(state, fit.rung):.0f} MB of {state.memory_limit_mb:.0f}")
    return ", ".join(parts)
