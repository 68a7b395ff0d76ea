"""Carries a mask on: how the person moved between two frames, from small grey pictures, and the mask moved likewise.

Corners on the person are tracked (pyramidal Lucas-Kanade); the similarity that most of them agree on moves the whole,
and what each corner moves beyond that bends it locally. Corners of the room have no say: a dense flow, smooth across
the outline, leaves the outline behind where the room stands still. docs/motion.md has what each way gained and cost.

Sources: Shi and Tomasi, "Good Features to Track", CVPR 1994; Bouguet, "Pyramidal Implementation of the Lucas Kanade
Feature Tracker", 2000; Knutsson and Westin, "Normalized and Differential Convolution", CVPR 1993.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from edgeseg.frames import F32, U8, Frame, Mask, Rect, Size
from edgeseg.stages.preprocess import Shrink

GREY_SIDE = 160  # pixels of the grey picture's longer side
_CORNERS, _LEAST_CORNERS = 80, 6
_QUALITY, _APART = 0.005, 5  # of a corner, against the best one; pixels from the next
_WINDOW = (9, 9)
_LEVELS = 2
_OFF = 3.0  # pixels that a corner may differ from the whole; farther off it was lost
_FARTHEST = 0.25  # of the grey picture's diagonal: what moves farther is not believed
_CELL = 8  # pixels of the grey picture that bend together
_SPREAD = 1.0  # cells
_PRIOR = 0.02  # corners' worth of "as the whole does"
_LEFT_OUT: Any = None  # OpenCV's types do not know that some things may be
_CUT = 16.0  # of 255: grey pictures that differ by more on average are of two scenes
_UPSAMPLED = 1.5  # mask pixels that upsampling spreads a mask by, as in `keep_near`


def grey_size(frame: Size, side: int = GREY_SIDE) -> Size:
    """The size of the grey picture in which motion is looked for; side: pixels of its longer side, at most."""
    scale = side / max(frame)
    return frame if scale >= 1 else Size(max(1, round(frame.width * scale)), max(1, round(frame.height * scale)))


class Grey:
    """Makes the grey pictures of frames of one size."""

    def __init__(self, frame: Size, side: int = GREY_SIDE) -> None:
        self.size = grey_size(frame, side)
        self._frame = frame
        self._shrink = Shrink(frame, self.size)

    def __call__(self, luma: U8, halves: Sequence[U8], out: U8) -> U8:
        """The frame's Y plane at `size`, in `out`; halves: of `luma`, see `Shrink`."""
        made = self._shrink(luma[: self._frame.height, : self._frame.width], out, halves)
        if made is not out:
            np.copyto(out, made)
        return out

    def new(self) -> U8:
        """Somewhere to put one."""
        return np.empty((self.size.height, self.size.width), np.uint8)


def corners_of(grey: U8, person: U8) -> F32 | None:
    """Corners (n, 1, 2) float32, x and y in pixels of `grey` (h, w) uint8, where `person` (any size) is at least half.

    None where there are too few to say anything.
    """
    inside = cv2.resize(person, (grey.shape[1], grey.shape[0]), interpolation=cv2.INTER_LINEAR)
    _, inside = cv2.threshold(inside, 127, 255, cv2.THRESH_BINARY)
    found = cv2.goodFeaturesToTrack(grey, _CORNERS, _QUALITY, _APART, mask=inside)
    return None if found is None or len(found) < _LEAST_CORNERS else np.asarray(found, np.float32)


def motion(before: U8, corners: F32, now: U8) -> F32 | None:
    """Where each place of the picture `now` was in the picture `before`: (rows, columns, 2) float32, dx and dy.

    In pixels. before, now: (h, w) uint8 of one size. corners: of `before`. The field is coarse, a value for each cell,
    centred in it. None where too few corners agree.
    """
    tracked, found, _ = cv2.calcOpticalFlowPyrLK(before, now, corners, _LEFT_OUT, winSize=_WINDOW, maxLevel=_LEVELS)
    there = np.asarray(found).ravel() > 0
    old, new = corners[there].reshape(-1, 2), np.asarray(tracked)[there].reshape(-1, 2)
    if len(new) < _LEAST_CORNERS:
        return None
    whole, inliers = cv2.estimateAffinePartial2D(new, old, ransacReprojThreshold=_OFF)
    if whole is None or not np.isfinite(whole).all() or np.count_nonzero(inliers) < _LEAST_CORNERS:
        return None
    agree = np.asarray(inliers).ravel() > 0
    new, old = new[agree], old[agree]
    turn, shift = np.asarray(whole[:, :2].T, np.float32), np.asarray(whole[:, 2], np.float32)
    centres, size = _cells(now.shape[1], now.shape[0])
    field = centres @ (turn - _IDENTITY) + shift
    field += _bend(new / size, old - new @ turn - shift, centres.shape[:2])
    farthest = float(cv2.norm(field, cv2.NORM_INF))
    return field if farthest <= _FARTHEST * math.hypot(*now.shape) else None


_IDENTITY = np.eye(2, dtype=np.float32)


