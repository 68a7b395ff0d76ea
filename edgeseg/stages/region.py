"""Where to look: the part of the frame that the model is given, so that a small person is not small for it.

Pure: the time is an argument. A look follows the box of the last mask with a margin; it stays as long as the box fits
it, so that the mask does not tremble with it; it runs ahead of a box that moves; and it is a whole one when nobody was
found, when somebody was cut by its edge, and often enough that whoever enters beside it is hidden for no longer than
half a second.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from edgeseg.frames import U8, Rect, Size
from edgeseg.ports import ModelIO

HIDDEN_S = 0.45  # the longest time between two whole looks: half a second, but for what showing takes
CLOSE = 0.1  # of the box, on each side
WIDE = 0.4  # likewise, for models that want to see a whole body with room around it
SPARE = 0.05  # of the box: a look that leaves no more on some side is made anew
LOOSE = 0.6  # a look is made anew if a new one would have no more than this share of its area
AHEAD_S = 0.2  # a moving edge is met where it would be after so long
MOST_AREA = 0.6  # of the frame: a look as large as that is a whole one
LEAST = 0.2  # of the frame's sides: no look is smaller


def margin_of(io: ModelIO) -> float:
    """Of a box, on each side, that a model wants to see around people: models that are not squeezed into want more."""
    return WIDE if io.fit == "letterbox" else CLOSE


def whole(frame: Size) -> Rect:
    """All of a frame."""
    return Rect(0, 0, *frame)


def step_of(frame: Size) -> int:
    """Pixels: the edges of looks are multiples of so many, so that halved planes have whole pixels there."""
    return 16 if max(frame) >= 640 else 4


def box_of(alpha: U8, frame: Size) -> Rect | None:
    """The box in a frame around all that is at least half person in a mask of it, (h, w) uint8; None: nobody."""
    height, width = alpha.shape
    _, person = cv2.threshold(alpha, 127, 255, cv2.THRESH_BINARY)
    x, y, w, h = cv2.boundingRect(person)
    if not w:
        return None
    across, down = frame.width / width, frame.height / height
    return Rect(int(x * across), int(y * down), math.ceil((x + w) * across), math.ceil((y + h) * down))


def look_around(
    box: Rect, frame: Size, ahead: tuple[float, float, float, float] = (0, 0, 0, 0), margin: float = CLOSE
) -> Rect:
    """A look at a box: with a margin, farther where its edges move.

    ahead: pixels that the left, top, right and bottom edge will go, added where it is outwards. It lies in the frame,
    its edges are multiples of `step_of` or the frame's own. Its aspect is the box's: models take a squeezed person
    well.
    """
    w, h = box.size
    left = box.left - margin * w + min(0.0, ahead[0])
    top = box.top - margin * h + min(0.0, ahead[1])
    right = box.right + margin * w + max(0.0, ahead[2])
    bottom = box.bottom + margin * h + max(0.0, ahead[3])
    left, right = _at_least(left, right, LEAST * frame.width, frame.width)
    top, bottom = _at_least(top, bottom, LEAST * frame.height, frame.height)
    step = step_of(frame)
    return Rect(
        max(0, math.floor(left / step) * step),
        max(0, math.floor(top / step) * step),
        min(frame.width, math.ceil(right / step) * step),
        min(frame.height, math.ceil(bottom / step) * step),
    )


def squared(box: Rect) -> Rect:
    """A box's shorter side grown to the longer one, about its centre; it may reach out of the frame.

    For models that a look is letterboxed to: it costs no detail, and they see room where there were bars.
    """
    w, h = box.size
    across, down = max(0, h - w) // 2, max(0, w - h) // 2
    return Rect(box.left - across, box.top - down, box.right + across, box.bottom + down)


def _at_least(low: float, high: float, length: float, most: int) -> tuple[float, float]:
    """The span made so long, about its middle, and moved into 0..most where it hangs over."""
    low, high = max(0.0, low), min(float(most), high)
    more = max(0.0, min(length, most) - (high - low)) / 2
    low, high = low - more, high + more
    shift = max(0.0, -low) - max(0.0, high - most)
    return max(0.0, low + shift), min(float(most), high + shift)


def is_inside(box: Rect, look: Rect, frame: Size, spare: float) -> bool:
    """Whether `box` lies in `look` with so much of itself to spare on each side, but for the frame's own edges."""
    x, y = spare * box.size.width, spare * box.size.height
    return (
        (look.left == 0 or box.left - x >= look.left)
        and (look.top == 0 or box.top - y >= look.top)
        and (look.right == frame.width or box.right + x <= look.right)
        and (look.bottom == frame.height or box.bottom + y <= look.bottom)
    )


def area(rect: Rect) -> int:
    """In pixels."""
    return rect.size.width * rect.size.height


@dataclass(slots=True)
class _Found:
    """A box and when it was seen."""

    box: Rect
    at_s: float


