"""The figures of issue 5 on every scenario, as `edgeseg governor simulate` measures them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgeseg.simulation.run import Governor, Run, run_oracle, run_with
from edgeseg.simulation.scenarios import scenarios
from edgeseg.simulation.score import Row, score
from edgeseg.simulation.table import compared, means

POLICIES = ("edgeseg", "oracle", "steps", "aimd")


@pytest.fixture(scope="module")
def whole() -> list[Row]:
    return [row for scenario in scenarios().values() for row in compared(scenario)[0]]


@pytest.fixture(scope="module")
def own(whole: list[Row]) -> list[Row]:
    return [row for row in whole if row.policy == "edgeseg"]


def test_every_scenario_has_a_row_of_every_policy(whole: list[Row]) -> None:
    assert [(row.scenario, row.policy) for row in whole] == [
        (name, policy) for name in scenarios() for policy in POLICIES
    ]


def test_the_rate_is_held_where_it_can_be(own: list[Row]) -> None:
    assert {row.scenario: row.in_band for row in own if row.in_band < 0.98} == {}


def test_it_settles_soon(own: list[Row]) -> None:
    assert {row.scenario: row.settle_down_s for row in own if (row.settle_down_s or 0) > 1.5} == {}
    assert {row.scenario: row.settle_up_s for row in own if (row.settle_up_s or 0) > 8} == {}
    assert sum(row.settle_down_s is not None for row in own) >= 6
    assert sum(row.settle_up_s is not None for row in own) >= 6


def test_little_quality_is_lost(own: list[Row]) -> None:
    assert means(own, "edgeseg").quality_regret <= 0.03
    assert means(own, "edgeseg").span_regret <= 0.15  # of what the ladder offers, which is the harder measure


def test_it_is_steady(own: list[Row]) -> None:
    assert {row.scenario: row.switches_per_min for row in own if row.switches_per_min > 1} == {}


def test_no_limit_is_broken(own: list[Row]) -> None:
    assert {row.scenario: row.limit_violation_s for row in own if row.limit_violation_s > 0} == {}


def cost(row: Row) -> float:
    """What the rivals were tuned for, see benchmarks/tune_rivals.py."""
    seconds = scenarios()[row.scenario].seconds
    return 1 - row.in_band + row.quality_regret + row.switches_per_min / 100 + row.limit_violation_s / seconds


@pytest.mark.parametrize("rival", ["steps", "aimd"])
def test_no_row_is_worse_than_a_rivals_and_the_means_are_better(whole: list[Row], own: list[Row], rival: str) -> None:
    theirs = {row.scenario: row for row in whole if row.policy == rival}
    assert {row.scenario for row in own if row.in_band < theirs[row.scenario].in_band - 1e-9} == set()
    assert {row.scenario for row in own if cost(row) > cost(theirs[row.scenario]) + 1e-9} == set()
    mine, other = means(own, "edgeseg"), means(whole, rival)
    assert mine.in_band > other.in_band
    assert mine.quality_regret < other.quality_regret
    assert mine.switches_per_min < other.switches_per_min


def test_it_holds_with_other_chance_too() -> None:
    """The scenarios' own seed is not the only one on which the governor does well."""
    for name in ("load-pulses", "power-cap", "everything-at-once"):
        scenario = replace(scenarios()[name], seed=7)
        row = score(run_with(scenario, "edgeseg", Governor), run_oracle(scenario))
        assert row.in_band >= 0.98
        assert row.limit_violation_s == 0


def test_the_oracle_keeps_all_limits_and_holds_the_rate_but_for_noise() -> None:
    for name in ("load-x2", "fan-fails", "memory-squeeze"):
        run: Run = run_oracle(scenarios()[name])
        policy = run.scenario.policy
        assert all(policy.temp_max_c is None or look.temp_c < policy.temp_max_c for look in run.looks)
        assert all(look.memory_mb <= look.memory_limit_mb for look in run.looks)
        expected = run.scenario.seconds * 30
        assert len(run.out_at) == pytest.approx(expected, rel=0.005)
