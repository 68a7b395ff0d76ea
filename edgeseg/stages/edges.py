"""What is done to the person's edge beyond the mask: feather, spill removal, light wrap. In I420, in 8 bits.

Spill: where a pixel is part person and part room, its colour is that of both (C = a F + (1 - a) B), so that the room's
colour stays on hair and shoulders before another background. The room's colour near the edge is known, so that the
person's can be taken out: F = B + (C - B) / a. It is done to the chroma, where it shows. Light wrap: the new
background's light falls on the person's edge. Both work at a small size, for colours beside an edge change slowly.

Sources: the compositing equation of Porter and Duff, SIGGRAPH 1984; Brinkmann, "The Art and Science of Digital
Compositing", on light wrap.
"""

from __future__ import annotations

import cv2
import numpy as np

from edgeseg.frames import F32, U8, Planes, Size

_SIDE = 160  # pixels of the longer side at which room and light are spread
_REACH = 0.03  # of the diagonal: how far the room's colour and the background's light are spread
_LEAST = 0.35  # of a pixel: what is less person has no colour to be found
_WRAP = 0.35  # of the background's light, right at the edge


def feather(alpha: U8, share: float) -> U8:
    """A softer mask: alpha (h, w) uint8 blurred by so large a share of its diagonal, inwards, so that no room shows."""
    radius = max(1, round(share * float(np.hypot(*alpha.shape))))
    soft = cv2.blur(cv2.erode(alpha, np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)), (2 * radius + 1,) * 2)
    return np.asarray(cv2.min(soft, alpha), np.uint8)


class Edges:
    """Edges of people in frames of one size, in buffers that are made once."""

    def __init__(self, frame: Size) -> None:
        even = frame.even
        scale = min(1.0, _SIDE / max(even))
        self._size = Size(max(1, round(even.width * scale)), max(1, round(even.height * scale)))
        radius = max(1, round(_REACH * self._size.diagonal))
        self._window = (2 * radius + 1, 2 * radius + 1)
        self._chroma = even.chroma
        shape, small = (even.height // 2, even.width // 2), (self._size.height, self._size.width)
        self._grown = {one: np.empty(one, np.uint8) for one in (shape, (even.height, even.width))}
        self._u, self._v = np.empty(shape, np.uint8), np.empty(shape, np.uint8)
        self._alpha: F32 = np.empty(small, np.float32)
        self._lit = Planes.allocate(frame)

    def without_spill(self, planes: Planes, alpha: U8) -> Planes:
        """The same picture without the room's colour on the person's edge; the luma's plane is shared.

        alpha: (h, w) uint8, the mask it will be shown with.
        """
        a = self._small_alpha(alpha)
        room = 1 - a
        room[room < 0.98] = 0  # the room itself, and nothing of the person
        weight = cv2.blur(room, self._window) + np.float32(1e-4)
        edge = np.where((a > 0.02) & (weight > 1e-3), (1 - a) / np.maximum(a, np.float32(_LEAST)), 0).astype(np.float32)
        for plane, out in ((planes.u, self._u), (planes.v, self._v)):
            colour = np.asarray(cv2.resize(plane, self._size, interpolation=cv2.INTER_AREA), np.float32)
            behind = cv2.blur(colour * room, self._window) / weight
            self._changed(plane, (colour - behind) * edge, out)
        return Planes(planes.y, self._u, self._v)

    def wrapped(self, planes: Planes, alpha: U8, background: Planes) -> Planes:
        """The person with the background's light on his edge."""
        a = self._small_alpha(alpha)
        light = cv2.blur(1 - a, self._window) * a * np.float32(2 * _WRAP)
        for plane, behind, out in zip(planes, background, self._lit, strict=True):
            own, other = (
                np.asarray(cv2.resize(one, self._size, interpolation=cv2.INTER_LINEAR), np.float32)
                for one in (plane, behind)
            )
            self._changed(plane, (cv2.blur(other, self._window) - own) * light, out)
        return self._lit

    def _changed(self, plane: U8, change: F32, out: U8) -> None:
        """out = plane + change, which is small; what is added and what is taken away are grown in 8 bits each."""
        grown = self._grown[plane.shape]
        size = (plane.shape[1], plane.shape[0])
        for sign, into in ((1, cv2.add), (-1, cv2.subtract)):
            part = np.clip(np.rint(sign * change), 0, 255).astype(np.uint8)
            cv2.resize(part, size, dst=grown, interpolation=cv2.INTER_LINEAR)
            into(plane if sign == 1 else out, grown, dst=out)

    def _small_alpha(self, alpha: U8) -> F32:
        small = cv2.resize(alpha, self._size, interpolation=cv2.INTER_AREA)
        return np.asarray(np.multiply(small, np.float32(1 / 255), out=self._alpha), np.float32)
