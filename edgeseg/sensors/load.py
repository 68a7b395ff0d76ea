"""Who keeps the cores busy, how much of them is granted, and how fast they run.

Sources: man 5 proc (stat, [pid]/stat, [pid]/task/[tid]/children), Documentation/scheduler/sched-bwc.rst (v1 cpu.stat:
nanoseconds), Documentation/admin-guide/cgroup-v1/cpuacct.rst (cpuacct.usage: nanoseconds),
Documentation/admin-guide/cgroup-v2.rst (cpu.max, cpu.stat: microseconds).
"""

from __future__ import annotations

import os
from typing import NamedTuple

from edgeseg.sensors.found import Clock, Found, Group
from edgeseg.sensors.small_file import Files, SmallFile, named_numbers, whole_number

_IDLE, _COUNTED = (3, 4), 8  # of the first line of /proc/stat: idle, iowait; what follows is in the others already
_MOST_CHILDREN, _MOST_THREADS = 16, 64
_LEAST_SPAN_S = 0.1  # the kernel counts in steps of 10 ms


class Busy(NamedTuple):
    """See `Reading`."""

    own_cores: float | None = None
    other_cores: float | None = None
    share: float | None = None


class Quota(NamedTuple):
    """See `Reading`."""

    cores: float | None = None
    throttled_share: float | None = None
    throttled_s_per_s: float | None = None
    used_cores: float | None = None


class Family:
    """This process and its children, which are looked for when they are asked for."""

    def __init__(self, files: Files) -> None:
        self._proc, self._files = f"{files.root}/proc", files
        self._stat = {"self": files.loose(f"{self._proc}/self/stat", size=512)}
        self._statm = {"self": files.loose(f"{self._proc}/self/statm")}
        self._page_mb = os.sysconf("SC_PAGE_SIZE") / 1e6

    def look_for_children(self) -> None:
        """Engines that run in a process of their own are children of one of our threads."""
        tasks = f"{self._proc}/self/task"
        found = {"self"}
        try:
            with os.scandir(tasks) as threads:
                names = [thread.name for _, thread in zip(range(_MOST_THREADS), threads, strict=False)]
        except OSError:
            names = []
        for name in names:
            file = self._files.loose(f"{tasks}/{name}/children", size=512)
            data = file.read() or b""
            file.close()
            found.update(word.decode() for word in data.split() if word.isdigit() and len(found) <= _MOST_CHILDREN)
        for known, what in ((self._stat, "stat"), (self._statm, "statm")):
            for gone in known.keys() - found:
                known.pop(gone).close()
            for new in sorted(found - known.keys()):
                known[new] = self._files.loose(f"{self._proc}/{new}/{what}", size=512)

    def close(self) -> None:
        """Let go of all files."""
        for file in (*self._stat.values(), *self._statm.values()):
            file.close()

    def ticks(self) -> dict[str, int]:
        """Time on the cores so far, of each one, in the kernel's ticks."""
        found = {}
        for name, file in self._stat.items():
            words = (file.read() or b"").rpartition(b")")[2].split(None, 14)
            times = [whole_number(word) for word in words[11:13]] if len(words) > 13 else []
            if len(times) == 2 and times[0] is not None and times[1] is not None and min(times[0], times[1]) >= 0:
                found[name] = times[0] + times[1]
        return found

    def rss_mb(self, most_mb: float | None) -> float | None:
        """Resident memory of all; None if our own is not known or cannot be."""
        pages = {
            name: number
            for name, file in self._statm.items()
            if len(words := (file.read() or b"").split(None, 2)) > 2
            and (number := whole_number(words[1])) is not None
            and number > 0
        }
        total_mb = sum(pages.values()) * self._page_mb
        return total_mb if "self" in pages and (most_mb is None or total_mb <= most_mb) else None


