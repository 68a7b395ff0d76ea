"""Whether a candidate got slower, or the machine was busy."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cards import SPEED, card

from deploy.farm.card import Card, Heat, Speed
from deploy.farm.rules import RULES, Reason, Status
from deploy.farm.speed import is_worth_again, quieter
from deploy.farm.verdict import judge, judge_all

TIERS = [f"selfie-96x{width}-fp32" for width in (160, 192, 224, 256)]


def slower(times: float, tier: str = TIERS[0]) -> Card:
    return card(tier=tier, speed=Speed(SPEED.p50 * times, SPEED.p90 * times, 2000, 61.0))


def run(*times: float) -> list[tuple[Status, str]]:
    """The verdicts on a device whose candidates became slower so many times, and what is said of each."""
    accepted = {("pi", card(tier=tier).candidate.key): card(tier=tier) for tier in TIERS}
    verdicts = judge_all(accepted, [slower(one, tier) for one, tier in zip(times, TIERS, strict=False)])
    return [(verdict.status, " ".join([verdict.sentence, *verdict.notes])) for verdict in verdicts]


def test_one_slower_tier_is_caught_and_the_others_are_not_blamed() -> None:
    verdicts = run(1.3, 1.0, 1.02, 0.98)
    assert [status for status, _ in verdicts] == [Status.REGRESSED, Status.OK, Status.OK, Status.OK]
    assert "p90 5.98 ms, 1.30 times the baseline's 4.60, and p50 5.20 ms, 1.30 times 4.00" in verdicts[0][1]
    assert "while the device's others are at 1.00" in verdicts[0][1]


def test_a_slower_tier_is_caught_on_a_busy_machine_too() -> None:
    assert run(1.9, 1.2, 1.4, 1.3)[0][0] is Status.REGRESSED


def test_a_busy_machine_is_no_regression() -> None:
    verdicts = run(1.35, 1.0, 1.6, 1.35)
    assert verdicts[0][0] is Status.OK
    assert "other work was going on, measure again" in verdicts[0][1]


def test_all_slower_alike_is_one_regression_of_all() -> None:
    verdicts = run(1.30, 1.33, 1.28, 1.3)
    assert {status for status, _ in verdicts} == {Status.REGRESSED}
    assert "all 4 candidates of the device are slower alike, 1.28 to 1.33 times" in verdicts[0][1]


def test_with_nothing_to_compare_with_its_own_times_decide() -> None:
    assert judge(card(), slower(1.3, card().candidate.tier)).reason is Reason.SPEED
    assert judge(card(), slower(1.15, card().candidate.tier)).status is Status.OK


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"timing": "emulated"}, "the device is emulated"),
        ({"speed": None}, "it was not timed"),
        ({"speed": Speed(9.0, 9.0, 1023, 90.0)}, "too few, 1023 inferences in 90 s, where 1024 and 60 s are the least"),
        ({"speed": Speed(9.0, 9.0, 5000, 59.0)}, "too few, 5000 inferences in 59 s"),
        ({"heat": Heat(66.0, 80.0, 0.0)}, "it began at 66 C, the baseline at 45 C; let it cool down"),
    ],
)
def test_what_is_not_judged_and_why(changes: dict[str, object], said: str) -> None:
    before = card(heat=Heat(45.0, 60.0, 30.0))
    now = replace(card(heat=Heat(46.0, 60.0, 30.0), speed=Speed(9.0, 9.0, 2000, 61.0)), **changes)
    verdict = judge(before, now)
    assert verdict.status is Status.OK
    assert said in " ".join(verdict.notes)


def test_the_baseline_must_be_long_enough_too() -> None:
    verdict = judge(card(speed=None), slower(9, card().candidate.tier))
    assert "the baseline has no timing that is long enough" in verdict.notes[0]


def test_times_of_another_board_are_not_compared() -> None:
    here, there = (card(runtime={"edgeseg": "0.1.0", "board": f"{board}, 4 cores"}) for board in ("Pi 4", "Pi 3"))
    slow = replace(there, speed=slower(3.0).speed)
    verdict = judge(here, slow)

    assert verdict.status is Status.OK
    assert verdict.notes == ("not judged for speed: it ran on Pi 3, 4 cores, the baseline on Pi 4, 4 cores",)
    assert not is_worth_again(here, slow, RULES)


def test_a_baseline_of_a_busy_hour_hides_no_slowdown() -> None:
    busy = card(speed=Speed(1.02, 9.17, 20_000, 61.0))
    assert judge(busy, card(speed=Speed(1.33, 1.7, 20_000, 61.0))).reason is Reason.SPEED
    assert judge(busy, card(speed=Speed(1.15, 9.3, 20_000, 61.0))).status is Status.OK


def test_what_looks_slower_is_timed_again_whatever_the_others_say() -> None:
    tier = card().candidate.tier
    assert is_worth_again(card(), slower(1.3, tier), RULES)
    assert not is_worth_again(card(), slower(1.1, tier), RULES)
    assert not is_worth_again(card(), replace(slower(9, tier), timing="emulated"), RULES)
    assert not is_worth_again(card(speed=None), slower(9, tier), RULES)


def test_a_second_timing_that_is_faster_replaces_the_first() -> None:
    first, again = slower(1.5), slower(1.1)
    assert quieter(first, again).speed == again.speed
    assert quieter(again, first) == again
