"""The governor: `decide` looks, judges and says which rung to run. It does nothing, reads no clock and never raises.

It goes straight to the rung that fits. Hard limits come before the frame rate, the frame rate before quality. It goes
down at once and up only after patience, which doubles toward a rung that failed.
"""

from __future__ import annotations

import math
from dataclasses import replace

from edgeseg.governor.decision import Decision, Expectation, Pressure, Reason
from edgeseg.governor.detect import over_looks, pressures
from edgeseg.governor.evidence import figures
from edgeseg.governor.fit import Fit, best, fit_of, fits, is_at_limit, is_better, nearly_mb
from edgeseg.governor.learn import observed
from edgeseg.governor.observation import Observation, cleaned
from edgeseg.governor.patience import failed, forgiven, left
from edgeseg.governor.policy import Policy
from edgeseg.governor.rung import Kind, Ladder
from edgeseg.governor.state import State

BUILD_S = 8.0  # a rung that does not run after so long was not built
SURE_LOOKS = 16  # at the power, before frames are left out for it
SURE_OVER_LOOKS = 8  # in a row with too much work, before they are
HEAT_WAIT_S = 25.0  # between two moves because of heat, for it comes slowly; not where the limit is met
ROOM_LOOKS = 4  # a better rung is looked for at each fourth look: it is taken slowly anyway
FREED_S, FREED_LAST_S = 2.5, 10.0  # from a change on, until the last rung's memory is free: mostly, at the latest
QUIET_S = 2.0  # without a frame, after which what was judged before no longer counts; a slow camera has looks without
HALVED_PATIENCE_S = 1.0  # before frames are no longer left out
HEAT_LEAST_S = 6.0  # even there
HEAT_PATIENCE_S = 45.0  # before it goes up after that, and from one step up to the next
HEAT_OVER_S = 300.0  # a heat so long ago does not matter
COOL_C = 10.0  # below the limit, at which a forecast alone is no reason to show nobody
WRONG = 0.15  # in logarithms: such an expectation was wrong
PUSHED = {
    Pressure.LOAD: Reason.LOAD,
    Pressure.HEAT: Reason.HEAT,
    Pressure.POWER: Reason.POWER,
    Pressure.MEMORY: Reason.MEMORY,
}


def start(policy: Policy, ladder: Ladder, rung: str | None = None) -> State:
    """What is known before the first look: the rung to start with, by the ladder's word, unless one is named."""
    state = State(ladder=ladder, wanted=None, memory_limit_mb=policy.memory_max_mb, power_limit_w=policy.power_max_w)
    if not ladder:
        return state
    named = state.rung(rung)
    chosen = named if named is not None else best(policy, fits(policy, state))[0].rung
    return replace(state, wanted=chosen.name)


def decide(policy: Policy, state: State, seen: Observation) -> tuple[State, Decision]:
    """The state with this look in it, and the rung to run from now on; called every quarter of a second or so."""
    seen = cleaned(seen)
    state = observed(policy, state, seen)
    wanted = state.rung(state.wanted)
    if wanted is None:
        return _told(state, Decision(None, False, Reason.NO_LADDER, "the ladder is empty"))
    running = state.rung(state.running)
    if running is None:
        return _told(state, Decision(wanted.name, False, Reason.START, "nothing has run yet"))
    if running.name != wanted.name:
        return _changing(policy, state, seen.not_built)
    if seen.rung is None:
        return _told(state, Decision(wanted.name, False, Reason.CHANGING, "it has just come"))
    if not seen.frames_in and not seen.frame_ms:
        if state.time_s - state.framed_s > QUIET_S:
            state = replace(state, over_looks=0, room_s=None)
        return _told(state, Decision(wanted.name, False, Reason.NO_FRAMES, "no frame came"))
    return _judged(policy, replace(state, framed_s=state.time_s), seen)


def _judged(policy: Policy, state: State, seen: Observation) -> tuple[State, Decision]:
    """The running rung is the wanted one, and frames come."""
    state = _reviewed(state)
    rung = state.rung(state.running)
    assert rung is not None
    current = fit_of(policy, state, rung)
    state = replace(state, looks=state.looks + 1, over_looks=over_looks(policy, state, current))
    pushes = pressures(policy, state, current, seen.throttled)
    if pushes:
        pushed, decision = _pushed(policy, replace(state, room_s=None), current, pushes)
        if pushes != (Pressure.MEMORY,) or decision.reason is not Reason.NOTHING_FITS or decision.changed:
            return pushed, decision
        # No rung holds less, and so this is no reason to stay with a bad one.
    if state.looks % ROOM_LOOKS == 0:
        found = fits(policy, state)
        allowed = _unblocked(state, found)
        better, is_fitting = best(policy, allowed) if allowed else (current, False)
        is_shown_again = rung.kind is Kind.COVER and (better.keeps_limits or better.is_tight)
        if is_better(better.rung, rung) and (is_fitting or is_shown_again):
            return _up(policy, state, current, better)
        if rung.kind is Kind.COVER and (tried := _coolest(policy, state, found)):
            return _up(policy, state, current, tried)
        state = forgiven(replace(state, room_s=None))
    return _told(state, Decision(rung.name, False, Reason.HOLD, figures(policy, state, current)))