class Region:
    """Where to look in frames of one size, from what was found where it was looked before.

    margin: a share of the box around people, on each side; it may change between two looks.
    """

    def __init__(self, frame: Size) -> None:
        self._frame = frame
        self.margin = CLOSE
        self._whole = whole(frame)
        self.forget()

    def forget(self) -> None:
        """The next look is a whole one."""
        self._look = self._whole  # where the person was found last is in it
        self._found: _Found | None = None
        self._speed = (0.0, 0.0, 0.0, 0.0)
        self._whole_at_s = -math.inf
        self._asked_at_s = -math.inf
        self._is_due = True

    def look(self, now_s: float) -> Rect:
        """Where to look at a frame of this time (seconds)."""
        interval_s = now_s - self._asked_at_s
        self._asked_at_s = now_s
        since_s = now_s - self._whole_at_s
        # The next chance is one interval away, and who is found is shown another one later: that must not be too late.
        due = self._is_due or interval_s < 0 or not since_s + 2 * interval_s <= HIDDEN_S
        if due or self._look == self._whole:
            self._whole_at_s, self._is_due = now_s, False
            return self._whole
        return self._look

    def again(self, alpha: U8) -> Rect | None:
        """Where to look once more at a frame of which a look at all found this, (h, w) uint8; None: all was seen."""
        box = box_of(alpha, self._frame)
        if box is None:
            return None
        if self._look == self._whole or not is_inside(box, self._look, self._frame, SPARE):
            self._look = self._wished(box)
        return self._look if self._look != self._whole else None

    def found(self, alpha: U8, look: Rect, now_s: float) -> None:
        """What a look at a frame of this time found: the frame's mask, (h, w) uint8."""
        box = box_of(alpha, self._frame)
        if box is None:
            whole_at_s, asked_at_s = self._whole_at_s, self._asked_at_s
            self.forget()
            if look == self._whole:
                self._whole_at_s, self._asked_at_s = whole_at_s, asked_at_s
            return
        before, self._found = self._found, _Found(box, now_s)
        took_s = now_s - before.at_s if before is not None else 0.0
        if before is not None and 1e-3 < took_s <= 2 * HIDDEN_S:
            self._speed = tuple((b - a) / took_s for a, b in zip(before.box, box, strict=True))  # type: ignore[assignment]
        else:
            self._speed = (0.0, 0.0, 0.0, 0.0)
        wished = self._wished(box)
        cut = not is_inside(box, look, self._frame, 0.0 if look == self._whole else SPARE / 4)
        if cut:
            self._is_due = True  # somebody reaches out of the look
        keeps = is_inside(self._soon(box), self._look, self._frame, SPARE) and area(wished) > LOOSE * area(self._look)
        keeps &= self._look != self._whole
        if not keeps:
            self._look = wished

    def _soon(self, box: Rect) -> Rect:
        """A box with its edges where they will be at the next look or two."""
        left, top, right, bottom = (edge + AHEAD_S / 2 * speed for edge, speed in zip(box, self._speed, strict=True))
        return Rect(
            min(box.left, math.floor(left)),
            min(box.top, math.floor(top)),
            max(box.right, math.ceil(right)),
            max(box.bottom, math.ceil(bottom)),
        )

    def _wished(self, box: Rect) -> Rect:
        ahead = tuple(AHEAD_S * speed for speed in self._speed)
        look = look_around(box, self._frame, ahead, self.margin)  # type: ignore[arg-type]
        return self._whole if area(look) >= MOST_AREA * area(self._whole) else look


class Place:
    """Puts masks of looks at frames of one size where they belong in masks of whole frames, of one size."""

    def __init__(self, frame: Size, mask: Size) -> None:
        self.size = mask
        self._across, self._down = frame.width / mask.width, frame.height / mask.height
        self._whole = whole(frame)

    def part(self, look: Rect) -> Rect:
        """The pixels of a mask whose middles lie in a look."""
        return Rect(
            round(look.left / self._across),
            round(look.top / self._down),
            round(look.right / self._across),
            round(look.bottom / self._down),
        )

    def __call__(self, alpha: U8, look: Rect | None) -> U8:
        """A new mask (h, w) uint8 of `size`: `alpha` (any size), which is of `look`, and 0 beside it."""
        look = look or self._whole
        out = np.zeros((self.size.height, self.size.width), np.uint8)
        part = left, top, right, bottom = self.part(look)
        if left >= right or top >= bottom:
            return out
        x, y = alpha.shape[1] / look.size.width, alpha.shape[0] / look.size.height
        matrix = np.array(
            [
                [self._across * x, 0, ((left + 0.5) * self._across - look.left) * x - 0.5],
                [0, self._down * y, ((top + 0.5) * self._down - look.top) * y - 0.5],
            ]
        )
        cv2.warpAffine(
            alpha,
            matrix,
            part.size,
            dst=part.of(out),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return out
