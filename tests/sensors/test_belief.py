from __future__ import annotations

import math
import os
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeseg.sensors.belief import CHARGE, CORE_VOLTS, POWER, RAIL, SHARE, TEMPERATURE, Belief, Rule

RULES = [TEMPERATURE, POWER, RAIL, CORE_VOLTS, CHARGE, SHARE]
STEP_S = 0.5


class Run:
    """A sensor that is asked every half second."""

    def __init__(self, rule: Rule = TEMPERATURE) -> None:
        self.belief = Belief("cpu", rule)
        self.now_s = 0.0
        self.news: list[str] = []

    def say(self, *said: float | None, load: float | None = 0.5) -> list[float | None]:
        values = []
        for one in said:
            self.now_s += STEP_S
            value, news = self.belief.judge(one, self.now_s, load)
            values.append(value)
            if news:
                self.news.append(news)
        return values

    def say_for(self, seconds: float, said: float | None, load: float | None = 0.5) -> list[float | None]:
        return self.say(*[said] * int(seconds / STEP_S), load=load)


def test_what_is_plausible_is_given_as_it_is() -> None:
    run = Run()
    assert run.say(40.0, 40.5, 42.0, 38.0) == [40.0, 40.5, 42.0, 38.0]
    assert run.news == []


@pytest.mark.parametrize(
    ("rule", "good", "absurd"),
    [
        (TEMPERATURE, 40.0, -273.0),
        (TEMPERATURE, 40.0, 200.0),
        (TEMPERATURE, 40.0, math.nan),
        (TEMPERATURE, 40.0, math.inf),
        (POWER, 5.0, -1.0),
        (POWER, 5.0, 0.0),
        (POWER, 5.0, 1e9),
        (RAIL, 0.0, -0.1),
        (CHARGE, 50.0, 101.0),
        (SHARE, 0.5, 1.2),
        (CORE_VOLTS, 0.9, 12.0),
    ],
)
def test_the_absurd_is_none_at_once_and_distrusted_after_three_seconds(rule: Rule, good: float, absurd: float) -> None:
    run = Run(rule)
    assert run.say(good) == [good]
    assert run.say_for(2.5, absurd) == [None] * 5
    assert run.belief.is_believed
    assert run.say_for(1.0, absurd) == [None, None]
    assert not run.belief.is_believed
    assert len(run.news) == 1
    assert run.news[0].startswith(f"cpu is not believed any more: it says {absurd:g}")
    assert run.say_for(9.5, good) == [None] * 19, "good again, but not for long enough"
    assert run.say(good) == [good]
    assert run.news[1:] == ["cpu is believed again: it has behaved for 10 s"]


def test_one_glitch_is_no_news_and_costs_one_value() -> None:
    run = Run()
    assert run.say(40.0, -127.0, 40.5, 41.0) == [40.0, None, 40.5, 41.0]
    for _ in range(50):
        run.say_for(20, 41.0)
        run.say(200.0)
    assert run.news == []


def test_one_that_is_wrong_every_other_time_is_found_out() -> None:
    run = Run()
    run.say(*[40.0, 200.0] * 20)
    assert not run.belief.is_believed
    run.say(*[40.0, 200.0] * 200)
    assert len(run.news) == 1, "and is not believed in between"


def test_a_leap_that_comes_back_is_a_glitch_and_one_that_stays_is_believed_in_the_end() -> None:
    run = Run()
    assert run.say(40.0, 100.0, 40.0) == [40.0, None, 40.0]
    assert run.news == []
    values = run.say_for(30, 120.0)
    assert values[0] is None
    assert values[-1] == 120.0
    assert run.news[0] == "cpu is not believed any more: it leaps from 40 to 120 C"
    assert run.news[1].startswith("cpu is believed again")
    assert run.belief.is_believed


def test_a_die_may_leap_by_nearly_thirty_degrees_between_two_readings() -> None:
    assert Run().say(40.0, 69.0, 98.0, 69.0, 40.0) == [40.0, 69.0, 98.0, 69.0, 40.0]


def test_after_a_silence_any_value_can_be() -> None:
    run = Run()
    run.say(40.0)
    run.say_for(30, None)
    assert run.say(95.0) == [95.0]


def test_a_sensor_that_vanishes_is_none_at_once_and_news_after_three_seconds() -> None:
    run = Run()
    run.say(40.0)
    assert run.say_for(2.5, None) == [None] * 5
    assert run.news == []
    run.say_for(60, None)
    assert run.news == ["cpu gives nothing any more"]
    assert run.say(41.0) == [41.0]
    assert run.news[1:] == ["cpu is there again"]


def test_one_that_never_was_there_is_no_news() -> None:
    run = Run()
    assert run.say_for(60, None) == [None] * 120
    assert run.news == []


def warm_up(run: Run) -> None:
    run.say(*[40.0, 41.0] * 10, load=0.1)


def test_one_that_stays_the_same_while_the_load_changes_is_stuck() -> None:
    run = Run()
    warm_up(run)
    run.say_for(90, 41.0, load=0.1)
    run.say_for(80, 41.0, load=1.0)
    assert run.belief.is_believed, "it may still follow"
    run.say_for(90, 41.0, load=1.0)
    assert not run.belief.is_believed
    assert run.news[0].startswith("cpu is not believed any more: it has said 41 C for 1")
    assert "while the load of the processor changed by" in run.news[0]
    run.say_for(60, 41.0, load=1.0)
    assert len(run.news) == 1
    run.say(*[45.0, 46.0] * 20, load=1.0)
    assert run.belief.is_believed


