"""A pipeline whose ways are changed between two frames makes what one does that had them from the start."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from edgeseg.backgrounds.color import ColorBackground
from edgeseg.clock import SystemClock
from edgeseg.frames import Frame
from edgeseg.pipeline import EdgeWish, Pipeline
from edgeseg.ports import ModelIO
from edgeseg.testing.engine import FakeEngine
from edgeseg.testing.source import FakeSource
from tests.runtime.scene import GREY, Scene, finder

SCENE = Scene()
PLAIN: dict[str, Any] = {"refine": False, "steady": False, "tidy": False, "edges": EdgeWish()}


def pipeline(ways: dict[str, Any]) -> Pipeline:
    return Pipeline(FakeEngine(ModelIO(72, 128), finder()), ColorBackground(GREY), SCENE.known(), SystemClock(), **ways)


def frames(count: int) -> list[Frame]:
    source = FakeSource(
        paint=lambda index, planes: SCENE.paint((128 + 8 * index, 76), planes), size=SCENE.size, count=count,
        fps=Fraction(30),
    )  # fmt: skip
    found = []
    for _ in range(count):
        frame = source.read()
        assert frame is not None
        found.append(replace(frame))  # halves are of one pipeline
    return found


def shown(made: Pipeline, frame: Frame) -> np.ndarray:
    planes = made.process(replace(frame)).planes
    return np.concatenate([plane.ravel().copy() for plane in planes])


@pytest.mark.parametrize(
    ("change", "is_seen"),
    [
        ({"refine": True}, True),
        ({"steady": True}, False),  # with the next masks
        ({"tidy": True}, False),  # there are no specks
        ({"edges": EdgeWish(feather=0.04)}, True),
        ({"edges": EdgeWish(despill=True)}, False),
        ({"edges": EdgeWish(light_wrap=True)}, True),
        ({"refine": True, "steady": True, "tidy": True, "edges": EdgeWish(0.03, True, True)}, True),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else "",
)
def test_it_shows_what_one_made_so_shows(change: dict[str, Any], is_seen: bool) -> None:
    first, *later = frames(4)
    wanted = PLAIN | change
    one, fresh, old = pipeline(PLAIN), pipeline(wanted), pipeline(PLAIN)
    assert (shown(one, first) == shown(old, first)).all()
    one.make(**wanted)
    same_as_old = []
    for frame in later:
        made = shown(one, frame)
        assert (made == shown(fresh, frame)).all()
        same_as_old.append((made == shown(old, frame)).all())
    if is_seen:
        assert not all(same_as_old)


def test_the_same_ways_change_nothing() -> None:
    (first,) = frames(1)
    made = pipeline(PLAIN)
    before = shown(made, first)
    made.make(**PLAIN)
    assert (shown(made, first) == before).all()
