"""Temperatures, what is done against them, and whether the board holds itself back.

Sources: Documentation/driver-api/thermal/sysfs-api.rst (millidegrees; a trip of -274000 is one that is not set,
include/linux/thermal.h THERMAL_TEMP_INVALID), Documentation/hwmon/raspberrypi-hwmon.rst,
raspberrypi/linux drivers/firmware/raspberrypi.c (get_throttled, hexadecimal; its bits:
raspberrypi/documentation, vcgencmd get_throttled), Documentation/arch/x86 thermal_throttle counters in
arch/x86/kernel/cpu/mce/therm_throt.c.

The first reader of get_throttled makes newer kernels log a warning, once. Where a warning stops the kernel
(panic_on_warn) it is therefore not read. raspberrypi-hwmon clears the upper bits every 2 s, so that they tell
of the last seconds and not of all the time since the start.
"""

from __future__ import annotations

from typing import NamedTuple

from edgeseg.probe.fact import Fact
from edgeseg.probe.hwmon import Chip, chips
from edgeseg.probe.sensed import Cooler, Sensor, Thermal, Throttle, Trip, Zone
from edgeseg.probe.tree import Tree

_THERMAL = "/sys/class/thermal"
_CPU = "/sys/devices/system/cpu"
_LOW_C, _HIGH_C = -40.0, 150.0
_TRIP_NOT_SET = -274000
_FLAGS = {
    0: "under-voltage",
    1: "frequency capped",
    2: "throttled",
    3: "soft temperature limit",
    16: "under-voltage before",
    17: "frequency capped before",
    18: "throttled before",
    19: "soft temperature limit before",
}


# Zones that measure nothing: a Jetson's driver gives one number at all times.
NO_MEASUREMENT = ("PMIC-Die",)


class SensorFile(NamedTuple):
    """A file that holds a temperature in millidegrees, and whose it is."""

    chip: str
    label: str
    path: str


def read_thermal(tree: Tree) -> Thermal:
    """All that has to do with heat."""
    zones = tuple(_zone(tree, path) for path in tree.names(_THERMAL, r"thermal_zone\d{1,4}", most=64))
    coolers = tuple(_cooler(tree, path) for path in tree.names(_THERMAL, r"cooling_device\d{1,4}", most=64))
    read = ((file, temperature(tree, file.path)) for file in sensor_files(tree, zones))
    sensors = tuple(Sensor(file.chip, file.label, temp_c) for file, temp_c in read if temp_c)
    return Thermal(zones, sensors, coolers, _throttle(tree, chips(tree)))


def sensor_files(tree: Tree, zones: tuple[Zone, ...]) -> list[SensorFile]:
    """Temperatures that are none of the `zones`, readable or not."""
    of_zones = {zone.type.value.replace("-", "_") for zone in zones if zone.type}
    files = [file for chip in chips(tree) if chip.name not in of_zones for file in _sensor_files(tree, chip)]
    apex = tree.names("/sys/class/apex", r"apex_\d{1,2}")  # google/gasket-driver: millidegrees
    return files + [SensorFile("apex", path.rpartition("/")[2], f"{path}/temp") for path in apex]


def temperature(tree: Tree, path: str) -> Fact[float] | None:
    """A file of millidegrees, if they are a device's."""
    return tree.scaled(path, 1000, _LOW_C, _HIGH_C)


def _zone(tree: Tree, path: str) -> Zone:
    trips = []
    for trip in tree.names(path, r"trip_point_\d{1,2}_temp", most=16):
        raw = tree.text(trip)
        if raw is not None and raw.strip() == str(_TRIP_NOT_SET):
            continue
        temp_c = temperature(tree, trip)
        if temp_c:
            trips.append(Trip(tree.string(trip.removesuffix("temp") + "type"), temp_c))
    name, kind, temp_c = path.rpartition("/")[2], tree.string(f"{path}/type"), temperature(tree, f"{path}/temp")
    if kind and kind.value in NO_MEASUREMENT and temp_c:
        tree.note(f"{path}/temp", "is no measurement: a Jetson's driver gives one number at all times")
        temp_c = None
    return Zone(name, kind, temp_c, tuple(trips))


def _cooler(tree: Tree, path: str) -> Cooler:
    return Cooler(
        name=path.rpartition("/")[2],
        type=tree.string(f"{path}/type"),
        state=tree.integer(f"{path}/cur_state", 0, 1 << 20),
        max_state=tree.integer(f"{path}/max_state", 0, 1 << 20),
    )


def _sensor_files(tree: Tree, chip: Chip) -> list[SensorFile]:
    files = []
    for path in tree.names(chip.folder, r"temp\d{1,3}_input", most=32):
        label_path = path.removesuffix("input") + "label"
        label = tree.string(label_path) if tree.exists(label_path) else None
        name = label.value if label else path.rpartition("/")[2].removesuffix("_input")
        files.append(SensorFile(chip.name, name, path))
    return files


def flag_words(bits: int) -> tuple[str, ...]:
    """The words for the bits of get_throttled."""
    return tuple(word for bit, word in _FLAGS.items() if bits >> bit & 1)


def _throttle(tree: Tree, found: list[Chip]) -> Throttle:
    alarm = None
    for chip in found:
        if chip.name == "rpi_volt":
            raised = tree.integer(f"{chip.folder}/in0_lcrit_alarm", 0, 1)
            alarm = Fact(raised.value == 1, raised.where) if raised else None
    cores = tree.names(_CPU, r"cpu\d{1,5}", most=1024)
    core, package = (_counts(tree, cores, kind) for kind in ("core", "package"))
    return Throttle(
        flags=_flags(tree),
        under_voltage=alarm,
        core_count=Fact(sum(core.value), core.where) if core else None,
        package_count=Fact(max(package.value), package.where) if package else None,
    )


def _counts(tree: Tree, cores: list[str], kind: str) -> Fact[tuple[int, ...]] | None:
    name = f"thermal_throttle/{kind}_throttle_count"
    facts = [fact for core in cores if (fact := tree.integer(f"{core}/{name}", 0, 1 << 40))]
    return Fact(tuple(fact.value for fact in facts), f"{_CPU}/cpu*/{name}") if facts else None


def _flags(tree: Tree) -> Fact[tuple[str, ...]] | None:
    for folder in tree.names("/sys/devices/platform", r"soc(@[0-9a-f]+)?"):
        for firmware in tree.names(folder, r"soc[\w@]*:firmware"):
            path = f"{firmware}/get_throttled"
            if not tree.exists(path):
                continue
            stops = tree.integer("/proc/sys/kernel/panic_on_warn", 0, 1)
            if stops and stops.value:
                tree.note(path, "was not read: reading it logs a warning, and here that stops the kernel")
                continue
            bits = tree.integer(path, 0, 0xFFFFFFFF, base=16)
            if bits:
                return Fact(flag_words(bits.value), bits.where)
    return None
