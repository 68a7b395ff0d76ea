"""Specks out, holes shut: what of a mask is a person, judged island by island at a small size.

An island goes if the model is nowhere sure of it, which is how an empty room looks to it, or if it is a speck beside
somebody large. A speck stays if it touches the frame's edge, where people enter, or lies close to the person, as a hand
or what it holds does; any speck that stays where it is shows after `SHOWN_S`, so that nobody is hidden for long. A hole
is shut if it is small and the model is not sure that the room is seen through it.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from edgeseg.frames import F32, U8, Size

Bool = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.int32]

SHOWN_S = 0.4  # a sure speck that stays for so long is shown
_SIDE = 160  # pixels of the longer side at which islands are judged
_SURE = 232  # of 255: an island without a place so sure is none
_LEAST = 0.0005  # of the frame: what is smaller is a speck
_BESIDE = 0.02  # of the largest island: likewise
_NEAR = 0.03  # of the diagonal: so near to the person it belongs to him
_HOLE = 0.006  # of the diagonal: no place of a hole that is shut is farther from the person
_ROOM = 48  # of 255: below that the model is sure enough of the room


class Tidy:
    """Tidies masks of one size, in buffers that are made once; it remembers which specks were there before."""

    def __init__(self, mask: Size) -> None:
        scale = min(1.0, _SIDE / max(mask))
        self._size = Size(max(1, round(mask.width * scale)), max(1, round(mask.height * scale)))
        shape = (self._size.height, self._size.width)
        self._mask = mask
        self._share, self._sure = (np.empty(shape, np.uint8) for _ in range(2))
        self._binary = np.empty((mask.height, mask.width), np.uint8)
        self._for_s: F32 = np.zeros(shape, np.float32)  # how long a speck has been at each place
        near = math.ceil(_NEAR * self._size.diagonal)
        self._near = np.ones((2 * near + 1, 2 * near + 1), np.uint8)
        self._at_s = -math.inf

    def forget(self) -> None:
        """Specks of before count no more."""
        self._for_s[...] = 0
        self._at_s = -math.inf

    def __call__(self, alpha: U8, person: U8, at_s: float) -> U8:
        """`alpha` without specks and holes, in place.

        alpha, person: (h, w) uint8, the mask and what the model said of it. at_s: the frame's time.
        """
        since_s = at_s - self._at_s if math.isfinite(self._at_s) else 0.0
        self._at_s = at_s
        cv2.threshold(alpha, 127, 255, cv2.THRESH_BINARY, dst=self._binary)
        share, sure = self._share, self._sure
        cv2.resize(self._binary, self._size, dst=share, interpolation=cv2.INTER_AREA)
        cv2.resize(person, self._size, dst=sure, interpolation=cv2.INTER_AREA)
        count, labels, stats = _islands(share > 0)
        if count == 1:
            self._for_s[...] = 0
            return alpha
        self._shut_holes(alpha, share, sure)
        keeps = self._judged(labels, stats, share, sure, since_s)
        if not keeps[1:].all():
            self._spread(keeps, labels)
            cv2.min(alpha, self._binary, dst=alpha)
        return alpha

    def _judged(self, labels: Labels, stats: Labels, share: U8, sure: U8, since_s: float) -> Bool:
        """Which islands stay, (count,) bool."""
        areas = np.bincount(labels.ravel(), share.ravel(), len(stats)) / 255 / share.size
        is_sure = np.bincount(labels.ravel(), (sure >= _SURE).ravel(), len(stats)) > 0
        is_sure[0] = False
        largest = int(np.argmax(np.where(is_sure, areas, 0)))
        is_large = is_sure & (areas >= max(_LEAST, _BESIDE * areas[largest]))
        specks = is_sure & ~is_large
        if not specks.any():
            self._for_s[...] = 0
            return np.asarray(is_sure)
        near = np.asarray(cv2.dilate(is_large[labels].astype(np.uint8), self._near), bool)
        x, y, right, bottom = stats[:, 0], stats[:, 1], stats[:, 0] + stats[:, 2], stats[:, 1] + stats[:, 3]
        touches = (x == 0) | (y == 0) | (right == self._size.width) | (bottom == self._size.height)
        touches |= np.bincount(labels.ravel(), near.ravel(), len(areas)) > 0
        # Where a speck was a moment ago, or close by, there it counts on.
        before = cv2.dilate(self._for_s, np.ones((5, 5), np.uint8))
        self._for_s = np.where(specks[labels], before + max(0.0, min(since_s, SHOWN_S)), 0).astype(np.float32)
        lasted = np.bincount(labels.ravel(), (self._for_s >= SHOWN_S - 1e-6).ravel(), len(areas)) > 0
        return np.asarray(is_large | (specks & (touches | lasted)))

    def _shut_holes(self, alpha: U8, share: U8, sure: U8) -> None:
        """Holes all near the person, in which the model is not sure of the room, become person.

        share, sure: how much of each small pixel is person, and what the model said of it.
        """
        count, labels, stats = _islands(share < 128, connectivity=4)
        if count < 2:
            return
        x, y, right, bottom = stats[:, 0], stats[:, 1], stats[:, 0] + stats[:, 2], stats[:, 1] + stats[:, 3]
        is_inside = (x > 0) & (y > 0) & (right < self._size.width) & (bottom < self._size.height)
        is_small = np.minimum(stats[:, 2], stats[:, 3]) <= 2 * _HOLE * self._size.diagonal
        doubt = np.bincount(labels.ravel(), sure.ravel(), count) / np.maximum(1, stats[:, 4])
        shut = is_inside & is_small & (doubt >= _ROOM)
        shut[0] = False
        if shut.any():
            self._spread(shut, labels)
            cv2.max(alpha, self._binary, dst=alpha)

    def _spread(self, wanted: Bool, labels: Labels) -> None:
        """Into the buffer of the mask's size: 255 at the wanted islands and one small pixel around them."""
        at = np.asarray(wanted.astype(np.uint8)[labels] * np.uint8(255), np.uint8)
        at = np.asarray(cv2.dilate(at, np.ones((3, 3), np.uint8)), np.uint8)
        cv2.resize(at, self._mask, dst=self._binary, interpolation=cv2.INTER_NEAREST)


def _islands(where: Bool, connectivity: int = 8) -> tuple[int, Labels, Labels]:
    """How many there are and the rest, each place's number, and each one's x, y, width, height, area; 0: the rest."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(where.astype(np.uint8), connectivity=connectivity)
    return count, np.asarray(labels, np.int32), np.asarray(stats, np.int32)
