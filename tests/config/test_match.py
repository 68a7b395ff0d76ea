"""Which profile fits, and why: pure, so that a board is a dictionary here."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.config.match import Candidate, Clue, rank
from edgeseg.config.profile import FACTS, Rule

PI_5 = {
    "compatible": ["raspberrypi,5-model-b", "brcm,bcm2712"],
    "soc": ["BCM2712"],
    "architecture": ["aarch64"],
    "accelerator": ["edgetpu", "Coral USB Accelerator"],
    "cpu": ["Cortex-A76 [r4p1]"],
}


def clues(board: dict[str, list[str]]) -> dict[str, list[Clue]]:
    return {fact: [Clue(value, f"/{fact}") for value in values] for fact, values in board.items()}


def candidate(name: str, *rules: dict[str, object]) -> Candidate:
    return Candidate(name, [(Rule.model_validate(rule), f"{name}.yaml:{n + 1}") for n, rule in enumerate(rules)])


def order(*candidates: Candidate, board: dict[str, list[str]] = PI_5) -> list[str]:
    return [match.profile for match in rank(candidates, clues(board)).matches]


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        ({}, True),
        ({"soc": "BCM2712"}, True),
        ({"soc": "bcm27*"}, True),
        ({"soc": "BCM271?"}, True),
        ({"soc": "BCM27"}, False),
        ({"soc": ["BCM2711", "BCM2712"]}, True),
        ({"compatible": "brcm,*"}, True),
        ({"accelerator": "edgetpu", "soc": "BCM2712"}, True),
        ({"accelerator": "npu", "soc": "BCM2712"}, False),
        ({"jetpack": "*"}, False),
        ({"cpu": "*[r4p1]"}, True),
        ({"cpu": "*[r4p2]"}, False),
        ({"userland_bits": 64}, False),
    ],
)
def test_what_a_rule_covers(rule: dict[str, object], fits: bool) -> None:
    ranking = rank([candidate("a", rule)], clues(PI_5))
    assert (len(ranking.matches), len(ranking.misses)) == (int(fits), int(not fits))


def test_the_more_telling_fact_goes_first_then_more_facts_then_the_more_exact_pattern() -> None:
    board, chip = candidate("board", {"compatible": "raspberrypi,5*"}), candidate("chip", {"soc": "BCM2712"})
    both, family = candidate("both", {"soc": "BCM2712", "accelerator": "edgetpu"}), candidate("family", {"soc": "BCM*"})
    assert order(family, chip, both, board) == ["board", "both", "chip", "family"]
    assert order(candidate("a", {}), candidate("b", {})) == ["a", "b"]


def test_why_the_second_is_second() -> None:
    board, chip = candidate("board", {"compatible": "raspberrypi,5*"}), candidate("chip", {"soc": "BCM2712"})
    family, nothing = candidate("family", {"soc": "BCM*"}), [candidate("any", {}), candidate("none", {})]
    ranking = rank([*nothing, family, chip, board, candidate("abstract")], clues(PI_5))
    assert [match.why_not for match in ranking.matches] == [
        None,
        "board goes by compatible (raspberrypi,5-model-b), which tells more than soc",
        "chip goes by the same facts more exactly: soc BCM2712, and not BCM*",
        "family goes by soc (BCM2712), of which any says nothing",
        "any fits no less and comes before it in the order of folders and names",
    ]
    assert ranking.matches[1].met[0].clue == Clue("BCM2712", "/soc")
    assert ranking.matches[1].place == "chip.yaml:1"


def test_what_a_miss_says() -> None:
    near = candidate("a", {"soc": "X"}, {"soc": "BCM2712", "accelerator": ["npu", "gpu"]})
    (miss,) = rank([near], clues(PI_5)).misses
    assert (miss.fact, miss.wanted, miss.place) == ("accelerator", ("npu", "gpu"), "a.yaml:2")
    assert miss.found == ("edgetpu", "Coral USB Accelerator")


RULES = st.dictionaries(st.sampled_from(FACTS), st.sampled_from(["*", "a", "b", "a*"]), max_size=3)
BOARDS = st.dictionaries(st.sampled_from(FACTS), st.lists(st.sampled_from(["a", "b", "ab"]), max_size=2))


@given(st.lists(RULES, max_size=6), BOARDS, st.randoms(use_true_random=False))
def test_every_profile_is_told_of_once_and_the_order_of_files_decides_only_ties(
    rules: list[dict[str, object]], board: dict[str, list[str]], chance: random.Random
) -> None:
    candidates = [candidate(str(number), rule) for number, rule in enumerate(rules)]
    ranking = rank(candidates, clues(board))
    assert sorted(one.profile for one in (*ranking.matches, *ranking.misses)) == sorted(map(str, range(len(rules))))
    worth = [(match.weight, match.exactness) for match in ranking.matches]
    assert worth == sorted(worth, reverse=True)
    shuffled = rank(chance.sample(candidates, len(candidates)), clues(board)).matches
    assert [(match.weight, match.exactness) for match in shuffled] == worth
