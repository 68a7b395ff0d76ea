"""What an old mask is worth falls with its age and is as measured; rungs of every k-th frame are made of that."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ladders import measured

from edgeseg.tiers.carried import ANY, FILE, Carried, quality_at_age, quality_of_every
from edgeseg.tiers.carried import measured as measured_table
from edgeseg.tiers.catalogue import catalogue
from edgeseg.tiers.ladder import dominates, ladder_of, rungs_of
from edgeseg.tiers.ladder import quality as quality_of

TABLE = Carried([0, 33, 67, 100], {"any": [0.0, 0.01, 0.02, 0.04], "body": [0.0, 0.0, 0.01, 0.01]}, 0.5)
QUALITY, AGE = st.floats(0, 1), st.floats(0, 2000)
FAMILIES = st.sampled_from([*measured_table().lost, "one that was never measured"])
MANY = st.lists(st.tuples(st.floats(0.1, 500), st.floats(0, 1)), max_size=12).map(
    lambda rows: [measured(f"t{number}", ms, good) for number, (ms, good) in enumerate(rows)]
)
FPS = st.floats(1, 240)
COUNTS = st.sets(st.integers(1, 6), min_size=1)


@given(QUALITY, AGE, AGE, FAMILIES)
def test_an_older_mask_is_never_worth_more(good, one, other, family) -> None:
    younger, older = sorted((one, other))
    assert good >= quality_at_age(good, younger, family) >= quality_at_age(good, older, family) >= 0


@given(QUALITY, QUALITY, AGE, FAMILIES)
def test_age_does_not_change_which_of_two_masks_is_better(one, other, age, family) -> None:
    worse, better = (quality_at_age(good, age, family) for good in sorted((one, other)))
    assert worse <= better


@given(QUALITY, FPS, st.integers(1, 6), FAMILIES)
def test_frames_are_worth_between_their_best_and_their_worst(good, fps, every, family) -> None:
    mean = quality_of_every(good, every, fps, family)
    assert quality_at_age(good, 1e3 * (every - 1) / fps, family) - 1e-9 <= mean <= good + 1e-9


@pytest.mark.parametrize(
    ("age_ms", "family", "good"),
    [
        (0, ANY, 0.9),
        (-5, ANY, 0.9),
        (33, ANY, 0.89),
        (50, ANY, 0.885),
        (67, ANY, 0.88),
        (133, ANY, 0.84),  # as fast as from 67 to 100
        (67, "body", 0.89),
        (67, "unheard of", 0.88),
        (1e6, ANY, 0.0),
    ],
)
def test_between_measured_ages_it_is_a_straight_line(age_ms, family, good) -> None:
    assert quality_at_age(0.9, age_ms, family, TABLE) == pytest.approx(good)


def test_the_shipped_table_is_sound() -> None:
    table = json.loads(FILE.read_text())
    assert set(table["lost"]) == {ANY, *(tier.family for tier in catalogue().values())}
    assert table["ages_ms"] == sorted({0, *table["ages_ms"]})
    for row in table["lost"].values():
        assert len(row) == len(table["ages_ms"])
        assert row[0] == 0
        assert row == sorted(row)
        assert 0 < row[-1] < 0.2
    assert 0 < table["carry_share"] < 2


@given(MANY, FPS, COUNTS)
def test_rungs_are_a_ladder(many, fps, every) -> None:
    rungs = rungs_of(many, fps, every).rungs
    for lower, higher in itertools.pairwise(rungs):
        assert lower.ms < higher.ms
        assert lower.quality < higher.quality
    assert not [1 for one in rungs for other in rungs if one is not other and dominates(one, other)]
    for rung in rungs:
        assert rung.every in every
        assert rung.every == 1 or (rung.every - 1) * 1e3 / fps <= 250
        assert rung.quality <= quality_of(rung.measured.golden)
        whole, carrying = rung.measured.ms, rung.carried_ms
        assert min(whole, carrying) - 1e-9 <= rung.ms <= max(whole, carrying) + 1e-9


@given(MANY, FPS)
def test_of_every_frame_it_is_the_ladder_there_was(many, fps) -> None:
    plain, rungs = ladder_of(many).rungs, rungs_of(many, fps, (1,)).rungs
    assert [(rung.measured, rung.quality, rung.ms) for rung in rungs] == [
        (rung.measured, rung.quality, rung.ms) for rung in plain
    ]


@given(MANY, FPS, COUNTS)
def test_more_ways_make_no_rung_dearer(many, fps, every) -> None:
    """Whatever quality was on the ladder without skipping is had for no more with it, times within 3 % being equal."""
    rungs = rungs_of(many, fps, every | {1}).rungs
    for old in ladder_of(many).rungs:
        assert min(rung.ms for rung in rungs if rung.quality >= old.quality) <= old.ms * 1.03 + 1e-9


def test_what_a_rung_costs() -> None:
    one = measured("a", 10.0, 0.9, infer_ms=6.0)
    rungs = {rung.every: rung for rung in rungs_of([one], 30, table=TABLE).rungs}
    assert set(rungs) == {1, 2, 3, 4}
    assert rungs[1].ms == 10
    assert rungs[2].ms == (10 + 2) / 2  # half of the four that are not the engine's
    assert rungs[4].ms == (10 + 3 * 2) / 4
    assert rungs[2].quality == pytest.approx(0.9 - 0.01 / 2, abs=2e-4)
    assert str(rungs[1]) == "a on cpu, 1 thread"
    assert str(rungs[3]) == "a on cpu, 1 thread, every 3 frames"


def test_families_lose_what_was_measured_of_them() -> None:
    one = measured("a", 10.0, 0.9, infer_ms=6.0)
    any_family, body = (
        rungs_of([one], 30, (2,), families=families, table=TABLE).rungs[0] for families in (None, {"a": "body"})
    )
    assert body.quality > any_family.quality


def test_masks_that_would_be_covered_make_no_rung() -> None:
    one = measured("a", 10.0, 0.9, infer_ms=6.0)
    assert {rung.every for rung in rungs_of([one], 10, table=TABLE).rungs} == {1, 2, 3}
    assert {rung.every for rung in rungs_of([one], 10, max_mask_age_ms=50, table=TABLE).rungs} == {1}


@pytest.mark.parametrize(("fps", "every"), [(0, (1,)), (-1, (1,)), (float("nan"), (1,)), (30, (0, 1))])
def test_what_makes_no_sense_is_refused(fps, every) -> None:
    with pytest.raises(ValueError, match="there are no rungs of every"):
        rungs_of([measured()], fps, every)
