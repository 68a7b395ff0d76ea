"""A source of frames without a device: it keeps the port's contract, has levers, and remembers what was done to it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from edgeseg.clock import Clock
from edgeseg.errors import SourceError
from edgeseg.frames import ColorSpace, Frame, Planes, PlanesPool, Size
from edgeseg.ports import SourceInfo

_SIZE, _COLOR = Size(64, 48), ColorSpace()

Painter = Callable[[int, Planes], None]
"""Fills the planes of the frame of that index."""


def moving_square(index: int, planes: Planes) -> None:
    """A grey picture with a bright square that goes eight pixels to the right a frame."""
    planes.fill((64, 128, 128))
    height, width = planes.y.shape
    left = 8 * index % width
    planes.y[height // 4 : height // 2, left : left + height // 4] = 235


class FakeSource:
    """Frames from a list, or from a painter.

    frames: planes to give in this order; or, without them, `count` frames (None: without end) that `paint`
    fills. sizes: {5: Size(32, 32)} gives frames of that size from index 5 on. fps, color: as `info` and frames say.
    live: frames come at `fps` by `clock`. fail_at: `read` of that index and later ones raises SourceError.
    stall_at: `read` of that index waits until `resume` or `close`.

    history: "read 0", "read 1", ..., "end", "fail 7", "stall 3", "close", in the order things happened.
    """

    def __init__(
        self,
        frames: Sequence[Planes] = (),
        *,
        paint: Painter = moving_square,
        size: Size = _SIZE,
        count: int | None = 10,
        sizes: Mapping[int, Size] | None = None,
        fps: Fraction | None = Fraction(25),
        color: ColorSpace = _COLOR,
        live: bool = False,
        clock: Clock | None = None,
        fail_at: int | None = None,
        stall_at: int | None = None,
    ) -> None:
        if live and clock is None:
            raise ValueError("a live FakeSource needs a clock")
        self.history: list[str] = []
        self.fail_at, self.stall_at = fail_at, stall_at
        self._frames, self._paint, self._sizes = list(frames), paint, dict(sizes or {})
        self._count = len(self._frames) if self._frames else count
        self._size = self._frames[0].size if self._frames else self._sizes.get(0, size)
        self._pool = PlanesPool(self._size)
        self._rate, self._color, self._clock = fps or Fraction(25), color, clock
        self._index, self._start_s = 0, None if clock is None else clock.now()
        self._reader: int | None = None
        self._closed, self._resumed = threading.Event(), threading.Event()
        self.info = SourceInfo(self._size, fps, live, f"fake: {self._size}", frames=None if live else self._count)

    def read(self) -> Frame | None:
        """See `FrameSource.read`; raises AssertionError if a second thread reads."""
        me = threading.get_ident()
        assert self._reader in (None, me), "only one thread may read a source"
        self._reader = me
        index = self._index
        if self._closed.is_set() or index == self._count:
            self._note_end()
            return None
        if self.fail_at is not None and index >= self.fail_at:
            self.history.append(f"fail {index}")
            raise SourceError(f"The fake source fails at frame {index}, as it was told.")
        if index == self.stall_at:
            self.history.append(f"stall {index}")
            self._resumed.wait()
        self._wait_until_due(index)
        if self._closed.is_set():
            self._note_end()
            return None
        self._index += 1
        self.history.append(f"read {index}")
        return self._frame(index)

    def resume(self) -> None:
        """End a stall."""
        self._resumed.set()

    def close(self) -> None:
        """See `FrameSource.close`."""
        if not self._closed.is_set():
            self.history.append("close")
        self._closed.set()
        self._resumed.set()

    def _note_end(self) -> None:
        if self.history[-1:] != ["end"]:
            self.history.append("end")

    def _wait_until_due(self, index: int) -> None:
        if not self.info.live or self._clock is None or self._start_s is None:
            return
        due_s = self._start_s + float(index / self._rate)
        while (left := due_s - self._clock.now()) > 0 and not self._closed.is_set():
            self._clock.sleep(min(left, 0.1))

    def _frame(self, index: int) -> Frame:
        now = self._clock.now() if self._clock else float(index / self._rate)
        if self._frames:
            planes = self._frames[index]
            return Frame(planes, planes.size, index, index, 1 / self._rate, self._color, now)
        size = self._sizes.get(index, self._pool.size)
        if size != self._pool.size:
            self._pool = PlanesPool(size)
        planes = self._pool.take()
        self._paint(index, planes)
        return self._pool.lend(Frame(planes, size, index, index, 1 / self._rate, self._color, now))
