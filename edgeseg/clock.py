"""The only reader of time: everything else is given `now`, or a clock."""

from __future__ import annotations

import os
import time
from typing import Protocol

_SINCE_BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Clock(Protocol):
    """Monotonic time in seconds, and a way to wait."""

    def now(self) -> float:
        """Seconds on a clock that never goes back; its zero means nothing."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait; zero or less returns at once."""
        ...


class SystemClock:
    """The machine's own clock since it was started: a wall clock that is set changes nothing.

    It counts the time in which the machine was suspended (clock_gettime(2), CLOCK_BOOTTIME), so that frames and masks
    of before are as old as they are. What waits, waits by the clock that does not.
    """

    def now(self) -> float:
        """See `Clock.now`."""
        return time.clock_gettime(_SINCE_BOOT)

    def sleep(self, seconds: float) -> None:
        """See `Clock.sleep`."""
        if seconds > 0:
            time.sleep(seconds)


def seconds_since_process_start() -> float | None:
    """Seconds since the kernel started this process (`/proc/self/stat`, field 22, proc(5)).

    None where there is no such file. The kernel's tick limits it to 10 ms.
    """
    try:
        with open("/proc/self/stat", encoding="ascii", errors="replace") as stat:
            after_name = stat.read().rpartition(")")[2].split()
        started = int(after_name[19]) / os.sysconf("SC_CLK_TCK")
        return time.clock_gettime(time.CLOCK_BOOTTIME) - started
    except (OSError, ValueError, IndexError, AttributeError):
        return None
