"""Spill: the green that a green screen throws on hair and shoulders, taken out of the chroma planes."""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np

from edgeseg.frames import U8, ColorSpace, Planes
from edgeseg.stages.pixels import yuv

# Where skin lies from grey on the (U, V) plane, as warm as it gets in yellowish light; any tone lies near one line.
_SKIN = (math.cos(math.radians(140)), math.sin(math.radians(140)))


class Spill(NamedTuple):
    """What is taken out: (u, v) is the key colour's direction from grey, of length 1, on the (U, V) plane.

    spare: how far to the side, per unit along that direction, a colour must lie to be left alone: the wedge of
    colours around the key ends where skin begins. 0 if skin is on the other side anyway, as with green and blue.
    """

    u: float
    v: float
    spare: float


def spill_of(rgb: tuple[int, int, int], color: ColorSpace) -> Spill:
    """The spill of a screen of this colour (0..255 each); that of a grey is nothing."""
    _, u, v = yuv(rgb, color)
    length = math.hypot(u - 128, v - 128)
    if not length:
        return Spill(0.0, 0.0, 0.0)
    along_u, along_v = (u - 128) / length, (v - 128) / length
    along = _SKIN[0] * along_u + _SKIN[1] * along_v
    aside = abs(_SKIN[1] * along_u - _SKIN[0] * along_v)
    return Spill(along_u, along_v, max(0.0, along) / max(aside, 1e-3))


def remove_spill(planes: Planes, spill: Spill, alpha: U8 | None, out: Planes, scratch: U8) -> None:
    """Take the key colour's share out of every pixel's chroma; brightness and all other hues stay.

    alpha: (H/2, W/2) uint8, how strongly (255 wholly), None for wholly everywhere. out: planes of the same size,
    which may share `planes.y` but not its U and V. scratch: (2, H/2, W/2) uint8. A pixel of the key colour
    turns grey; the worst rounding error is 1 in 255.
    """
    share, aside = scratch
    # An 8-bit result saturates at 0, which is the clamp: what points away from the key has no share of it.
    cv2.addWeighted(planes.u, spill.u, planes.v, spill.v, -128 * (spill.u + spill.v), dst=share)
    for side in (1, -1) if spill.spare else ():
        aside_u, aside_v = side * spill.v, -side * spill.u
        cv2.addWeighted(planes.u, aside_u, planes.v, aside_v, -128 * (aside_u + aside_v), dst=aside)
        cv2.addWeighted(share, 1, aside, -spill.spare, 0, dst=share)
    if alpha is not None:
        cv2.multiply(share, alpha, dst=share, scale=1 / 255)
    cv2.addWeighted(planes.u, 1, share, -spill.u, 0, dst=out.u)
    cv2.addWeighted(planes.v, 1, share, -spill.v, 0, dst=out.v)
    if out.y is not planes.y:
        np.copyto(out.y, planes.y)
