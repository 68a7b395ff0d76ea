"""How people stand before the camera, from their mask; and, patiently, which family of models is best for that.

The selfie families are made for heads and shoulders, the body family for one whole person; neither is best everywhere
(docs/quality.md). Pure: the time is an argument.
"""

from __future__ import annotations

from enum import Enum

import cv2
import numpy as np

from edgeseg.frames import U8, Size

PATIENCE_S = 1.0  # a framing counts once it has been the same for so long
_WHOLE = 2.2  # height by width of a whole person's box; of 60 stills each, 97 % of whole people are above it, and of
_UPPER = 1.5  # others 1 %; between these two stands an upper body, or somebody in motion: then there is room below
_BELOW = 0.02  # of the frame's height: so much room below is seen beneath 3 of 4 whole people and 3 % of others
_SMALL = 0.5  # of the frame's height: who is smaller is lost to the body family as soon as it looks at all of it
_SECOND = 0.2  # of the largest island: as large as that is a second person
_LEAST = 0.001  # of the frame: less is nobody


class Framing(Enum):
    """What is seen of whom."""

    NOBODY = "nobody"
    HEAD = "head and shoulders"
    UPPER = "upper body"
    WHOLE = "whole body"
    FAR = "whole body, far away"
    SEVERAL = "several people"


def framing_of(alpha: U8, frame: Size) -> Framing:
    """Of a mask (h, w) uint8 of a frame."""
    _, person = cv2.threshold(alpha, 127, 255, cv2.THRESH_BINARY)
    _, _, stats, _ = cv2.connectedComponentsWithStats(np.asarray(person, np.uint8), connectivity=8)
    islands = sorted(np.asarray(stats)[1:], key=lambda island: -int(island[4]))
    if not islands or islands[0][4] < _LEAST * alpha.size:
        return Framing.NOBODY
    if len(islands) > 1 and islands[1][4] >= _SECOND * islands[0][4]:
        return Framing.SEVERAL
    _, top, width, height, _ = (float(side) for side in islands[0])
    tall = (height * frame.height / alpha.shape[0]) / (width * frame.width / alpha.shape[1])
    below = 1 - (top + height) / alpha.shape[0]
    if tall >= (_UPPER if below >= _BELOW else _WHOLE):
        return Framing.WHOLE if height >= _SMALL * alpha.shape[0] else Framing.FAR
    return Framing.UPPER if tall >= _UPPER else Framing.HEAD


class FamilyChoice:
    """Whether the body family is wanted: after `PATIENCE_S` of one whole person, and until as long after he is none."""

    def __init__(self) -> None:
        self.is_body = False
        self._since_s: float | None = None  # when what is seen began to speak for the other family

    def saw(self, framing: Framing, at_s: float) -> bool:
        """The next mask's framing, of a frame of this time (seconds); gives whether the body family is wanted."""
        if (framing is Framing.WHOLE) == self.is_body:
            self._since_s = None
        elif self.is_body and framing is Framing.NOBODY:  # a model for bodies sees one in every empty room
            self.is_body, self._since_s = False, None
        elif self._since_s is None or at_s < self._since_s:
            self._since_s = at_s
        elif at_s - self._since_s >= PATIENCE_S:
            self.is_body, self._since_s = not self.is_body, None
        return self.is_body
