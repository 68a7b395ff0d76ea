"""Hardware monitoring chips: Documentation/hwmon/sysfs-interface.rst, Documentation/ABI/testing/sysfs-class-hwmon.

Jetson Linux 35 and later have the INA3221 here too: /sys/bus/i2c/devices/*/hwmon, NVIDIA Jetson Linux
Developer Guide, "Software-Based Power Consumption Modeling".
"""

from __future__ import annotations

from typing import NamedTuple

from edgeseg.probe.tree import Tree


class Chip(NamedTuple):
    """A chip: its folder and its driver's name for it."""

    folder: str
    name: str


def i2c_devices(tree: Tree, driver: str) -> list[str]:
    """The devices that a driver has, or that have its name."""
    address = r"\d{1,3}-[0-9a-f]{4}"
    found = {path.rpartition("/")[2]: path for path in tree.names(f"/sys/bus/i2c/drivers/{driver}", address)}
    for path in tree.names("/sys/bus/i2c/devices", address):
        name = tree.string(f"{path}/name") if tree.exists(f"{path}/name") else None
        if name and name.value == driver:
            found.setdefault(path.rpartition("/")[2], path)
    return list(found.values())


def chips(tree: Tree) -> list[Chip]:
    """All of them; one that has no name is none."""
    folders = tree.names("/sys/class/hwmon", r"hwmon\d{1,4}")
    known = {folder.rpartition("/")[2] for folder in folders}
    found = [Chip(folder, name.value) for folder in folders if (name := tree.string(f"{folder}/name"))]
    for device in i2c_devices(tree, "ina3221"):
        more = tree.names(f"{device}/hwmon", r"hwmon\d{1,4}")
        found += [Chip(folder, "ina3221") for folder in more if folder.rpartition("/")[2] not in known]
    return found
