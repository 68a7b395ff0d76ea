"""The room itself, blurred: `blur` or `blur:N`, N from 1 (soft) to 100 (strong), 50 unless given.

The person is left out of the average, so that no halo of skin and clothes surrounds the outline: a normalised
convolution (Knutsson and Westin, "Normalized and Differential Convolution", CVPR 1993), at reduced size.
"""

from __future__ import annotations

import math
import re

import cv2
import numpy as np

from edgeseg.errors import UsageError
from edgeseg.frames import U8, Frame, Mask, Planes, Size
from edgeseg.stages.pixels import double
from edgeseg.stages.preprocess import Shrink

_SIGMA_LEAST = 2.0  # pixels of the frame: less is no blur, however small the frame
_SIGMA_SMALL = 0.95  # pixels of the reduced size, at least: with less, growing it back would show the grid
_LONG_SIDE = 320  # at most, of the size at which the person is left out: that of masks is 256 to 320
_NOBODY = 12  # an alpha up to this (of 255) is room: so little of a person colours nothing
_FAR = 0.01  # the weight of the wider neighbourhood, which tells only where no room is near
_ALL = 0.01  # the weight of the whole room's mean beside that
_SOFT = 8  # pixels of the frame for one of the reduced size, from which on neighbours differ too little to tell
_NO_ROOM = 0.1  # of 255: so little of it has no colour worth the name in 8 bits


class BlurBackground:
    """A Gaussian blur of the room; its standard deviation is 1 % to 3.5 % of the frame's diagonal.

    Raises UsageError if `where` is neither empty nor a whole number from 1 to 100.
    """

    paints_anew = True

    def __init__(self, where: str) -> None:
        strength = where or "50"
        if not re.fullmatch("[0-9]{1,3}", strength) or not 1 <= int(strength) <= 100:
            raise UsageError(f"The blur strength {where!r} is not a whole number from 1 to 100, such as blur:50.")
        self.strength = int(strength)
        self._room: _Room | None = None
        self._blur: _Blur | None = None

    def render(self, frame: Frame, mask: Mask | None) -> Planes:
        """See `Background.render`. Without a mask everything is blurred, the person too."""
        size = frame.planes.size
        if self._blur is None or self._blur.frame != size:
            sigma = size.diagonal * (0.01 + 0.025 * self.strength / 100)
            self._blur = _Blur(size, max(_SIGMA_LEAST, sigma))
        if mask is None:
            return self._blur.everything(frame)
        shape = Size(mask.alpha.shape[1], mask.alpha.shape[0])
        if self._room is None or (self._room.mask, self._room.work) != (shape, self._blur.work):
            self._room = _Room(shape, self._blur.work)
        return self._blur.only(frame, self._room(mask.alpha))

    @property
    def half(self) -> U8 | None:
        """See `Background.half`."""
        return self._blur.half if self._blur is not None else None

    def close(self) -> None:
        """Nothing is open."""


