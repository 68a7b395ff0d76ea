"""What is left of the memory, and who waits for it.

Sources: Documentation/filesystems/proc.rst (meminfo), Documentation/accounting/psi.rst,
Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst (memory.stat: v1 counts the groups below in total_*).
"""

from __future__ import annotations

import math
from typing import NamedTuple

from edgeseg.sensors.belief import SHARE, Beliefs
from edgeseg.sensors.found import Found, Group
from edgeseg.sensors.small_file import Files, named_numbers

_NO_LIMIT = 1 << 60  # cgroup v1 says "none" by the greatest number of whole pages


class System(NamedTuple):
    """See `Reading`."""

    available_mb: float | None
    total_mb: float | None
    pressure_some: float | None
    pressure_full: float | None


class GroupMemory(NamedTuple):
    """See `Reading`."""

    used_mb: float | None = None
    working_mb: float | None = None
    limit_mb: float | None = None


class _MemoryGroup:
    def __init__(self, group: Group, files: Files) -> None:
        self._limit, self._usage = files.expected(group.limit), files.expected(group.usage)
        self._stat = files.expected(group.stat, size=4096) if group.stat else None
        self._droppable_name = b"inactive_file" if group.v2 else b"total_inactive_file"
        self._droppable: int | None = None

    def read(self, slow: bool) -> GroupMemory:
        if slow:
            stat = self._stat.read() if self._stat else None
            self._droppable = named_numbers(stat, (self._droppable_name,)).get(self._droppable_name)
        limit, used = self._limit.number(), self._usage.number()  # v2 says "max" where there is no limit
        limit = limit if limit is not None and 0 < limit < _NO_LIMIT else None
        used = used if used is not None and used >= 0 else None
        working = None if used is None or self._droppable is None else max(0, used - self._droppable)
        return GroupMemory(*(None if value is None else value / 1e6 for value in (used, working, limit)))


class Memory:
    """What is read of it."""

    def __init__(self, found: Found, files: Files) -> None:
        self._meminfo = files.maybe(f"{files.root}/proc/meminfo", size=512)
        self._pressures = [files.expected(path, size=256) for path in found.pressures]
        self._groups = [_MemoryGroup(group, files) for group in found.memory_groups]

    def system(self, beliefs: Beliefs, now_s: float) -> System:
        """The whole machine; more available than there is cannot be. The worse of its pressure and our group's."""
        found = named_numbers(self._meminfo.read(), (b"MemTotal", b"MemAvailable"))
        total, available = found.get(b"MemTotal"), found.get(b"MemAvailable")
        share = available / total if total and available is not None else None
        believed = beliefs.judge("available memory", SHARE, share, now_s, None)
        pressures = [_avg10(file.read()) for file in self._pressures]
        some, full = (
            max((said[name] for said in pressures if name in said), default=None) for name in (b"some", b"full")
        )
        return System(None if believed is None else _mb_of_kb(available), _mb_of_kb(total or None), some, full)

    def group(self, slow: bool) -> GroupMemory:
        """The group that has least left below its limit; the own one if none has a limit."""
        read = [group.read(slow) for group in self._groups]
        limited = [group for group in read if group.limit_mb is not None]
        return min(limited, key=_left_mb) if limited else next(iter(read), GroupMemory())


def _avg10(data: bytes | None) -> dict[bytes, float]:
    """Percent of the last 10 s, of "some" and "full"."""
    found: dict[bytes, float] = {}
    for line in (data or b"").split(b"\n"):
        words = line.split(None, 2)
        if len(words) > 1 and words[1].startswith(b"avg10="):
            try:
                percent = float(words[1][6:])
            except ValueError:
                continue
            if 0 <= percent <= 100:
                found[words[0]] = percent
    return found


def _left_mb(group: GroupMemory) -> float:
    """What the group may still take; one whose use is not known comes last."""
    return math.inf if group.limit_mb is None or group.used_mb is None else group.limit_mb - group.used_mb


def _mb_of_kb(kb: int | None) -> float | None:
    return None if kb is None else kb * 1024 / 1e6
