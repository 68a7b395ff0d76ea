"""Person over background, in 8 bits, plane by plane, only where the person is."""

from __future__ import annotations

import math

import cv2
import numpy as np

from edgeseg.frames import U8, Planes, Rect, Size
from edgeseg.stages.pixels import double


class Blend:
    """Blends frames of one size with masks of one size, in buffers that are made once."""

    def __init__(self, frame: Size, mask: Size) -> None:
        even = frame.even
        self._even = even
        self._mask = mask
        # A part of the mask upsamples to exactly the same pixels as the whole does if its edges fall on whole
        # pixels of both planes: its corners must be multiples of these steps.
        self._step_x = mask.width // math.gcd(mask.width, even.width // 2)
        self._step_y = mask.height // math.gcd(mask.height, even.height // 2)
        self._alpha = [
            np.empty((even.height, even.width), np.uint8),
            np.empty((even.height // 2, even.width // 2), np.uint8),
        ]
        self._is_coarse = mask.width <= even.width // 2 and mask.height <= even.height // 2
        self._pairs = np.empty((even.height // 2, even.width // 2), np.uint16)
        self._rect: Rect | None = None  # where the last call showed the person
        self._last: tuple[Planes, Planes] | None = None
        self._rest = [np.empty_like(a) for a in self._alpha]
        self._scratch = [np.empty_like(a) for a in self._alpha]

    def person_rect(self, alpha: U8) -> Rect | None:
        """The part of the mask (in mask pixels) outside of which no person shows; None if nobody is there."""
        x, y, w, h = cv2.boundingRect(alpha)
        if not w:
            return None
        sx, sy = self._step_x, self._step_y
        # One pixel more on each side: bilinear upsampling spreads that far.
        left, top = max(0, x - 1) // sx * sx, max(0, y - 1) // sy * sy
        right = min(self._mask.width, -(-(x + w + 1) // sx) * sx)
        bottom = min(self._mask.height, -(-(y + h + 1) // sy) * sy)
        return Rect(left, top, right, bottom)

    def __call__(
        self, person: Planes, alpha: U8 | None, background: Planes, out: Planes, half: U8 | None = None
    ) -> None:
        """out = person * alpha + background * (1 - alpha), alpha (h, w) uint8 resized bilinearly.

        Where alpha is 0 the result is exactly the background, where it is 255 exactly the person; None is all 0. The
        same `background` and `out` objects as at the last call mean that both are as they were then. `out` may be
        `background` itself, into which the person is put then. half: of a background whose luma is four times each of
        these pixels (H/2, W/2), from which its share is made at a quarter of the work.
        """
        whole = Rect(0, 0, *self._mask)
        same = self._last is not None and self._last[0] is background and self._last[1] is out
        stale = self._rect if same else whole
        rect = self.person_rect(alpha) if alpha is not None else None
        self._rect, self._last = rect, (background, out)
        hole = rect or Rect(0, 0, 0, 0)
        if rect is not None and alpha is not None:
            self._upsample(rect.of(alpha), self._scale(rect, 0), self._scale(rect, 1))
        for level, planes in ((1, (1, 2)), (0, (0,))):
            where = self._scale(hole, level)
            up, rest, scratch = (where.of(a[level]) for a in (self._alpha, self._rest, self._scratch))
            doubled = level == 0 and half is not None and self._is_coarse
            if rect is not None and not doubled:
                cv2.bitwise_not(up, dst=rest)
            for plane in planes:
                if stale is not None and out is not background:
                    _copy_around(background[plane], where, out[plane], self._scale(stale, level))
                if rect is not None:
                    target = where.of(out[plane])
                    if doubled and half is not None:
                        self._share_of(half, self._scale(hole, 1), scratch)
                    else:
                        cv2.multiply(where.of(background[plane]), rest, dst=scratch, scale=1 / 255)
                    cv2.multiply(where.of(person[plane]), up, dst=target, scale=1 / 255)
                    cv2.add(target, scratch, dst=target)

    def _share_of(self, half: U8, where: Rect, luma: U8) -> None:
        """The background's share of the luma, once the chroma's masks are made."""
        rest, share = where.of(self._rest[1]), where.of(self._scratch[1])
        cv2.multiply(where.of(half), rest, dst=share, scale=1 / 255)
        double(share, where.of(self._pairs), luma)

    def _upsample(self, part: U8, luma: Rect, chroma: Rect) -> None:
        """Bilinear to the size of the chroma planes, then each pixel doubled, two bytes at a time.

        Where the mask is coarser than the chroma planes, the luma's own bilinear mask would look the same; it takes a
        third of the blend's time, and this a tenth. In small frames the mask is finer, and the luma gets its own.
        """
        up = chroma.of(self._alpha[1])
        cv2.resize(part, chroma.size, dst=up, interpolation=cv2.INTER_LINEAR)
        if not self._is_coarse:
            cv2.resize(part, luma.size, dst=luma.of(self._alpha[0]), interpolation=cv2.INTER_LINEAR)
            return
        double(up, chroma.of(self._pairs), luma.of(self._alpha[0]))

    def _scale(self, rect: Rect, level: int) -> Rect:
        width, height = self._even.width >> level, self._even.height >> level
        mw, mh = self._mask
        return Rect(
            rect.left * width // mw, rect.top * height // mh, rect.right * width // mw, rect.bottom * height // mh
        )


class CutOut:
    """Cuts people out of frames of one size, for sinks that keep transparency.

    alpha: (H, W) uint8 of the planes' size, what the last call made of the mask.
    """

    def __init__(self, frame: Size) -> None:
        even = frame.even
        self.alpha: U8 = np.empty((even.height, even.width), np.uint8)
        self._size = even

    def __call__(self, person: Planes, alpha: U8 | None, out: Planes, black: tuple[int, int, int]) -> None:
        """Straight alpha: the person's own colours where alpha is not 0, black elsewhere; no mask, nobody."""
        out.fill(black)
        if alpha is None:
            self.alpha[...] = 0
            return
        cv2.resize(alpha, self._size, dst=self.alpha, interpolation=cv2.INTER_LINEAR)
        # A chroma sample belongs to four pixels: it stays if any of them shows.
        chroma = cv2.dilate(self.alpha, np.ones((2, 2), np.uint8), anchor=(0, 0))[::2, ::2]
        for source, mask, target in zip(person, (self.alpha, chroma, chroma), out, strict=True):
            np.copyto(target, source, where=mask > 0)


def _copy_around(source: U8, hole: Rect, out: U8, within: Rect) -> None:
    """Copy the part `within` of `source`, but for what of it lies in `hole`."""
    left, top, right, bottom = within
    upper, lower = min(max(hole.top, top), bottom), min(max(hole.bottom, top), bottom)
    inner, outer = min(max(hole.left, left), right), min(max(hole.right, left), right)
    for rows, columns in (
        (slice(top, upper), slice(left, right)),
        (slice(lower, bottom), slice(left, right)),
        (slice(upper, lower), slice(left, inner)),
        (slice(upper, lower), slice(outer, right)),
    ):
        if rows.start < rows.stop and columns.start < columns.stop:
            out[rows, columns] = source[rows, columns]
