"""Which files of sensors there are on a board, found by the probe's readers: paths, links followed, no values.

Besides what the probe's modules name: Documentation/admin-guide/pm/cpufreq.rst (scaling_max_freq is what the kernel
allows now, also because of heat), Documentation/ABI/testing/sysfs-class-regulator (microvolts), the types of cooling
devices in drivers/thermal/cpufreq_cooling.c, devfreq_cooling.c and drivers/acpi/processor_thermal.c,
Documentation/power/powercap/powercap.rst.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from edgeseg.probe.cgroup import folders
from edgeseg.probe.hwmon import chips
from edgeseg.probe.power import WHOLE_BOARD, Rail, rails
from edgeseg.probe.sensed import Zone
from edgeseg.probe.thermal import NO_MEASUREMENT, read_thermal, sensor_files
from edgeseg.probe.tree import Tree

_CPU = "/sys/devices/system/cpu"
# Names of zones and labels of the silicon that works: not of its power chip, the disk, the radio or the room.
_CHIP = re.compile(
    r"(?:^|[^a-z])(?:cpu\w*|gpu\w*|soc\w*|npu\w*|cv\d*|tj|pll|core|package|x86_pkg_temp|coretemp|k10temp|t(?:ctl|die|ccd\d*)"
    r"|(?:little|big)core\d*|center|cluster\d*|ddr)(?:[^a-z]|$)",
    re.I,
)
_SLOWS_DOWN = re.compile(r"(?:thermal-)?(?:cpufreq|devfreq)-.*|Processor")
_CORE_VOLTS = re.compile(r"(?:v?dd[-_]?)?v?core\d*(?: voltage)?|vdd[-_]?cpu\w*|svi2_core", re.I)


class TempFile(NamedTuple):
    """A file of millidegrees."""

    name: str
    path: str
    of_chip: bool


class Counters(NamedTuple):
    """One zone of RAPL: its counter of microjoules, which wraps around after `most_uj`."""

    name: str
    path: str
    most_uj: int


class Group(NamedTuple):
    """A control group's files: v2 has one file for quota and period, v1 two. spent: v1's time on the cores so far."""

    limit: str
    usage: str
    stat: str | None
    v2: bool
    spent: str | None = None


class Clock(NamedTuple):
    """A cluster's clock, in kHz: now, at most now, at most ever."""

    now: str | None
    cap: str | None
    most_khz: int


@dataclass(frozen=True, slots=True)
class Found:
    """All of it. For control groups, own one first; `limit` and `usage` of a CPU's group are quota and period in v1."""

    temps: tuple[TempFile, ...]
    flags: str | None
    alarm: str | None
    throttle_counts: tuple[str, ...]
    coolers: tuple[str, ...]
    core_volts: tuple[tuple[str, float], ...]
    rails: tuple[Rail, ...]
    board: tuple[str, ...]
    packages: tuple[Counters, ...]
    supplies: tuple[str, ...]
    memory_groups: tuple[Group, ...]
    cpu_groups: tuple[Group, ...]
    pressures: tuple[str, ...]
    clocks: tuple[Clock, ...]


def find(root: Path) -> Found:
    """What there is below `root`. Raises nothing."""
    tree = Tree(root)
    thermal = read_thermal(tree)
    flags = thermal.throttle.flags
    alarms = [f"{chip.folder}/in0_lcrit_alarm" for chip in chips(tree) if chip.name == "rpi_volt"]
    cores = tree.names(_CPU, r"cpu\d{1,5}", most=64)
    counts = [f"{core}/thermal_throttle/core_throttle_count" for core in cores]
    counts += [f"{core}/thermal_throttle/package_throttle_count" for core in cores[:1]]
    slowing = [cooler.name for cooler in thermal.coolers if cooler.type and _SLOWS_DOWN.fullmatch(cooler.type.value)]
    own = [f"{folder}/memory.pressure" for folder in list(folders(tree, "memory"))[:1]]
    found = _rails(tree)
    return Found(
        temps=_temps(tree, thermal.zones),
        flags=tree.real(flags.where) if flags else None,
        alarm=next(iter(_real(tree, alarms)), None),
        throttle_counts=_real(tree, counts),
        coolers=_real(tree, [f"/sys/class/thermal/{name}/cur_state" for name in slowing]),
        core_volts=_core_volts(tree),
        rails=found,
        board=tuple(rail.name for rail in found if rail.name in WHOLE_BOARD or rail.chip == "power_meter"),
        packages=_packages(tree),
        supplies=_real(tree, tree.names("/sys/class/power_supply", r"[\w.:-]{1,64}", most=32)),
        memory_groups=_memory_groups(tree),
        cpu_groups=_cpu_groups(tree),
        pressures=_real(tree, ["/proc/pressure/memory", *own]),
        clocks=_clocks(tree),
    )


def with_lost(found: Found, before: Found) -> Found:
    """`found`, and what was there before: it may come back, and until then it is missing and not unheard of."""
    temps, rails_, packages = (
        tuple({item.name: item for item in (*getattr(before, name), *getattr(found, name))}.values())
        for name in ("temps", "rails", "packages")
    )
    supplies = tuple(dict.fromkeys((*before.supplies, *found.supplies)))
    board = tuple(dict.fromkeys((*before.board, *found.board)))
    return replace(found, temps=temps, rails=rails_, packages=packages, supplies=supplies, board=board)