def _coolest(policy: Policy, state: State, found: list[Fit]) -> Fit | None:
    """What shows people at the least heat, if nothing but a forecast of heat forbids it and the board is cool.

    The cover shows nothing of how warm a rung really makes the board: a wrong guess would last for ever. None while
    that rung is left alone for having failed.
    """
    limit_c, temp_c = policy.temp_max_c, state.temp.value
    if limit_c is None or temp_c is None or temp_c > limit_c - COOL_C:
        return None
    shown = [fit for fit in found if fit.rung.kind is not Kind.COVER and not fit.over_w and not fit.over_mb]
    coolest = min(shown, key=lambda fit: fit.watts, default=None)
    return coolest if coolest and _unblocked(state, [coolest]) else None


def _up(policy: Policy, state: State, current: Fit, better: Fit) -> tuple[State, Decision]:
    if state.room_s is None:
        state = replace(state, room_s=state.time_s)
    assert state.room_s is not None
    waited_s = state.time_s - state.room_s
    if policy.temp_max_c is not None and state.moved_s is not None:
        hot_s, here_s = state.time_s - state.moved_s, state.time_s - state.running_s
        if hot_s < HEAT_PATIENCE_S or (hot_s < HEAT_OVER_S and here_s < HEAT_PATIENCE_S):
            evidence = f"it was too hot {hot_s:.0f} s ago; {figures(policy, state, current)}"
            return _told(state, Decision(current.rung.name, False, Reason.HOLD, evidence))
    patience_s = policy.patience_s
    if current.rung.kind is Kind.HALF_FPS:  # the frame rate is to be had again
        patience_s = min(patience_s, HALVED_PATIENCE_S)
    if waited_s < patience_s or state.time_s - state.running_s < patience_s:
        evidence = f"{better.rung.name} fits since {waited_s:.1f} s; {figures(policy, state, current)}"
        return _told(state, Decision(current.rung.name, False, Reason.HOLD, evidence))
    return _move(
        policy, state, better, Reason.ROOM, f"it fits since {waited_s:.1f} s; {figures(policy, state, better)}"
    )


def _pushed(policy: Policy, state: State, current: Fit, pushes: tuple[Pressure, ...]) -> tuple[State, Decision]:
    """What the first pressure moves that moves anything; where none does, what the first has to say."""
    results = []
    for push in pushes:
        results.append(_down(policy, state, current, push))
        if results[-1][1].changed:
            return results[-1]
    return results[0]


def _down(policy: Policy, state: State, current: Fit, push: Pressure) -> tuple[State, Decision]:
    """Away from a rung that a limit or the frame rate does not let stay."""
    seen_of_it = figures(policy, state, current)
    hold = Decision(current.rung.name, False, Reason.HOLD, seen_of_it)
    if push is Pressure.LOAD and state.time_s - state.running_s < policy.settle_s:
        return _told(state, replace(hold, evidence=f"it is judged in a moment; {seen_of_it}"))
    if push is Pressure.MEMORY and state.time_s - state.running_s < FREED_S and state.expected is not None:
        return _told(state, replace(hold, evidence=f"what the last rung held is still being freed; {seen_of_it}"))
    if push is Pressure.HEAT and _is_heat_moving(policy, state):
        return _told(state, replace(hold, evidence=f"the last move's effect is still to come; {seen_of_it}"))
    found = fits(policy, state)
    relief = _relief(push, current, _unblocked(state, found)) or _relief(push, current, found)
    if not relief:
        return _told(state, replace(hold, reason=Reason.NOTHING_FITS))
    chosen, fitting = _chosen(policy, state, current, relief, push)
    if chosen is current:
        return _told(state, replace(hold, evidence=f"nothing else is worth it; {seen_of_it}"))
    state = left(policy, state, is_load=push is Pressure.LOAD)
    if push is Pressure.HEAT:
        state = replace(state, moved_s=state.time_s)
    reason = PUSHED[push] if fitting else Reason.NOTHING_FITS
    return _move(policy, state, chosen, reason, f"{current.rung.name} {seen_of_it}")


def _is_heat_moving(policy: Policy, state: State) -> bool:
    """Whether what the last move did to the heat is still to be seen."""
    if state.moved_s is None:
        return False
    waited_s = state.time_s - state.moved_s
    return waited_s < (HEAT_LEAST_S if is_at_limit(policy, state) else HEAT_WAIT_S)


def _chosen(policy: Policy, state: State, current: Fit, relief: list[Fit], push: Pressure) -> tuple[Fit, bool]:
    """The rung to go to and whether it fits; the current one if nothing else is worth it."""
    is_heat = push is Pressure.HEAT
    if is_at_limit(policy, state):  # whatever else pushes, a hot board is not made hotter
        relief = [fit for fit in relief if fit.watts <= current.watts]
        if not relief:
            return current, False
    chosen, fitting = best(policy, [*relief, current] if is_heat and current.is_tight else relief)
    if chosen.rung.kind is Kind.NORMAL or _is_sure(policy, state, push):
        return chosen, fitting
    if push is Pressure.LOAD:
        whole = [fit for fit in [*relief, current] if fit.rung.kind is current.rung.kind]
        return min(whole, key=lambda fit: fit.share), False
    # A forecast or a first glance is no reason to leave out frames.
    cooler = [fit for fit in relief if fit.rung.kind is Kind.NORMAL and fit.share <= policy.keep_share]
    return min(cooler, key=lambda fit: fit.watts, default=current), True


