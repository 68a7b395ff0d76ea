"""Where the temperature is going: the board as one thermal resistance and one time constant.

T' = (around + c_per_w * watts - T) / tau. What the board's own watts explain is taken off, what is left tells
`around`: the air about it and all that others burn. A rung's temperature at any time then follows from its watts.
While there is no temperature to believe, the model runs on alone and trusts itself less with time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from edgeseg.governor.policy import Policy

KEEP = 45  # seconds of temperatures, one a second: what tells how things move
FIT = 20  # of these, what tells where they go
LEAST = 8  # before so many are there the board is taken to be at rest
DOUBT_C_PER_S, MOST_DOUBT_C = 0.012, 8.0  # how much a model without a sensor is doubted, where nothing moved
MOVING = 1.5  # what was moving may move so many times as fast meanwhile
BLIND_C = 0.1  # ten seconds of doubt, or fewer where things move
TAKE_HORIZON_S = 90.0
TAKE_C = 0.5  # cooler than what may be kept
ACT_C = 0.4  # so near to the limit nothing is waited for


@dataclass(frozen=True, slots=True)
class Second:
    """The mean of one second: temperature less what the own watts explain."""

    at_s: float
    rest_c: float


@dataclass(frozen=True, slots=True)
class Heat:
    """What is known of the temperature; None: unknown.

    temp_c: now, measured or modelled. own_c: the own watts' part of it. around_c: the rest's resting value;
    moving_c_per_s: how fast the rest moved when the sensor was lost. doubt_c: what the model may be wrong by for want
    of a sensor. said: the temperatures since the last whole second.
    """

    temp_c: float | None = None
    own_c: float | None = None
    around_c: float | None = None
    moving_c_per_s: float = 0.0
    doubt_c: float = 0.0
    seconds: tuple[Second, ...] = ()
    said: tuple[float, ...] = ()
    whole_s: float = 0.0

    @property
    def is_blind(self) -> bool:
        """Whether it has gone by the model alone for so long that what was seen before says little of now."""
        return self.doubt_c > BLIND_C

    @property
    def doubt_c_per_s(self) -> float:
        """How fast a model without a sensor goes wrong: what was moving for no reason of ours may go on to move."""
        return DOUBT_C_PER_S + MOVING * self.moving_c_per_s

    def doubted_c(self, after_s: float) -> float:
        """What the model may be wrong by after so many more seconds without a sensor."""
        return min(MOST_DOUBT_C, self.doubt_c + self.doubt_c_per_s * after_s)

    def after(self, policy: Policy, watts: float, horizon_s: float) -> float | None:
        """The temperature in so many seconds if the board takes so many watts, doubt included; None if unknown."""
        if self.temp_c is None or self.around_c is None:
            return None
        rest_c = self.around_c + policy.thermal_c_per_w * watts
        tau_s = max(1e-3, policy.thermal_tau_s)
        return rest_c + (self.temp_c - rest_c) * math.exp(-horizon_s / tau_s) + self.doubt_c


def margin_c(heat: Heat, wanted_c: float) -> float:
    """The margin to keep beside the doubt: one that is doubted by more needs no other."""
    return max(0.0, wanted_c - heat.doubt_c / 2)


def warmed(heat: Heat, policy: Policy, temp_c: float | None, watts: float, at_s: float, dt_s: float) -> Heat:
    """After dt_s more seconds at so many watts; temp_c:

    what the sensor says, None if it says nothing to be believed.
    """
    tau_s = max(1e-3, policy.thermal_tau_s)
    passed = 1 - math.exp(-dt_s / tau_s)
    own_rest_c = policy.thermal_c_per_w * watts
    own_c = own_rest_c if heat.own_c is None else heat.own_c + (own_rest_c - heat.own_c) * passed
    heat = replace(heat, own_c=own_c)
    if temp_c is None:
        if heat.temp_c is None or heat.around_c is None:
            return heat
        modelled_c = heat.temp_c + (heat.around_c + own_rest_c - heat.temp_c) * passed
        if heat.doubt_c == 0:
            heat = replace(heat, moving_c_per_s=_moving(heat.seconds))
        return replace(heat, temp_c=modelled_c, doubt_c=heat.doubted_c(dt_s), said=(), whole_s=at_s)
    if heat.is_blind:
        heat = replace(heat, seconds=(), said=(), temp_c=temp_c)
    heat = replace(heat, doubt_c=0.0)
    said = (*heat.said, temp_c)
    if at_s - heat.whole_s < 1.0 - 1e-6:
        return replace(heat, said=said, temp_c=temp_c if heat.temp_c is None else heat.temp_c)
    mean_c = sum(said) / len(said)
    seconds = (*heat.seconds, Second(at_s, mean_c - own_c))[-KEEP:]
    line = _line(seconds[-FIT:])
    heat = replace(heat, around_c=line.rest_c(policy), seconds=seconds)
    return replace(heat, temp_c=line.end_c + own_c, said=(), whole_s=at_s)


def forgotten_since(heat: Heat, at_s: float, policy: Policy) -> Heat:
    """Without what a sensor said after that time: it was stuck."""
    seconds = tuple(second for second in heat.seconds if second.at_s <= at_s)
    if not seconds:
        return replace(heat, said=())
    return replace(heat, seconds=seconds, said=(), around_c=_line(seconds[-FIT:]).rest_c(policy))


@dataclass(frozen=True, slots=True)
class _Line:
    """A line through some seconds:

    its end, how long ago its middle is, its slope and what noise may have made of that.
    """

    end_c: float
    middle_s: float
    slope: float
    noise: float

    def rest_c(self, policy: Policy) -> float:
        """Where it comes to rest: tau times the slope above its middle."""
        return self.end_c + self.slope * (max(1e-3, policy.thermal_tau_s) - self.middle_s)


def _line(seconds: tuple[Second, ...]) -> _Line:
    """Of least squares; what noise could make of the slope is taken off: a still board must not seem to warm."""
    count = len(seconds)
    mean_c = sum(second.rest_c for second in seconds) / count
    if count < LEAST:
        return _Line(mean_c, 0.0, 0.0, 0.0)
    mean_s = sum(second.at_s for second in seconds) / count
    spread = sum((second.at_s - mean_s) ** 2 for second in seconds)
    if spread <= 0:
        return _Line(mean_c, 0.0, 0.0, 0.0)
    slope = sum((second.at_s - mean_s) * (second.rest_c - mean_c) for second in seconds) / spread
    off = sum((second.rest_c - mean_c - slope * (second.at_s - mean_s)) ** 2 for second in seconds)
    noise = math.sqrt(off / (count - 2) / spread)
    slope = math.copysign(max(0.0, abs(slope) - noise), slope)
    middle_s = seconds[-1].at_s - mean_s
    return _Line(mean_c + slope * middle_s, middle_s, slope, noise)


def _moving(seconds: tuple[Second, ...]) -> float:
    """How fast what is around may be moving, in C a second, noise believed."""
    if len(seconds) < LEAST:
        return 0.0
    line = _line(seconds)
    return abs(line.slope) + 2 * line.noise
