"""From one meaning of Y, U and V to another: BT.601 or BT.709, limited or full range."""

from __future__ import annotations

import cv2
import numpy as np

from edgeseg.frames import U8, ColorSpace, Planes, Size


class Recolor:
    """Converts planes of one size in place, in 8 bits; the worst error is two levels of 255.

    Grey is grey in every colour space, so that U and V depend on U and V alone, and what they add to Y is worked
    out at their own, smaller size.
    """

    def __init__(self, size: Size, source: ColorSpace, target: ColorSpace) -> None:
        self._same = source == target
        square = np.vstack([source.to_rgb(), [0, 0, 0, 1]])
        self._y, self._u, self._v = ([float(x) for x in row] for row in target.from_rgb() @ square)
        chroma = size.chroma
        self._scratch: list[U8] = [np.empty((chroma.height, chroma.width), np.uint8) for _ in range(2)]
        self._share: U8 = np.empty((size.even.height, size.even.width), np.uint8)

    def __call__(self, planes: Planes) -> None:
        """Convert `planes`, of the size given before."""
        if self._same:
            return
        y, u, v = planes
        gain, of_u, of_v, zero = self._y
        share, old_u = self._scratch
        if max(abs(of_u), abs(of_v)) < 1e-6:  # the same matrix in another range
            cv2.addWeighted(y, gain, y, 0, zero, dst=y)
        else:
            cv2.addWeighted(u, of_u, v, of_v, 128 - 128 * (of_u + of_v), dst=share)
            cv2.resize(share, (y.shape[1], y.shape[0]), dst=self._share)
            cv2.addWeighted(y, gain, self._share, 1, zero + 128 * (of_u + of_v) - 128, dst=y)
        np.copyto(old_u, u)
        cv2.addWeighted(old_u, self._u[1], v, self._u[2], self._u[3], dst=u)
        cv2.addWeighted(old_u, self._v[1], v, self._v[2], self._v[3], dst=v)
