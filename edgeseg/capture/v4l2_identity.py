"""Which camera a device node is of, so that it is found again under another number; as the kernel's sysfs has it.

A USB camera is told by vendor, product, serial number and interface, and by its port where there is no serial number;
any other by its driver's name and its place (Linux's Documentation/ABI/stable/sysfs-bus-usb; a node's `name`, `index`
and `device` are of v4l2-dev.c).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

_CLASS = Path("sys/class/video4linux")


class Identity(NamedTuple):
    """kind: what cameras of one model share, with which of its nodes it is. port: where it is plugged in.

    others: the ports of cameras of the same kind when this one was looked at: they are not it.
    """

    kind: tuple[str, ...]
    serial: str
    port: str
    others: frozenset[str] = frozenset()


def identity(path: Path, root: Path = Path("/")) -> Identity | None:
    """Whose device node this is; None if sysfs does not say."""
    try:
        name = Path(os.path.realpath(path)).name
    except OSError:
        return None
    own = _look(root / _CLASS / name)
    if own is None:
        return None
    alike = {one.port for _, one in _nodes(root) if one.kind == own.kind and one.port != own.port}
    return own._replace(others=frozenset(alike))


def find(wanted: Identity, root: Path = Path("/")) -> Path | None:
    """The device node that this camera has now; None if it is not there, or cannot be told from another."""
    alike = [(path, one) for path, one in _nodes(root) if one.kind == wanted.kind and one.serial == wanted.serial]
    here = [path for path, one in alike if one.port == wanted.port]
    if here:
        return here[0]
    moved = [path for path, one in alike if wanted.serial or one.port not in wanted.others]
    return moved[0] if len(moved) == 1 else None


def _nodes(root: Path) -> list[tuple[Path, Identity]]:
    """All that can be told of, as device nodes below `root`/dev."""
    found = []
    for folder in sorted((root / _CLASS).glob("video*")):
        one = _look(folder)
        if one is not None:
            found.append((root / "dev" / folder.name, one))
    return found


def _look(folder: Path) -> Identity | None:
    name, device = _read(folder / "name"), folder / "device"
    if not name or not device.exists():
        return None
    place = Path(os.path.realpath(device))
    usb = place.parent if (place.parent / "idVendor").exists() else None
    facts = [name, _read(folder / "index")]
    if usb is not None:
        facts += [_read(usb / "idVendor"), _read(usb / "idProduct"), _read(place / "bInterfaceNumber")]
    return Identity(tuple(facts), _read(usb / "serial") if usb is not None else "", str(place))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
