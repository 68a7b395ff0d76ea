"""Where it is looked: always inside the frame, often enough at all of it, and at whoever is there."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeseg.frames import U8, Rect, Size
from edgeseg.stages.region import HIDDEN_S, LEAST, Place, Region, box_of, is_inside, look_around, squared, whole

FRAME = Size(1280, 720)


def mask_of(box: Rect) -> U8:
    alpha = np.zeros((180, 320), np.uint8)
    x, y = 320 / FRAME.width, 180 / FRAME.height
    alpha[round(box.top * y) : round(box.bottom * y), round(box.left * x) : round(box.right * x)] = 255
    return alpha


def follow(region: Region, boxes: list[Rect], fps: float = 30.0) -> list[Rect]:
    """The looks at frames in which somebody fills these boxes; he is found where it is looked."""
    looks = []
    for n, box in enumerate(boxes):
        look = region.look(n / fps)
        seen = np.zeros((180, 320), np.uint8)
        part = Place(FRAME, Size(320, 180)).part(look)
        part.of(seen)[...] = part.of(mask_of(box))
        region.found(seen, look, n / fps)
        looks.append(look)
    return looks


def test_the_first_look_is_a_whole_one_and_the_next_is_at_the_person() -> None:
    looks = follow(Region(FRAME), [Rect(600, 300, 700, 500)] * 5)
    assert looks[0] == whole(FRAME)
    assert looks[1].size.width < 0.3 * FRAME.width
    assert is_inside(Rect(600, 300, 700, 500), looks[1], FRAME, 0.05)
    assert looks[1:] == looks[1:2] * 4  # of a person who stands still it does not tremble


def test_a_person_who_fills_the_frame_is_looked_at_whole() -> None:
    assert follow(Region(FRAME), [Rect(100, 20, 1200, 720)] * 4) == [whole(FRAME)] * 4


def test_a_look_runs_ahead_of_a_person_who_walks() -> None:
    boxes = [Rect(100 + 12 * n, 300, 220 + 12 * n, 600) for n in range(60)]
    looks = follow(Region(FRAME), boxes)
    assert sum(look != whole(FRAME) for look in looks) > 40
    assert all(is_inside(box, look, FRAME, 0.0) for box, look in zip(boxes[3:], looks[3:], strict=True))


@pytest.mark.parametrize("fps", [5.0, 10.0, 15.0, 30.0, 60.0])
def test_who_enters_is_found_and_shown_within_half_a_second(fps: float) -> None:
    region = Region(FRAME)
    standing = Rect(600, 300, 700, 500)
    follow(region, [standing] * 40, fps)
    for entered in range(40, 60):  # whenever somebody enters beside the look
        times = [n / fps for n in range(entered, entered + 40)]
        for shown, at_s in enumerate(times):
            look = region.look(at_s)
            both = cv2.bitwise_or(mask_of(standing), mask_of(Rect(0, 200, 80, 720)))
            seen = np.zeros_like(both)
            part = Place(FRAME, Size(320, 180)).part(look)
            part.of(seen)[...] = part.of(both)
            region.found(seen, look, at_s)
            if is_inside(Rect(0, 200, 80, 720), look, FRAME, 0.0) and shown:
                break
        assert times[shown] - times[0] <= max(0.5, 2 / fps)
        region.forget()
        follow(region, [standing] * entered, fps)


def test_nobody_is_looked_for_everywhere() -> None:
    region = Region(FRAME)
    follow(region, [Rect(600, 300, 700, 500)] * 5)
    assert follow(region, [Rect(0, 0, 0, 0)] * 5)[2:] == [whole(FRAME)] * 3


def test_somebody_cut_by_the_look_is_looked_at_whole_next() -> None:
    region = Region(FRAME)
    follow(region, [Rect(600, 300, 700, 500)] * 3)
    look = region.look(0.1)
    region.found(mask_of(Rect(look.left, 300, 700, 500)), look, 0.1)
    assert region.look(0.133) == whole(FRAME)


def test_a_frame_is_looked_at_again_where_somebody_is() -> None:
    region = Region(FRAME)
    assert region.again(mask_of(Rect(0, 0, 0, 0))) is None
    person = Rect(600, 300, 700, 500)
    look = region.again(mask_of(person))
    assert look is not None
    assert is_inside(person, look, FRAME, 0.0)
    assert look.size.width < 0.3 * FRAME.width
    assert region.again(mask_of(Rect(610, 310, 690, 490))) == look  # it does not tremble
    both = region.again(cv2.bitwise_or(mask_of(person), mask_of(Rect(760, 300, 860, 600))))
    assert both is not None
    assert is_inside(Rect(600, 300, 860, 600), both, FRAME, 0.0)
    assert region.again(mask_of(Rect(100, 20, 1200, 720))) is None


_sides = st.integers(2, 4000)
_masks = st.tuples(st.integers(0, 2**32 - 1), st.sampled_from(["none", "noise", "all", "box", "specks", "edge"]))


@settings(max_examples=120, deadline=None)
@given(
    frame=st.builds(Size, _sides, _sides),
    masks=st.lists(st.tuples(_masks, st.floats(-1, 2, allow_nan=False)), min_size=1, max_size=12),
)
def test_no_look_leaves_the_frame_whatever_was_found(frame: Size, masks: list[tuple[tuple[int, str], float]]) -> None:
    region = Region(frame)
    now_s, whole_at_s = 0.0, -math.inf
    for (seed, kind), step_s in masks:
        now_s += step_s
        look = region.look(now_s)
        assert 0 <= look.left < look.right <= frame.width
        assert 0 <= look.top < look.bottom <= frame.height
        if look == whole(frame):
            whole_at_s = now_s
        else:
            assert now_s - whole_at_s <= HIDDEN_S
            assert look.size.width >= min(frame.width, LEAST * frame.width - 1)
        region.found(_drawn(seed, kind), look, now_s)


def _drawn(seed: int, kind: str) -> U8:
    rng = np.random.default_rng(seed)
    alpha = np.zeros((int(rng.integers(1, 60)), int(rng.integers(1, 90))), np.uint8)
    height, width = alpha.shape
    if kind == "noise":
        alpha[...] = rng.integers(0, 256, alpha.shape)
    elif kind == "all":
        alpha[...] = 255
    elif kind == "box":
        top, left = int(rng.integers(0, height)), int(rng.integers(0, width))
        alpha[top : top + int(rng.integers(1, height + 1)), left : left + int(rng.integers(1, width + 1))] = 255
    elif kind == "specks":
        alpha[rng.random(alpha.shape) < 0.02] = 255
    elif kind == "edge":
        alpha[:, -1:] = 255
    return alpha


@settings(max_examples=60, deadline=None)
@given(
    frame=st.builds(Size, st.integers(2, 2000), st.integers(2, 2000)),
    box=st.tuples(*[st.floats(0, 1)] * 4),
    mask=st.builds(Size, st.integers(1, 200), st.integers(1, 200)),
)
def test_what_a_look_says_lands_where_it_was_looked(
    frame: Size, box: tuple[float, float, float, float], mask: Size
) -> None:
    left, right = sorted((round(box[0] * frame.width), round(box[1] * frame.width)))
    top, bottom = sorted((round(box[2] * frame.height), round(box[3] * frame.height)))
    look = look_around(Rect(left, top, right, bottom), frame)
    place = Place(frame, mask)
    placed = place(np.full((9, 16), 255, np.uint8), look)
    expected = np.zeros((mask.height, mask.width), np.uint8)
    place.part(look).of(expected)[...] = 255
    assert np.array_equal(placed, expected)


def test_a_placed_mask_is_where_the_person_is() -> None:
    look, person = Rect(320, 160, 640, 480), Rect(400, 240, 560, 400)
    small = np.zeros((64, 64), np.uint8)
    small[16:48, 16:48] = 255
    found = box_of(Place(FRAME, Size(480, 270))(small, look), FRAME)
    assert found is not None
    assert all(abs(a - b) <= 4 for a, b in zip(found, person, strict=True))


@given(
    left=st.integers(0, 639), top=st.integers(0, 359), width=st.integers(1, 640), height=st.integers(1, 360),
    margin=st.floats(0, 1),
)  # fmt: skip
def test_a_squared_box_holds_the_box_and_its_look_stays_in_the_frame(
    left: int, top: int, width: int, height: int, margin: float
) -> None:
    frame = Size(640, 360)
    box = Rect(left, top, min(640, left + width), min(360, top + height))
    square = squared(box)
    assert square.left <= box.left < box.right <= square.right
    assert square.top <= box.top < box.bottom <= square.bottom
    assert abs(square.size.width - square.size.height) <= 1
    look = look_around(square, frame, margin=margin)
    assert look.left >= 0 <= look.top
    assert look.right <= frame.width
    assert look.bottom <= frame.height
    assert is_inside(box, look, frame, 0.0)
