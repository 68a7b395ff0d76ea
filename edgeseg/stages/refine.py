"""Edge-following mask refinement: a fast guided filter, at about the mask's own size.

Source: He, Sun, Tang, "Guided Image Filtering", TPAMI 2013, and He, Sun, "Fast Guided Filter", arXiv:1505.00996.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from edgeseg.frames import F32, U8, Rect, Size
from edgeseg.stages.preprocess import Shrink, shrink_part

_SCALE = 1.25
_RADIUS = 2
_EPS = 3e-3 * 255 * 255


def refined(mask: Size) -> Size:
    """The size at which masks of a size are refined."""
    return Size(round(mask.width * _SCALE), round(mask.height * _SCALE))


class Refine:
    """Moves the edges of masks of one size to the edges of frames of one size; buffers are made once.

    The filter works at 1.25 times the mask's size with radius 2 and eps 0.003: the setting that gained most on the
    golden sets without losing boundary F (docs/decisions.md has the table).
    """

    def __init__(self, mask: Size, frame: Size) -> None:
        self.size = refined(mask)
        self._frame = frame
        self._shrink = Shrink(frame, self.size)
        self._window = (2 * _RADIUS + 1, 2 * _RADIUS + 1)
        shape = (self.size.height, self.size.width)
        self._guide = np.empty(shape, np.uint8)
        self._alpha = np.empty(shape, np.uint8)
        self._f: list[F32] = [np.empty(shape, np.float32) for _ in range(6)]

    @property
    def unrefined(self) -> U8:
        """The last `alpha` at `size`, before the filter."""
        return self._alpha

    def __call__(self, alpha: U8, luma: U8, halves: Sequence[U8] = (), look: Rect | None = None) -> U8:
        """A new alpha (h, w) uint8 of `size`, locally a linear function of `luma`, the frame's Y plane.

        halves: of `luma`, see `Shrink`. look: the part of the frame, in pixels, that `alpha` is of; None: all of it.
        """
        luma = luma[: self._frame.height, : self._frame.width]
        if look is None:
            guide = self._shrink(luma, self._guide, halves)
        else:
            guide = shrink_part(luma, halves, look, self._guide)
        cv2.resize(alpha, self.size, dst=self._alpha)
        i, p, mean_i, mean_p, corr, var = self._f
        np.copyto(i, guide)
        np.copyto(p, self._alpha)
        self._mean(i, mean_i)
        self._mean(p, mean_p)
        cv2.multiply(i, p, dst=corr)
        self._mean(corr, corr)
        cv2.multiply(i, i, dst=var)
        self._mean(var, var)
        # a = cov(I, p) / (var(I) + eps), b = mean(p) - a mean(I)
        cv2.multiply(mean_i, mean_p, dst=p)
        cv2.subtract(corr, p, dst=corr)
        cv2.multiply(mean_i, mean_i, dst=p)
        cv2.subtract(var, p, dst=var)
        var += np.float32(_EPS)
        a, b = corr, p
        cv2.divide(corr, var, dst=a)
        cv2.multiply(a, mean_i, dst=b)
        cv2.subtract(mean_p, b, dst=b)
        self._mean(a, mean_i)
        self._mean(b, mean_p)
        cv2.multiply(mean_i, i, dst=i)
        cv2.add(i, mean_p, dst=i)
        return np.clip(i, 0, 255, out=i).astype(np.uint8)

    def _mean(self, source: F32, out: F32) -> None:
        cv2.boxFilter(source, -1, self._window, dst=out, borderType=cv2.BORDER_REFLECT)
