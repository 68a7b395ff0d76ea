"""Masks follow the person, and go nowhere the promise does not allow, whatever is said of the motion."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edgeseg.frames import U8, Frame, Mask, Planes, Size
from edgeseg.golden.metrics import iou
from edgeseg.pipeline import MARGIN
from edgeseg.stages.motion import Carry, corners_of, grey_size, motion, within

FRAME, MASK = Size(640, 360), Size(320, 180)
CENTRE = (320, 190)


def _texture(size: Size, seed: int) -> U8:
    rng = np.random.default_rng(seed)
    grey = cv2.resize(rng.integers(0, 255, (size.height // 12, size.width // 12), np.uint8), size)
    return np.asarray(grey, np.uint8)


ROOM, CLOTH = _texture(FRAME, 1), _texture(FRAME, 2)


def _scene(turn: float = 0.0, scale: float = 1.0, shift: tuple[float, float] = (0, 0)) -> tuple[Frame, U8]:
    """A patterned person before a patterned room that stands still, and the person's mask (H, W) uint8."""
    person = cv2.ellipse(np.zeros((FRAME.height, FRAME.width), np.uint8), CENTRE, (90, 130), 0, 0, 360, 255, -1)
    whole = cv2.getRotationMatrix2D(CENTRE, turn, scale)
    whole[:, 2] += shift
    person, cloth = (cv2.warpAffine(one, whole, FRAME) for one in (person, CLOTH))
    planes = Planes.allocate(FRAME)
    planes.fill((0, 128, 128))
    planes.y[...] = np.where(person > 127, cloth, ROOM)
    return Frame(planes, FRAME), np.asarray(person, np.uint8)


def _mask(carry: Carry, frame: Frame, person: U8, size: Size = MASK) -> Mask:
    alpha = np.asarray(cv2.resize(person, size), np.uint8)
    return Mask(alpha, frame.index, 0.0, alpha.copy(), carry.grey(frame))


@pytest.mark.parametrize(
    ("turn", "scale", "shift"),
    [(0, 1, (8, 0)), (0, 1, (-5, 6)), (3, 1, (0, 0)), (0, 1.04, (0, 0)), (-2, 0.97, (3, -3))],
)
def test_the_mask_goes_with_the_person_and_not_with_the_room(turn, scale, shift) -> None:
    carry = Carry(FRAME, MASK, MARGIN)
    before, person = _scene()
    now, truth = _scene(turn, scale, shift)
    mask = _mask(carry, before, person)
    moved = carry(mask, now)
    true = cv2.resize(truth, MASK) >= 128
    stayed, went = iou(mask.alpha >= 128, true), iou(moved.alpha >= 128, true)
    assert went > 0.985 > stayed
    assert (moved.frame_index, moved.captured_at) == (mask.frame_index, mask.captured_at)


def test_it_bends() -> None:
    """One half of the person goes up, the other down: no similarity does that."""
    carry = Carry(FRAME, MASK, 0.1)
    frames, truths = [], []
    for dy in (0, 6):
        halves = [_scene(shift=(0, sign * dy)) for sign in (-1, 1)]
        planes = Planes.allocate(FRAME)
        planes.fill((0, 128, 128))
        planes.y[:, :320] = halves[0][0].planes.y[:, :320]
        planes.y[:, 320:] = halves[1][0].planes.y[:, 320:]
        frames.append(Frame(planes, FRAME))
        truths.append(np.hstack([halves[0][1][:, :320], halves[1][1][:, 320:]]))
    mask = _mask(carry, frames[0], truths[0])
    true = cv2.resize(truths[1], MASK) >= 128
    assert iou(carry(mask, frames[1]).alpha >= 128, true) > iou(mask.alpha >= 128, true) + 0.01


