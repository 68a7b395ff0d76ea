"""How a run compares with the oracle's: the rows of the table."""

from __future__ import annotations

from dataclasses import dataclass

from edgeseg.governor import Kind, Rung
from edgeseg.simulation.oracle import memory_limit_mb, power_limit_w
from edgeseg.simulation.plant import Truth
from edgeseg.simulation.run import LOOK_S, Run

BAND = 0.05 + 1e-6
GRACE_S = 3.0  # over a limit for so long is not counted
STEADY_S = 15.0  # after a step, changes of the rung are what they should be
NEAR = 0.005  # of quality: as good as the oracle's
HOLDS_S = 3.0  # what settled holds for so long


@dataclass(frozen=True, slots=True)
class Row:
    """One policy in one scenario.

    in_band: of the seconds in which the oracle shows the target rate within 5 %, the share in which this policy does.
    settle_down_s: the longest time from a step that makes the rate harder to hold until it is held; settle_up_s: from
    one that makes it easier until quality is within 0.005 of the oracle's; None if there is no such step.
    quality_regret: quality that is missing against the oracle's, as a share of it. span_regret: as a share of what
    lies between the oracle's and the worst whole-rate rung's. switches_per_min: in steady state. limit_violation_s:
    over a hard limit, where the oracle was not, but for the first 3 s of each time.
    """

    scenario: str
    policy: str
    in_band: float
    settle_down_s: float | None
    settle_up_s: float | None
    quality_regret: float
    switches_per_min: float
    limit_violation_s: float
    span_regret: float

    def as_json(self) -> dict[str, object]:
        """Its fields but for span_regret, rounded."""
        names = ("in_band", "settle_down_s", "settle_up_s", "quality_regret", "switches_per_min", "limit_violation_s")
        figures = {name: getattr(self, name) for name in names}
        rounded = {name: value if value is None else round(value, 4) for name, value in figures.items()}
        return {"scenario": self.scenario, "policy": self.policy, **rounded}


def score(run: Run, oracle: Run) -> Row:
    """The row of a run, against the oracle's run of the same scenario."""
    held, oracle_held = _held(run), _held(oracle)
    seconds = [second for second in range(run.scenario.seconds) if oracle_held[second]]
    quality, oracle_quality = _quality(run), _quality(oracle)
    missing = sum(max(0.0, oracle_quality[second] - quality[second]) for second in seconds)
    worst = min(rung.quality for rung in run.scenario.board.ladder if rung.kind is Kind.NORMAL)
    best = sum(oracle_quality[second] for second in seconds)
    span = sum(max(0.0, oracle_quality[second] - worst) for second in seconds)
    return Row(
        scenario=run.scenario.name,
        policy=run.policy,
        in_band=sum(held[second] for second in seconds) / max(1, len(seconds)),
        settle_down_s=_settle_down_s(run, oracle),
        settle_up_s=_settle_up_s(run, oracle),
        quality_regret=missing / best if best else 0.0,
        switches_per_min=_switches_per_min(run),
        limit_violation_s=_violation_s(run, oracle),
        span_regret=missing / span if span else 0.0,
    )


def _target(run: Run, second: float) -> float:
    return min(run.scenario.policy.fps, run.scenario.value("camera_fps", second + 0.5))


def _held(run: Run) -> list[bool]:
    """For each second whether the target rate was shown, and the person in it."""
    shown = [0] * run.scenario.seconds
    for at_s in run.out_at:
        shown[min(len(shown) - 1, int(at_s + 1e-9))] += 1
    return [
        abs(count / _target(run, second) - 1) <= BAND
        and all(look.rung.kind is Kind.NORMAL for look in _looks_in(run, second))
        for second, count in enumerate(shown)
    ]


def _looks_in(run: Run, second: int) -> list[Truth]:
    per = round(1 / LOOK_S)
    return run.looks[second * per : (second + 1) * per]


