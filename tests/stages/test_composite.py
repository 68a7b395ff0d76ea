"""Person over background."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeseg.frames import Planes, Size
from edgeseg.stages.composite import Blend, CutOut

SIZES = [Size(1280, 720), Size(854, 480), Size(640, 480), Size(321, 241), Size(2, 2), Size(176, 144)]


def _noise(size: Size, seed: int) -> Planes:
    planes = Planes.allocate(size)
    for plane in planes:
        plane[...] = np.random.default_rng(seed).integers(0, 256, plane.shape, np.uint8)
    return planes


def _reference(person: Planes, alpha: np.ndarray, background: Planes) -> list[np.ndarray]:
    """The blend of the textbook: the whole mask resized, to 2 x 2 pixels where it is coarse, in floating point."""
    out = []
    height, width = person.u.shape
    chroma = cv2.resize(alpha, (width, height), interpolation=cv2.INTER_LINEAR) / 255.0
    for front, behind in zip(person, background, strict=True):
        if front.shape == chroma.shape:
            up = chroma
        elif alpha.shape[0] <= height and alpha.shape[1] <= width:
            up = chroma.repeat(2, axis=0).repeat(2, axis=1)
        else:
            up = cv2.resize(alpha, (front.shape[1], front.shape[0]), interpolation=cv2.INTER_LINEAR) / 255.0
        out.append(front * up + behind * (1 - up))
    return out


@settings(max_examples=60, deadline=None)
@given(
    size=st.sampled_from(SIZES),
    mask=st.sampled_from([Size(256, 144), Size(256, 256), Size(320, 180), Size(64, 36), Size(37, 29)]),
    box=st.tuples(*[st.floats(0, 1)] * 4),
    hard=st.booleans(),
)
def test_equals_the_textbook(size: Size, mask: Size, box: tuple[float, ...], hard: bool) -> None:
    person, background, out = _noise(size, 1), _noise(size, 2), _noise(size, 3)
    alpha = np.zeros((mask.height, mask.width), np.uint8)
    (x0, x1), (y0, y1) = sorted(box[:2]), sorted(box[2:])
    part = alpha[int(y0 * mask.height) : int(y1 * mask.height) + 1, int(x0 * mask.width) : int(x1 * mask.width) + 1]
    part[...] = 255 if hard else np.random.default_rng(4).integers(0, 256, part.shape, np.uint8)
    Blend(size, mask)(person, alpha, background, out)
    for ours, theirs in zip(out, _reference(person, alpha, background), strict=True):
        assert np.abs(ours - theirs).max() <= 1.6


@pytest.mark.parametrize("size", SIZES)
def test_nobody_and_everybody_are_exact(size: Size) -> None:
    person, background, out = _noise(size, 1), _noise(size, 2), _noise(size, 3)
    blend = Blend(size, Size(256, 144))
    blend(person, np.zeros((144, 256), np.uint8), background, out)
    assert all(np.array_equal(a, b) for a, b in zip(out, background, strict=True))
    blend(person, np.full((144, 256), 255, np.uint8), background, out)
    assert all(np.array_equal(a, b) for a, b in zip(out, person, strict=True))


def test_where_alpha_is_zero_nothing_of_the_person_shows() -> None:
    size = Size(640, 360)
    alpha = np.zeros((144, 256), np.uint8)
    alpha[40:100, 60:90] = np.random.default_rng(5).integers(0, 256, (60, 30), np.uint8)
    background, out = _noise(size, 2), _noise(size, 3)
    Blend(size, Size(256, 144))(_noise(size, 1), alpha, background, out)
    for ours, behind in zip(out, background, strict=True):
        hidden = cv2.resize(alpha, (320, 180)) == 0
        hidden = hidden if ours.shape == hidden.shape else hidden.repeat(2, axis=0).repeat(2, axis=1)
        assert np.array_equal(ours[hidden], behind[hidden])


@pytest.mark.parametrize("size", SIZES)
def test_a_cut_out_is_black_where_nobody_is(size: Size) -> None:
    person, out = _noise(size, 1), _noise(size, 3)
    alpha = np.zeros((36, 64), np.uint8)
    alpha[10:20, 10:40] = 255
    cut = CutOut(size)
    cut(person, alpha, out, (16, 128, 128))
    hidden = cut.alpha == 0
    assert (out.y[hidden] == 16).all()
    assert np.array_equal(out.y[~hidden], person.y[~hidden])
    both = cv2.dilate(cut.alpha, np.ones((3, 3), np.uint8))[::2, ::2] == 0
    assert (out.u[both] == 128).all()
    cut(person, None, out, (16, 128, 128))
    assert not cut.alpha.any()
    assert (out.y == 16).all()


def test_calls_one_after_the_other_leave_nothing_of_the_last() -> None:
    """What is known to be in place is not copied again: any order of masks and backgrounds must look as if it were."""
    size, rng = Size(320, 192), np.random.default_rng(6)
    blend, out = Blend(size, Size(64, 48)), _noise(size, 3)
    backgrounds = [_noise(size, 4), _noise(size, 5)]
    for n in range(200):
        alpha: np.ndarray | None = np.zeros((48, 64), np.uint8)
        x, y, w, h = rng.integers(0, (64, 48, 40, 30))
        alpha[y : y + h, x : x + w] = rng.integers(0, 256)
        alpha = None if n % 7 == 0 else alpha
        if n % 11 == 0:  # a new picture in the same memory
            backgrounds[0].y[...] = rng.integers(0, 256)
            backgrounds[0] = Planes(*backgrounds[0])
        behind = backgrounds[int(rng.integers(0, 10) > 7)]
        person, fresh = _noise(size, n), _noise(size, 7)
        blend(person, alpha, behind, out)
        Blend(size, Size(64, 48))(person, alpha, behind, fresh)
        for ours, theirs in zip(out, fresh, strict=True):
            assert np.array_equal(ours, theirs)


@pytest.mark.parametrize(("size", "mask"), [(Size(1280, 720), Size(256, 144)), (Size(64, 48), Size(64, 48))])
def test_a_background_of_doubled_pixels_is_blended_to_the_same_picture(size: Size, mask: Size) -> None:
    person, alpha = _noise(size, 1), np.zeros((mask.height, mask.width), np.uint8)
    cv2.ellipse(alpha, (mask.width // 2, mask.height // 2), (mask.width // 5, mask.height // 3), 0, 0, 360, 255, -1)
    alpha = cv2.GaussianBlur(alpha, (9, 9), 0)
    half = np.random.default_rng(5).integers(0, 256, (size.height // 2, size.width // 2), np.uint8)
    pictures = []
    for given_half in (None, half):
        behind = _noise(size, 2)
        behind.y[...] = half.repeat(2, axis=0).repeat(2, axis=1)
        Blend(size, mask)(person, alpha, behind, behind, given_half)
        pictures.append(behind)
    for one, other in zip(*pictures, strict=True):
        np.testing.assert_array_equal(one, other)
