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
_SURE = 64  # of 255: an alpha nearer than that to 0 or 255 is more sure the nearer it is
_SPREAD = 1.5  # grey pixels: what lies so near to something that moved counts as moved

_STILL = np.rint(255 * _OLD * np.clip(1 - np.arange(256) / _MOVED, 0, 1)).astype(np.uint8)
_UNSURE = np.rint(255 * np.clip((127.5 - np.abs(np.arange(256) - 127.5)) / _SURE, 0, 1)).astype(np.uint8)


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
        cv2.GaussianBlur(small, (0, 0), _SPREAD, dst=small)
        cv2.LUT(small, _STILL, dst=small)
        cv2.resize(small, self._mask, dst=share, interpolation=cv2.INTER_LINEAR)
        cv2.LUT(alpha, _UNSURE, dst=work)
        cv2.multiply(share, work, dst=share, scale=1 / 255)
        cv2.multiply(before, share, dst=work, scale=1 / 255)
        cv2.bitwise_not(share, dst=share)
        out = cv2.multiply(alpha, share, scale=1 / 255)
        return np.asarray(cv2.add(out, work, dst=out), np.uint8)
