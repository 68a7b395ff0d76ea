from __future__ import annotations

import math
from dataclasses import replace

import pytest
from ideal_board import LADDER

from edgeseg.governor import Observation
from edgeseg.governor.rate import Rate, counted
from edgeseg.governor.ratios import Ratios, lately, median
from edgeseg.governor.speed import Speed, learned

SMALL, MIDDLE, LARGE = LADDER[3], LADDER[4], LADDER[5]


def look(frame_ms: float = 5.0, infer_ms: float = 10.0, came: int = 8, shown: int = 8) -> Observation:
    return Observation(
        0.0, 0.25, MIDDLE.name, came, shown, came - shown, infer_ms=(infer_ms,) * 8, frame_ms=(frame_ms,) * 8
    )


def test_the_median() -> None:
    assert median((3.0, 1.0, 2.0)) == 2.0
    assert median((4.0, 1.0)) == 2.5


def test_outliers_do_not_move_a_ratio() -> None:
    ratios = Ratios().add([1.0] * 20).add([5.0, 1.0, 1.0, 5.0])
    assert ratios.value == pytest.approx(1.0)


def test_a_change_moves_it_at_once_and_leaves_nothing_of_before() -> None:
    ratios = Ratios().add([1.0] * 32).add([2.0] * 5)  # five of the newest seven
    assert ratios.value == pytest.approx(2.0)
    assert len(ratios.logs) == 5


def test_a_small_change_moves_it_slowly() -> None:
    assert Ratios().add([1.0] * 32).add([1.15] * 8).value == pytest.approx(1.0)
    assert Ratios().add([1.0] * 32).add([1.15] * 20).value == pytest.approx(1.15)


def test_only_the_latest_are_kept() -> None:
    assert len(lately((), [1.0] * 100, 0.2)) == 32
    assert Ratios().value is None


def test_the_board_is_slow_by_what_every_frame_needs() -> None:
    speed = learned(Speed(), MIDDLE, look(frame_ms=10.0, infer_ms=20.0), 30.0)
    assert speed.slow == pytest.approx(2.0)
    assert speed.correction("middle") == pytest.approx(1.0)
    assert speed.load_ms(LARGE) == pytest.approx(50.0)


def test_a_candidate_that_takes_longer_than_its_rung_says_is_corrected_alone() -> None:
    speed = learned(Speed(), MIDDLE, look(frame_ms=5.0, infer_ms=18.0), 30.0)
    assert speed.slow == pytest.approx(1.0)
    assert speed.correction("middle") == pytest.approx(1.8)
    assert speed.load_ms(MIDDLE) == pytest.approx(23.0)
    assert speed.correction("large") == pytest.approx(1.4)  # half believed, as long as one alone is known
    speed = learned(speed, SMALL, look(frame_ms=5.0, infer_ms=4.0), 30.0)
    assert speed.correction("large") == pytest.approx(1.0)


def test_without_frame_times_inferences_tell_how_slow_it_is() -> None:
    seen = Observation(0.0, 0.25, MIDDLE.name, 8, 8, infer_ms=(15.0,) * 8)
    assert learned(Speed(), MIDDLE, seen, 30.0).slow == pytest.approx(1.5)


def test_an_inference_beside_the_composing_counts_by_what_it_overlaps() -> None:
    costs = {overlap: replace(LARGE, overlap=overlap).load_ms() for overlap in (0.0, 0.5, 1.0)}
    assert costs == {0.0: 25.0, 0.5: 20.0, 1.0: 20.0}  # 5 and 20 ms: never less than the longer
    assert replace(SMALL, overlap=0.5).load_ms(2.0) == pytest.approx(14.0)


def test_a_rung_without_costs_teaches_nothing_and_does_not_divide() -> None:
    assert learned(Speed(), LADDER[0], look(), 30.0).slow == pytest.approx(1.0)


def test_frames_that_are_dropped_all_the_time_show_what_stages_do_not() -> None:
    speed = Speed()
    for _ in range(12):  # 20 frames a second are shown: each takes 50 ms, of which stages show 15
        speed = learned(speed, MIDDLE, look(came=8, shown=5), 32.0)
    assert speed.load_ms(MIDDLE) == pytest.approx(50.0, rel=0.02)
    for _ in range(600):
        speed = learned(speed, MIDDLE, look(), 32.0)
    assert speed.unseen == 1.0


def test_the_sources_rate_is_counted_over_a_second_and_a_leap_over_half_of_one() -> None:
    rate = Rate()
    for came in (8, 7, 8, 7, 8, 7):
        rate = counted(rate, look(came=came, shown=came), 10.0)
    assert rate.fps_in == pytest.approx(30.0)
    for came in (4, 4):
        rate = counted(rate, look(came=came, shown=came), 10.0)
    assert rate.fps_in == pytest.approx(16.0)
    for came in (8, 8):
        rate = counted(rate, look(came=came, shown=came), 10.0)
    assert rate.fps_in == pytest.approx(32.0)


def test_a_busy_board_is_no_reason_to_believe_in_a_slower_source() -> None:
    rate = Rate(fps_in=30.0)
    for _ in range(8):
        rate = counted(rate, look(came=5, shown=5), 33.0)
    assert rate.fps_in == 30.0


def test_no_frames_say_nothing_of_the_rate() -> None:
    rate = Rate(fps_in=30.0)
    for _ in range(8):
        rate = counted(rate, look(came=0, shown=0), 10.0)
    assert rate.fps_in == 30.0
    assert rate.shown_fps() == 0.0


def test_doubt_is_for_what_has_just_jumped() -> None:
    speed = learned(Speed(), MIDDLE, look(), 30.0)
    assert speed.doubt == pytest.approx(0.13 / math.sqrt(8) - 0.13 / math.sqrt(32))
    for _ in range(3):
        speed = learned(speed, MIDDLE, look(), 30.0)
    assert speed.doubt == 0.0


def test_what_stages_do_not_show_is_soon_forgotten_once_all_frames_are_shown() -> None:
    speed = Speed()
    for _ in range(40):
        speed = learned(speed, MIDDLE, look(frame_ms=5.0, infer_ms=0.1, shown=1), 30.0)
    assert speed.load_ms(MIDDLE) > 200.0, "frames are dropped, and nothing else says why"
    speed = learned(speed, MIDDLE, look(frame_ms=5.0, infer_ms=0.1), 30.0)
    assert speed.load_ms(MIDDLE) <= 1e3 / 30 + 1e-6, "all frames were shown: they took no longer than there was time"
    for _ in range(20):
        speed = learned(speed, MIDDLE, look(frame_ms=5.0, infer_ms=10.0), 30.0)
    assert speed.load_ms(MIDDLE) < 2.5 * MIDDLE.load_ms(), "five seconds later"
