"""The table's figures, on runs that are made up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgeseg.governor import Rung
from edgeseg.simulation.plant import Truth
from edgeseg.simulation.run import Run
from edgeseg.simulation.scenarios import scenarios
from edgeseg.simulation.score import score

SCENARIO = replace(scenarios()["load-x2"], seconds=300)
LADDER = {rung.name: rung for rung in SCENARIO.board.ladder}
GOOD, FAIR, HALF, COVER = (LADDER[name] for name in ("160x288/1", "112x192/1", "96x160/4 half fps", "cover"))


def made(rungs: dict[float, Rung], lost: dict[int, int] | None = None, temps: dict[float, float] | None = None) -> Run:
    """A run with the rungs and temperatures from the times on, and so many frames lost in those seconds."""
    run = Run(SCENARIO, "made", GOOD.name)
    for number in range(1, SCENARIO.seconds * 4 + 1):
        at_s = number / 4
        rung = rungs[max(when for when in rungs if when < at_s)]
        temp_c = (temps or {0: 60.0})[max(when for when in (temps or {0: 60.0}) if when < at_s)]
        run.looks.append(Truth(at_s, rung, temp_c, 4.0, 116.0, 1e6, False, None))
    for second in range(SCENARIO.seconds):
        shown = 30 - (lost or {}).get(second, 0)
        run.out_at += [second + frame / 30 for frame in range(shown)]
    return run


ORACLE = made({-1: GOOD})


def test_the_same_run_loses_nothing() -> None:
    row = score(ORACLE, ORACLE)
    assert (row.in_band, row.quality_regret, row.switches_per_min, row.limit_violation_s) == (1.0, 0.0, 0.0, 0.0)
    assert (row.settle_down_s, row.settle_up_s) == (0.0, 0.0)


def test_a_second_with_two_frames_less_is_out_of_band_and_one_with_one_is_not() -> None:
    row = score(made({-1: GOOD}, {10: 1, 20: 2, 30: 15}), ORACLE)
    assert row.in_band == pytest.approx(298 / 300)


def test_seconds_that_the_oracle_loses_do_not_count() -> None:
    row = score(made({-1: GOOD}, {20: 2, 30: 5}), made({-1: GOOD}, {20: 2}))
    assert row.in_band == pytest.approx(298 / 299)


@pytest.mark.parametrize("rung", [HALF, COVER])
def test_half_the_rate_and_the_cover_are_never_in_band(rung: Rung) -> None:
    assert score(made({-1: GOOD, 10: rung, 20: GOOD}), ORACLE).in_band == pytest.approx(290 / 300)


def test_quality_is_missing_only_where_it_is_less() -> None:
    row = score(made({-1: FAIR, 150: GOOD}), ORACLE)
    assert row.quality_regret == pytest.approx((0.9455 - 0.9356) / 2 / 0.9455)
    assert row.span_regret == pytest.approx((0.9455 - 0.9356) / 2 / (0.9455 - 0.8914))
    assert score(ORACLE, made({-1: FAIR})).quality_regret == 0.0


def test_how_long_the_rate_takes_to_settle() -> None:
    run = made({-1: GOOD}, {100: 6, 101: 6})
    assert score(run, ORACLE).settle_down_s == pytest.approx(1.8, abs=0.2)


def test_how_long_quality_takes_to_come_back() -> None:
    row = score(made({-1: GOOD, 100: LADDER["96x160/4"], 206.5: GOOD}), ORACLE)
    assert row.settle_up_s == pytest.approx(6.5)


def test_changes_soon_after_a_step_are_not_counted() -> None:
    row = score(made({-1: GOOD, 101: FAIR, 204: GOOD, 250: FAIR, 260: GOOD}), ORACLE)
    assert row.switches_per_min == pytest.approx(2 / (300 - 45) * 60, rel=0.01)


def test_a_limit_is_violated_after_three_seconds_where_the_oracle_keeps_it() -> None:
    hot = made({-1: GOOD}, temps={-1: 60.0, 50: 79.0, 60: 60.0, 70: 79.0, 72: 60.0})
    assert score(hot, ORACLE).limit_violation_s == pytest.approx(7.0)
    assert score(hot, hot).limit_violation_s == 0.0
