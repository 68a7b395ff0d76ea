"""Which candidates there are, which comes next, and which score refuses one."""

from __future__ import annotations

import dataclasses

import pytest
from ladders import measured

from edgeseg.tiers.catalogue import catalogue
from edgeseg.tiers.ladder import Candidate, ladder_of
from edgeseg.tiers.selection import (
    Allowed,
    candidates,
    estimate_ms,
    finalists,
    most_promising,
    refusal_by_score,
    threads_to_try,
)

TIERS = catalogue()
ALLOWED = Allowed(features=frozenset(("asimddp",)))
LANDSCAPE, LARGE, BODY = "selfie-landscape-144x256-fp32", "selfie-288x288-fp32", "body-256x256-fp32"


def known(tier: str, ms: float, **more):
    return measured(tier, ms, golden=TIERS[tier].golden, **more)


@pytest.mark.parametrize(("cores", "threads"), [(0, (1,)), (1, (1,)), (2, (1,)), (4, (1, 2, 3)), (16, (1, 2, 3, 4))])
def test_one_core_is_left_for_the_rest(cores, threads) -> None:
    assert threads_to_try(cores) == threads


def test_candidates_are_tiers_by_engines_by_threads_of_the_cpu() -> None:
    two = [TIERS[LANDSCAPE], TIERS[LARGE]]
    found = candidates(two, Allowed(engines=("gpu", "cpu"), threads=(1, 2)))
    assert len(found) == 2 * (1 + 2)
    assert Candidate(LARGE, "gpu", 1) in found
    assert Candidate(LARGE, "cpu", 2) in found


def test_only_compiled_files_run_on_an_edge_tpu_and_nowhere_else() -> None:
    int8 = TIERS["selfie-landscape-144x256-int8"]
    twin = dataclasses.replace(int8, name=f"{int8.name}-edgetpu", twin=int8.name)
    found = candidates([int8, twin], Allowed(engines=("cpu", "edgetpu")))
    assert found == [Candidate(int8.name, "cpu", 1), Candidate(twin.name, "edgetpu", 1)]


def test_an_estimate_grows_with_the_pixels_and_prefers_what_is_alike() -> None:
    there = [known(LANDSCAPE, 10.0), known(BODY, 100.0)]
    wide = estimate_ms(Candidate("selfie-landscape-160x288-fp32", "cpu", 1), TIERS, there, ALLOWED)
    assert wide == pytest.approx(10.0 * (160 * 288) / (144 * 256))
    body = estimate_ms(Candidate("body-224x224-fp32", "cpu", 1), TIERS, there, ALLOWED)
    assert body == pytest.approx(100.0 * (224 / 256) ** 2, rel=0.01)


def test_nothing_known_puts_the_body_behind_the_selfies() -> None:
    body, selfie = (estimate_ms(Candidate(name, "cpu", 1), TIERS, [], ALLOWED) for name in (BODY, LARGE))
    assert body > 3 * selfie  # 14.5 ms against 4.1 in docs/tiers.md


def test_int8_is_thought_slower_where_there_are_no_dot_products() -> None:
    candidate = Candidate("selfie-288x288-int8", "cpu", 1)
    without, with_them = (
        estimate_ms(candidate, TIERS, [known(LARGE, 10.0)], Allowed(features=frozenset(features)))
        for features in ((), ("avx512_vnni",))
    )
    assert without > with_them == pytest.approx(10.0)


def test_the_best_that_may_hold_the_rate_comes_first_and_what_is_beaten_last() -> None:
    left = candidates(TIERS.values(), ALLOWED)
    there = [known(LANDSCAPE, 4.0)]
    order = []
    while left:
        order.append(most_promising(left, TIERS, there, ALLOWED).tier)
        left.remove(Candidate(order[-1], "cpu", 1))
    assert order[0].startswith("selfie-288x288")
    assert all(name.startswith("body") for name in order[-6:])

    slow = [known(LANDSCAPE, 40.0)]  # so that 112x192 is thought to take 23 of 27 ms, and 128x224 31
    first = most_promising(candidates(TIERS.values(), ALLOWED), TIERS, slow, ALLOWED)
    assert first.tier.startswith("selfie-landscape-112x192")


def test_an_engine_named_first_is_tried_first() -> None:
    allowed = Allowed(engines=("gpu", "cpu"))
    assert most_promising(candidates(TIERS.values(), allowed), TIERS, [], allowed).engine == "gpu"


def test_finalists_are_the_rungs_and_their_neighbours() -> None:
    best, near, far = measured("best", 10, 0.95), measured("near", 12, 0.95), measured("far", 20, 0.95)
    cheap, worse = measured("cheap", 5, 0.9), measured("worse", 30, 0.8)
    many = [far, worse, near, cheap, best]
    assert {one.candidate.tier for one in finalists(ladder_of(many), many)} == {"best", "near", "cheap"}


@pytest.mark.parametrize(("score", "refused"), [(0.95, False), (0.94, False), (0.9399, True), (0.99, False), (0, True)])
def test_a_point_less_than_expected_refuses(score, refused) -> None:
    assert (refusal_by_score(score, 0.95) is not None) == refused


def test_a_refusal_gives_the_figures() -> None:
    assert refusal_by_score(0.61234, 0.9753) == (
        "its masks are worse than they should be: mean IoU 0.6123 on the small golden set instead of 0.9753,"
        " 36.3 points less, more than 1"
    )
