"""How long a source or sink may be away, and when it is opened anew."""

from __future__ import annotations

STILL_S, STILL_FRAMES = 0.5, 3  # no new frame for so long, and for so many of a slow source: the cover is shown
GIVEN_UP_S, GIVEN_UP_FRAMES = 2.0, 6  # likewise: the source is closed and opened anew
OPENING_S = 10.0  # an opening that takes longer hangs
OPENINGS = 3  # so many may hang at a time
_PAUSES_S = (0.25, 0.5, 1.0)  # after the first, the second and each other opening


def still_after_s(interval_s: float) -> float:
    """Without a frame for so long a source of this interval is still."""
    return max(STILL_S, STILL_FRAMES * interval_s)


def given_up_after_s(interval_s: float) -> float:
    """Likewise: it is lost."""
    return max(GIVEN_UP_S, GIVEN_UP_FRAMES * interval_s)


class Search:
    """For something that is lost since `now_s`: at once, soon again, and then every second. why: it is lost."""

    def __init__(self, why: Exception, now_s: float) -> None:
        self.why, self.began_s = why, now_s
        self._tries, self._next_s = 0, now_s

    def is_due(self, now_s: float) -> bool:
        """Whether to open it now."""
        return now_s >= self._next_s

    def tried(self, now_s: float) -> None:
        """It is opened now."""
        self._next_s = now_s + _PAUSES_S[min(self._tries, len(_PAUSES_S) - 1)]
        self._tries += 1
