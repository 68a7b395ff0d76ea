"""From one look to the next: what an observation changes of what is known. Nothing is decided here."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from edgeseg.governor.heat import Heat, forgotten_since, warmed
from edgeseg.governor.observation import Observation
from edgeseg.governor.policy import Policy
from edgeseg.governor.quota import READ_LOOKS, granted, is_held_back, is_tighter
from edgeseg.governor.rate import Rate, counted
from edgeseg.governor.ratios import lately, median
from edgeseg.governor.rung import Rung
from edgeseg.governor.sensing import Sensing, sensed
from edgeseg.governor.speed import learned
from edgeseg.governor.state import State

LEAST_MS = 1e-3  # of a frame's time, whatever rate is asked for
GAP_S = 5.0  # without a look for so long, what was counted before is of another time
TEMP_LEAP_C, POWER_LEAP_W, MEMORY_LEAP_MB = 8.0, 1e3, 1e6
TEMP_FINE_C, POWER_FINE_W = 0.15, 0.02  # finer than their noise; a Raspberry Pi's 0.5 C and an INA3221's 40 mW are not
WATTS_PER_CORE = 3.0  # stands for a core's power where nothing says it; what it is wrong by goes into the thermal model
MEMORY_KEPT = 8
POWER_JUMP, POWER_NEWEST = 0.06, 10  # of the power, in the median of so many looks: what others take has changed
POWER_KEPT = 64  # looks
POWER_LEAST = 8  # looks, before they count
PRESSED = 10.0  # percent of the time that something waited for memory: less of it must be held
PRESSED_S = 15.0  # the kernel's mean of ten seconds says for so long what was before a change


def observed(policy: Policy, state: State, seen: Observation) -> State:
    """With what was seen, which must be `cleaned`."""
    dt_s, is_gap = _passed_s(state, seen)
    if is_gap:
        state = _after_gap(state)
    news: dict[str, Any] = {"time_s": state.time_s + dt_s, "now_s": seen.now_s}
    rung = state.rung(seen.rung)
    if rung is not None and rung.name != state.running:
        news |= {"running": rung.name, "running_s": news["time_s"], "over_looks": 0}
        news |= {"arrived_slow": state.speed.slow, "arrived_cores": state.quota.cores}
        state = replace(state, memory_more_mb=())
    if rung is not None:
        before = (*state.speeds, state.speed)[-READ_LOOKS:]
        speed = before[0] if is_tighter(state.quota, seen) else state.speed
        speed = learned(speed, rung, seen, target_fps(policy, state) or 0.0)
        takes_ms = math.inf if is_held_back(seen) else speed.load_ms(rung) / rung.frames
        rate = counted(state.rate, seen, takes_ms)
        here_s = news["time_s"] - news.get("running_s", state.running_s)
        is_building = state.wanted != rung.name  # the next, which is no part of this rung's use
        alone_s = 0.0 if is_building else here_s
        quota = granted(state.quota, rung, seen, speed.slow, rate.shown_fps(), alone_s)
        news |= {"speed": speed, "speeds": before, "rate": rate, "quota": quota}
    news |= _sensors(policy, state, seen, news["time_s"])
    news |= _power(policy, state, seen, rung, news["power"].value)
    news |= _memory(policy, state, seen, rung, news["memory"].value)
    state = replace(state, **news)
    current = rung or state.rung(state.running)
    if current is None:
        return state
    watts = watts_of(policy, state, current)
    return replace(state, heat=warmed(state.heat, policy, state.temp.value, watts, state.time_s, dt_s))


def target_fps(policy: Policy, state: State) -> float | None:
    """What is to be held: the user's rate, or the source's if that is lower; None if no rate is asked for."""
    if not policy.fps > 0:
        return None
    came = state.rate.fps_in
    return policy.fps if came is None or came <= 0 else min(policy.fps, came)


def interval_ms(policy: Policy, state: State) -> float:
    """The time that a frame may take; a thousand seconds if no rate is asked for."""
    fps = target_fps(policy, state)
    return 1e6 if fps is None else max(LEAST_MS, 1e3 / fps)


def ladder_watts(policy: Policy, state: State, rung: Rung) -> float:
    """The board's power in a rung by the ladder, at the rate of now; by its work where the ladder does not say."""
    came = state.rate.fps_in
    share = min(1.0, came / policy.fps) if came and policy.fps > 0 else 1.0
    if rung.power_w is None or not math.isfinite(rung.power_w):
        fps = target_fps(policy, state) or 30.0
        return min(8.0, rung.load_ms() / 1e3 * fps / rung.frames) * WATTS_PER_CORE
    powers = [one.power_w for one in state.ladder if one.power_w is not None and math.isfinite(one.power_w)]
    idle_w = min(powers) * 0.75  # the part that no rung changes; only matters where the source is slow
    return idle_w + (rung.power_w - idle_w) * share


