from __future__ import annotations

import math

import pytest

from edgeseg.governor import Observation, Policy
from edgeseg.governor.heat import Heat, forgotten_since, warmed
from edgeseg.governor.observation import cleaned
from edgeseg.governor.sensing import Sensing, sensed

POLICY = Policy(temp_max_c=75, thermal_tau_s=60, thermal_c_per_w=10)


def heated(seconds: float, watts: float, temp_c: float, rest_c: float, tau_s: float = 60.0) -> tuple[Heat, float]:
    """A board that goes from temp_c to rest_c, watched."""
    heat, at_s = Heat(), 0.0
    while at_s < seconds:
        at_s += 0.25
        temp_c += (rest_c - temp_c) * (1 - math.exp(-0.25 / tau_s))
        heat = warmed(heat, POLICY, temp_c, watts, at_s, 0.25)
    return heat, temp_c


def test_at_rest_a_rungs_temperature_follows_from_its_watts() -> None:
    heat, _ = heated(20, watts=4.0, temp_c=65.0, rest_c=65.0)
    assert heat.around_c == pytest.approx(25.0, abs=0.01)
    assert heat.after(POLICY, 4.0, 90) == pytest.approx(65.0, abs=0.01)
    assert heat.after(POLICY, 5.0, 1e9) == pytest.approx(75.0, abs=0.01)
    assert heat.after(POLICY, 5.0, 60) == pytest.approx(75 - 10 / math.e, abs=0.01)


def test_where_it_will_rest_is_known_long_before() -> None:
    heat, temp_c = heated(20, watts=4.0, temp_c=60.0, rest_c=80.0)
    assert temp_c < 66
    assert heat.after(POLICY, 4.0, 1e9) == pytest.approx(80.0, abs=1.0)


def test_its_own_change_of_rung_is_not_taken_for_a_change_of_the_air() -> None:
    heat, at_s, temp_c = Heat(), 0.0, 65.0
    for step in range(400):
        watts = 4.0 if step < 200 else 5.0
        temp_c += (25 + 10 * watts - temp_c) * (1 - math.exp(-0.25 / 60))
        at_s += 0.25
        heat = warmed(heat, POLICY, temp_c, watts, at_s, 0.25)
    assert heat.around_c == pytest.approx(25.0, abs=0.05)


def test_blind_the_model_goes_on_and_is_doubted_more_and_more() -> None:
    heat, temp_c = heated(30, watts=4.0, temp_c=60.0, rest_c=70.0)
    assert not heat.is_blind
    at_s = 30.0
    for _ in range(80):
        at_s += 0.25
        heat = warmed(heat, POLICY, None, 4.0, at_s, 0.25)
    moved = 10 * (1 - math.exp(-0.5)) / 30  # C a second, over the half minute that was seen
    assert heat.is_blind
    assert heat.doubt_c == pytest.approx(20 * (0.012 + 1.5 * moved), rel=0.1)
    assert heat.temp_c == pytest.approx(70 - (70 - temp_c) * math.exp(-20 / 60), abs=0.3)
    for _ in range(400):
        at_s += 0.25
        heat = warmed(heat, POLICY, None, 4.0, at_s, 0.25)
    assert heat.doubt_c == 8.0  # no more than that
    assert heat.after(POLICY, 4.0, 1e9) == pytest.approx(78.0, abs=0.3)


def test_it_is_doubted_little_where_nothing_was_moving() -> None:
    heat, _ = heated(120, watts=4.0, temp_c=65.0, rest_c=65.0)
    for number in range(400):
        heat = warmed(heat, POLICY, None, 4.0, 120 + number / 4, 0.25)
    assert heat.doubt_c == pytest.approx(100 * 0.012, abs=0.01)
    heat = warmed(heat, POLICY, 66.0, 4.0, 230.0, 0.25)
    assert (heat.doubt_c, heat.temp_c, heat.is_blind) == (0.0, 66.0, False)


def test_without_a_first_temperature_nothing_is_known() -> None:
    heat = warmed(Heat(), POLICY, None, 4.0, 1.0, 0.25)
    assert heat.temp_c is None
    assert heat.after(POLICY, 4.0, 10) is None


def test_what_a_stuck_sensor_said_is_forgotten() -> None:
    heat, temp_c = heated(20, watts=4.0, temp_c=60.0, rest_c=80.0)
    before = heat.around_c
    at_s = 20.0
    for _ in range(40):
        at_s += 0.25
        heat = warmed(heat, POLICY, temp_c, 4.0, at_s, 0.25)
    assert heat.around_c != pytest.approx(before, abs=1.0)
    assert forgotten_since(heat, 20.0, POLICY).around_c == pytest.approx(before, abs=1.5)


def said(values: list[float | None], leap: float = 8.0) -> list[float | None]:
    sensing, believed = Sensing(), []
    for number, value in enumerate(values):
        sensing = sensed(sensing, value, number * 0.25, leap, 0.15)
        believed.append(sensing.value)
    return believed


def test_a_sensor_that_says_nothing_says_nothing() -> None:
    assert said([60.0, None, 60.2]) == [60.0, None, 60.2]


def test_one_that_used_to_change_and_repeats_itself_for_ten_seconds_is_stuck_until_it_changes() -> None:
    moving: list[float | None] = [60.0 + 0.1 * (number % 3) for number in range(40)]
    believed = said([*moving, *[60.0] * 60, 60.3])
    assert believed[79] == 60.0
    assert believed[90] is None
    assert believed[-1] == 60.3


def test_a_coarse_sensor_that_changes_once_a_minute_is_not_stuck() -> None:
    coarse: list[float | None] = [60.0 + number // 240 for number in range(240 * 12)]
    assert None not in said([*coarse, *[72.0] * 1000])


def test_one_whose_steps_hide_its_noise_may_rest_on_a_value() -> None:
    warming: list[float | None] = [60.0 + 0.5 * (number // 8) for number in range(160)]
    assert None not in said([*warming, *[70.0] * 1000])


def test_a_leap_is_believed_when_it_lasts() -> None:
    values: list[float | None] = [60.0] * 20 + [20.0] * 60
    believed = said(values)
    assert believed[20] == 60.0
    assert believed[30] is None
    assert believed[-1] == 20.0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temp_c", math.nan),
        ("temp_c", -127.0),
        ("temp_c", 250.0),
        ("power_w", 0.0),
        ("power_w", -3.0),
        ("power_w", math.inf),
        ("memory_mb", 0.0),
        ("battery_percent", 140.0),
        ("memory_pressure", -1.0),
        ("cpu_quota", 0.0),
        ("cpu_cores", -1.0),
        ("cpu_throttled_share", 1.5),
    ],
)
def test_what_cannot_be_is_as_good_as_none(field: str, value: float) -> None:
    assert getattr(cleaned(Observation(0.0, 0.25, None, **{field: value})), field) is None  # type: ignore[arg-type]


def test_times_that_are_none_are_left_out() -> None:
    seen = cleaned(Observation(math.nan, -1.0, None, frames_in=-3, infer_ms=(math.nan, 3.0, -1.0, math.inf)))
    assert seen == Observation(0.0, 0.0, None, infer_ms=(3.0,))


def test_an_observation_that_is_sane_stays_as_it_is() -> None:
    seen = Observation(1.0, 0.25, "a", 8, 8, temp_c=60.0, power_w=4.0, battery_percent=0.0)
    assert cleaned(seen) is seen
