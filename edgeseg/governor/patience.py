"""Rungs that failed: which, how often, and until when they are not tried again."""

from __future__ import annotations

from dataclasses import replace

from edgeseg.governor.policy import Policy
from edgeseg.governor.state import Failure, State

SOON_S = 45.0  # a rung that must be left so soon after it was taken has failed
FORGIVEN_S = 120.0  # one that served so long has not
SLOWER = 1.16  # a board that has become so much slower since is the reason, not the rung; likewise a smaller quota


def left(policy: Policy, state: State, is_load: bool) -> State:
    """Note that the running rung must be left, if so soon that it should not have been taken. is_load: for its work."""
    if state.running is None or state.time_s - state.running_s > SOON_S:
        return state
    if is_load and state.speed.slow > state.arrived_slow * SLOWER:
        return state
    before, now = state.arrived_cores, state.quota.cores
    if is_load and now is not None and (before is None or now * SLOWER < before):
        return state
    return failed(policy, state, state.running)


def failed(policy: Policy, state: State, name: str) -> State:
    """Note that a rung failed: it is left alone for twice as long as after its last failure."""
    before = next((failure.count for failure in state.failures if failure.rung == name), 0)
    wait_s = min(policy.patience_max_s, policy.patience_s * 2.0 ** min(before + 1, 32))
    others = tuple(failure for failure in state.failures if failure.rung != name)
    return replace(state, failures=(*others, Failure(name, before + 1, state.time_s + wait_s)))


def forgiven(state: State) -> State:
    """Without the failures of the running rung, if it has served long enough."""
    if not state.failures or state.time_s - state.running_s < FORGIVEN_S:
        return state
    return replace(state, failures=tuple(one for one in state.failures if one.rung != state.running))
