"""Video4Linux devices: which can capture, and whether this one can be had now (asked of the kernel itself)."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from edgeseg.errors import NotPermitted, SourceError

# include/uapi/linux/videodev2.h
_VIDIOC_QUERYCAP = 0x80685600
_VIDIOC_REQBUFS = 0xC0145608
_CAPTURE, _STREAMING, _HAS_DEVICE_CAPS = 0x1, 0x04000000, 0x80000000
# Drivers whose nodes say "capture" but give raw sensor data, or another stage's pictures, on a Raspberry Pi.
_NO_CAMERAS = {"bcm2835-isp", "bcm2835-codec", "unicam", "rp1-cfe", "pispbe", "rpivid", "rpi-hevc-dec"}


class Card(NamedTuple):
    """What a device says of itself: its driver and name, and whether it gives pictures by streaming."""

    driver: str
    name: str
    captures: bool


class Camera(NamedTuple):
    """A camera that is there."""

    path: Path
    name: str


def query(path: Path) -> Card:
    """Ask the device who it is (VIDIOC_QUERYCAP). Raises OSError: ENOTTY if it is no video device."""
    fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        answer = bytearray(104)
        fcntl.ioctl(fd, _VIDIOC_QUERYCAP, answer)
    finally:
        os.close(fd)
    driver, name = (field.split(b"\0")[0].decode("utf-8", "replace") for field in (answer[:16], answer[16:48]))
    both, device = struct.unpack_from("=II", answer, 84)
    capabilities = device if both & _HAS_DEVICE_CAPS else both
    return Card(driver, name, capabilities & (_CAPTURE | _STREAMING) == _CAPTURE | _STREAMING)


def cameras(root: Path = Path("/"), ask: Callable[[Path], Card] = query) -> list[Camera]:
    """The devices below `root`/dev that are cameras and may be opened, in the order of their numbers."""
    found = []
    for path in sorted((root / "dev").glob("video*"), key=_number):
        try:
            card = ask(path)
        except OSError:
            continue
        if card.captures and card.driver not in _NO_CAMERAS:
            found.append(Camera(path, card.name))
    return found


def check(path: Path, root: Path = Path("/"), ask: Callable[[Path], Card] = query) -> Card:
    """Make sure that `path` is a camera that can be had now. Raises SourceError or NotPermitted."""
    try:
        card = ask(path)
    except OSError as error:
        raise _why(path, error, root) from error
    if not card.captures:
        raise SourceError(f"{path} ({card.name}) is no camera that streams; {_others(root)}")
    return card


def check_free(path: Path, root: Path = Path("/")) -> None:
    """Raise NotPermitted if another process streams from the device: it then cannot give us buffers."""
    fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        fcntl.ioctl(fd, _VIDIOC_REQBUFS, bytearray(struct.pack("=IIIII", 1, 1, 1, 0, 0)))  # 1 buffer, capture, mmap
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise _why(path, error, root) from error
    finally:
        os.close(fd)


def device_path(where: str, root: Path = Path("/")) -> Path:
    """The device that "0", "video0" or "/dev/video0" means."""
    if where.isdecimal():
        where = f"video{where}"
    return root / "dev" / where if "/" not in where else Path(where)


def holders(path: Path, root: Path = Path("/")) -> list[str]:
    """The other processes that have the device open, as "name (pid 12)"; only those we may look into."""
    found = []
    for link in (root / "proc").glob("[0-9]*/fd/*"):
        try:
            if link.readlink() == path and link.parts[-3] != str(os.getpid()):
                name = (link.parents[1] / "comm").read_text(encoding="utf-8", errors="replace").strip()
                found.append(f"{name} (pid {link.parts[-3]})")
        except OSError:
            continue
    return sorted(set(found))


def _why(path: Path, error: OSError, root: Path) -> SourceError | NotPermitted:
    if error.errno in (errno.EACCES, errno.EPERM):
        return NotPermitted(
            f"{path} may not be opened by this user; add the user to the group video: sudo usermod -aG video $USER"
        )
    if error.errno == errno.EBUSY:
        names = ", ".join(holders(path, root)) or "another program"
        return NotPermitted(f"{path} is in use by {names}; close that, or choose another camera.")
    if error.errno in (errno.ENOENT, errno.ENXIO, errno.ENODEV):
        return SourceError(f"There is no camera {path}; {_others(root)}")
    if error.errno in (errno.ENOTTY, errno.EINVAL, errno.EISDIR):
        return SourceError(f"{path} is not a video device; {_others(root)}")
    return SourceError(f"{path} cannot be opened: {error.strerror}.")


def _others(root: Path) -> str:
    there = sorted((root / "dev").glob("video*"), key=_number)
    if not there:
        return "no /dev/video* is there: is the camera plugged in and its driver loaded?"
    return f"there are {', '.join(map(str, there))}."


def _number(path: Path) -> tuple[int, str]:
    digits = re.search(r"\d+$", path.name)
    return (int(digits.group()) if digits else -1), path.name