class Load:
    """Who keeps the cores busy."""

    def __init__(self, family: Family, files: Files) -> None:
        self._family = family
        self._file = files.maybe(f"{files.root}/proc/stat", size=256)
        self._ticks_a_second = os.sysconf("SC_CLK_TCK")
        self._at_s = 0.0
        self._before: tuple[int, int] | None = None
        self._own: dict[str, int] = {}
        self._busy = Busy()

    def busy(self, now_s: float) -> Busy:
        """Since the reading before; None the first time."""
        span_s = now_s - self._at_s
        if self._before is not None and 0 <= span_s < _LEAST_SPAN_S:
            return self._busy
        spent, own = self._all(), self._family.ticks()
        self._busy = self._difference(spent, own, span_s)
        self._before, self._own, self._at_s = spent, own, now_s
        return self._busy

    def _difference(self, spent: tuple[int, int] | None, own: dict[str, int], span_s: float) -> Busy:
        own_ticks = [ticks - self._own[name] for name, ticks in own.items() if name in self._own]
        is_known = "self" in own and "self" in self._own and span_s > 0 and min(own_ticks) >= 0
        own_cores = sum(own_ticks) / self._ticks_a_second / span_s if is_known else None
        if spent is None or self._before is None or span_s <= 0:
            return Busy(own_cores)
        busy, idle = spent[0] - self._before[0], spent[1] - self._before[1]
        if busy < 0 or idle < 0 or not busy + idle:  # iowait may go back (proc(5)); then this once nothing is known
            return Busy(own_cores)
        all_cores = busy / self._ticks_a_second / span_s
        others = None if own_cores is None else max(0.0, all_cores - own_cores)
        return Busy(own_cores, others, busy / (busy + idle))

    def _all(self) -> tuple[int, int] | None:
        """Ticks that all cores were busy, and idle."""
        words = (self._file.read() or b"").partition(b"\n")[0].split()
        numbers = [whole_number(word) for word in words[1 : _COUNTED + 1]]
        known = [number for number in numbers if number is not None and number >= 0]
        if words[:1] != [b"cpu"] or len(known) < max(_IDLE) or len(known) != len(numbers):
            return None
        idle = sum(known[place] for place in _IDLE if place < len(known))
        return sum(known) - idle, idle


class Quotas:
    """How much of the cores the control groups grant: the smallest quota on the way up counts."""

    def __init__(self, found: Found, files: Files) -> None:
        self._groups = [_CpuGroup(group, files) for group in found.cpu_groups]

    def quota(self, now_s: float) -> Quota:
        """Now, and since the reading before."""
        read = [group.read(now_s) for group in self._groups]
        limited = [quota for quota in read if quota.cores is not None]
        return min(limited, key=lambda quota: quota.cores or 0.0, default=Quota())


class _CpuGroup:
    def __init__(self, group: Group, files: Files) -> None:
        self._limit, self._period = files.expected(group.limit), files.expected(group.usage)
        self._stat = files.expected(group.stat, size=1024) if group.stat else None
        self._spent = files.expected(group.spent) if group.spent else None
        self._v2 = group.v2
        self._before: dict[bytes, int] = {}
        self._at_s = 0.0

    def read(self, now_s: float) -> Quota:
        cores = self._cores()
        if cores is None:
            self._before = {}
            return Quota()
        time_name, a_second = (b"throttled_usec", 1e6) if self._v2 else (b"throttled_time", 1e9)
        stat = self._stat.read() if self._stat else None
        names = (b"nr_periods", b"nr_throttled", time_name, b"usage_usec")
        now = named_numbers(stat, names)
        spent_ns = self._spent.number() if self._spent else None
        if spent_ns is not None:
            now[b"usage_usec"] = spent_ns // 1000
        grown = {name: number - self._before[name] for name, number in now.items() if name in self._before}
        span_s = now_s - self._at_s
        self._before, self._at_s = now, now_s
        periods, hit, held, used = (grown.get(name, -1) for name in names)
        return Quota(
            cores,
            min(1.0, hit / periods) if periods > 0 and hit >= 0 else None,
            held / a_second / span_s if held >= 0 and span_s > 0 else None,
            used / 1e6 / span_s if used >= 0 and span_s > 0 else None,
        )

    def _cores(self) -> float | None:
        if self._v2:
            words = (self._limit.read() or b"").split()
            quota, period = (whole_number(word) for word in words) if len(words) == 2 else (None, None)
        else:
            quota, period = self._limit.number(), self._period.number()
        return quota / period if quota is not None and period and quota > 0 and period > 0 else None


class Clocks:
    """How fast the cores run."""

    def __init__(self, found: Found, files: Files) -> None:
        self._clocks = [
            (files.expected(clock.now) if clock.now else None, files.expected(clock.cap) if clock.cap else None, clock)
            for clock in found.clocks
        ]

    def shares(self) -> tuple[float | None, float | None]:
        """The fastest one's, and the least that one is allowed, each against the most it can have ever."""
        now = [share for file, _, clock in self._clocks if (share := _share(file, clock)) is not None]
        caps = [share for _, file, clock in self._clocks if (share := _share(file, clock)) is not None]
        return max(now, default=None), min(caps, default=None)


def _share(file: SmallFile | None, clock: Clock) -> float | None:
    khz = file.number() if file else None
    return khz / clock.most_khz if khz is not None and 0 < khz <= 2 * clock.most_khz else None
