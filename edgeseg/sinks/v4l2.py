"""A virtual webcam: an output device of Video4Linux, such as v4l2loopback makes.

::

    sudo modprobe v4l2loopback exclusive_caps=1 card_label=edgeseg
    edgeseg run --source camera:0 --sink v4l2:/dev/video10

Frames are handed over with write(), a whole one each time: what programs that read the device get is the newest. The
three structures below are those of linux/videodev2.h.

Whether anybody reads is told by the module's reference count, which is how often its devices are open (Linux's
Documentation/ABI/stable/sysfs-module; the kernel's chrdev_open() takes one each time). It is there with every version
of the driver, everybody may read it, and no reader can be missed, in whichever container it is. Of several devices it
does not say which one is open: while somebody has another one, ours counts as read.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np

from edgeseg.errors import EdgesegError, NotPermitted, OutputError, UsageError
from edgeseg.facts import Emit, Opened
from edgeseg.frames import U8, Frame, PixelFormat, Planes
from edgeseg.ports import SinkWish
from edgeseg.sinks.fit import FirstSize
from edgeseg.sinks.place import fault

Ioctl = Callable[[int, int, bytearray], int]

_CAPABILITY = struct.Struct("16s32s32sIII12x")  # driver, card, bus, version, capabilities, device_caps
_OUTPUT, _DEVICE_CAPS = 0x2, 0x8000_0000
# type, then a union that holds pointers (so it is aligned like one) and begins with v4l2_pix_format: width, height,
# pixelformat, field, bytesperline, sizeimage, colorspace, priv, flags, ycbcr_enc, quantization, xfer_func.
_FORMAT = struct.Struct("@I0P12I152x0P")
_BUF_TYPE_OUTPUT, _FIELD_NONE, _PRIV_MAGIC = 2, 1, 0xFEED_CAFE
_COLORSPACE = {"bt601": 1, "bt709": 3}  # SMPTE 170M, Rec. 709
_ENCODING = {"bt601": 1, "bt709": 2}
_QUERYCAP = 2 << 30 | _CAPABILITY.size << 16 | ord("V") << 8 | 0
_S_FMT = 3 << 30 | _FORMAT.size << 16 | ord("V") << 8 | 5
_STREAMON = 1 << 30 | 4 << 16 | ord("V") << 8 | 18
_LOOPBACK = "v4l2 loopback"  # in QUERYCAP's driver field
_REFERENCES = Path("sys/module/v4l2loopback/refcnt")
_HINT = "`sudo modprobe v4l2loopback exclusive_caps=1` makes one"


class V4l2Sink:
    """Writes I420 frames to the device `where` (/dev/video10), all of the first one's size with sides made even.

    Raises OutputError if there is no such output device, with those there are; NotPermitted if it is another's or
    not for this user; UsageError for transparency, which no webcam has.
    """

    keeps_alpha = False

    def __init__(
        self,
        where: str,
        wish: SinkWish,
        emit: Emit,
        dev: Path = Path("/dev"),
        ioctl: Ioctl | None = None,
        root: Path = Path("/"),
    ):
        if wish.alpha:
            raise UsageError("a virtual webcam cannot hold transparency; name a .webm or .mov file")
        self._path = Path(where)
        self._emit = emit
        self._ioctl = ioctl or fcntl.ioctl
        self._fit = FirstSize(emit)
        self._block: U8 | None = None
        self._references: Path | None = None  # the file that counts who has devices of the driver open, ours among them
        self._fd = -1
        try:
            self._fd = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
            driver, self._card, capabilities = _query(self._fd, self._ioctl)
        except OSError as error:
            self.close()
            raise self._refused(error, dev) from error
        if driver == _LOOPBACK:
            self._references = root / _REFERENCES
        if not capabilities & _OUTPUT:
            self.close()
            if driver == _LOOPBACK:  # with exclusive_caps it is a camera as long as somebody writes
                raise NotPermitted(f"{self._path} ({self._card}) has a writer already; stop that one, or use another.")
            others = _others(dev, self._path, self._ioctl)
            raise OutputError(f"{self._path} ({self._card}) takes no video; {others}")

    @property
    def detail(self) -> str:
        """The device, its name, and the size once it is known."""
        size = f", {self._fit.size.even} I420" if self._fit.size else ""
        return f"{self._path} ({self._card}){size}"

    @property
    def watched(self) -> bool | None:
        """False if nobody but this sink has a device of v4l2loopback open; None for other drivers, and once closed."""
        if self._references is None or self._fd < 0:
            return None
        try:
            count = int(self._references.read_bytes())
        except (OSError, ValueError):
            return None
        return count > 1 if count > 0 else None  # we have one open: a module that nobody uses is not ours

    def write(self, frame: Frame) -> None:
        """Show `frame` on the device. Raises OutputError, NotPermitted if another program writes to it."""
        if self._fd < 0:
            raise OutputError(f"cannot write {self._path}: it was closed")
        frame = self._fit(frame)
        try:
            if self._block is None:
                self._block = self._negotiate(frame)
                self._emit(Opened("output", self.detail))
            # The driver takes one frame a call and so in one piece, which the planes need not be in.
            block = frame.planes.block()
            if block is None:
                block = self._block
                frame.planes.copy_to(Planes.of_block(block))
            os.write(self._fd, block.data)
        except OSError as error:
            self.close()
            raise self._refused(error, self._path.parent) from error

    def close(self) -> None:
        """Give the device back."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _negotiate(self, frame: Frame) -> U8:
        """Set size and format; gives a block of memory for one frame, (H * 3 / 2, W) uint8."""
        width, height = frame.planes.size
        fourcc = int.from_bytes(PixelFormat.I420.value.encode(), "little")
        matrix, quantization = frame.color.matrix, 1 if frame.color.full_range else 2
        wanted = _FORMAT.pack(
            *(_BUF_TYPE_OUTPUT, width, height, fourcc, _FIELD_NONE, width, width * height * 3 // 2),
            *(_COLORSPACE.get(matrix, 0), _PRIV_MAGIC, 0, _ENCODING.get(matrix, 0), quantization, 0),
        )
        answer = bytearray(wanted)
        self._ioctl(self._fd, _S_FMT, answer)
        _, *got = _FORMAT.unpack(answer)
        if got[:3] != [width, height, fourcc]:
            name = got[2].to_bytes(4, "little").decode("ascii", "replace")
            self.close()
            raise OutputError(
                f"{self._path} takes {got[0]}x{got[1]} {name} and not {width}x{height} YU12: another program has set "
                "its format; close that one, or ask for that size"
            )
        # v4l2loopback 0.12 (Debian 12) with exclusive_caps takes no writer ever after one that did not start a stream;
        # later ones refuse this, as there are no buffers to stream, and need it not.
        with contextlib.suppress(OSError):
            self._ioctl(self._fd, _STREAMON, bytearray(struct.pack("i", _BUF_TYPE_OUTPUT)))
        return np.empty((height * 3 // 2, width), np.uint8)

    def _refused(self, error: OSError, dev: Path) -> EdgesegError:
        if error.errno == errno.ENOENT:
            return OutputError(f"there is no {self._path}; {_others(dev, self._path, self._ioctl)}")
        if error.errno in (errno.EACCES, errno.EPERM):
            return NotPermitted(f"{self._path} is not for this user; `sudo usermod -aG video $USER`, then log in again")
        if error.errno == errno.EBUSY:
            return NotPermitted(f"{self._path} is in use by another program; close that one")
        if error.errno in (errno.ENOTTY, errno.EISDIR):
            return OutputError(f"{self._path} is no video output device; {_others(dev, self._path, self._ioctl)}")
        if error.errno == errno.EINVAL:
            others = _others(dev, self._path, self._ioctl)
            return OutputError(f"{self._path} does not take I420 frames by write(), as loopback devices do; {others}")
        return fault(self._path, error)


def _query(fd: int, ioctl: Ioctl) -> tuple[str, str, int]:
    """The driver and the name of a device, and what it can do. Raises OSError."""
    answer = bytearray(_CAPABILITY.size)
    ioctl(fd, _QUERYCAP, answer)
    driver, card, _, _, capabilities, device_caps = _CAPABILITY.unpack(answer)
    driver, card = (text.rstrip(b"\0").decode("utf-8", "replace") for text in (driver, card))
    return driver, card, device_caps if capabilities & _DEVICE_CAPS else capabilities


def _others(dev: Path, but: Path, ioctl: Ioctl) -> str:
    """The end of a sentence: which output devices there are."""
    found = []
    for path in sorted(dev.glob("video*")):
        try:
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            continue
        try:
            _, card, capabilities = _query(fd, ioctl)
            if capabilities & _OUTPUT and path != but:
                found.append(f"{path} ({card})")
        except OSError:
            continue
        finally:
            os.close(fd)
    return f"output devices here: {', '.join(found)}" if found else f"this machine has no other; {_HINT}"
