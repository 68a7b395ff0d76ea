"""Frame to model input: shrink, convert, scale. RGB exists at the model's size only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edgeseg.frames import NO_HALVES, U8, ColorSpace, Halves, Planes, Rect, Size
from edgeseg.ports import ModelIO


def content_rect(io: ModelIO, frame: Size) -> Rect:
    """Where in the model's input the frame lies: all of it when stretched, centred when letterboxed."""
    if io.fit == "stretch":
        return Rect(0, 0, io.width, io.height)
    scale = min(io.width / frame.width, io.height / frame.height)
    width = max(1, min(io.width, round(frame.width * scale)))
    height = max(1, min(io.height, round(frame.height * scale)))
    left, top = (io.width - width) // 2, (io.height - height) // 2
    return Rect(left, top, left + width, top + height)


class Shrink:
    """Resizes planes of one size to another, without aliasing and without allocating.

    Halving by the mean of 2 x 2 (which OpenCV does with SIMD) until less than a factor of two is left, then
    bilinear: close to an area filter at a fifth of its cost. What must grow grows by a cubic: small pictures have less
    chroma than a model takes, bilinear would blur it once more, and the score falls. Intel's library (IPP) rounds it
    otherwise with SSE4.2, AVX2 and AVX-512, so it is left out: a model shall see the same on every PC.
    """

    def __init__(self, source: Size, target: Size) -> None:
        self._halves: list[U8] = []
        w, h = source
        while w % 2 == 0 and h % 2 == 0 and w > 2 * target.width and h > 2 * target.height:
            w, h = w // 2, h // 2
            self._halves.append(np.empty((h, w), np.uint8))
        self._target = target
        self._last = cv2.INTER_CUBIC if source.width < target.width else cv2.INTER_LINEAR

    def __call__(self, plane: U8, out: U8, halves: Sequence[U8] = ()) -> U8:
        """`plane` (uint8, the source size) at the target size: in `out`, or one of `halves` if it is just that.

        halves: of `plane` (`Frame.halves`), as far as somebody has made them.
        """
        for half in halves:
            if half.shape == out.shape:
                return half
        for depth, own in enumerate(self._halves):
            if depth >= len(halves):
                cv2.resize(plane, (own.shape[1], own.shape[0]), dst=own, interpolation=cv2.INTER_AREA)
            plane = halves[depth] if depth < len(halves) else own
        had = cv2.ipp.useIPP()  # of this thread
        cv2.ipp.setUseIPP(False)
        cv2.resize(plane, self._target, dst=out, interpolation=self._last)
        cv2.ipp.setUseIPP(had)
        return out


def shrink_part(plane: U8, halves: Sequence[U8], part: Rect, out: U8) -> U8:
    """The part of `plane` (uint8) resized into `out`, from the smallest of its halves that is no smaller than that.

    halves: of `plane` (`Frame.halves`). part: in pixels of `plane`; where its edges are no whole pixels of a half, what
    is less than one is lost.
    """
    height, width = out.shape
    depth, planes = 0, (plane, *halves)
    while depth + 1 < len(planes) and (part.size.width >> depth + 1, part.size.height >> depth + 1) >= (width, height):
        depth += 1
    found = Rect(*(edge >> depth for edge in part)).of(planes[depth])
    if found.shape == out.shape:
        np.copyto(out, found)
        return out
    how = cv2.INTER_LINEAR
    if found.shape[1] < width:
        how = cv2.INTER_CUBIC
    elif found.shape[1] > 2 * width:
        how = cv2.INTER_AREA
    cv2.resize(found, (width, height), dst=out, interpolation=how)
    return out


class ModelInput:
    """The buffers between frames of one size and colour space and one model's input.

    rect: where the frame lies in the input, or what of it was asked about last.
    """

    def __init__(self, io: ModelIO, frame: Size, color: ColorSpace) -> None:
        self.rect = self._whole = content_rect(io, frame)
        size = self.rect.size
        self._io, self._frame = io, frame
        luma, chroma = Shrink(frame, size), Shrink(frame.chroma, size)
        self._shrinks = (luma, chroma, chroma)
        self._channels = [np.empty((io.height, io.width), np.uint8) for _ in range(3)]
        self._yuv = np.empty((io.height, io.width, 3), np.uint8)
        self._rgb = np.empty_like(self._yuv)
        self._matrix = color.to_rgb()
        self._dtype = io.dtype
        self._black = -128 if io.dtype == "int8" else 0
        self.tensor: npt.NDArray[Any] = np.full((io.height, io.width, 3), self._black, io.dtype)

    def fill(self, planes: Planes, halves: Halves = NO_HALVES, look: Rect | None = None) -> npt.NDArray[Any]:
        """Write the frame into `tensor`, (height, width, 3) RGB of the model's dtype, and return it.

        halves: of the planes (`Frame.halves`). look: the part of the frame that is written, in pixels; None: all of it.
        """
        rect = self._whole if look is None else content_rect(self._io, look.size)
        if rect != self.rect:
            self.rect = rect
            self.tensor.fill(self._black)
        width, height = rect.size
        channels = [channel[:height, :width] for channel in self._channels]
        # Without the row or column that made the planes even: half a pixel is seen in the score.
        luma = planes.y[: self._frame.height, : self._frame.width]
        sources = (luma, planes.u, planes.v)
        if look is None:
            shrunk = tuple(map(Shrink.__call__, self._shrinks, sources, channels, halves))
        else:
            small = Rect(look.left // 2, look.top // 2, -(-look.right // 2), -(-look.bottom // 2))
            shrunk = tuple(map(shrink_part, sources, halves, (look, small, small), channels))
        yuv, rgb = self._yuv[:height, :width], self._rgb[:height, :width]
        cv2.merge(shrunk, dst=yuv)
        cv2.transform(yuv, self._matrix, dst=rgb)
        inside = self.rect.of(self.tensor)
        if self._dtype == "float32":
            np.multiply(rgb, np.float32(1 / 255), out=inside)
        elif self._dtype == "int8":  # 128 less is the same bits with the first one turned over
            np.bitwise_xor(rgb, np.uint8(128), out=inside.view(np.uint8))
        else:
            np.copyto(inside, rgb)
        return self.tensor
