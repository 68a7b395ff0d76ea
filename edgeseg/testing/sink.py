"""A sink for tests that keeps what it is given, and fails or dawdles when told to."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace

from edgeseg.errors import OutputError
from edgeseg.facts import Emit, ignore
from edgeseg.frames import Frame, Planes
from edgeseg.ports import SinkWish


class FakeSink:
    """Obeys the contract of `FrameSink` and keeps a copy of every frame.

    Levers: `fail_at`, the number of the write (from 0) that raises `error`, as does every one after it; `slow`,
    called before each write is done (sleep in it, or wait for an event); `watched`, what is said of readers. History:
    `frames`, the last `keep` of them (None: all); `written`, how many there were; `closes`, how often it was closed;
    `asked`, how often for `watched`.
    """

    keeps_alpha = True

    def __init__(
        self,
        where: str = "fake",
        wish: SinkWish | None = None,
        emit: Emit = ignore,
        *,
        fail_at: int | None = None,
        error: OutputError | None = None,
        slow: Callable[[Frame], None] | None = None,
        keep: int | None = None,
        watched: bool | None = None,
    ) -> None:
        self.where = where
        self.wish = wish or SinkWish()
        self.fail_at = fail_at
        self.error = error or OutputError(f"cannot write {where}: no space is left on that disk")
        self.slow = slow
        self.frames: deque[Frame] = deque(maxlen=keep)
        self.written = 0
        self.closes = 0
        self._watched, self.asked = watched, 0

    @property
    def watched(self) -> bool | None:
        """What the lever says."""
        self.asked += 1
        return self._watched

    @watched.setter
    def watched(self, watched: bool | None) -> None:
        self._watched = watched

    @property
    def detail(self) -> str:
        """What it is."""
        return f"{self.where}: a fake that keeps frames in memory"

    def write(self, frame: Frame) -> None:
        """Keep a copy of `frame`; raises `error` from `fail_at` on, OutputError after `close`."""
        if self.closes:
            raise OutputError(f"cannot write {self.where}: it was closed")
        if self.slow is not None:
            self.slow(frame)
        if self.fail_at is not None and self.written >= self.fail_at:
            raise self.error
        planes = Planes.allocate(frame.planes.size)
        frame.planes.copy_to(planes)
        alpha = None if frame.alpha is None else frame.alpha.copy()
        self.frames.append(replace(frame, planes=planes, alpha=alpha, owner=None))
        self.written += 1

    def close(self) -> None:
        """Take no more frames."""
        self.closes += 1
