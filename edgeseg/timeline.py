"""Frames of a live run numbered and timed on, whichever opening of a source they come from, covers among them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from edgeseg.frames import MICROSECONDS, ColorSpace, Frame, Planes, Size
from edgeseg.ports import SourceInfo

BLACK = (16, 128, 128)


@dataclass(frozen=True, slots=True)
class _Last:
    """Of a frame all but its picture."""

    size: Size
    color: ColorSpace
    index: int
    pts: int
    time_base: Fraction
    at_s: float


class Timeline:
    """What was given last, and what follows it; from one thread. info: of the source that is read at first."""

    def __init__(self, info: SourceInfo, now_s: float) -> None:
        self._last = _Last(info.size, ColorSpace(), -1, 0, MICROSECONDS, now_s)
        self._black: Planes | None = None  # as large as the last frame
        self._opening: object = None  # that the last frame came from; None: a cover stood for one meanwhile
        self._index_shift = self._pts_shift = 0

    @property
    def next_index(self) -> int:
        """No frame that follows has a lower number."""
        return self._last.index + 1

    def continues(self, frame: Frame, gap_s: float) -> bool:
        """Whether a mask of the last frame may go with this one: as large, of its colours, and no gap between them."""
        last = self._last
        alike = (frame.size, frame.color) == (last.size, last.color)
        return last.index < 0 or (alike and frame.captured_at - last.at_s <= gap_s)

    def follow(self, frame: Frame, opening: object) -> Frame:
        """This frame of an opening, numbered and timed after the last one."""
        last = self._last
        if opening is not self._opening:
            self._opening = opening
            self._index_shift = self.next_index - frame.index
            if last.index >= 0:
                time_s = float(last.pts * last.time_base) + max(0.0, frame.captured_at - last.at_s)
                self._pts_shift = round(time_s / frame.time_base) - frame.pts
        frame.index += self._index_shift
        frame.pts += self._pts_shift
        if frame.size != last.size:
            self._black = None
        self._last = _Last(frame.size, frame.color, frame.index, frame.pts, frame.time_base, frame.captured_at)
        return frame

    def cover(self, now_s: float) -> Frame:
        """A black frame in the place of the next one: nothing of the room is in it."""
        last = self._last
        pts = last.pts + max(1, round((now_s - last.at_s) / last.time_base))
        self._last = replace(last, index=last.index + 1, pts=pts, at_s=now_s)
        self._opening = None
        return self.black()

    def black(self) -> Frame:
        """A black frame with the number of the last one: it counts as none."""
        last = self._last
        if self._black is None:
            self._black = Planes.allocate(last.size)
            self._black.fill(BLACK)
        return Frame(self._black, last.size, last.index, last.pts, last.time_base, last.color, last.at_s)
