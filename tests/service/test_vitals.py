"""When the service is ready, when the watchdog is fed, and what its status line says: pure, on made times."""

from __future__ import annotations

import pytest

from edgeseg.facts import Awake, Degraded, Fact, Idle, Recovered, Shown
from edgeseg.service.status import Now, Rate, line
from edgeseg.service.vitals import COVERED_S, STILL_S, Vitals


def after(*facts: tuple[float, Fact]) -> Vitals:
    vitals = Vitals(0.0)
    for now, fact in facts:
        vitals.take(fact, now)
    return vitals


@pytest.mark.parametrize(
    ("facts", "now", "ready"),
    [
        ([], 100.0, False),
        ([(1.0, Shown(0, "own"))], 1.0, True),
        ([(1.0, Shown(0, "carried"))], 1.0, True),
        ([(1.0, Shown(0, "none"))], 1.0, True),
        ([(1.0, Shown(0, "cover"))], 1.0, False),
        ([(1.0, Shown(0, "cover"))], 1.0 + COVERED_S, True),  # safe, and a restart would help nobody
        ([(1.0, Shown(0, "cover")), (2.0, Shown(1, "own"))], 2.0, True),
        ([(1.0, Idle("nobody reads"))], 1.0, True),
    ],
)
def test_ready_is_a_frame_that_was_believed_or_covers_for_some_time(
    facts: list[tuple[float, Fact]], now: float, ready: bool
) -> None:
    assert after(*facts).is_ready(now) is ready


@pytest.mark.parametrize(
    ("facts", "written_at", "fps", "now", "well"),
    [
        ([(1.0, Shown(0, "own"))], 1.0, 30.0, 1.0 + STILL_S, True),
        ([(1.0, Shown(0, "own"))], 1.0, 30.0, 1.1 + STILL_S, False),
        ([(1.0, Shown(0, "cover"))], 1.0, 30.0, 2.0, True),  # a cover is a frame
        ([(1.0, Shown(0, "own"))], 1.0, 0.5, 10.0, True),  # a slow source
        ([(1.0, Idle("nobody"))], 100.0, 30.0, 101.0, True),  # the rest is meant
        ([(1.0, Idle("nobody"))], 1.0, 30.0, 1.1 + STILL_S, False),  # but its cover does not come
        ([(1.0, Idle("nobody"))], None, 30.0, 1.0, False),
        ([(1.0, Idle("nobody")), (60.0, Awake("somebody", 59))], 61.0, 30.0, 60.0 + STILL_S, True),
        (
            [(1.0, Idle("nobody")), (60.0, Awake("somebody", 59))],
            70.0,
            30.0,
            70.0,
            False,
        ),  # the camera does not come back
    ],
)
def test_the_watchdog_is_fed_while_frames_flow_or_the_rest_is_meant(
    facts: list[tuple[float, Fact]], written_at: float | None, fps: float | None, now: float, well: bool
) -> None:
    assert after(*facts).is_well(now, written_at, fps) is well


def test_a_change_that_takes_its_time_is_no_stall() -> None:
    vitals = after((1.0, Shown(0, "own")))
    vitals.moved(10.0)
    assert vitals.is_well(10.0 + STILL_S, 1.0, 30.0)


def test_of_two_causes_one_may_be_over_before_the_other() -> None:
    both = (1.0, Degraded("source_lost", "it fell")), (2.0, Degraded("engine_fault", "it fell"))
    assert after(*both).degraded == "engine_fault"
    assert after(*both, (3.0, Recovered("engine_fault"))).degraded == "source_lost"


def test_what_is_degraded_is_told_until_it_is_over() -> None:
    assert after((1.0, Degraded("engine_fault", "it fell"))).degraded == "engine_fault"
    assert after((1.0, Degraded("engine_fault", "it fell")), (2.0, Recovered("engine_fault"))).degraded is None


@pytest.mark.parametrize(
    ("now", "text"),
    [
        (Now(None, False, None, None), "frames flow"),
        (Now(29.96, False, "small", "cpu"), "30.0 fps, small on cpu"),
        (
            Now(14.9, False, "small", "cpu", "small on cpu, 3 threads, every 2 frames", 61.4),
            "14.9 fps, small on cpu, rung 'cpu, 3 threads, every 2 frames', 61 C",
        ),
        (Now(None, True, "small", "cpu", temp_c=40.0), "idle, nobody reads the sink, small on cpu, 40 C"),
        (Now(30.0, False, "small", "cpu", degraded="engine_fault"), "30.0 fps, small on cpu, covered: engine_fault"),
        (Now(30.0, False, "small", "cpu", degraded="engine_lost"), "30.0 fps, small on cpu, degraded: engine_lost"),
        (Now(30.0, False, "s", "cpu", restarts=1), "30.0 fps, s on cpu, restarted once"),
        (Now(30.0, False, "s", "cpu", restarts=3), "30.0 fps, s on cpu, restarted 3 times"),
        (Now(30.0, False, "s", "cpu", trouble="a\nb"), "30.0 fps, s on cpu; a\\nb"),
        (Now(30.0, False, "s", "cpu", trouble="no rtsp://me:pa55@host/"), "30.0 fps, s on cpu; no rtsp://me:***@host/"),
    ],
)
def test_the_status_is_one_line(now: Now, text: str) -> None:
    assert line(now) == text


def test_a_long_trouble_is_cut() -> None:
    shown = line(Now(30.0, False, "small", "cpu", trouble="x" * 1000))
    assert len(shown) == 300
    assert shown.endswith("...")


def test_the_rate_is_of_the_last_seconds() -> None:
    rate = Rate()
    assert rate(0.0, 0) is None
    assert rate(1.0, 30) == pytest.approx(30.0)
    for second in range(2, 10):
        last = rate(float(second), 30 + 15 * (second - 1))
    assert last == pytest.approx(15.0)
    rate.forget()
    assert rate(20.0, 500) is None
