"""What else goes on: measured over a moment, with psutil, before anything is tried."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from edgeseg.clock import Clock

_PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 1e6


@dataclass(frozen=True, slots=True)
class Program:
    """A program that computes. cores: how many it kept busy."""

    name: str
    pid: int
    cores: float


@dataclass(frozen=True, slots=True)
class Load:
    """Over `seconds`. busy: cores that others kept busy; stolen: that the host of a virtual machine took.

    swapped_mb_s: moved to and from swap; None where it is not told.
    """

    seconds: float
    busy: float
    stolen: float
    programs: tuple[Program, ...]
    swapped_mb_s: float | None


def measure(clock: Clock, seconds: float = 0.5, root: Path = Path("/")) -> Load | None:
    """Look twice; None where this cannot be told."""
    import psutil

    try:
        begin, first, before, swapped = clock.now(), _times(), psutil.cpu_times(), _swapped(root)
        clock.sleep(seconds)
        passed, second, after, again = clock.now() - begin, _times(), psutil.cpu_times(), _swapped(root)
    except (psutil.Error, OSError, RuntimeError, ValueError, IndexError, KeyError):
        return None
    if passed <= 0:
        return None
    busy = [
        Program(name, pid, round((spent - first[pid][1]) / passed, 2))
        for pid, (name, spent) in second.items()
        if pid in first and pid != os.getpid() and spent > first[pid][1]
    ]
    busy.sort(key=lambda one: -one.cores)
    moved = None if swapped is None or again is None else (again - swapped) * _PAGE_MB / passed
    return Load(
        seconds=passed,
        busy=round(sum(one.cores for one in busy), 2),
        stolen=round(max(0.0, getattr(after, "steal", 0.0) - getattr(before, "steal", 0.0)) / passed, 2),
        programs=tuple(one for one in busy[:3] if one.cores >= 0.05),
        swapped_mb_s=None if moved is None else round(moved, 2),
    )


def _times() -> dict[int, tuple[str, float]]:
    """Name and seconds of processor time of each process."""
    import psutil

    found = {}
    for process in psutil.process_iter(["name", "cpu_times"]):
        times = process.info["cpu_times"]
        if times is not None:
            found[process.pid] = (process.info["name"] or "?", times.user + times.system)
    return found


def _swapped(root: Path) -> int | None:
    """Pages that went to and from swap since the start; proc(5), /proc/vmstat."""
    try:
        lines = (root / "proc/vmstat").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    counts = [int(line.split()[1]) for line in lines if line.startswith(("pswpin ", "pswpout "))]
    return sum(counts) if counts else None