def _real(tree: Tree, paths: list[str]) -> tuple[str, ...]:
    return tuple(real for path in paths if (real := tree.real(path)))


def _temps(tree: Tree, zones: tuple[Zone, ...]) -> tuple[TempFile, ...]:
    named = [
        (zone.type.value if zone.type else zone.name, zone.name, f"/sys/class/thermal/{zone.name}/temp")
        for zone in zones
        if zone.type is None or zone.type.value not in NO_MEASUREMENT
    ]
    others = sensor_files(tree, zones)
    whole = {file.chip for file in others if file.label.startswith("Package")}
    named += [
        (f"{file.chip} {file.label}", file.path.rpartition("/")[2], file.path)
        for file in others
        if file.chip not in whole or not file.label.startswith("Core ")  # the package's is the hottest core's
    ]
    often = Counter(name for name, _, _ in named)
    return tuple(
        TempFile(name if often[name] == 1 else f"{name} ({place})", real, bool(_CHIP.search(name)))
        for name, place, path in named
        if (real := tree.real(path))
    )


def _rails(tree: Tree) -> tuple[Rail, ...]:
    """With their real paths; where several have one name, they are numbered."""
    found, often = [], Counter[str]()
    for rail in rails(tree):
        often[rail.name] += 1
        name = rail.name if often[rail.name] == 1 else f"{rail.name} ({often[rail.name]})"
        volts, amps, watts = (tree.real(path) if path else None for path in (rail.volts, rail.amps, rail.watts))
        found.append(rail._replace(name=name, volts=volts, amps=amps, watts=watts))
    return tuple(found)


def _core_volts(tree: Tree) -> tuple[tuple[str, float], ...]:
    """Files of the cores' supply, each with what makes volts of its unit."""
    files = []
    for chip in chips(tree):
        for path in tree.names(chip.folder, r"in\d{1,2}_label", most=32):
            label, real = tree.string(path), tree.real(path.removesuffix("label") + "input")
            if label and real and _CORE_VOLTS.fullmatch(label.value):
                files.append((real, 1e3))
    for folder in tree.names("/sys/class/regulator", r"regulator\.\d{1,4}", most=128):
        name, real = tree.string(f"{folder}/name"), tree.real(f"{folder}/microvolts")
        if name and real and _CORE_VOLTS.fullmatch(name.value):
            files.append((real, 1e6))
    return tuple(files)


def _packages(tree: Tree) -> tuple[Counters, ...]:
    """Whole packages, by the processor's registers; intel-rapl-mmio shows the same counters once more."""
    found = []
    for path in tree.names("/sys/class/powercap", r"intel-rapl:\d{1,4}"):
        name, real = tree.string(f"{path}/name"), tree.real(f"{path}/energy_uj")
        most = tree.integer(f"{path}/max_energy_range_uj", 1, 1 << 63) if real else None
        if name and real and name.value.startswith("package"):
            found.append(Counters(name.value, real, most.value if most else 0))
    return tuple(found)


def _memory_groups(tree: Tree) -> tuple[Group, ...]:
    names = (("memory.max", "memory.current", True), ("memory.limit_in_bytes", "memory.usage_in_bytes", False))
    return tuple(_groups(tree, "memory", "memory.stat", names).values())


def _cpu_groups(tree: Tree) -> tuple[Group, ...]:
    names = (("cpu.max", "cpu.max", True), ("cpu.cfs_quota_us", "cpu.cfs_period_us", False))
    groups = _groups(tree, "cpu", "cpu.stat", names).items()
    return tuple(group if group.v2 else group._replace(spent=_spent(tree, folder)) for folder, group in groups)


def _spent(tree: Tree, folder: str) -> str | None:
    """Where v1 counts the time of a CPU's group: in the same hierarchy, or in our group of that name in another."""
    accounts = folder.replace("/cpu", "/cpuacct", 1)
    return tree.real(f"{accounts}/cpuacct.usage") if accounts in folders(tree, "cpuacct") else None


def _groups(tree: Tree, controller: str, stat: str, names: tuple[tuple[str, str, bool], ...]) -> dict[str, Group]:
    """By folder, the own one first."""
    found = {}
    for folder in folders(tree, controller):
        for limit, usage, is_v2 in names:
            paths = [tree.real(f"{folder}/{name}") for name in (limit, usage, stat)]
            if paths[0] and paths[1]:
                found[folder] = Group(paths[0], paths[1], paths[2], is_v2)
                break
    return found


def _clocks(tree: Tree) -> tuple[Clock, ...]:
    places = tree.names(f"{_CPU}/cpufreq", r"policy\d{1,5}", most=64)
    places = places or [f"{core}/cpufreq" for core in tree.names(_CPU, r"cpu\d{1,5}", most=64)]
    found = []
    for place in places:
        most = tree.integer(f"{place}/cpuinfo_max_freq", 1, 10**8)
        now, cap = (tree.real(f"{place}/{name}") for name in ("scaling_cur_freq", "scaling_max_freq"))
        if most and (now or cap):
            found.append(Clock(now, cap, most.value))
    return tuple(found)
