"""Feather, spill and light wrap: at the edge, nowhere else, and never more of the room than before."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeseg.frames import U8, Planes, Size
from edgeseg.stages.composite import Blend
from edgeseg.stages.edges import Edges, feather

FRAME = Size(640, 360)
SHARE = cv2.GaussianBlur(cv2.circle(np.zeros((360, 640), np.uint8), (320, 180), 110, 255, -1), (0, 0), 6)


def of(colour: tuple[int, int, int]) -> Planes:
    planes = Planes.allocate(FRAME)
    planes.fill(colour)
    return planes


def mixed(person: tuple[int, int, int], room: tuple[int, int, int]) -> Planes:
    """Somebody of one colour before a room of another, as a lens mixes them at the edge."""
    planes = of(room)
    Blend(FRAME, Size(640, 360))(of(person), SHARE, of(room), planes)
    return planes


def test_the_rooms_colour_goes_from_the_edge() -> None:
    person, room = (120, 110, 150), (120, 70, 90)
    seen = mixed(person, room)
    clean = Edges(FRAME).without_spill(seen, SHARE)
    assert clean.y is seen.y
    half = cv2.resize(SHARE, FRAME.chroma, interpolation=cv2.INTER_AREA)
    edge = (half > 110) & (half < 230)
    for plane, before, colour in ((clean.u, seen.u, person[1]), (clean.v, seen.v, person[2])):
        off, was = (np.abs(p[edge].astype(int) - colour).mean() for p in (plane, before))
        assert off < 0.5 * was
        assert np.abs(plane[half == 255].astype(int) - colour).max() <= 1  # inside nothing changes


def test_light_wraps_around_the_edge_and_not_inside() -> None:
    person = of((60, 128, 128))
    lit = Edges(FRAME).wrapped(person, SHARE, of((220, 128, 128)))
    assert 65 < lit.y[180, 320 - 104] < 140
    assert lit.y[180, 320] == 60
    assert np.array_equal(lit.u, person.u)


def test_feather_shows_less_and_never_more() -> None:
    alpha = np.where(SHARE >= 128, np.uint8(255), np.uint8(0))
    soft = feather(alpha, 0.005)
    assert (soft <= alpha).all()
    assert np.count_nonzero((soft > 20) & (soft < 235)) > 1000
    assert soft[180, 320] == 255


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.builds(Size, st.integers(1, 300), st.integers(1, 300)),
    kind=st.sampled_from(["noise", "black", "white", "strobe"]),
)
def test_whatever_the_picture_it_stays_one(seed: int, size: Size, kind: str) -> None:
    rng = np.random.default_rng(seed)
    planes, behind = Planes.allocate(size), Planes.allocate(size)
    for plane in (*planes, *behind):
        plane[...] = rng.integers(0, 256, plane.shape) if kind == "noise" else (0 if kind == "black" else 255)
    alpha: U8 = rng.integers(0, 256, (int(rng.integers(1, 60)), int(rng.integers(1, 60)))).astype(np.uint8)
    edges = Edges(size)
    for made in (edges.without_spill(planes, alpha), edges.wrapped(planes, alpha, behind)):
        assert [plane.shape for plane in made] == [plane.shape for plane in planes]
    if not alpha.any():
        assert np.array_equal(edges.wrapped(planes, alpha, behind).y, planes.y)


@pytest.mark.parametrize("alpha", [0, 255])
def test_without_an_edge_nothing_changes(alpha: int) -> None:
    seen = mixed((120, 110, 150), (120, 70, 90))
    mask = np.full((90, 160), alpha, np.uint8)
    clean = Edges(FRAME).without_spill(seen, mask)
    assert all(np.abs(a.astype(int) - b).max() <= 1 for a, b in zip(clean, seen, strict=True))
