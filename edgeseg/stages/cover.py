"""Which part of a picture fills a frame of another shape: as large as needed, cut equally on both sides."""

from __future__ import annotations

import numpy as np

from edgeseg.frames import Planes, Rect, Size
from edgeseg.stages.preprocess import Shrink


class Cover:
    """Makes planes of one size cover planes of another, in buffers that are made once."""

    def __init__(self, source: Size, target: Size) -> None:
        self._part, grown = cover(source, target, 2)
        self._grown = Planes.allocate(grown) if grown != target else None
        left, top = (grown.width - target.width) // 4, (grown.height - target.height) // 4
        self._cuts = ((2 * left, 2 * top), (left, top), (left, top))
        luma, chroma = Shrink(self._part.size, grown), Shrink(self._part.size.chroma, grown.chroma)
        self._shrinks = (luma, chroma, chroma)

    def __call__(self, source: Planes, out: Planes) -> None:
        """Fill `out` with the middle of `source`, both of the sizes given before and both even."""
        left, top, right, bottom = self._part
        for index, target in enumerate(out):
            shift = 1 if index else 0
            plane = source[index][top >> shift : bottom >> shift, left >> shift : right >> shift]
            grown = self._grown[index] if self._grown else target
            self._shrinks[index](plane, grown)
            if self._grown:
                (x, y), (height, width) = self._cuts[index], target.shape
                np.copyto(target, grown[y : y + height, x : x + width])


def cover(source: Size, target: Size, step: int = 1) -> tuple[Rect, Size]:
    """The part of `source` to be resized, and to which size, of which the middle `target` pixels are shown.

    The part is no more than is seen, so that a panorama never grows to its full length. step: 2 keeps its edges on
    whole pixels of chroma planes; an odd last row or column is then left out. The size is even where `target` is.
    """
    scale = max(target.width / source.width, target.height / source.height)
    left, right = _middle(source.width, target.width / scale, step)
    top, bottom = _middle(source.height, target.height / scale, step)
    part = Rect(left, top, right, bottom)
    extra = 2 * step  # as much is cut off on one side as on the other, of each plane
    return part, Size(
        _grown(part.size.width * scale, target.width, extra), _grown(part.size.height * scale, target.height, extra)
    )


def _middle(whole: int, needed: float, step: int) -> tuple[int, int]:
    whole -= whole % step
    first = max(0, int((whole - needed) / 2 + 1e-6)) // step * step
    return first, whole - first


def _grown(side: float, target: int, step: int) -> int:
    return target + max(0, step * round((side - target) / step))
