"""The simulated board: its time, its heat, its power and its sensors."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgeseg.governor import Kind, Rung
from edgeseg.simulation.boards import boards
from edgeseg.simulation.plant import Plant
from edgeseg.simulation.scenarios import Change, Fault, Noise, Scenario, scenarios

CALM = scenarios()["calm"]
EXACT = replace(CALM, noise=Noise(0, 0, 5, 0, 0, 0), changes=(), faults=())


def rung(name: str) -> Rung:
    return next(one for one in CALM.board.ladder if one.name == name)


def run(scenario: Scenario, name: str, seconds: float) -> Plant:
    plant = Plant(scenario, rung(name))
    for _ in range(round(seconds * 4)):
        plant.advance(0.25)
    return plant


def fps(plant: Plant, seconds: float) -> float:
    return sum(1 for at_s in plant.out_at if at_s >= plant.at_s - seconds - 1e-9) / seconds


@pytest.mark.parametrize("name", ["160x288/1", "112x192/2", "96x160/4"])
def test_a_rung_that_fits_shows_every_frame(name: str) -> None:
    assert fps(run(EXACT, name, 10), 5) == pytest.approx(30, abs=0.3)


@pytest.mark.parametrize(("load", "shown"), [(1.0, 29.1), (1.5, 19.4), (2.0, 14.5)])
def test_one_that_does_not_shows_what_its_work_leaves(load: float, shown: float) -> None:
    """288x288/1 takes 34.4 ms a frame alone."""
    loaded = replace(EXACT, start=EXACT.start | {"load": load})
    assert fps(run(loaded, "288x288/1", 60), 30) == pytest.approx(shown, rel=0.03)


def test_half_the_rate_shows_every_second_frame() -> None:
    assert fps(run(EXACT, "96x160/4 half fps", 10), 5) == pytest.approx(15, abs=0.3)


def test_an_inference_that_takes_five_times_as_long_costs_no_frame() -> None:
    late = replace(EXACT, noise=replace(EXACT.noise, outlier_share=0.2))
    plant = Plant(late, replace(rung("128x224/1"), frame_ms=0.1))
    seen = [plant.advance(0.25) for _ in range(80)]
    assert sum(one.dropped for one in seen) == 0
    assert max(ms for one in seen for ms in one.infer_ms) == pytest.approx(5 * 8.4)
    assert sum(len(one.infer_ms) for one in seen) < sum(one.frames_in for one in seen)  # what it was too busy for


def test_it_comes_to_rest_where_its_power_says() -> None:
    plant = run(EXACT, "160x288/1", 600)
    watts = 2.7 + 1.85 * 21.8e-3 * 30
    powers = [(plant.advance(0.25), plant.truth.power_w)[1] for _ in range(40)]
    assert sum(powers) / 40 == pytest.approx(watts, rel=0.01)
    assert plant.truth.temp_c == pytest.approx(22 + 12 * watts, abs=0.7)


def test_it_warms_with_its_time_constant() -> None:
    warm = replace(EXACT, changes=(Change(1.0, "ambient_c", 32.0),))
    plant = Plant(warm, rung("cover"))
    rest_c = 32 + 12 * 3.144
    before = rest_c - plant.truth.temp_c
    assert before == pytest.approx(10, abs=0.1)
    for _ in range(71 * 4):
        plant.advance(0.25)
    assert rest_c - plant.truth.temp_c == pytest.approx(3.68, abs=0.2)


def test_it_throttles_when_hot_and_stops_when_cooler() -> None:
    hot = replace(EXACT, changes=(Change(10.0, "ambient_c", 60.0), Change(100.0, "ambient_c", 20.0)))
    plant = Plant(hot, rung("112x192/1"))
    states = []
    for _ in range(300 * 4):
        seen = plant.advance(0.25)
        states.append((plant.truth.temp_c, plant.truth.throttled, seen.throttled))
    started = next(temp for temp, throttled, _ in states if throttled)
    ended = [temp for (temp, now, _), (_, before, _) in zip(states[1:], states, strict=False) if before and not now]
    assert started == pytest.approx(80, abs=0.5)
    assert ended == [pytest.approx(75, abs=0.5)]
    assert all(said == throttled for _, throttled, said in states)


def test_throttled_everything_takes_longer() -> None:
    hot = replace(EXACT, start={"ambient_c": 60.0})
    plant = run(hot, "112x192/1", 5)
    assert plant.advance(0.25).frame_ms[0] == pytest.approx(8.0 * 1.7)


def test_another_rung_serves_when_it_is_built() -> None:
    plant = run(EXACT, "160x288/1", 2)
    plant.switch(rung("96x160/4"))
    names = [plant.advance(0.25).rung for _ in range(3)]
    assert names == ["160x288/1", None, "96x160/4"]


def test_sensors_fail_as_they_are_told_to() -> None:
    faults = (Fault("temp_c", 1, 2, "missing"), Fault("temp_c", 3, 4, "stuck"), Fault("power_w", 1, 2, "says", 0.0))
    plant = Plant(replace(CALM, faults=faults), rung("160x288/1"))
    seen = {(number + 1) / 4: plant.advance(0.25) for number in range(20)}
    assert seen[1.0].temp_c is None
    assert seen[1.0].power_w == 0.0
    assert seen[0.5].temp_c is not None
    assert len({seen[at_s].temp_c for at_s in (2.5, 2.75, 3.0, 3.25, 3.5)}) == 2
    assert len({seen[at_s].temp_c for at_s in (4.0, 4.25, 4.5)}) == 3


def test_a_lying_rung_takes_longer_than_it_says() -> None:
    lying = replace(EXACT, lies={"160x288": 2.0})
    plant = Plant(lying, rung("160x288/1"))
    assert plant.advance(0.25).infer_ms[0] == pytest.approx(27.6)


def test_a_battery_runs_down() -> None:
    battery = scenarios()["battery"]
    plant = Plant(replace(battery, noise=EXACT.noise), battery.board.ladder[-1])
    powers = [(plant.advance(0.25), plant.truth.power_w)[1] for _ in range(400)]
    used_wh = sum(powers) / 400 * 100 / 3600
    assert plant.truth.battery_percent == pytest.approx(21.5 - used_wh / 10 * 100, abs=0.02)


def test_all_policies_meet_the_same_chance() -> None:
    one, other = run(CALM, "160x288/1", 5), run(CALM, "112x192/1", 5)
    first, second = one.advance(0.25), other.advance(0.25)
    assert list(first.frame_ms) == list(second.frame_ms)
    assert first.infer_ms[0] / 13.8 == pytest.approx(second.infer_ms[0] / 6.2, abs=0.01)


def test_every_board_has_a_ladder_with_all_kinds_in_order() -> None:
    for board in boards().values():
        assert {one.kind for one in board.ladder} == set(Kind)
        normal = [one for one in board.ladder if one.kind is Kind.NORMAL]
        assert len(normal) >= 10
        assert [one.quality for one in normal] == sorted({one.quality for one in normal})
        assert [one.load_ms() for one in normal] == sorted(one.load_ms() for one in normal)
        assert board.source
