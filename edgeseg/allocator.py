"""The C library's memory: what was freed is kept for later, unless it is told that there will be no later."""

from __future__ import annotations

import sys


def give_back() -> None:
    """Give what is freed back to the system; where the C library cannot (musl), nothing happens.

    glibc keeps it in an arena a thread (malloc_trim(3)): after a few changes of the engine, each built in a thread of
    its own, that was 15 MB. Takes a few milliseconds: not for the showing thread.
    """
    if not sys.platform.startswith("linux"):
        return
    import ctypes  # 5 ms, and only after a change of the engine

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
