"""Which rungs fit, and which of them is best."""

from __future__ import annotations

from dataclasses import dataclass

from edgeseg.governor.heat import ACT_C, TAKE_C, TAKE_HORIZON_S, margin_c
from edgeseg.governor.learn import interval_ms, memory_of, target_fps, watts_of
from edgeseg.governor.policy import Policy
from edgeseg.governor.rung import Kind, Rung
from edgeseg.governor.state import State

NEARLY_MB = 0.1  # of a rung's memory: so much more or less is no difference where no rung keeps the limit
POWER_SHARE, MEMORY_SHARE = 0.99, 0.995  # of a limit, that a rung to be taken may need
WATTS_DOUBT = 0.03  # by what share the power at one look differs from the mean
ORDER = {Kind.NORMAL: 0, Kind.HALF_FPS: 1, Kind.COVER: 2}


@dataclass(frozen=True, slots=True)
class Fit:
    """What a rung would need now.

    load_ms: a frame's work. time_share: of a frame's time, doubt included. share: that, or the share of what can be
    used of the quota, whichever is more. temp_c: in a minute and a half. over_w, over_mb, over_c: how much more than a
    limit, less a margin, lets it; 0 where it keeps it. is_tight: it exceeds margins at most: it could be kept, but is
    not what one would choose.
    """

    rung: Rung
    load_ms: float
    time_share: float
    share: float
    watts: float
    temp_c: float | None
    over_w: float
    over_mb: float
    over_c: float
    is_tight: bool

    @property
    def keeps_limits(self) -> bool:
        """Whether it keeps every hard limit, with the margins."""
        return not (self.over_w or self.over_mb or self.over_c)


def fit_of(policy: Policy, state: State, rung: Rung) -> Fit:
    """What it would need if it were taken now."""
    watts, memory_mb = watts_of(policy, state, rung), memory_of(state, rung)
    temp_c = state.heat.after(policy, watts, TAKE_HORIZON_S)
    over_c, is_tight = 0.0, True
    if temp_c is not None and policy.temp_max_c is not None:
        heat = state.heat
        doubt_c = heat.doubted_c(TAKE_HORIZON_S) - heat.doubt_c if heat.is_blind else 0.0  # it will grow
        over_c = max(0.0, temp_c + doubt_c - (policy.temp_max_c - margin_c(heat, policy.temp_margin_c + TAKE_C)))
        is_tight = temp_c - state.heat.doubt_c < policy.temp_max_c - ACT_C
    power_w, limit_mb = state.power_limit_w, state.memory_limit_mb
    over_w = 0.0  # watts that stand for others that nobody measured are no reason to leave a rung
    if power_w is not None and rung.power_w is not None:
        doubt_w = WATTS_DOUBT * watts / max(1, len(state.watts_more)) ** 0.5 if state.watts_more else 0.0
        over_w = max(0.0, watts + doubt_w - power_w * POWER_SHARE)
        is_tight = is_tight and watts <= power_w
    over_mb = 0.0
    if limit_mb is not None:
        over_mb = max(0.0, memory_mb - limit_mb * MEMORY_SHARE)
        is_tight = is_tight and memory_mb <= limit_mb
    load_ms = state.speed.load_ms(rung)
    time_share = (1 + state.speed.doubt) * load_ms / (interval_ms(policy, state) * rung.frames)
    share = max(time_share, state.quota.share(rung, target_fps(policy, state) or 0.0))
    return Fit(rung, load_ms, time_share, share, watts, temp_c, over_w, over_mb, over_c, is_tight)


def fits(policy: Policy, state: State) -> list[Fit]:
    """Of every rung whose figures can be meant; of all if there is no such rung."""
    sane = [rung for rung in state.ladder if rung.is_sane] or list(state.ladder)
    return [fit_of(policy, state, rung) for rung in sane]


def best(policy: Policy, found: list[Fit]) -> tuple[Fit, bool]:
    """The rung to be in, of at least one, and whether it fits: limits first, then the frame rate, then quality."""
    keep_share = max(policy.take_share, policy.keep_share)
    for kind in (Kind.NORMAL, Kind.HALF_FPS):
        these = [fit for fit in found if fit.rung.kind is kind and (fit.keeps_limits or fit.is_tight)]
        for share in (policy.take_share, keep_share):
            fitting = [fit for fit in these if fit.keeps_limits and fit.share <= share]
            if fitting:
                return max(fitting, key=lambda fit: (fit.rung.quality, -fit.share)), True
        tight = [fit for fit in these if fit.share <= keep_share]
        if tight:  # the frame rate is worth more than a margin
            return min(tight, key=lambda fit: (fit.over_mb, fit.watts, fit.share)), True
    safe = [fit for fit in found if fit.keeps_limits or fit.is_tight]
    shown = [fit for fit in safe if fit.rung.kind is not Kind.COVER]
    if shown:
        return min(shown, key=lambda fit: (fit.share, -fit.rung.quality)), False
    if safe:
        return safe[0], True
    least = min(found, key=lambda fit: fit.over_mb)
    near = [fit for fit in found if fit.over_mb <= nearly_mb(least)]
    held = [fit for fit in near if fit.rung.kind is Kind.NORMAL and not fit.over_w and not fit.over_c]
    held = [fit for fit in held if fit.share <= policy.take_share]
    if held:  # memory alone is too little, whatever is done
        return max(held, key=lambda fit: (fit.rung.quality, -fit.share)), True
    return min(near, key=lambda fit: (fit.over_w, fit.over_c, fit.watts, fit.share)), False


def nearly_mb(fit: Fit) -> float:
    """How much more than the limit is nearly what this rung needs, which exceeds it; 0 if it keeps it."""
    return fit.over_mb + NEARLY_MB * fit.rung.memory_mb if fit.over_mb else 0.0


def is_better(one: Rung, other: Rung) -> bool:
    """Whether people see more of it."""
    return (-ORDER[one.kind], one.quality) > (-ORDER[other.kind], other.quality)


def is_too_hot(policy: Policy, state: State, watts: float, throttled: bool | None) -> bool:
    """Whether a limit of heat will be met within the horizon if nothing changes, or is met now."""
    if policy.temp_max_c is None:
        return False
    if throttled and state.heat.temp_c is None:
        return True
    soon_c = state.heat.after(policy, watts, policy.horizon_s)
    if soon_c is None or state.heat.temp_c is None:
        return False
    rest_c = state.heat.after(policy, watts, TAKE_HORIZON_S) or soon_c
    limit_c = policy.temp_max_c - margin_c(state.heat, policy.temp_margin_c)
    return (soon_c > limit_c and rest_c > limit_c) or is_at_limit(policy, state)


def is_at_limit(policy: Policy, state: State) -> bool:
    """Whether the limit of heat is met now, or could be for all that is known."""
    if policy.temp_max_c is None or state.heat.temp_c is None:
        return False
    return state.heat.temp_c + state.heat.doubt_c > policy.temp_max_c - margin_c(state.heat, ACT_C)
