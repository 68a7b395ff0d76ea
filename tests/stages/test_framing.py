"""How people stand, and which family is wanted: patiently."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeseg.frames import U8, Size
from edgeseg.golden.dataset import load
from edgeseg.golden.pictures import read_mask
from edgeseg.stages.framing import PATIENCE_S, FamilyChoice, Framing, framing_of

FRAME = Size(1280, 720)


def mask(*boxes: tuple[int, int, int, int]) -> U8:
    alpha = np.zeros((180, 320), np.uint8)
    for left, top, right, bottom in boxes:
        alpha[top:bottom, left:right] = 255
    return alpha


@pytest.mark.parametrize(
    ("alpha", "framing"),
    [
        (mask(), Framing.NOBODY),
        (mask((5, 5, 7, 7)), Framing.NOBODY),
        (mask((60, 60, 200, 180)), Framing.HEAD),
        (mask((60, 20, 160, 180)), Framing.UPPER),
        (mask((60, 20, 110, 180)), Framing.WHOLE),
        (mask((60, 20, 140, 160)), Framing.WHOLE),  # arms apart, and all of him is seen
        (mask((60, 100, 80, 150)), Framing.FAR),
        (mask((60, 20, 110, 180), (200, 30, 250, 180)), Framing.SEVERAL),
        (mask((60, 20, 110, 180), (200, 30, 210, 40)), Framing.WHOLE),  # a speck is nobody
    ],
)
def test_framings(alpha: U8, framing: Framing) -> None:
    assert framing_of(alpha, FRAME) is framing
    assert framing_of(cv2.resize(alpha, (180, 320)), Size(720, 1280)) in Framing


def test_whole_people_of_the_golden_set_are_told_from_others(shared: Path) -> None:
    dataset = load(shared / "golden/stills")
    right = 0
    for item in dataset.file.items:
        truth = read_mask(dataset.path(item.mask)).astype(np.uint8) * 255
        framing = framing_of(truth, Size(truth.shape[1], truth.shape[0]))
        right += (framing is Framing.WHOLE) == (item.framing == "full-body")
    assert right >= 0.95 * len(dataset.file.items)


def test_the_family_changes_after_a_second_and_not_at_the_border_between_two() -> None:
    choice = FamilyChoice()
    assert not any(choice.saw(Framing.WHOLE if n % 2 else Framing.UPPER, n / 30) for n in range(120))
    told = [choice.saw(Framing.WHOLE, 4 + n / 30) for n in range(60)]
    assert told.index(True) == pytest.approx(PATIENCE_S * 30, abs=1)
    assert all(choice.saw(Framing.UPPER if n % 2 else Framing.WHOLE, 6 + n / 30) for n in range(60))
    assert not [choice.saw(Framing.SEVERAL, 9 + n / 30) for n in range(60)][-1]


def test_the_body_family_goes_at_once_when_nobody_is_there() -> None:
    choice = FamilyChoice()
    assert [choice.saw(Framing.WHOLE, n / 10) for n in range(15)][-1]
    assert not choice.saw(Framing.NOBODY, 1.6)


@settings(max_examples=60, deadline=None)
@given(seen=st.lists(st.tuples(st.sampled_from(Framing), st.floats(0.001, 0.6)), max_size=60))
def test_it_never_changes_to_the_body_family_sooner_than_after_its_patience(seen: list[tuple[Framing, float]]) -> None:
    choice, now_s, changed_s = FamilyChoice(), 0.0, 0.0
    for framing, step_s in seen:
        now_s += step_s
        before = choice.is_body
        if choice.saw(framing, now_s) and not before:
            assert now_s - changed_s >= PATIENCE_S - 1e-6
        if choice.is_body != before:
            changed_s = now_s