class _Room:
    """Where room is and nobody, from masks of one size; `work`: the size of the answer."""

    def __init__(self, mask: Size, work: Size) -> None:
        self.mask, self.work = mask, work
        # The compositor spreads the mask by one of its pixels, and the edge of a pixel of `work` lies up to half of
        # its side from its middle: what is nearer to the person than both may hold some of the person's colour.
        across, down = (1 + -(-m // (2 * w)) if m > w else 1 for m, w in zip(mask, work, strict=True))
        self._near = np.ones((2 * down + 1, 2 * across + 1), np.uint8)
        self._nobody = np.empty((mask.height, mask.width), np.uint8)
        self._eroded = np.empty_like(self._nobody)
        self._room = np.empty((work.height, work.width), np.uint8)

    def __call__(self, alpha: U8) -> U8:
        """(h, w) uint8, 255 room and 0 elsewhere."""
        cv2.threshold(alpha, _NOBODY, 255, cv2.THRESH_BINARY_INV, dst=self._nobody)
        cv2.erode(self._nobody, self._near, dst=self._eroded)
        cv2.resize(self._eroded, self.work, dst=self._room, interpolation=cv2.INTER_NEAREST_EXACT)
        return self._room


class _Blur:
    """The blur of frames of one size, in buffers that are made once. sigma: in pixels of the frame.

    frame -> `work`, where the person is taken out -> a small size, at which it is blurred -> frame.
    """

    def __init__(self, frame: Size, sigma: float) -> None:
        self.frame = frame
        # Sizes are halves of each other: a mean over anything else lets fine patterns through as coarse ones.
        halvings, self.work = 0, frame
        while max(self.work) > _LONG_SIDE and not (self.work.width | self.work.height) & 1:
            halvings, self.work = halvings + 1, Size(self.work.width // 2, self.work.height // 2)
        sigma /= 2**halvings
        more = max(0, math.floor(math.log2(sigma / _SIGMA_SMALL)))
        sigma /= 2**more
        self._kernel = cv2.getGaussianKernel(2 * math.ceil(3 * sigma) + 1, sigma, cv2.CV_32F)
        small = _part(self.work, 2**more)
        far = _part(small, 4)
        luma, chroma = Shrink(frame, self.work), Shrink(frame.chroma, self.work)
        self._shrinks = (luma, chroma, chroma)
        # Four channels are reduced together, which takes half as long as one after the other.
        self._works = [np.empty((self.work.height, self.work.width), np.uint8) for _ in range(3)]
        self._reduced, half = [np.empty((self.work.height, self.work.width, 4), np.uint8)], self.work
        while half.width > small.width and not (half.width | half.height) & 1:
            half = Size(half.width // 2, half.height // 2)
            self._reduced.append(np.empty((half.height, half.width, 4), np.uint8))
        if half != small:
            self._reduced.append(np.empty((small.height, small.width, 4), np.uint8))
        self._size, self._far_size = small, far
        shape = (small.height, small.width)
        self._everywhere = np.full(self._works[0].shape, 255, np.uint8)
        self._channel = np.empty(shape, np.uint8)
        self._sums = np.empty((*shape, 4), np.float32)
        self._wide = np.empty_like(self._sums)
        self._far = np.empty((far.height, far.width, 4), np.float32)
        self._parts = [np.empty(shape, np.float32) for _ in range(4)]
        self._out = Planes.allocate(frame)
        self._grown = {
            plane.shape: (np.empty(_half(plane.shape), np.uint8), np.empty(_half(plane.shape), np.uint16))
            for plane in self._out[:2]
            if not (plane.shape[0] | plane.shape[1]) & 1 and plane.shape[1] >= _SOFT * small.width
        }

    @property
    def half(self) -> U8 | None:
        """The luma of the last picture, if each of these pixels stands four times in it."""
        grown = self._grown.get(self._out.y.shape)
        return grown[0] if grown is not None else None

    def everything(self, frame: Frame) -> Planes:
        """All of the frame, whoever is in it."""
        small = self._reduce(frame, self._everywhere)
        cv2.sepFilter2D(small, cv2.CV_8U, self._kernel, self._kernel, dst=small, borderType=cv2.BORDER_REFLECT)
        for index, out in enumerate(self._out):
            cv2.extractChannel(small, index, dst=self._channel)
            self._grow(self._channel, out)
        return Planes(*self._out)  # a new picture in the same memory

    def only(self, frame: Frame, room: U8) -> Planes:
        """What is room, (h, w) uint8 of the size `work`, 255 or 0; its colours fill the rest; without any, all."""
        small = self._reduce(frame, room)
        # Sums of Y, U, V over the room near each place, and of the room itself: their ratio is the mean colour.
        sums, kernel = self._sums, self._kernel
        cv2.sepFilter2D(small, cv2.CV_32F, kernel, kernel, dst=sums, borderType=cv2.BORDER_REFLECT)
        mean = cv2.mean(sums)
        if mean[3] < _NO_ROOM:
            return self.everything(frame)
        cv2.resize(sums, self._far_size, dst=self._far, interpolation=cv2.INTER_AREA)
        cv2.sepFilter2D(self._far, cv2.CV_32F, kernel, kernel, dst=self._far, borderType=cv2.BORDER_REFLECT)
        self._far += np.array(mean, np.float32) * _ALL
        cv2.resize(self._far, self._size, dst=self._wide)
        cv2.scaleAdd(self._wide, _FAR, sums, dst=sums)
        *colors, weight = cv2.split(sums, self._parts)
        for color, out in zip(colors, self._out, strict=True):
            cv2.divide(color, weight, dst=self._channel, scale=255, dtype=cv2.CV_8U)
            self._grow(self._channel, out)
        return Planes(*self._out)  # a new picture in the same memory

    def _reduce(self, frame: Frame, room: U8) -> U8:
        """Y, U, V where room is, and the room itself, (h, w, 4) uint8 of the small size."""
        for shrink, plane, work, halves in zip(self._shrinks, frame.planes, self._works, frame.halves, strict=True):
            cv2.bitwise_and(shrink(plane, work, halves), room, dst=work)
        big = cv2.merge((*self._works, room), dst=self._reduced[0])
        for small in self._reduced[1:]:
            big = cv2.resize(big, (small.shape[1], small.shape[0]), dst=small, interpolation=cv2.INTER_AREA)
        return np.asarray(big, np.uint8)

    def _grow(self, small: U8, out: U8) -> None:
        # Cubic costs what linear does here, and shows no grid; of a picture so soft, one pixel in four is enough.
        height, width = out.shape
        half = self._grown.get(out.shape)
        if half is None:
            cv2.resize(small, (width, height), dst=out, interpolation=cv2.INTER_CUBIC)
            return
        cv2.resize(small, (width // 2, height // 2), dst=half[0], interpolation=cv2.INTER_CUBIC)
        double(*half, out)


def _half(shape: tuple[int, ...]) -> tuple[int, int]:
    return shape[0] // 2, shape[1] // 2


def _part(size: Size, divisor: int) -> Size:
    return Size(max(2, round(size.width / divisor)), max(2, round(size.height / divisor)))
