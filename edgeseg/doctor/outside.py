"""What the doctor needs to know and the probe does not tell: this user, other programs, v4l2loopback. Reads only.

Sources: proc(5) (/proc/vmstat), umlaeute/v4l2loopback's v4l2loopback.c (sysfs: max_openers, format; the parameter
exclusive_caps, a list of Y and N in the order in which devices were made), Documentation/kbuild/modules.rst
(modules.dep), Documentation/driver-api/usb (speed in Mbit/s).
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from edgeseg.capture.v4l2_devices import holders
from edgeseg.doctor.load import Load

_MOST = 1 << 20


@dataclass(frozen=True, slots=True)
class Device:
    """A device file. group: its group's name; permitted: this user may open it; held_by: as "name (pid 12)"."""

    path: str
    group: str | None
    group_may: bool
    permitted: bool
    held_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """A folder or file that edgeseg uses. what: in a sentence. fault: why it cannot be used, None if it can."""

    what: str
    path: str
    fault: str | None


@dataclass(frozen=True, slots=True)
class Loopback:
    """The module v4l2loopback. exclusive_caps: of each device, as they were made; None where it cannot be read.

    max_openers and format by node; format is what a writer has set, or one set by hand that stays.
    """

    loaded: bool
    installed: bool | None
    exclusive_caps: tuple[bool, ...] | None = None
    max_openers: dict[str, int] = field(default_factory=dict)
    format: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outside:
    """Of the machine that this runs on. groups: in effect for this process; listed: where /etc/group has the user."""

    is_root: bool
    groups: frozenset[str]
    listed: frozenset[str]
    devices: tuple[Device, ...]
    loopback: Loopback
    places: tuple[Place, ...]
    usb_mbit: dict[str, int]
    load: Load | None


def look(nodes: Iterable[str], places: Iterable[tuple[str, Path]], load: Load | None, root: Path) -> Outside:
    """Look at these device files, places (folders to write to, files to read) and the rest. Raises nothing."""
    groups, listed = _groups()
    nodes = list(nodes)
    return Outside(
        is_root=os.geteuid() == 0,
        groups=groups,
        listed=listed,
        devices=tuple(device for node in nodes if (device := _device(node, root))),
        loopback=_loopback(root),
        places=tuple(Place(what, str(path), _fault(path)) for what, path in places),
        usb_mbit={node: mbit for node in nodes if (mbit := _usb_mbit(node, root))},
        load=load,
    )


def _groups() -> tuple[frozenset[str], frozenset[str]]:
    names, listed = set(), set()
    for number in {os.getegid(), *os.getgroups()}:
        with contextlib.suppress(KeyError):
            names.add(grp.getgrgid(number).gr_name)
    with contextlib.suppress(KeyError, OSError):
        user = pwd.getpwuid(os.geteuid())
        for number in os.getgrouplist(user.pw_name, user.pw_gid):
            with contextlib.suppress(KeyError):
                listed.add(grp.getgrgid(number).gr_name)
    return frozenset(names), frozenset(listed)


def _device(node: str, root: Path) -> Device | None:
    path = root / node.lstrip("/")
    try:
        status = path.stat()
    except OSError:
        return None
    group = None
    with contextlib.suppress(KeyError):
        group = grp.getgrgid(status.st_gid).gr_name
    may = status.st_mode & 0o060 == 0o060 and status.st_gid != 0
    held: tuple[str, ...] = ()
    if stat.S_ISCHR(status.st_mode) and "/video" in node:
        held = tuple(holders(path, root))
    return Device(node, group, may, os.access(path, os.R_OK | os.W_OK), held)


def _fault(path: Path) -> str | None:
    """Why a folder cannot be written to, or a file not be read; a folder that is not there can perhaps be made."""
    try:
        is_file = path.is_file()
        if is_file:
            return None if os.access(path, os.R_OK) else "may not be read by this user"
        there = path
        while not os.path.lexists(there) and there != there.parent:
            there = there.parent
        if not there.is_dir():
            return f"cannot be made: {there} is no folder"
        if os.access(there, os.W_OK | os.X_OK):
            return None
        kind = "is on a read-only file system" if _is_read_only(there) else "may not be written by this user"
        return kind if there == path else f"is not there, and {there} {kind}"
    except OSError as error:
        return f"cannot be looked at: {error.strerror}"


def _is_read_only(folder: Path) -> bool:
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def _loopback(root: Path) -> Loopback:
    module = root / "sys/module/v4l2loopback"
    caps = _text(module / "parameters/exclusive_caps")
    devices = root / "sys/devices/virtual/video4linux"
    openers, formats = {}, {}
    with contextlib.suppress(OSError):
        for folder in sorted(devices.glob("video*")):
            number = _text(folder / "max_openers")
            if number and number.isdecimal():
                node = f"/dev/{folder.name}"
                openers[node] = int(number)
                if text := _text(folder / "format"):
                    formats[node] = text
    return Loopback(
        loaded=module.is_dir() or bool(openers),
        installed=_is_installed(root),
        exclusive_caps=tuple(word in ("Y", "1") for word in caps.split(",")) if caps else None,
        max_openers=openers,
        format=formats,
    )


def _is_installed(root: Path) -> bool | None:
    """Whether modprobe would find the module; None if nobody can tell, as where there are no modules at all."""
    release = _text(root / "proc/sys/kernel/osrelease")
    known = _text(root / "lib/modules" / release / "modules.dep", 16 * _MOST) if release else None
    return None if known is None else re.search(r"/v4l2loopback\.ko", known) is not None


def _usb_mbit(node: str, root: Path) -> int | None:
    """The speed of the USB device behind a video node; its interface is what the node's device is."""
    text = _text(root / "sys/class/video4linux" / node.rpartition("/")[2] / "device" / ".." / "speed")
    return int(text) if text and text.isdecimal() else None


def _text(path: Path, most: int = _MOST) -> str | None:
    try:
        with path.open("rb") as file:
            return file.read(most).decode("utf-8", "replace").strip()
    except (OSError, ValueError):
        return None
