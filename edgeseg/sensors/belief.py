"""Which sensors are believed. Pure: time and load are arguments, and a change of mind is returned as a sentence.

A value is given only if nothing speaks against it: a single absurd value or leap is None at once. A sensor that goes on
like this, or is stuck, is distrusted: all it says is None, until it has behaved for `BEHAVES_S`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

# Bad for so long in all: a glitch or two is no news, and a governor looks four times a second.
PATIENCE_S = 3.0
# Good without a break for so long: ten times what a flapping driver or a loose wire stays quiet, in two slow readings.
BEHAVES_S = 10.0
# Time weighs for so much in one step only, so that a sleeping machine or a clock that leaps decides nothing.
_STEP_S = 5.0
# Good time pays bad time back at this rate: one that is wrong every other time is found out all the same.
_FORGIVES = 0.25
# The load since a value last changed is taken in means of a minute, about the time that a heat sink takes, and two of
# them must differ by two fifths of the processor: silicon without a fan then grows warmer by degrees, and takes a third
# of a watt more. Once they did, the sensor gets another minute to follow. A load smoothed over the past would not
# do: it also counts what the sensor has followed already, and doubts one in eighty of the test's healthy boards.
_LOAD_SPAN_S, _LOAD_CHANGE, _FOLLOWS_S = 60.0, 0.4, 60.0
# One that has never said two different things tells nothing of its resolution: it gets more time.
_NEVER_CHANGED = 5.0
_STUCK = "has said"


@dataclass(frozen=True, slots=True)
class Rule:
    """What can be true of a kind of sensor.

    least, most: what it can say. leap, per_s: between two values lie at most `leap`, and `per_s` for each second (None:
    it may leap). stuck_s: for so long it may say the same while the load changes (None: always). coarse: sensors
    whose steps are bigger are never called stuck. zero_first: 0 can be the first thing that it says. unit: for people.
    """

    unit: str
    least: float
    most: float
    leap: float | None = None
    per_s: float = 0.0
    stuck_s: float | None = None
    coarse: float = math.inf
    zero_first: bool = True


# Silicon shuts itself down at 105 to 125 C, so that nothing hotter is ever read by a running program, and is not rated
# below -40. A die leaps by ten to twenty degrees between two readings when load comes or goes, and never by 30 in
# half a second. Exactly 0 and nothing else is how drivers tell that nothing was measured yet. Drivers step by 0.03
# (Jetson), 0.5 (Raspberry Pi) or 1 C (Documentation/hwmon/coretemp.rst): 3 minutes of load move all of them.
TEMPERATURE = Rule("C", -40.0, 130.0, leap=30.0, per_s=10.0, stuck_s=180.0, coarse=2.0, zero_first=False)
# What runs takes power: 0 W is a sensor that measures nothing. 1 kW is no small board. Power may leap. A battery's
# gauge renews its figure every half minute or so, therefore 5 minutes; an INA3221 steps by 40 mW, gauges by more.
POWER = Rule("W", 0.01, 1000.0, stuck_s=300.0, coarse=0.2)
# A rail may carry nothing, and a part of the board may sleep, whatever the cores do.
RAIL = Rule("W", 0.0, 1000.0)
# No core runs below 0.3 V or above 2 V; regulators hold one voltage for days.
CORE_VOLTS = Rule("V", 0.3, 2.0)
CHARGE = Rule("%", 0.0, 100.0)
SHARE = Rule("times of what there is", 0.0, 1.0)


class Belief:
    """One sensor's past, in fixed memory, and whether it is believed."""

    __slots__ = (
        *("name", "rule", "why_not", "_bad_s", "_good_s", "_last_s", "_raw", "_raw_s", "_same_s", "_step"),
        *("_span_s", "_span_load", "_load_low", "_load_high", "_moved_s", "_missing_s", "_was_there", "_is_gone"),
    )

    def __init__(self, name: str, rule: Rule) -> None:
        self.name, self.rule = name, rule
        self.why_not: str | None = None
        self._bad_s = self._good_s = self._same_s = self._missing_s = 0.0
        self._last_s: float | None = None
        self._raw: float | None = None  # the last value that could follow from those before it
        self._raw_s = 0.0
        self._step = math.inf  # the smallest step that was seen
        self._span_s = self._span_load = 0.0  # of the load's mean that is being made
        self._load_low, self._load_high = 1.0, 0.0
        self._moved_s: float | None = None  # it had been the same for so long when the load had changed
        self._was_there = self._is_gone = False

    @property
    def is_believed(self) -> bool:
        """Whether it is not distrusted; its value may be None all the same."""
        return self.why_not is None

    def judge(self, said: float | None, now_s: float, load: float | None) -> tuple[float | None, str | None]:
        """What may be believed of what it says now, and a sentence if that changes what is thought of it.

        said: None if it gave nothing. now_s: going back does no harm. load: share of all cores' time, None if unknown.
        """
        step_s = 0.0 if self._last_s is None else min(max(now_s - self._last_s, 0.0), _STEP_S)
        if self._last_s is not None and now_s < self._last_s:  # the clock was set back
            self._raw_s = now_s
        self._last_s = now_s
        self._note_load(load, step_s)
        if said is None:
            return None, self._missing(step_s)
        news = self._is_there()
        why = self._wrong(said, now_s, step_s)
        if why is None:
            self._bad_s = max(0.0, self._bad_s - _FORGIVES * step_s)
            self._good_s += step_s
        else:
            self._bad_s, self._good_s = min(self._bad_s + step_s, PATIENCE_S), 0.0
        change = self._change(why)
        return said if why is None and self.why_not is None else None, change or news

    def _change(self, why: str | None) -> str | None:
        if self.why_not is None and why is not None and (self._bad_s >= PATIENCE_S or why.startswith(_STUCK)):
            self.why_not = why
            return f"{self.name} is not believed any more: it {why}"
        if self.why_not is not None and self._good_s >= BEHAVES_S:
            self.why_not, self._bad_s = None, 0.0
            return f"{self.name} is believed again: it has behaved for {BEHAVES_S:g} s"
        return None

    def _missing(self, step_s: float) -> str | None:
        self._missing_s += step_s
        self._good_s = 0.0
        if self._is_gone or not self._was_there or self._missing_s < PATIENCE_S:
            return None
        self._is_gone = True
        return f"{self.name} gives nothing any more"

    def _is_there(self) -> str | None:
        news = f"{self.name} is there again" if self._is_gone else None
        self._was_there, self._is_gone, self._missing_s = True, False, 0.0
        return news

    def _note_load(self, load: float | None, step_s: float) -> None:
        if load is None or not 0 <= load <= 1:
            return
        self._span_s += step_s
        self._span_load += load * step_s
        if self._span_s >= _LOAD_SPAN_S:
            mean = self._span_load / self._span_s
            self._span_s = self._span_load = 0.0
            self._load_low, self._load_high = min(self._load_low, mean), max(self._load_high, mean)
            if self._moved_s is None and self._load_high - self._load_low >= _LOAD_CHANGE:
                self._moved_s = self._same_s

    def _forget_load(self) -> None:
        self._same_s = self._span_s = self._span_load = 0.0
        self._load_low, self._load_high, self._moved_s = 1.0, 0.0, None

    def _wrong(self, said: float, now_s: float, step_s: float) -> str | None:
        """What speaks against it: words that go on from "it"."""
        rule = self.rule
        if not (math.isfinite(said) and rule.least <= said <= rule.most):
            return f"says {said:g} {rule.unit}, which cannot be"
        before, self._same_s = self._raw, self._same_s + step_s
        if before is not None and said != before:
            self._step = min(self._step, abs(said - before))
        if said != before:
            self._forget_load()
        if before is not None and rule.leap is not None:
            reach = rule.leap + rule.per_s * (now_s - self._raw_s)
            if abs(said - before) > reach:
                if self.why_not is not None:  # what it said before is worth no more than what it says now
                    self._raw, self._raw_s = said, now_s
                return f"leaps from {before:g} to {said:g} {rule.unit}"
        self._raw, self._raw_s = said, now_s
        if said == 0 and not rule.zero_first and math.isinf(self._step):
            return f"says 0 {rule.unit} and has never said anything else"
        return self._stuck(said)

    def _stuck(self, said: float) -> str | None:
        if self.rule.stuck_s is None or (math.isfinite(self._step) and self._step > self.rule.coarse):
            return None
        patience_s = self.rule.stuck_s * (1.0 if math.isfinite(self._step) else _NEVER_CHANGED)
        if self._moved_s is None or self._same_s < max(patience_s, self._moved_s + _FOLLOWS_S):
            return None
        moved = self._load_high - self._load_low
        return (
            f"{_STUCK} {said:g} {self.rule.unit} for {self._same_s:.0f} s, while the load of the processor changed by"
            f" {100 * moved:.0f} %"
        )


class Beliefs:
    """One `Belief` for each name that was ever asked about, and the sentences since they were last taken."""

    def __init__(self) -> None:
        self._of: dict[str, Belief] = {}
        self._news: list[str] = []

    def judge(self, name: str, rule: Rule, said: float | None, now_s: float, load: float | None) -> float | None:
        """See `Belief.judge`."""
        belief = self._of.get(name)
        if belief is None:
            belief = self._of[name] = Belief(name, rule)
        value, change = belief.judge(said, now_s, load)
        if change is not None:
            self._news.append(change)
        return value

    def take_news(self) -> list[str]:
        """What changed since this was last called."""
        news, self._news = self._news, []
        return news

    def doubted(self) -> tuple[str, ...]:
        """Those that are distrusted."""
        return tuple(name for name, belief in self._of.items() if belief.why_not is not None)
