"""Model output to mask: check it, scale it to 8 bits, cut away what was only padding."""

from __future__ import annotations

import math

import cv2
import numpy as np

from edgeseg.errors import EngineFault
from edgeseg.frames import F32, U8, Rect
from edgeseg.ports import ModelIO

_SLACK = 1e-3  # a delegate's rounding, not a wrong scale


def postprocess(scores: F32, io: ModelIO, rect: Rect) -> U8:
    """Person probabilities (height, width) float32 to alpha (h, w) uint8 of the part `rect` that holds the frame.

    Raises EngineFault if the scores cannot be a mask: another shape, not finite, or no probabilities (a wrong output
    scale would show the whole room).
    """
    if scores.shape != (io.height, io.width):
        raise EngineFault(f"The engine answered with shape {scores.shape} instead of {(io.height, io.width)}.")
    least, most, _, _ = cv2.minMaxLoc(scores)
    # A NaN is neither least nor most, but it spoils the sum.
    if not (least >= -_SLACK and most <= 1 + _SLACK and math.isfinite(cv2.sumElems(scores)[0])):
        raise EngineFault(f"The engine answered values from {least:g} to {most:g} or none at all: no probability.")
    return np.asarray(cv2.convertScaleAbs(rect.of(scores), alpha=255), np.uint8)


def surer(alpha: U8) -> U8:
    """Stretch alpha (h, w) uint8 so that a quarter is 0 and three quarters are 255; one half stays.

    Models are seldom quite sure that nobody is there: without this the room shines through faintly around people.
    """
    return np.asarray(cv2.addWeighted(alpha, 2, alpha, 0, -127.5), np.uint8)


def keep_near(alpha: U8, person: U8, margin: float) -> U8:
    """Zero `alpha` farther than `margin` from where `person` is at least one half.

    alpha, person: (h, w) uint8. margin: a share of the diagonal (0.02 = 2 %), kept on the safe side: upsampling
    spreads a mask pixel by up to one and a half of them.
    """
    height, width = alpha.shape
    reach = margin * float(np.hypot(width, height)) - 1.5
    _, region = cv2.threshold(person, 127, 255, cv2.THRESH_BINARY)
    # The square whose corners are just within reach: it dilates five times faster than a disc.
    side = 2 * int(max(0.0, reach) / math.sqrt(2)) + 1
    region = cv2.dilate(region, np.ones((side, side), np.uint8))
    return np.asarray(cv2.min(alpha, region), np.uint8)
