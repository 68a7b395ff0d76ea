"""Video4Linux nodes and camera sensors.

Sources: Documentation/driver-api/media/v4l2-dev.rst (/sys/class/video4linux/*/name, index),
Documentation/driver-api/driver-model/overview.rst (device/uevent), umlaufer/v4l2loopback (max_openers, virtual device),
sensors are sub-devices named as "imx708 10-001a": driver, I2C bus and address,
Documentation/driver-api/media/v4l2-subdev.rst.
"""

from __future__ import annotations

import re
from typing import Any

from edgeseg.probe.accelerators import device_driver
from edgeseg.probe.capabilities import Cameras, VideoNode
from edgeseg.probe.fact import Fact
from edgeseg.probe.tree import Tree

_CLASS = "/sys/class/video4linux"
_VIRTUAL = "/sys/devices/virtual/video4linux"
# Nodes that give raw sensor data, or are stages of a camera or a codec, by the beginning of driver or name.
_RAW = (
    *("bcm2835-isp", "bcm2835-codec", "unicam", "rp1-cfe", "pispbe", "rpivid", "rpi-hevc-dec", "rpi-vid"),
    *("vi-output", "tegra-video", "rkisp", "rkcif", "rkvdec", "rkvenc", "rockchip-rga"),
    *("rockchip,", "hantro", "mxc-jpeg"),
)
_TESTS = ("vivid", "vimc", "vicodec", "vim2m")
_SENSOR = re.compile(r"(?:.*?, ?)?((?:imx|ov|ar|gc|hi|hm|s5k|mt9|sc|os|og|tevs|arducam)[\w-]*) \d{1,3}-[0-9a-f]{4}")


def video_paths(tree: Tree) -> list[str]:
    """The nodes in sysfs."""
    return tree.names(_CLASS, r"video\d{1,4}", most=128)


def node_of(path: str) -> str:
    """The device file of a node in sysfs."""
    return f"/dev/{path.rpartition('/')[2]}"


def read_cameras(tree: Tree, modes: dict[str, tuple[Any, ...]]) -> Cameras:
    """All nodes, with their modes where somebody asked for them."""
    nodes = tuple(_node(tree, path, modes) for path in video_paths(tree))
    paths = tree.names(_CLASS, r"v4l-subdev\d{1,4}", most=128) + video_paths(tree)
    names = [name for path in paths if (name := tree.string(f"{path}/name"))]
    sensors = {found[1]: Fact(found[1], name.where) for name in names if (found := _SENSOR.fullmatch(name.value))}
    return Cameras(nodes, tuple(sensors.values()))


def _node(tree: Tree, path: str, modes: dict[str, tuple[Any, ...]]) -> VideoNode:
    node, name, driver = node_of(path), tree.string(f"{path}/name"), device_driver(tree, f"{path}/device")
    kind = "camera"
    words = [fact.value for fact in (driver, name) if fact]
    if any(word.startswith(_RAW) for word in words):
        kind = "raw"
    elif any(word.startswith(_TESTS) for word in words):
        kind = "test"
    elif driver is None and _is_loopback(tree, path):
        kind, driver = "loopback", Fact("v4l2loopback", f"{path}/max_openers")
    elif driver and driver.value == "uvcvideo" and tree.exists(f"{path}/index"):
        index = tree.integer(f"{path}/index", 0, 255)
        kind = "metadata" if index and index.value % 2 else "camera"
    asked = modes.get(node)
    return VideoNode(node, kind, name, driver, None if asked is None else Fact(asked, "VIDIOC_ENUM_FMT"))


def _is_loopback(tree: Tree, path: str) -> bool:
    virtual = f"{_VIRTUAL}/{path.rpartition('/')[2]}"
    return any(tree.exists(f"{folder}/max_openers") for folder in (path, virtual))