def test_what_goes_too_far_is_held_back() -> None:
    carry = Carry(FRAME, MASK, MARGIN)
    before, person = _scene()
    mask = _mask(carry, before, person)
    moved = carry(mask, _scene(shift=(30, 0))[0]).alpha
    assert mask.person is not None
    away = cv2.distanceTransform(255 - mask.person, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    assert np.asarray(away)[moved > 0].max() * 2 <= MARGIN * FRAME.diagonal
    assert np.count_nonzero(moved[:, :125] >= 128) < np.count_nonzero(mask.alpha[:, :125] >= 128)


@pytest.mark.parametrize("why", ["no trace", "another size", "no person", "no texture", "scene cut"])
def test_where_nothing_can_be_said_the_mask_stays(why: str) -> None:
    carry = Carry(FRAME, MASK, MARGIN)
    before, person = _scene()
    now, _ = _scene(shift=(8, 0))
    mask = _mask(carry, before, person)
    if why == "no trace":
        mask = Mask(mask.alpha)
    elif why == "another size":
        mask = _mask(carry, before, person, Size(160, 90))
    elif why == "no person":
        mask = _mask(carry, before, np.zeros_like(person))
    elif why == "no texture":
        before.planes.y[...] = 90
        mask = _mask(carry, before, person)
    else:
        now.planes.y[...] = 16
    assert carry(mask, now).alpha is mask.alpha


@given(
    arrays.arrays(np.uint8, (18, 32), elements=st.sampled_from([0, 60, 130, 255])),
    st.sampled_from([Size(640, 360), Size(640, 480), Size(300, 400), Size(64, 36)]),
    st.integers(0, 2**31),
)
@settings(max_examples=60, deadline=None)
def test_no_carried_mask_shows_anything_farther_from_the_person_than_the_margin(person, size, seed) -> None:
    """Whatever the frames are; measured at the frame's size, where upsampling has spread the mask."""
    mask_size, margin = Size(64, 36), 0.06
    rng = np.random.default_rng(seed)
    carry = Carry(size, mask_size, margin)
    planes = [Planes.allocate(size) for _ in range(2)]
    planes[0].y[...] = cv2.resize(rng.integers(0, 255, (18, 32), np.uint8), size)
    planes[1].y[...] = np.roll(planes[0].y, rng.integers(-9, 9, 2), (0, 1))
    before, now = (Frame(one, size) for one in planes)
    alpha = np.asarray(cv2.resize(person, mask_size, interpolation=cv2.INTER_NEAREST), np.uint8)
    region = within(alpha, size, margin)
    mask = Mask(cv2.min(alpha, region), 0, 0.0, alpha, carry.grey(before))
    moved = carry(mask, now).alpha
    assert not moved[region == 0].any()
    shown = cv2.resize(moved, size, interpolation=cv2.INTER_LINEAR) > 0
    believed = (cv2.resize(alpha, size, interpolation=cv2.INTER_NEAREST) >= 128).astype(np.uint8)
    if not believed.any():
        assert not shown.any()
        return
    away = cv2.distanceTransform(1 - believed, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    assert np.asarray(away)[shown].max(initial=0) <= margin * size.diagonal + 1


def test_the_same_frames_give_the_same_mask() -> None:
    frames = [_scene()[0], _scene(2, 1.01, (4, 1))[0]]
    alphas = []
    for _ in range(2):
        carry = Carry(FRAME, MASK, MARGIN)
        alphas.append(carry(_mask(carry, frames[0], _scene()[1]), frames[1]).alpha)
    assert np.array_equal(*alphas)


def test_a_field_says_where_a_place_was() -> None:
    size = grey_size(FRAME)
    assert size == (160, 90)
    before, now = (
        cv2.resize(_scene(shift=shift)[0].planes.y, size, interpolation=cv2.INTER_AREA) for shift in ((0, 0), (8, 0))
    )
    corners = corners_of(before, _scene()[1])
    assert corners is not None
    field = motion(before, corners, now)
    assert field is not None
    rows, columns = field.shape[:2]
    assert field[rows // 2, columns // 2] == pytest.approx([-2, 0], abs=0.25)


def test_small_frames_are_taken_as_they_are() -> None:
    assert grey_size(Size(96, 54)) == (96, 54)
    assert grey_size(Size(360, 640)) == (90, 160)
