"""The ladder holds no rung that another dominates, and the choice is the best rung that holds the rate."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ladders import measured

from edgeseg.tiers.ladder import SAME_TIME, Candidate, Ladder, budget_ms, choose, dominates, ladder_of, quality

TIMES = st.floats(0.1, 500) | st.sampled_from([1.0, 1.02, 1.04, 2.0])
SCORES = st.floats(0, 1) | st.sampled_from([0.90, 0.91])
MANY = st.lists(st.tuples(TIMES, SCORES), max_size=24).map(
    lambda rows: [measured(f"t{number}", ms, good) for number, (ms, good) in enumerate(rows)]
)


@given(MANY)
def test_each_rung_takes_more_than_the_one_before_it_and_is_better(many) -> None:
    rungs = ladder_of(many).rungs
    for lower, higher in itertools.pairwise(rungs):
        assert lower.ms < higher.ms
        assert lower.quality < higher.quality


@given(MANY)
def test_no_rung_dominates_another_and_what_is_left_out_is_dominated(many) -> None:
    ladder = ladder_of(many)
    on = {rung.measured.candidate for rung in ladder.rungs}
    assert not [1 for one in ladder.rungs for other in ladder.rungs if one is not other and dominates(one, other)]
    for one in many:
        if one.candidate not in on:
            (alone,) = ladder_of([one]).rungs
            assert any(dominates(rung, alone) for rung in ladder.rungs)


@given(MANY)
def test_nothing_as_good_as_a_rung_is_cheaper_than_it(many) -> None:
    for rung in ladder_of(many).rungs:
        assert rung.ms == min(one.ms for one in many if quality(one.golden) >= rung.quality)


@given(MANY, st.permutations(range(24)))
def test_the_order_of_measuring_does_not_matter(many, order) -> None:
    assert ladder_of(many) == ladder_of([many[n] for n in order if n < len(many)])


@given(MANY, st.floats(0.5, 500))
def test_the_choice_is_the_best_that_holds_the_rate_or_the_cheapest(many, fps) -> None:
    ladder = ladder_of(many)
    choice = choose(ladder, fps)
    if not many:
        assert choice is None
        return
    holding = [rung for rung in ladder.rungs if rung.ms <= budget_ms(fps)]
    assert choice.fits == bool(holding)
    if holding:
        assert choice.rung.quality == max(rung.quality for rung in holding)
    else:
        assert choice.rung.ms == min(rung.ms for rung in ladder.rungs)
    assert choice.reason.isprintable()


@given(MANY, st.floats(0.5, 500), st.floats(0.5, 500))
def test_a_higher_rate_never_takes_a_costlier_rung(many, one, other) -> None:
    if many:
        slow, quick = (choose(ladder_of(many), fps) for fps in sorted((one, other)))
        assert quick.rung.ms <= slow.rung.ms


def test_times_that_cannot_be_told_apart_make_one_rung_the_better() -> None:
    good, better = measured("good", 5.0, 0.90), measured("better", 5.0 * (1 + SAME_TIME) - 0.01, 0.91)
    assert [rung.measured for rung in ladder_of([good, better]).rungs] == [better]
    assert len(ladder_of([good, measured("better", 5.3, 0.91)]).rungs) == 2


def test_the_reason_is_in_words() -> None:
    ladder = ladder_of([measured("small", 4, 0.90), measured("large", 9, 0.95)])
    assert choose(ladder, 30).reason == "9.0 ms of 26.7 ms a frame for 30 fps; the best of 2 rungs"
    assert choose(ladder, 100).reason == "4.0 ms of 8.0 ms a frame for 100 fps; the next better one takes 9.0 ms"
    assert choose(ladder, 500).reason == "nothing holds 500 fps here; it is the cheapest, 4.0 ms a frame"
    assert choose(Ladder(()), 30) is None


@pytest.mark.parametrize(
    ("golden", "framing", "good"),
    [
        ({"stills": 0.9, "webcam": 0.8, "small": 0.5}, "any", 0.85),
        ({"stills": 0.9, "webcam": 0.8}, "stills", 0.9),
        ({"stills": 0.9, "webcam": 0.8}, "webcam", 0.8),
        ({"stills": 0.9}, "any", 0.9),
        ({"small": 0.9}, "any", None),
        ({}, "webcam", None),
    ],
)
def test_quality_is_one_number(golden, framing, good) -> None:
    assert quality(golden, framing) == (pytest.approx(good) if good is not None else None)


def test_a_tier_that_no_large_set_scored_is_on_no_ladder() -> None:
    assert ladder_of([measured("own", golden={"small": 0.99})]).rungs == ()


def test_a_candidate_reads_as_people_say_it() -> None:
    assert str(Candidate("t", "cpu", 1)) == "t on cpu, 1 thread"
    assert str(Candidate("t", "cpu", 3)) == "t on cpu, 3 threads"
    assert str(Candidate("t", "gpu", 1)) == "t on gpu"
