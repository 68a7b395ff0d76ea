"""What the sensors said at one moment. What is not known is None, never 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Temperature(NamedTuple):
    """One sensor's temperature. of_chip: it measures the silicon that computes, and not the room or a disk."""

    name: str
    temp_c: float | None
    of_chip: bool


class RailPower(NamedTuple):
    """What one rail carries."""

    name: str
    watts: float | None


@dataclass(frozen=True, slots=True)
class Reading:
    """All sensors, read once. MB are 10^6 bytes; shares go from 0 to 1; rates are since the reading before.

    at_s: when, by the clock that the sensors were given. slow_at_s: when the values that are read more seldom were.

    temp_c: the hottest believed sensor of the chip, or, on a board whose chip has none, of the board. temps: of all.
    throttled: the board slows itself down because of heat or supply, now. throttle_flags: the words of the Raspberry
    Pi's firmware. under_voltage: the Raspberry Pi's supply is too weak, now. core_volts: of the cores.

    board_w: what the whole board takes. package_w: what the processor's package takes, by its own counter.
    rails: what single rails carry. battery_percent, on_battery: None also where there is no battery.

    memory_available_mb: what the system could still give, of memory_total_mb. rss_mb: resident in this process and its
    children; memory that they share counts in each. cgroup_memory_mb: charged to the control group whose limit is
    nearest. cgroup_working_mb: the same without the files' cache that can be dropped at once.
    cgroup_memory_limit_mb: that limit. pressure_some, pressure_full: percent of the last 10 s in which some, or all,
    waited for memory, in our group or on the machine, whichever is more.

    own_cores, other_cores: cores kept busy by this process with its children, and by everything else. busy_share: of
    all cores' time. cpu_quota: cores granted by the control group. cpu_throttled_share: of the quota's periods those in
    which it was used up. cpu_throttled_s_per_s: how long the group was held back each second, summed over cores.
    cgroup_cpu_cores: what the group uses, with all in it.
    clock_share: the fastest clock against the highest it can have. clock_cap_share: what the slowest kept one may have.

    doubted: names of sensors that are not believed now.
    """

    at_s: float
    slow_at_s: float | None = None
    temp_c: float | None = None
    temps: tuple[Temperature, ...] = ()
    throttled: bool | None = None
    throttle_flags: tuple[str, ...] | None = None
    under_voltage: bool | None = None
    core_volts: float | None = None
    board_w: float | None = None
    package_w: float | None = None
    rails: tuple[RailPower, ...] = ()
    battery_percent: float | None = None
    on_battery: bool | None = None
    memory_available_mb: float | None = None
    memory_total_mb: float | None = None
    rss_mb: float | None = None
    cgroup_memory_mb: float | None = None
    cgroup_working_mb: float | None = None
    cgroup_memory_limit_mb: float | None = None
    pressure_some: float | None = None
    pressure_full: float | None = None
    own_cores: float | None = None
    other_cores: float | None = None
    busy_share: float | None = None
    cpu_quota: float | None = None
    cpu_throttled_share: float | None = None
    cpu_throttled_s_per_s: float | None = None
    cgroup_cpu_cores: float | None = None
    clock_share: float | None = None
    clock_cap_share: float | None = None
    doubted: tuple[str, ...] = ()

    @property
    def power_w(self) -> float | None:
        """The board's power, or where nothing measures that, the processor's alone."""
        return self.board_w if self.board_w is not None else self.package_w
