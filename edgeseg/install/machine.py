"""What is known of the machine before anything is installed on it, read below a root."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from edgeseg.install.where import Where

_CORAL = ("1a6e", "18d1")  # before and after its firmware is loaded


@dataclass(frozen=True, slots=True)
class Machine:
    """What is known. os_name, os_id, os_version: as os-release has them. glibc: None for another C library.

    free_mb: where releases go. root_fs, read_only: the type of / and how it is mounted. loopback: v4l2loopback's
    version if it is loaded ("" if it does not say), else None. loopback_installed: whether it could be. cameras: what
    could be one, by its node.
    """

    os_name: str
    os_id: str
    os_version: str
    kernel: str
    glibc: tuple[int, int] | None
    python: tuple[int, int]
    has_venv: bool
    is_root: bool
    has_systemd: bool
    free_mb: int
    root_fs: str
    read_only: bool
    loopback: str | None
    loopback_installed: bool
    cameras: tuple[str, ...]
    has_picamera2: bool
    has_coral_usb: bool = False
    is_jetson: bool = False


def read_machine(where: Where, has_systemd: bool) -> Machine:
    """All of it; what is not there is empty, and nothing is raised."""
    release = _os_release(where)
    root_fs, read_only = _root_mount(where)
    version = where.at("/sys/module/v4l2loopback/version")
    kernel = os.uname().release
    return Machine(
        os_name=release.get("PRETTY_NAME", "an unknown system"),
        os_id=release.get("ID", ""),
        os_version=release.get("VERSION_ID", ""),
        kernel=kernel,
        glibc=_glibc(),
        python=sys.version_info[:2],
        has_venv=importlib.util.find_spec("ensurepip") is not None and importlib.util.find_spec("venv") is not None,
        is_root=os.geteuid() == 0,
        has_systemd=has_systemd,
        free_mb=_free_mb(where.base),
        root_fs=root_fs,
        read_only=read_only,
        loopback=_text(version).strip() if version.parent.is_dir() else None,
        loopback_installed="v4l2loopback" in _text(where.at(f"/lib/modules/{kernel}/modules.dep")),
        cameras=_cameras(where),
        has_picamera2=where.at("/usr/lib/python3/dist-packages/picamera2").is_dir(),
        has_coral_usb=any(_text(one).strip() in _CORAL for one in where.at("/sys/bus/usb/devices").glob("*/idVendor")),
        is_jetson="nvidia,tegra" in _text(where.at("/proc/device-tree/compatible")),
    )


def port_is_taken(port: int) -> bool:
    """Whether another program listens on a TCP port of this machine."""
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("", port))
        except OSError:
            return True
    return False


def _os_release(where: Where) -> dict[str, str]:
    text = _text(where.at("/etc/os-release")) or _text(where.at("/usr/lib/os-release"))
    pairs = (line.partition("=")[::2] for line in text.splitlines())
    return {name: value.strip("\"'") for name, value in pairs}


def _root_mount(where: Where) -> tuple[str, bool]:
    """The last line that mounts something at / is what holds."""
    found = ("", False)
    for line in _text(where.at("/proc/mounts")).splitlines():
        fields = line.split()
        if len(fields) > 3 and fields[1] == "/":
            found = (fields[2], "ro" in fields[3].split(","))
    return found


def _glibc() -> tuple[int, int] | None:
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
        major, minor = version.split(".")[:2]
    except (ValueError, OSError):
        return None
    return (int(major), int(minor)) if name == "glibc" else None


def _free_mb(folder: Path) -> int:
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free // 1_000_000


def _cameras(where: Where) -> tuple[str, ...]:
    """Nodes of V4L2 that no virtual webcam made. Whether one gives pictures is seen when the service starts."""
    entries = sorted(where.at("/sys/class/video4linux").glob("video*"))
    return tuple(f"/dev/{one.name}" for one in entries if "/virtual/video4linux/" not in str(one.resolve()))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
