"""Signals: what Ctrl-C and SIGTERM end, and in what order."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgeseg.runtime import Runtime


NOTHING_YET = "Stopped before the first frame; nothing was written."
_PATIENCE_S = 2.0


class Stopped(KeyboardInterrupt):
    """A signal came before there was a run that could end in good order."""


class Stoppable:
    """What a signal ends: a run in good order, and what comes before the run at once; a second one ends anything."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._runtime: Runtime | None = None
        self._asked = False
        self.at_once = False  # before there was a run; C code that was interrupted may have said so in its own way

    def takes(self, runtime: Runtime) -> None:
        """From here on it is this run that ends."""
        self._runtime = runtime
        self.at_once = False
        if self._asked:  # between the building of the run and this line
            runtime.stop()

    def signalled(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal."""
        signal.signal(number, signal.SIG_DFL)
        self._asked = True
        if self._runtime is None:
            self.at_once = True
            raise Stopped
        # The runtime's locks may be held by the thread that this handler interrupted.
        threading.Thread(target=self._runtime.stop, daemon=True).start()

    def watch(self, signals: int) -> None:
        """Leave if a signal cannot be handled: libraries that open a pipe nobody writes to never come back for it.

        signals: a file descriptor that is told of each signal when it comes. A thread of its own.
        """
        told = os.read(signals, 1)
        os.close(signals)
        if told:
            time.sleep(_PATIENCE_S)
            if self._runtime is None:
                self._say(NOTHING_YET)
                os._exit(0)


@contextlib.contextmanager
def stoppable_run(say: Callable[[str], None]) -> Iterator[Stoppable]:
    """SIGINT, SIGTERM and SIGHUP end the run that `takes` names."""
    stoppable = Stoppable(say)
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, stoppable.signalled) for number in numbers}
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=stoppable.watch, args=(reader,), name="edgeseg-signals", daemon=True).start()
    try:
        yield stoppable
    finally:
        signal.set_wakeup_fd(wakeup)
        os.close(writer)
        for number, handler in before.items():
            signal.signal(number, handler)


class Interrupt:
    """A signal as KeyboardInterrupt, for work that also asks between its steps whether one came.

    What is raised while C code has called Python, or an object goes, is printed there and lost.
    """

    def __init__(self) -> None:
        self._came = False

    def signalled(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal; the next one has its usual effect."""
        signal.signal(number, signal.SIG_DFL)
        self._came = True
        raise KeyboardInterrupt

    def check(self) -> None:
        """Raise KeyboardInterrupt if a signal came."""
        if self._came:
            raise KeyboardInterrupt


@contextlib.contextmanager
def interruptible() -> Iterator[Interrupt]:
    """Ctrl-C, and what ends a service or a terminal, come as KeyboardInterrupt; a second one ends at once."""
    interrupt = Interrupt()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, interrupt.signalled) for number in numbers}
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
