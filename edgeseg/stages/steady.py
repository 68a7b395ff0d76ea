"""A mask that does not flicker: smoothed over time where the model is unsure and the picture stands still.

Where the model is sure, or the picture moved, the new mask holds at once, so that nothing lags behind. Whether the
picture moved is seen in the small grey pictures that masks are carried on by (`motion`).
"""

from __future__ import annotations

import cv2
import numpy as np

from edgeseg.frames import U8, Size
from edgeseg.stages.motion import is_same_scene

_OLD = 0.8  # the share of the mask before, at most
_MOVED = 16  # of 255: a grey pixel that differs by more has moved
_SPREAD = 5  # grey pixels: the side of the square over which that is averaged, for what is near moves too


class Steady:
    """Smooths masks of one size over time, in buffers that are made once. grey: the size of the grey pictures."""

    def __init__(self, mask: Size, grey: Size) -> None:
        self._mask = mask
        self._small = np.empty((grey.height, grey.width), np.uint8)
        self._share, self._work = (np.empty((mask.height, mask.width), np.uint8) for _ in range(2))

    def __call__(self, alpha: U8, grey: U8, before: U8, grey_before: U8) -> U8:
        """A new mask (h, w) uint8 of `alpha` and of the mask before, both of the same size.

        grey, grey_before: the frames of the two, small and grey. After a cut it is `alpha` itself.
        """
        if not is_same_scene(grey, grey_before) or before.shape != alpha.shape:
            return alpha
        small, share, work = self._small, self._share, self._work
        cv2.absdiff(grey, grey_before, dst=small)
        cv2.blur(small, (_SPREAD, _SPREAD), dst=small)
        cv2.addWeighted(small, -255 * _OLD / _MOVED, small, 0, 255 * _OLD, dst=small)
        cv2.resize(small, self._mask, dst=share, interpolation=cv2.INTER_LINEAR)
        _unsure(alpha, work)
        cv2.min(share, work, dst=share)
        cv2.multiply(before, share, dst=work, scale=1 / 255)
        cv2.bitwise_not(share, dst=share)
        out = cv2.multiply(alpha, share, scale=1 / 255)
        return np.asarray(cv2.add(out, work, dst=out), np.uint8)


def _unsure(alpha: U8, out: U8) -> None:
    """Into `out`: 255 where `alpha` is a quarter to three quarters, less the nearer it is to 0 or 255, there 0."""
    cv2.bitwise_not(alpha, dst=out)
    cv2.min(alpha, out, dst=out)
    cv2.add(out, out, dst=out)
    cv2.add(out, out, dst=out)