def _quality(run: Run) -> list[float]:
    """For each second the mean of the rungs' quality, times the share of frames that were shown."""
    shown = [0] * run.scenario.seconds
    for at_s in run.out_at:
        shown[min(len(shown) - 1, int(at_s + 1e-9))] += 1
    per = round(1 / LOOK_S)
    return [
        sum(_whole(look.rung) for look in _looks_in(run, second)) / per * min(1.0, count / _target(run, second))
        for second, count in enumerate(shown)
    ]


def _whole(rung: Rung) -> float:
    """A rung's quality as if all its frames were shown: those that are not are counted elsewhere."""
    return rung.quality * rung.frames


def _settle_down_s(run: Run, oracle: Run) -> float | None:
    found = []
    for at_s, sign in run.scenario.steps():
        if sign < 0 and _rate_ok(oracle, at_s + 2.0):
            waited = 0.0
            while waited < 60 and not (_rate_ok(run, at_s + waited) and _rate_ok(run, at_s + waited, HOLDS_S)):
                waited += 0.05
            found.append(waited)
    return max(found, default=None)


def _rate_ok(run: Run, from_s: float, over_s: float = 1.0) -> bool:
    shown = sum(1 for at_s in run.out_at if from_s - 1e-9 <= at_s < from_s + over_s - 1e-9)
    least = 0.95 * _target(run, from_s) * over_s
    looks = [look for look in run.looks if from_s < look.at_s <= from_s + over_s]
    return shown >= least - 1e-6 and all(look.rung.kind is Kind.NORMAL for look in looks)


def _settle_up_s(run: Run, oracle: Run) -> float | None:
    found = []
    steps = run.scenario.steps()
    for number, (at_s, sign) in enumerate(steps):
        if sign < 0:
            continue
        until_s = steps[number + 1][0] if number + 1 < len(steps) else float(run.scenario.seconds)
        good = [
            mine.rung.quality >= best.rung.quality - NEAR
            for mine, best in zip(run.looks, oracle.looks, strict=True)
            if at_s < mine.at_s <= until_s
        ]
        holds = round(HOLDS_S / LOOK_S)
        first = next((at for at in range(len(good) - holds) if all(good[at : at + holds])), len(good))
        found.append(first * LOOK_S)
    return max(found, default=None)


def _switches_per_min(run: Run) -> float:
    """Changes of the rung, but for those soon after the start or something that changed at once."""
    sudden = [0.0, *(change.at_s for change in run.scenario.changes if change.until_s is None)]
    sudden += [fault.at_s for fault in run.scenario.faults] + [fault.until_s for fault in run.scenario.faults]

    def is_steady(at_s: float) -> bool:
        return not any(start <= at_s < start + STEADY_S for start in sudden)

    steady_s = sum(LOOK_S for look in run.looks if is_steady(look.at_s))
    switches = sum(
        before.rung is not after.rung and is_steady(after.at_s)
        for before, after in zip(run.looks, run.looks[1:], strict=False)
    )
    return switches / (steady_s / 60) if steady_s else 0.0


def _violation_s(run: Run, oracle: Run) -> float:
    total, episode = 0.0, 0.0
    for number in range(len(run.looks)):
        if _is_over(run, number) and not _is_over(oracle, number):
            episode += LOOK_S
            total += LOOK_S if episode > GRACE_S else 0.0
        else:
            episode = 0.0
    return total


def _is_over(run: Run, number: int) -> bool:
    """Whether a hard limit was exceeded; power as the mean of a second."""
    look, scenario = run.looks[number], run.scenario
    lately = run.looks[max(0, number - 3) : number + 1]
    power_w = sum(one.power_w for one in lately) / len(lately)
    temp_max_c = scenario.policy.temp_max_c
    return (
        (temp_max_c is not None and look.temp_c > temp_max_c)
        or power_w > power_limit_w(scenario, look.battery_percent) * 1.005
        or look.memory_mb > memory_limit_mb(scenario, look.at_s)
    )
