"""What can be known of power.

Sources: Documentation/hwmon/ina3221.rst and sysfs-interface.rst (mV, mA, uW); NVIDIA Jetson Linux Developer Guide 32.7,
"Power Monitoring" (iio:deviceN/rail_name_N, in_voltageN_input in mV, in_currentN_input in mA, in_powerN_input in mW)
and nvpmodel (/etc/nvpmodel.conf, /var/lib/nvpmodel/status); Documentation/ABI/testing/sysfs-class-power (uV, uA, uW);
Documentation/power/powercap/powercap.rst. The Raspberry Pi 5's power chip is behind the firmware:
raspberrypi/documentation, vcgencmd pmic_read_adc.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from edgeseg.probe.capabilities import Board, Soc
from edgeseg.probe.fact import Fact
from edgeseg.probe.hwmon import Chip, chips, i2c_devices
from edgeseg.probe.sensed import Power, PowerMode, PowerSensor, Rapl, Supply
from edgeseg.probe.tree import Tree

# Rails that feed the whole module (energymon/energymon jetson/JetsonPowerRails.md): Nano, then the others.
WHOLE_BOARD = ("POM_5V_IN", "VDD_IN")
_PMIC = (
    "The power chip of this Raspberry Pi is read by `vcgencmd pmic_read_adc` only, which the probe does not run;"
    " it does not see what USB devices and HATs take."
)


class Rail(NamedTuple):
    """Where a rail is measured: files of mV, of mA and of so many `per_watt` of power, None where there is none."""

    name: str
    chip: str
    volts: str | None
    amps: str | None
    watts: str | None
    per_watt: float = 1e6


def read_power(tree: Tree, board: Board, soc: Soc) -> Power:
    """Sensors, supplies, counters and modes."""
    sensors = [_sensor(tree, rail) for rail in rails(tree)]
    whole = [sensor.watts for sensor in sensors if sensor.name in WHOLE_BOARD and sensor.watts]
    paths = tree.names("/sys/class/power_supply", r"[\w.:-]{1,64}", most=32)
    mode, default = _modes(tree)
    has_pmic = soc.name is not None and soc.name.value == "BCM2712" and board.compatible is not None
    return Power(
        board_w=whole[0] if whole else None,
        sensors=tuple(sensors),
        supplies=tuple(supply for path in paths if (supply := _supply(tree, path))),
        rapl=tuple(_rapl(tree, path) for path in tree.names("/sys/class/powercap", r"intel-rapl(-mmio)?:[\d:]{1,8}")),
        mode=mode,
        default_mode=default,
        how=_PMIC if has_pmic else None,
    )


def _product(volts: Fact[float] | None, amps: Fact[float] | None) -> Fact[float] | None:
    if volts is None or amps is None:
        return None
    return Fact(round(volts.value * amps.value, 6), f"{volts.where}, {amps.where}")


def rails(tree: Tree) -> list[Rail]:
    """All that is measured, readable or not."""
    return [rail for chip in chips(tree) for rail in _of_chip(tree, chip)] + _of_iio(tree)


def _sensor(tree: Tree, rail: Rail) -> PowerSensor:
    volts = tree.scaled(rail.volts, 1e3, 0, 60) if rail.volts else None
    amps = tree.scaled(rail.amps, 1e3, -1000, 1000) if rail.amps else None
    watts = tree.scaled(rail.watts, rail.per_watt, 0, 10_000) if rail.watts else None
    return PowerSensor(rail.name, rail.chip, volts, amps, watts or _product(volts, amps))


def _of_chip(tree: Tree, chip: Chip) -> list[Rail]:
    """An INA3221 gives three rails of volts and amperes; other chips give watts."""
    found = []
    if chip.name == "ina3221":
        paths = tree.names(chip.folder, "curr[123]_input|in[123]_label")
        for number in sorted({path.rpartition("/")[2].rpartition("_")[0][-1] for path in paths}):
            label = _label(tree, f"{chip.folder}/in{number}_label")
            enabled = f"{chip.folder}/in{number}_enable"
            off = tree.integer(enabled, 0, 1) if tree.exists(enabled) else None
            if (off and not off.value) or label == "NC":
                continue
            volts, amps = f"{chip.folder}/in{number}_input", f"{chip.folder}/curr{number}_input"
            found.append(Rail(label or f"channel {number}", chip.name, volts, amps, None))
    for path in tree.names(chip.folder, r"power\d{1,2}_(input|average)", most=32):
        stem = path.rpartition("_")[0]
        found.append(Rail(_label(tree, f"{stem}_label") or stem.rpartition("/")[2], chip.name, None, None, path))
    return found


def _of_iio(tree: Tree) -> list[Rail]:
    """The INA3221 as Jetson Linux 32 shows it."""
    found = []
    for device in i2c_devices(tree, "ina3221x"):
        for folder in tree.names(device, r"iio[:_]device\d{1,3}"):
            for path in tree.names(folder, r"rail_name_\d"):
                name, number = tree.string(path), path[-1]
                if name is None or name.value == "NC":
                    continue
                volts, amps = f"{folder}/in_voltage{number}_input", f"{folder}/in_current{number}_input"
                found.append(Rail(name.value, "ina3221", volts, amps, f"{folder}/in_power{number}_input", 1e3))
    return found


def _label(tree: Tree, path: str) -> str | None:
    label = tree.string(path) if tree.exists(path) else None
    return label.value if label else None


def _supply(tree: Tree, path: str) -> Supply | None:
    """A supply of the board; batteries of mice and headsets (scope Device) are not."""
    scope = tree.string(f"{path}/scope") if tree.exists(f"{path}/scope") else None
    if scope and scope.value == "Device":
        return None

    def micro(name: str, most: float) -> Fact[float] | None:
        there = tree.exists(f"{path}/{name}")
        return tree.scaled(f"{path}/{name}", 1e6, -most, most) if there else None

    def word(name: str) -> Fact[str] | None:
        return tree.string(f"{path}/{name}") if tree.exists(f"{path}/{name}") else None

    online = tree.integer(f"{path}/online", 0, 2)  # 2: online with a programmable voltage
    watts = micro("power_now", 10_000) or _product(micro("voltage_now", 1000), micro("current_now", 1000))
    return Supply(
        name=path.rpartition("/")[2],
        type=word("type"),
        online=Fact(online.value > 0, online.where) if online else None,
        status=word("status"),
        charge_percent=tree.integer(f"{path}/capacity", 0, 100),
        watts=watts,
    )


def _rapl(tree: Tree, path: str) -> Rapl:
    """A zone's name, its counter (often for root only) and its long-term limit."""
    name = tree.string(f"{path}/name")
    long_term = None
    for number in range(3):
        kind = f"{path}/constraint_{number}_name"
        word = tree.string(kind) if tree.exists(kind) else None
        if word and word.value == "long_term":
            long_term = tree.scaled(f"{path}/constraint_{number}_power_limit_uw", 1e6, 0, 100_000)
    energy = tree.scaled(f"{path}/energy_uj", 1e6, 0, 1e12)
    return Rapl(name.value if name else path.rpartition("/")[2], energy, long_term)


def _modes(tree: Tree) -> tuple[Fact[PowerMode] | None, Fact[PowerMode] | None]:
    """The mode that nvpmodel set last, and the one it sets at the start."""
    conf, status = "/etc/nvpmodel.conf", "/var/lib/nvpmodel/status"
    text = tree.text(conf) or ""
    models = re.findall(r"^<\s*POWER_MODEL\s+ID=(\d{1,3})\s+NAME=(\S{1,64})\s*>", text, re.MULTILINE)
    names = {int(number): name for number, name in models}
    default = re.search(r"^<\s*PM_CONFIG\s+DEFAULT=(\d{1,3})\s*>", text, re.MULTILINE)
    said = tree.text(status)
    now = re.search(r"\bpmode:(\d{1,4})\b", said or "")
    if said is not None and not now:
        tree.note(status, "names no mode")

    def mode(found: re.Match[str] | None, where: str) -> Fact[PowerMode] | None:
        return Fact(PowerMode(int(found[1]), names.get(int(found[1]))), where) if found else None

    return mode(now, f"{status}, {conf}" if names else status), mode(default, conf)
