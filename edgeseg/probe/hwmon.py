"""Hardware monitoring chips: Documentation/hwmon/sysfs-interface.rst, Documentation/ABI/testing/sysfs-class-hwmon.

Jetson Linux 35 and later have the INA3221 here too: /sys/bus/i2c/drivers/ina3221/*/hwmon, NVIDIA Jetson Linux
Developer Guide, "Software-Based Power Consumption Modeling".
"""

from __future__ import annotations

from typing import NamedTuple

from edgeseg.probe.tree import Tree

_INA3221 = "/sys/bus/i2c/drivers/ina3221"


class Chip(NamedTuple):
    """A chip: its folder and its driver's name for it."""

    folder: str
    name: str


def chips(tree: Tree) -> list[Chip]:
    """All of them; one that has no name is none."""
    folders = tree.names("/sys/class/hwmon", r"hwmon\d{1,4}")
    known = {folder.rpartition("/")[2] for folder in folders}
    for device in tree.names(_INA3221, r"\d{1,3}-[0-9a-f]{4}"):
        more = tree.names(f"{device}/hwmon", r"hwmon\d{1,4}")
        folders += [folder for folder in more if folder.rpartition("/")[2] not in known]
    return [Chip(folder, name.value) for folder in folders if (name := tree.string(f"{folder}/name"))]
