"""A mask that does not flicker: smoothed over time where the model is unsure and the picture stands still.

Where the model is sure, or the picture moved, the new mask holds at once, so that nothing lags behind. Whether the
picture moved is seen at about the mask's own detail: a coarser look calls still what moves along an outline.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from edgeseg.frames import U8, Size
from edgeseg.stages.motion import Grey, is_same_scene

_OLD = 0.9  # the share of the mask before, at most
_MOVED = 16  # of 255: a grey pixel that differs by more has moved
_SIDE = 320  # pixels of the grey picture's longer side
_SPREAD = 3  # grey pixels: the side of the square over which that is averaged, against noise
_SURE = 16  # of 255: an alpha less than that from 0 or 255 is smoothed the less, the nearer it is


class Steady:
    """Smooths masks of one size over time, for frames of one size, in buffers that are made once."""

    def __init__(self, mask: Size, frame: Size) -> None:
        self._mask = mask
        self._grey = Grey(frame, _SIDE)
        self._last, self._next, self._moved = (self._grey.new() for _ in range(3))
        self._share, self._work = (np.empty((mask.height, mask.width), np.uint8) for _ in range(2))

    def __call__(self, alpha: U8, before: U8 | None, luma: U8, halves: Sequence[U8] = ()) -> U8:
        """A new mask (h, w) uint8 of `alpha` and of `before`, the mask of the call before, both of the same size.

        To be called for each mask in turn, with its frame's Y plane, and halves of that (see `Shrink`). It is `alpha`
        itself after a cut, and where there is no mask before that counts.
        """
        now, last = self._grey(luma, halves, self._next), self._last
        self._last, self._next = now, last
        if before is None or before.shape != alpha.shape or not is_same_scene(now, last):
            return alpha
        moved, share, work = self._moved, self._share, self._work
        cv2.absdiff(now, last, dst=moved)
        cv2.blur(moved, (_SPREAD, _SPREAD), dst=moved)
        cv2.addWeighted(moved, -255 * _OLD / _MOVED, moved, 0, 255 * _OLD, dst=moved)
        cv2.resize(moved, self._mask, dst=share, interpolation=cv2.INTER_LINEAR)
        cv2.bitwise_not(alpha, dst=work)
        cv2.min(alpha, work, dst=work)
        cv2.convertScaleAbs(work, dst=work, alpha=255 / _SURE)
        cv2.min(share, work, dst=share)
        cv2.multiply(before, share, dst=work, scale=1 / 255)
        cv2.bitwise_not(share, dst=share)
        out = cv2.multiply(alpha, share, scale=1 / 255)
        return np.asarray(cv2.add(out, work, dst=out), np.uint8)
