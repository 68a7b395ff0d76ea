"""Signals of a service as something to wait for: the kernel's handler writes them into a pipe, whatever Python does."""

from __future__ import annotations

import os
import select
import signal
from types import FrameType

from edgeseg.stopping import Stopped

ENDS = (signal.SIGTERM, signal.SIGINT)
RELOAD = signal.SIGHUP
_WAKE = b"\0"


class Signals:
    """SIGTERM, SIGINT and SIGHUP, while the block runs; from the main thread.

    interrupts: a signal that ends the service also raises Stopped in the main thread. True until there is a run that
    can end in good order.
    """

    def __init__(self) -> None:
        self.interrupts = True
        self._reader, self._writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._wakeup = -1
        self._before: dict[int, object] = {}

    def __enter__(self) -> Signals:
        self._before = {number: signal.signal(number, self._handle) for number in (*ENDS, RELOAD)}
        self._wakeup = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        return self

    def __exit__(self, *what: object) -> None:
        signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def wait(self, seconds: float) -> list[int]:
        """The signals that came; none after so many seconds, or if somebody called `wake`. From one thread."""
        if not select.select([self._reader], [], [], seconds)[0]:
            return []
        return [number for number in os.read(self._reader, 64) if number]

    def wake(self) -> None:
        """Let `wait` come back at once; from any thread."""
        try:
            os.write(self._writer, _WAKE)
        except OSError:  # full: it will come back anyway
            return

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.interrupts and number in ENDS:
            self.interrupts = False
            raise Stopped
