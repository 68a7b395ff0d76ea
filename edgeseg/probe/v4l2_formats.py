"""What a Video4Linux node offers, asked of the kernel: questions only, nothing is set and no stream is started.

Sources: Documentation/userspace-api/media/v4l/vidioc-enum-fmt.rst, vidioc-enum-framesizes.rst and
vidioc-enum-frameintervals.rst; numbers from include/uapi/linux/videodev2.h.
"""

from __future__ import annotations

import fcntl
import os
import stat
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

from edgeseg.probe.capabilities import Mode

VIDIOC_ENUM_FMT, VIDIOC_ENUM_FRAMESIZES, VIDIOC_ENUM_FRAMEINTERVALS = 0xC0405602, 0xC02C564A, 0xC034564B
_CAPTURE, _DISCRETE = 1, 1
_MOST_FORMATS, _MOST_SIZES, _MOST_RATES = 16, 32, 16

# Fills the buffer with the kernel's answer; raises OSError after the last one.
Ask = Callable[[int, bytearray], None]


def modes_of(node: str) -> tuple[Mode, ...] | None:
    """What the node gives, None if it cannot be asked; nothing for one that does not capture."""
    try:
        if not stat.S_ISCHR(Path(node).stat().st_mode):
            return None
        fd = os.open(node, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return tuple(modes(lambda request, buffer: _ioctl(fd, request, buffer)))
    finally:
        os.close(fd)


def modes(ask: Ask) -> Iterator[Mode]:
    """Each format in each size at its highest rate."""
    for fourcc in _formats(ask):
        name = fourcc.to_bytes(4, "little").decode("ascii", "replace").strip("\0 ")
        for width, height in _sizes(ask, fourcc):
            rates = list(_rates(ask, fourcc, width, height))
            yield Mode(name, width, height, max(rates, default=None))


def _ioctl(fd: int, request: int, buffer: bytearray) -> None:
    fcntl.ioctl(fd, request, buffer)


def _formats(ask: Ask) -> Iterator[int]:
    for index in range(_MOST_FORMATS):
        buffer = bytearray(64)
        struct.pack_into("=II", buffer, 0, index, _CAPTURE)
        try:
            ask(VIDIOC_ENUM_FMT, buffer)
        except OSError:
            return
        yield int(struct.unpack_from("=I", buffer, 44)[0])


def _sizes(ask: Ask, fourcc: int) -> Iterator[tuple[int, int]]:
    """The sizes; of a range the smallest and the greatest."""
    for index in range(_MOST_SIZES):
        buffer = bytearray(44)
        struct.pack_into("=II", buffer, 0, index, fourcc)
        try:
            ask(VIDIOC_ENUM_FRAMESIZES, buffer)
        except OSError:
            return
        kind, *values = struct.unpack_from("=7I", buffer, 8)
        if kind == _DISCRETE:
            yield values[0], values[1]
        else:
            yield values[0], values[3]
            yield values[1], values[4]
            return


def _rates(ask: Ask, fourcc: int, width: int, height: int) -> Iterator[float]:
    """Frames a second; of a range the highest."""
    for index in range(_MOST_RATES):
        buffer = bytearray(52)
        struct.pack_into("=IIII", buffer, 0, index, fourcc, width, height)
        try:
            ask(VIDIOC_ENUM_FRAMEINTERVALS, buffer)
        except OSError:
            return
        kind, numerator, denominator = struct.unpack_from("=3I", buffer, 16)
        if numerator and denominator:
            yield round(denominator / numerator, 3)
        if kind != _DISCRETE:
            return
