"""What others would do: one step at a time at thresholds, or as congestion is controlled; tuned on the scenarios.

`python -m benchmarks.tune_rivals` searched `GRIDS` and found `TUNED_STEPS` and `TUNED_AIMD`.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgeseg.governor import Kind, Ladder, Observation, Policy, Rung


@dataclass(frozen=True, slots=True)
class StepsSettings:
    """high, low: shares of a frame's time at which it goes down and up; down_s, up_s:

    after so long. margin_c: below the limit.
    """

    high: float
    low: float
    down_s: float
    up_s: float
    margin_c: float


@dataclass(frozen=True, slots=True)
class AimdSettings:
    """add: to the budget each second, as a share of a frame's time; times:

    it at congestion, no more often than hold_s.
    """

    add: float
    times: float
    hold_s: float
    margin_c: float


TUNED_STEPS = StepsSettings(high=1.03, low=0.5, down_s=1.0, up_s=80.0, margin_c=0.5)
TUNED_AIMD = AimdSettings(add=0.0005, times=0.7, hold_s=2.0, margin_c=0.5)
GRIDS: dict[str, dict[str, tuple[float, ...]]] = {
    "steps": {
        "high": (0.97, 1.03),
        "low": (0.5, 0.6, 0.75),
        "down_s": (0.5, 1.0, 2.0),
        "up_s": (10.0, 20.0, 40.0, 80.0),
        "margin_c": (0.5, 2.0),
    },
    "aimd": {
        "add": (0.0005, 0.001, 0.002, 0.005, 0.01),
        "times": (0.35, 0.5, 0.7, 0.85),
        "hold_s": (0.25, 0.5, 2.0, 5.0),
        "margin_c": (0.5, 2.0),
    },
}


class _Watcher:
    """What both look at: the rate, the work, the limits. A sensor that says nothing is not looked at."""

    def __init__(self, policy: Policy, margin_c: float) -> None:
        self._policy = policy
        self._margin_c = margin_c
        self._looks: list[Observation] = []

    def look(self, seen: Observation) -> None:
        self._looks = [*self._looks, seen][-4:]

    @property
    def fps_in(self) -> float:
        span_s = sum(seen.span_s for seen in self._looks)
        return max(1.0, sum(seen.frames_in for seen in self._looks) / span_s)

    def interval_ms(self) -> float:
        return 1e3 / min(self._policy.fps, self.fps_in)

    def work_ms(self, rung: Rung) -> float:
        """A frame's, as the mean of a second."""
        frames = [ms for seen in self._looks for ms in seen.frame_ms]
        infers = [ms for seen in self._looks for ms in seen.infer_ms]
        infer_ms = sum(infers) / len(infers) / rung.every if infers else 0.0
        return (sum(frames) / len(frames) if frames else 0.0) + infer_ms

    def is_short(self, rung: Rung) -> bool:
        """Whether fewer frames were shown in the last second than should be."""
        shown = sum(seen.frames_out for seen in self._looks)
        return shown < 0.95 * sum(seen.frames_in for seen in self._looks) / rung.frames

    def is_over(self, less_c: float = 0.0) -> bool:
        """Whether a limit is not kept, that of heat less a margin and less_c."""
        policy, seen = self._policy, self._looks[-1]
        powers = [look.power_w for look in self._looks if look.power_w is not None]
        power_w = sum(powers) / len(powers) if powers else None
        limits_w = [policy.power_max_w] if policy.power_max_w is not None else []
        low, saving = policy.battery_low_percent, policy.battery_power_w
        if low is not None and saving is not None and seen.battery_percent is not None and seen.battery_percent <= low:
            limits_w.append(saving)
        limits_mb = [mb for mb in (policy.memory_max_mb, seen.cgroup_memory_limit_mb) if mb is not None]
        return (
            (
                (policy.temp_max_c is not None and seen.temp_c is not None)
                and seen.temp_c > policy.temp_max_c - self._margin_c - less_c
            )
            or (power_w is not None and bool(limits_w) and power_w > min(limits_w) * (1 - 0.02 * (less_c > 0)))
            or (seen.memory_mb is not None and bool(limits_mb) and seen.memory_mb > min(limits_mb))
        )


