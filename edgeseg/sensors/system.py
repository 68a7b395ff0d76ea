"""This board's sensors, or those of a saved board."""

from __future__ import annotations

from pathlib import Path

from edgeseg.clock import Clock
from edgeseg.facts import Emit, Noted, ignore
from edgeseg.readings import Reading
from edgeseg.sensors.belief import Beliefs
from edgeseg.sensors.found import Found, find, with_lost
from edgeseg.sensors.heat import Heat, hottest
from edgeseg.sensors.load import Clocks, Family, Load, Quotas
from edgeseg.sensors.memory import Memory
from edgeseg.sensors.power import Power
from edgeseg.sensors.small_file import Files

# A driver that was loaded anew has its files elsewhere. Looking takes as long as a hundred readings.
_LOOK_AGAIN_S, _LOST_FOR_S = 60.0, 10.0


class _Readers:
    """All that is read, of the files that were found."""

    def __init__(self, root: Path, found: Found) -> None:
        self.files = Files(root)
        self.heat, self.power = Heat(found, self.files), Power(found, self.files)
        self.family = Family(self.files)
        self.load, self.quotas = Load(self.family, self.files), Quotas(found, self.files)
        self.memory, self.clocks = Memory(found, self.files), Clocks(found, self.files)

    def close(self) -> None:
        self.files.close()
        self.family.close()


class SystemSensors:
    """See `Sensors`; which files these are: docs/sensors.md.

    root: of the file system, or of a saved board. clock: for times and rates. emit: is told, in the thread that reads,
    when a sensor is not believed any more and when it is again: `Noted("sensor", sentence)`.
    """

    def __init__(self, root: Path = Path("/"), *, clock: Clock, emit: Emit = ignore) -> None:
        self._root, self._clock, self._emit = root, clock, emit
        self._beliefs = Beliefs()
        self._found = find(root)
        self._readers = _Readers(root, self._found)
        self._looked_s = clock.now()
        self._lost_since_s: float | None = None
        self._discharge_w: float | None = None
        self._slow = Reading(clock.now())
        self._closed = False

    def read(self, slow: bool = True) -> Reading:
        """See `Sensors.read`."""
        now_s = self._clock.now()
        if self._closed:
            return Reading(now_s)
        reading = self._read(now_s, slow)
        for sentence in self._beliefs.take_news():
            self._emit(Noted("sensor", sentence))
        if slow:
            self._slow = reading
            self._look_again(now_s)
        return reading

    def close(self) -> None:
        """See `Sensors.close`."""
        self._closed = True
        self._readers.close()

    def _read(self, now_s: float, slow: bool) -> Reading:
        readers, beliefs, last = self._readers, self._beliefs, self._slow
        if slow:
            readers.family.look_for_children()
        busy = readers.load.busy(now_s)
        temps = readers.heat.temperatures(beliefs, now_s, busy.share)
        throttling = readers.heat.throttling(slow)
        rails = readers.power.rails(beliefs, now_s, busy.share)
        system, group = readers.memory.system(beliefs, now_s), readers.memory.group(slow)
        quota = readers.quotas.quota(now_s)
        package_w = readers.power.package(beliefs, now_s, busy.share)
        board_w, percent, on_battery = readers.power.board(rails), last.battery_percent, last.on_battery
        volts, clock_share, cap_share = last.core_volts, last.clock_share, last.clock_cap_share
        if slow:
            percent, on_battery, self._discharge_w = readers.power.supplies(beliefs, now_s, busy.share)
            volts = readers.heat.core_volts(beliefs, now_s)
            clock_share, cap_share = readers.clocks.shares()
        return Reading(
            at_s=now_s,
            slow_at_s=now_s if slow else last.slow_at_s,
            temp_c=hottest(temps),
            temps=temps,
            throttled=throttling.throttled,
            throttle_flags=throttling.flags,
            under_voltage=throttling.under_voltage,
            core_volts=volts,
            board_w=board_w if board_w is not None else self._discharge_w,
            package_w=package_w,
            rails=rails,
            battery_percent=percent,
            on_battery=on_battery,
            memory_available_mb=system.available_mb,
            memory_total_mb=system.total_mb,
            rss_mb=readers.family.rss_mb(system.total_mb),
            cgroup_memory_mb=group.used_mb,
            cgroup_working_mb=group.working_mb,
            cgroup_memory_limit_mb=group.limit_mb,
            pressure_some=system.pressure_some,
            pressure_full=system.pressure_full,
            own_cores=busy.own_cores,
            other_cores=busy.other_cores,
            busy_share=busy.share,
            cpu_quota=quota.cores,
            cpu_throttled_share=quota.throttled_share,
            cpu_throttled_s_per_s=quota.throttled_s_per_s,
            cgroup_cpu_cores=quota.used_cores,
            clock_share=clock_share,
            clock_cap_share=cap_share,
            doubted=beliefs.doubted(),
        )

    def _look_again(self, now_s: float) -> None:
        """What was taken away may be back at another place."""
        if not self._readers.files.is_one_lost:
            self._lost_since_s = None
            return
        self._lost_since_s = now_s if self._lost_since_s is None else self._lost_since_s
        if now_s - self._lost_since_s < _LOST_FOR_S or now_s - self._looked_s < _LOOK_AGAIN_S:
            return
        self._looked_s = now_s
        self._found = with_lost(find(self._root), self._found)
        self._readers.close()
        self._readers = _Readers(self._root, self._found)
