"""Whether anybody is before the camera, told once he is gone for a second, and when somebody comes."""

from __future__ import annotations

from edgeseg.facts import Emit, Noted
from edgeseg.frames import Mask

GONE_S = 1.0  # without anybody in the masks
_SOMEBODY = 0.001  # of the frame: less is nobody


class Presence:
    """Looks at believed masks, and tells of what changes."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._seen_s: float | None = None  # when somebody was seen last; None before the first mask
        self.anybody: bool | None = None  # None: not known yet

    def saw(self, mask: Mask, at_s: float) -> None:
        """The next believed mask, of a frame of this time (seconds)."""
        if self._seen_s is None or at_s < self._seen_s:
            self._seen_s = at_s
        if mask.coverage >= _SOMEBODY:
            self._seen_s = at_s
            if self.anybody is False:
                self._emit(Noted("mask", "somebody is seen again"))
            self.anybody = True
        elif self.anybody is not False and at_s - self._seen_s >= GONE_S:
            self._emit(Noted("mask", "nobody is seen: the mask is empty"))
            self.anybody = False
