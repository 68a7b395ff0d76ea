"""Lets a file's frames come when their timestamps say, like a camera's."""

from __future__ import annotations

from collections.abc import Callable

from edgeseg.clock import Clock

_SLICE_S = 0.1  # how late a stop is noticed; a source has a second to let a blocked `read` go


class Pacer:
    """Waits for each frame's turn; the first one's is now."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._zero: float | None = None

    def wait(self, time_s: float, stopped: Callable[[], bool]) -> bool:
        """Return True when a frame of `time_s` is due, or False soon after `stopped()` has become true."""
        if self._zero is None:
            self._zero = self._clock.now() - time_s
        while not stopped():
            left = self._zero + time_s - self._clock.now()
            if left <= 0:
                return True
            self._clock.sleep(min(left, _SLICE_S))
        return False