def test_a_sensor_has_a_minute_to_follow_the_load() -> None:
    run = Run()
    warm_up(run)
    run.say_for(210, 41.0, load=0.1)
    run.say_for(80, 41.0, load=1.0)
    assert run.belief.is_believed
    run.say_for(20, 41.0, load=1.0)
    assert not run.belief.is_believed


@pytest.mark.parametrize(
    ("step", "loads", "why"),
    [
        (1.0, (0.1, 0.1), "the load did not change"),
        (1.0, (0.1, 0.3), "the load changed by little"),
        (5.0, (0.1, 1.0), "its steps are too big to tell"),
        (1.0, (None, None), "the load is not known"),
    ],
)
def test_the_same_value_is_no_proof_where(step: float, loads: tuple[float | None, float | None], why: str) -> None:
    run = Run()
    run.say(*[40.0, 40.0 + step] * 10, load=loads[0])
    run.say_for(600, 40.0, load=loads[0])
    run.say_for(600, 40.0, load=loads[1])
    assert run.belief.is_believed, why
    assert run.news == []


def test_one_that_never_said_two_things_gets_a_quarter_of_an_hour() -> None:
    run = Run()
    run.say_for(100, 27.8, load=0.1)
    run.say_for(780, 27.8, load=1.0)
    assert run.belief.is_believed
    run.say_for(60, 27.8, load=1.0)
    assert not run.belief.is_believed


def test_zero_from_the_start_is_no_temperature_and_a_zero_later_is_one() -> None:
    run = Run()
    assert run.say_for(60, 0.0) == [None] * 120
    assert run.news == ["cpu is not believed any more: it says 0 C and has never said anything else"]
    other = Run()
    assert other.say(2.0, 1.0, 0.0, 0.0) == [2.0, 1.0, 0.0, 0.0]


def test_a_clock_that_leaps_decides_nothing() -> None:
    run = Run()
    run.say(40.0, -300.0)
    run.now_s += 86400
    run.say(40.0)
    assert run.belief.is_believed
    run.now_s -= 2 * 86400
    assert run.say(41.0, 42.0) == [41.0, 42.0]
    run.say_for(5, 200.0)
    assert not run.belief.is_believed
    run.say(40.0)
    run.now_s += 86400
    run.say(40.0)
    assert not run.belief.is_believed, "two readings a day apart are not ten good seconds"


ANY = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True), st.sampled_from([0.0, -0.0, 40.0, 1e308]))


@given(
    rule=st.sampled_from(RULES),
    said=st.lists(st.tuples(ANY, st.floats(), st.one_of(st.none(), st.floats())), max_size=60),
)
def test_no_garbage_raises_and_what_is_given_is_what_was_said_and_possible(
    rule: Rule, said: list[tuple[float | None, float, float | None]]
) -> None:
    belief = Belief("any", rule)
    for raw, now_s, load in said:
        value, news = belief.judge(raw, now_s, load)
        assert value is None or (value == raw and rule.least <= value <= rule.most)
        assert news is None or news.startswith("any ")
        assert not (raw is None and value is not None)


@settings(deadline=None, max_examples=int(os.environ.get("EDGESEG_EXAMPLES", "60")))
@given(
    seed=st.integers(0, 2**32),
    room_c=st.floats(5, 40),
    rises_c=st.floats(10, 60),
    takes_s=st.floats(2, 100),
    at_once=st.floats(0, 0.3),
    noise_c=st.floats(0, 1.5),
    grain_c=st.sampled_from([0.001, 0.03125, 0.1, 0.487, 0.5, 1.0]),
    plan=st.lists(st.tuples(st.floats(5, 300), st.sampled_from([0.0, 0.05, 0.3, 0.6, 1.0])), min_size=1, max_size=6),
)
def test_a_healthy_sensor_is_never_distrusted(
    seed: int,
    room_c: float,
    rises_c: float,
    takes_s: float,
    at_once: float,
    noise_c: float,
    grain_c: float,
    plan: list[tuple[float, float]],
) -> None:
    """A chip that warms up with its load: partly at once, partly as its heat sink does, read with noise in grains."""
    rng, run = random.Random(seed), Run()
    sink_c = room_c
    for seconds, load in plan:
        for _ in range(int(seconds / STEP_S)):
            sink_c += (room_c + (1 - at_once) * rises_c * load - sink_c) * STEP_S / takes_s
            true_c = sink_c + at_once * rises_c * load + rng.gauss(0, noise_c)
            said = round(true_c / grain_c) * grain_c
            assert run.say(said, load=min(1.0, max(0.0, load + rng.gauss(0, 0.05)))) == [said]
    assert run.news == []


@settings(deadline=None, max_examples=30)
@given(
    room_c=st.floats(5, 60), grain_c=st.sampled_from([0.1, 0.5, 1.0]), load=st.floats(0, 1), flicker=st.floats(0, 0.3)
)
def test_an_idle_room_is_not_a_stuck_sensor(room_c: float, grain_c: float, load: float, flicker: float) -> None:
    run = Run()
    said = round(room_c / grain_c) * grain_c
    run.say(said, said + grain_c, said, load=load)
    for number in range(1500):
        run.say(said, load=min(1.0, max(0.0, load + flicker * (-1) ** number)))
    assert run.news == []


@settings(deadline=None, max_examples=30)
@given(low_c=st.floats(-30, 40), per_s=st.floats(-5, 5), grain_c=st.sampled_from([0.03125, 0.5, 1.0]))
def test_a_slow_ramp_is_believed(low_c: float, per_s: float, grain_c: float) -> None:
    run, at_c = Run(), max(low_c, 1.0)
    while 0.5 < at_c < 110 and run.now_s < 300:
        said = round(at_c / grain_c) * grain_c
        assert run.say(said, load=0.5) == [said]
        at_c += per_s * STEP_S
    assert run.news == []