class Steps:
    """One rung down when it is too much, one up when there is room."""

    def __init__(self, policy: Policy, ladder: Ladder, settings: StepsSettings = TUNED_STEPS) -> None:
        self._watcher, self._settings = _Watcher(policy, settings.margin_c), settings
        self._ladder = _whole_rate(ladder)
        self._at = self._ladder.index(_first(policy, ladder))
        self._high_s = self._low_s = self._since_s = 0.0

    def first(self) -> Rung:
        """See `Controller.first`."""
        return self._ladder[self._at]

    def act(self, seen: Observation) -> Rung:
        """See `Controller.act`."""
        rung, settings = self._ladder[self._at], self._settings
        self._watcher.look(seen)
        self._since_s += seen.span_s
        share = self._watcher.work_ms(rung) / (self._watcher.interval_ms() * rung.frames)
        is_high = share > settings.high or self._watcher.is_over()
        is_low = share < settings.low and not self._watcher.is_over(less_c=2.0)
        self._high_s = self._high_s + seen.span_s if is_high else 0.0
        self._low_s = self._low_s + seen.span_s if is_low else 0.0
        if self._since_s >= 0.75 and self._high_s >= settings.down_s and self._at > 0:
            self._go(-1)
        elif self._low_s >= settings.up_s and self._at < len(self._ladder) - 1:
            self._go(1)
        return self._ladder[self._at]

    def _go(self, steps: int) -> None:
        self._at += steps
        self._high_s = self._low_s = self._since_s = 0.0


class Aimd:
    """A budget of work a frame: a little more each second, a part of it at congestion; the best rung within it."""

    def __init__(self, policy: Policy, ladder: Ladder, settings: AimdSettings = TUNED_AIMD) -> None:
        self._watcher, self._settings = _Watcher(policy, settings.margin_c), settings
        self._ladder = _whole_rate(ladder)
        self._rung = _first(policy, ladder)
        self._fps = policy.fps
        self._share = self._rung.load_ms() * self._fps / 1e3
        self._cut_s = 1e9

    def first(self) -> Rung:
        """See `Controller.first`."""
        return self._rung

    def act(self, seen: Observation) -> Rung:
        """See `Controller.act`."""
        self._watcher.look(seen)
        self._cut_s += seen.span_s
        if self._watcher.is_short(self._rung) or self._watcher.is_over():
            if self._cut_s >= self._settings.hold_s:
                self._share, self._cut_s = self._share * self._settings.times, 0.0
        else:
            self._share += self._settings.add * seen.span_s
        least = min(self._cost(rung) for rung in self._ladder)
        most = max(self._cost(rung) for rung in self._ladder)
        self._share = min(most, max(least, self._share))
        within = [rung for rung in self._ladder if self._cost(rung) <= self._share + 1e-9]
        self._rung = max(within, key=lambda rung: rung.quality)
        return self._rung

    def _cost(self, rung: Rung) -> float:
        """As a share of a frame's time, by the ladder."""
        return rung.load_ms() * self._fps / 1e3


def _whole_rate(ladder: Ladder) -> list[Rung]:
    """The rungs that show every frame: no scenario needs the others, and neither rival knows when it would."""
    return [rung for rung in ladder if rung.kind is Kind.NORMAL]


def _first(policy: Policy, ladder: Ladder) -> Rung:
    """The best rung that fits by the ladder's word: where edgeseg's governor starts, too."""
    budget_ms = 1e3 / policy.fps * policy.take_share
    return max((rung for rung in _whole_rate(ladder) if rung.load_ms() <= budget_ms), key=lambda rung: rung.quality)