@functools.lru_cache(maxsize=4)
def _cells(width: int, height: int) -> tuple[F32, F32]:
    """The centres (rows, columns, 2) of a picture's cells, and the size of one, x and y in pixels."""
    columns, rows = -(-width // _CELL), -(-height // _CELL)
    size = np.array([width / columns, height / rows], np.float32)
    x, y = np.meshgrid(np.arange(columns, dtype=np.float32), np.arange(rows, dtype=np.float32))
    return (np.dstack([x, y]) + np.float32(0.5)) * size - np.float32(0.5), size


def _bend(at: F32, rest: F32, shape: tuple[int, ...]) -> F32:
    """What cells move beyond the whole: the mean of what the corners around them do, and nothing far from all corners.

    at: (n, 2), x and y in cells. rest: (n, 2), in pixels.
    """
    rows, columns = shape
    place = np.clip(at, 0, (columns - 1, rows - 1)).astype(np.intp)
    cell = place[:, 1] * columns + place[:, 0]
    sums = np.zeros((rows, columns, 3), np.float32)
    flat = sums.reshape(-1, 3)
    for axis in (0, 1):
        flat[:, axis] = np.bincount(cell, rest[:, axis], rows * columns)
    flat[:, 2] = np.bincount(cell, None, rows * columns)
    spread = cv2.GaussianBlur(sums, (0, 0), _SPREAD)
    return np.asarray(spread[..., :2] / (spread[..., 2:] + np.float32(_PRIOR)), np.float32)


def within(person: U8, frame: Size, margin: float) -> U8:
    """Where a mask may be carried to: (h, w) uint8, 255 no farther than `margin` from where `person` is at least half.

    person: (h, w) uint8. margin: a share of the frame's diagonal, kept on the safe side as `keep_near` does. A disc,
    and not its square, which would hold back a third of what may be carried: it is made once a mask.
    """
    height, width = person.shape
    across, down = frame.width / width, frame.height / height
    reach = max(0.0, margin * frame.diagonal - _UPSAMPLED * max(across, down))
    most_x, most_y = int(reach / across), int(reach / down)
    y, x = np.mgrid[-most_y : most_y + 1, -most_x : most_x + 1]
    disc = (np.hypot(x * across, y * down) <= reach).astype(np.uint8)
    _, region = cv2.threshold(person, 127, 255, cv2.THRESH_BINARY)
    return np.asarray(cv2.dilate(region, disc), np.uint8)


class Move:
    """Moves masks of one size by fields of motion, in buffers that are made once."""

    def __init__(self, mask: Size, grey: Size) -> None:
        self._mask = mask
        self._scale = np.array([mask.width / grey.width, mask.height / grey.height], np.float32)
        self._field = np.empty((mask.height, mask.width, 2), np.float32)
        x, y = np.meshgrid(np.arange(mask.width, dtype=np.float32), np.arange(mask.height, dtype=np.float32))
        self._places = np.dstack([x, y])

    def __call__(self, alpha: U8, field: F32, region: U8) -> U8:
        """A new mask (h, w) uint8: `alpha` moved by `field` (see `motion`), and nothing where `region` (h, w) is 0."""
        out = np.zeros_like(alpha)
        x, y, width, height = cv2.boundingRect(region)
        if not width:
            return out
        rect = Rect(x, y, x + width, y + height)
        cv2.resize(field * self._scale, self._mask, dst=self._field, interpolation=cv2.INTER_LINEAR)
        source = rect.of(self._field)
        np.add(source, rect.of(self._places), out=source)
        moved = cv2.remap(alpha, source, _LEFT_OUT, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        cv2.min(moved, rect.of(region), dst=rect.of(out))
        return out


def is_same_scene(one: U8 | None, other: U8 | None) -> bool:
    """Whether two grey pictures (h, w) uint8 of one size may be of one scene in one light; not if one is None."""
    if one is None or other is None or one.shape != other.shape:
        return False
    return float(cv2.norm(one, other, cv2.NORM_L1)) <= _CUT * one.size


class Carry:
    """Carries masks of one size on to later frames of one size; buffers are made once.

    margin: a share of the frame's diagonal; no farther than that from the engine's person goes any carried mask.
    """

    def __init__(self, frame: Size, mask: Size, margin: float) -> None:
        self._grey = Grey(frame)
        self._frame, self._mask, self._margin = frame, mask, margin
        self._move: Move | None = None
        self._now = self._grey.new()
        self._person: U8 | None = None  # whose corners and region these are
        self._corners: F32 | None = None
        self._region: U8 = self._now

    def grey(self, frame: Frame) -> U8:
        """What a mask of this frame needs to be carried on: the frame, small and grey, in memory of its own."""
        return self._grey(frame.planes.y, frame.halves[0], self._grey.new())

    def __call__(self, mask: Mask, frame: Frame) -> Mask:
        """The mask as it should be for this later frame; as it is where nothing can be said of the motion."""
        size = Size(mask.alpha.shape[1], mask.alpha.shape[0])
        if mask.person is None or mask.grey is None or size != self._mask or mask.grey.shape != self._now.shape:
            return mask
        if self._person is not mask.person:
            self._corners = corners_of(mask.grey, mask.alpha)
            self._region = within(mask.person, self._frame, self._margin)
            self._person = mask.person
        if self._corners is None:
            return mask
        self._move = self._move or Move(self._mask, self._grey.size)
        field = motion(mask.grey, self._corners, self._grey(frame.planes.y, frame.halves[0], self._now))
        if field is None:
            return mask
        alpha = self._move(mask.alpha, field, self._region)
        return Mask(alpha, mask.frame_index, mask.captured_at, mask.person, mask.grey)