def _is_sure(policy: Policy, state: State, push: Pressure) -> bool:
    """Whether it is seen so clearly what is not kept that frames may be left out for it."""
    if push is Pressure.LOAD:
        return state.over_looks >= SURE_OVER_LOOKS
    if push is Pressure.HEAT:
        return is_at_limit(policy, state)
    if push is Pressure.POWER:
        return len(state.watts_more) >= SURE_LOOKS
    return state.time_s - state.running_s >= FREED_LAST_S


def _unblocked(state: State, found: list[Fit]) -> list[Fit]:
    """Those that are not to be left alone for having failed."""
    return [fit for fit in found if state.time_s >= state.blocked_until(fit.rung.name)]


def _relief(push: Pressure, current: Fit, found: list[Fit]) -> list[Fit]:
    """The rungs that need less of what there is too little of, and no more of what matters more."""
    others = [fit for fit in found if fit.rung.name != current.rung.name]
    if push is Pressure.MEMORY:
        less = [fit for fit in others if fit.rung.memory_mb < current.rung.memory_mb]
        return [fit for fit in less if not fit.over_mb or nearly_mb(fit) < current.over_mb]
    others = [fit for fit in others if fit.over_mb <= nearly_mb(current)]
    if push is Pressure.POWER:
        return [fit for fit in others if fit.watts < current.watts]
    others = [fit for fit in others if fit.over_w <= current.over_w]
    if push is Pressure.HEAT:
        return [fit for fit in others if fit.watts < current.watts]
    # The cover is for limits: a slow picture is more than none.
    shown = [fit for fit in others if fit.rung.kind is not Kind.COVER and fit.share < current.share]
    return [fit for fit in shown if fit.keeps_limits or fit.is_tight or fit.over_c <= current.over_c]


def _move(policy: Policy, state: State, fit: Fit, reason: Reason, evidence: str) -> tuple[State, Decision]:
    review_s = state.time_s + policy.review_s
    speed = state.speed
    expected = Expectation(fit.rung.name, round(speed.load_ms(fit.rung), 3), speed.slow, fit.watts, fit.temp_c)
    notes = state.notes
    if fit.rung.kind is Kind.HALF_FPS:
        notes = (*notes, "Every second frame is left out from now on.")
    if fit.rung.kind is Kind.COVER:
        notes = (*notes, "Nobody is shown from now on: only the cover fits.")
    state = replace(
        state, wanted=fit.rung.name, wanted_s=state.time_s, expected=expected, review_s=review_s, notes=notes
    )
    state = replace(state, over_looks=0, room_s=None)
    now_s = state.now_s if state.now_s is not None else 0.0
    return _told(state, Decision(fit.rung.name, True, reason, evidence, expected, now_s + policy.review_s))


def _changing(policy: Policy, state: State, not_built: str | None) -> tuple[State, Decision]:
    """What is wanted does not run yet; if it was not built, or after a while, it is not asked for again soon."""
    assert state.wanted is not None
    assert state.running is not None
    waited_s = state.time_s - state.wanted_s
    if waited_s < BUILD_S and not_built != state.wanted:
        return _told(state, Decision(state.wanted, False, Reason.CHANGING, f"asked for {waited_s:.1f} s ago"))
    state = failed(policy, state, state.wanted)
    evidence = f"{state.wanted} was asked for {waited_s:.1f} s ago and was not built"
    state = replace(state, wanted=state.running, expected=None, review_s=None)
    return _told(state, Decision(state.running, True, Reason.NOT_BUILT, evidence))


def _reviewed(state: State) -> State:
    """Compare what was expected with what came, the board's own change left out."""
    expected, review_s = state.expected, state.review_s
    if expected is None or review_s is None or state.time_s < review_s:
        return state
    state = replace(state, expected=None, review_s=None)
    rung = state.rung(expected.rung)
    if rung is None or expected.rung != state.running or expected.load_ms <= 0 or expected.slow <= 0:
        return state
    meant_ms = expected.load_ms * state.speed.slow / expected.slow
    is_ms = state.speed.load_ms(rung)
    if abs(math.log(max(1e-6, is_ms) / max(1e-6, meant_ms))) < WRONG:
        return state
    correction = state.speed.correction(rung.candidate)
    found = f"takes {is_ms:.1f}: its inferences count {correction:.2f} times what they were measured to take."
    note = f"{rung.name} was expected to take {meant_ms:.1f} ms a frame and {found}"
    return replace(state, notes=(*state.notes, note))


def _told(state: State, decision: Decision) -> tuple[State, Decision]:
    """The notes are told once."""
    if not state.notes:
        return state, decision
    return replace(state, notes=()), replace(decision, notes=state.notes)