def watts_of(policy: Policy, state: State, rung: Rung) -> float:
    """The board's power in a rung, what others take included."""
    more = median(state.watts_more) if len(state.watts_more) >= POWER_LEAST else 0.0
    return max(0.0, ladder_watts(policy, state, rung) + more)


def _passed_s(state: State, seen: Observation) -> tuple[float, bool]:
    """(what passed by the clock, if a clock can say that, else what the look took; whether the clock leapt)."""
    dt_s = seen.now_s - state.now_s if state.now_s is not None else 0.0
    if 0 < dt_s < GAP_S:
        return dt_s, False
    return min(seen.span_s, GAP_S), dt_s >= GAP_S


def _after_gap(state: State) -> State:
    """Nothing that was counted before tells of now."""
    rate = replace(Rate(), fps_in=state.rate.fps_in)
    return replace(state, rate=rate, heat=Heat(), over_looks=0, room_s=None, watts_more=(), memory_more_mb=())


def _sensors(policy: Policy, state: State, seen: Observation, time_s: float) -> dict[str, Any]:
    said_mb = seen.memory_mb if seen.memory_mb is not None else seen.cgroup_memory_mb
    news: dict[str, Any] = {
        "temp": sensed(state.temp, seen.temp_c, time_s, TEMP_LEAP_C, TEMP_FINE_C),
        "power": sensed(state.power, seen.power_w, time_s, POWER_LEAP_W, POWER_FINE_W),
        "memory": Sensing(said_mb, said_mb, time_s),  # a process may well hold the same for hours
    }
    notes = list(state.notes)
    for name in ("temp", "power"):
        old: Sensing = getattr(state, name)
        new: Sensing = news[name]
        if new.is_stuck and not old.is_stuck:
            notes.append(f"The {name} sensor has said {new.said:g} for {time_s - new.changed_s:.0f} s: not believed.")
        if old.is_stuck and not new.is_stuck:
            notes.append(f"The {name} sensor is believed again.")
    if len(notes) > len(state.notes):
        news["notes"] = tuple(notes)
    if state.heat.is_blind and news["temp"].value is not None:
        news["moved_s"] = None  # what was done for want of a sensor says nothing of heat
    if news["temp"].is_stuck and not state.temp.is_stuck:
        news["heat"] = forgotten_since(state.heat, news["temp"].changed_s, policy)
    return news


def _power(policy: Policy, state: State, seen: Observation, rung: Rung | None, power_w: float | None) -> dict[str, Any]:
    limits = [policy.power_max_w] if policy.power_max_w is not None else []
    low, battery = policy.battery_low_percent, seen.battery_percent
    if low is not None and policy.battery_power_w is not None and battery is not None and battery <= low:
        limits.append(policy.battery_power_w)
    news: dict[str, Any] = {"power_limit_w": min(limits, default=None)}
    if rung is not None and power_w is not None:
        ladder_w = ladder_watts(policy, state, rung)
        jump_w = POWER_JUMP * max(0.1, ladder_w)
        news["watts_more"] = lately(state.watts_more, (power_w - ladder_w,), jump_w, POWER_NEWEST, POWER_KEPT)
    return news


def _memory(
    policy: Policy, state: State, seen: Observation, rung: Rung | None, used_mb: float | None
) -> dict[str, Any]:
    limits = [limit for limit in (policy.memory_max_mb, seen.cgroup_memory_limit_mb) if limit is not None]
    if used_mb is not None and seen.memory_available_mb is not None and policy.memory_reserve_mb is not None:
        limits.append(max(1.0, used_mb + seen.memory_available_mb - policy.memory_reserve_mb))
    is_pressed = seen.memory_pressure is not None and seen.memory_pressure > PRESSED
    if used_mb is not None and is_pressed:  # no more than now, and less if the last change has not helped
        limits.append(max(1.0, used_mb - 1.0 if state.time_s - state.running_s > PRESSED_S else used_mb + 1.0))
    news: dict[str, Any] = {"memory_limit_mb": min(limits, default=None)}
    if rung is not None and used_mb is not None:
        news["memory_more_mb"] = (*state.memory_more_mb, used_mb - rung.memory_mb)[-MEMORY_KEPT:]
    return news


def memory_of(state: State, rung: Rung) -> float:
    """The process's memory in a rung, in MB: the ladder's, and what it was seen to hold beyond that."""
    return rung.memory_mb + (median(state.memory_more_mb) if state.memory_more_mb else 0.0)
