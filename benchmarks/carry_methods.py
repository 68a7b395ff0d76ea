"""The ways of carrying a mask on that were compared; the one that was chosen is `edgeseg.stages.motion`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import cv2
import numpy as np

from edgeseg.frames import F32, U8, Size
from edgeseg.stages import motion

Method = Callable[[U8, U8, U8], U8]
"""The grey pictures before and now, and the mask (h, w) uint8 from before; gives that mask as it should be now."""


def none(before: U8, now: U8, alpha: U8) -> U8:
    """As it is."""
    return alpha


def phase(before: U8, now: U8, alpha: U8) -> U8:
    """A shift, by phase correlation of the person's surroundings."""
    small = cv2.resize(alpha, now.shape[::-1])
    x, y, width, height = cv2.boundingRect(small)
    grow = round(0.05 * np.hypot(*now.shape))
    part = (slice(max(0, y - grow), y + height + grow), slice(max(0, x - grow), x + width + grow))
    if not width:
        return alpha
    one, other = before[part].astype(np.float32), now[part].astype(np.float32)
    shift, _ = cv2.phaseCorrelate(one, other, _window(one.shape[1], one.shape[0]))
    if np.hypot(*shift) > 0.1 * now.shape[1]:
        return alpha
    return _warped(alpha, np.array([[1, 0, shift[0]], [0, 1, shift[1]]]), now)


def ecc(before: U8, now: U8, alpha: U8) -> U8:
    """An affine map by the enhanced correlation coefficient, of the person only, at half the grey picture's size."""
    half = (now.shape[1] // 2, now.shape[0] // 2)
    one, other = cv2.resize(before, half), cv2.resize(now, half)
    person = cv2.dilate(cv2.resize(alpha, half), np.ones((5, 5), np.uint8))
    try:
        _, found = cv2.findTransformECC(
            one, other, np.eye(2, 3, dtype=np.float32), cv2.MOTION_AFFINE, (3, 10, 1e-2), person, 3
        )
    except cv2.error:  # it did not converge
        return alpha
    return _warped(alpha, found, one)


def similarity(before: U8, now: U8, alpha: U8) -> U8:
    """A similarity of tracked corners of the person: what was chosen, but nothing bends."""
    corners = motion.corners_of(before, alpha)
    if corners is None:
        return alpha
    tracked, there, _ = cv2.calcOpticalFlowPyrLK(before, now, corners, None, winSize=(9, 9), maxLevel=2)
    there = there.ravel() > 0
    if np.count_nonzero(there) < 6:
        return alpha
    found, _ = cv2.estimateAffinePartial2D(corners[there], tracked[there], ransacReprojThreshold=1.0)
    return alpha if found is None else _warped(alpha, found, now)


def dis(before: U8, now: U8, alpha: U8) -> U8:
    """Dense inverse search at its fastest."""
    return _by_flow(_dis().calc(now, before, None), alpha)


def dis_of_person(before: U8, now: U8, alpha: U8) -> U8:
    """The same, and the person's motion alone spread across the outline."""
    flow = _dis().calc(now, before, None)
    core = cv2.erode(cv2.resize(alpha, now.shape[::-1]), np.ones((5, 5), np.uint8))
    weight = _by_flow(flow, core).astype(np.float32) / 255 + 1e-3
    spread = cv2.GaussianBlur(flow * weight[..., None], (0, 0), 3) / cv2.GaussianBlur(weight, (0, 0), 3)[..., None]
    return _by_flow(spread, alpha)


def farneback(before: U8, now: U8, alpha: U8) -> U8:
    """Farneback's dense flow at half the grey picture's size."""
    half = (now.shape[1] // 2, now.shape[0] // 2)
    flow = cv2.calcOpticalFlowFarneback(cv2.resize(now, half), cv2.resize(before, half), None, 0.5, 2, 11, 2, 5, 1.1, 0)
    return _by_flow(flow, alpha)


def chosen(before: U8, now: U8, alpha: U8) -> U8:
    """Tracked corners of the person, a similarity, and what they bend (`edgeseg.stages.motion`)."""
    corners = motion.corners_of(before, alpha)
    field = None if corners is None else motion.motion(before, corners, now)
    if field is None:
        return alpha
    return _move(alpha.shape, now.shape)(alpha, field, np.full_like(alpha, 255))


METHODS: dict[str, Method] = {
    "none": none,
    "shift, phase correlation": phase,
    "affine, ECC": ecc,
    "dense, Farneback": farneback,
    "dense, DIS ultrafast": dis,
    "dense, DIS of the person": dis_of_person,
    "similarity, sparse LK": similarity,
    "sparse LK that bends": chosen,
}
CHOSEN = "sparse LK that bends"


@cache
def _window(width: int, height: int) -> F32:
    return np.asarray(cv2.createHanningWindow((width, height), cv2.CV_32F))


@cache
def _dis() -> Any:
    return cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)


@cache
def _move(mask: tuple[int, int], grey: tuple[int, int]) -> motion.Move:
    return motion.Move(Size(*mask[::-1]), Size(*grey[::-1]))


@cache
def _places(width: int, height: int) -> F32:
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return np.dstack([x, y])


def _warped(alpha: U8, forward: Any, grey: U8) -> U8:
    """`alpha` moved by a 2x3 map of the pixels of `grey`."""
    scaled = np.array(forward, np.float64)
    scaled[:, 2] *= (alpha.shape[1] / grey.shape[1], alpha.shape[0] / grey.shape[0])
    moved = cv2.warpAffine(alpha, scaled, alpha.shape[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)


def _by_flow(flow: F32, alpha: U8) -> U8:
    """`alpha` moved by where each pixel of the grey picture was before."""
    height, width = alpha.shape
    scale = np.float32([width / flow.shape[1], height / flow.shape[0]])
    source = cv2.resize(flow * scale, (width, height)) + _places(width, height)
    return np.asarray(cv2.remap(alpha, source, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)
