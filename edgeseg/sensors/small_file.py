"""A small file of the kernel's that is read again and again, and what is in it.

An open descriptor is kept and read with pread: on an x86-64 PC 1 us for a small one, against 6 us for opening, reading
and closing it (`python -m benchmarks.sensors_cost`). When the device behind it goes, the kernel answers ENODEV, and the
next reading opens the path anew. Files below another root than / are no kernel's: they are opened each time.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterable
from pathlib import Path

_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC | os.O_NOFOLLOW
_GONE = {errno.ENOENT, errno.ENOTDIR, errno.ENODEV, errno.ENXIO, errno.ESRCH, errno.ESTALE, errno.EBADF}
_LONGEST_NUMBER = 24


class SmallFile:
    """The first `size` bytes of the file at `path`, as often as they are wanted.

    path: where it really is, links followed. is_lost: at the last reading there was no such file or device.
    """

    __slots__ = ("_fd", "_keep", "_size", "is_lost", "path")

    def __init__(self, path: str, *, keep: bool, size: int = 64) -> None:
        self.path, self._keep, self._size = path, keep, size
        self._fd = -1
        self.is_lost = False

    def read(self) -> bytes | None:
        """What is in it; None if that cannot be had."""
        try:
            if self._fd < 0:
                self._fd = os.open(self.path, _FLAGS)
            data = os.pread(self._fd, self._size, 0)
        except (OSError, ValueError) as error:
            self.is_lost = not isinstance(error, OSError) or error.errno in _GONE
            if self.is_lost or not self._keep:
                self.close()
            return None
        self.is_lost = False
        if not self._keep:
            self.close()
        return data

    def number(self, base: int = 10) -> int | None:
        """The one whole number in it; None if there is anything else."""
        data = self.read()
        return None if data is None else whole_number(data, base)

    def scaled(self, divisor: float) -> float | None:
        """The number, in a unit that is so many times as big."""
        number = self.number()
        return None if number is None else number / divisor

    def close(self) -> None:
        """Let go of the descriptor; the next reading opens it again."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            with contextlib.suppress(OSError):  # whoever closed it for us, reading does not raise
                os.close(fd)


class Files:
    """The files of one board.

    root: below which they lie.
    """

    def __init__(self, root: Path) -> None:
        self.root = "" if os.path.realpath(root) == "/" else os.path.realpath(root)
        self._expected: list[SmallFile] = []
        self._others: list[SmallFile] = []

    def expected(self, path: str, size: int = 64) -> SmallFile:
        """One that is there, and whose loss means that something was taken away."""
        file = self.loose(path, size)
        self._expected.append(file)
        return file

    def maybe(self, path: str, size: int = 64) -> SmallFile:
        """One that may be missing."""
        file = self.loose(path, size)
        self._others.append(file)
        return file

    def loose(self, path: str, size: int = 64) -> SmallFile:
        """One that whoever asks for it closes."""
        return SmallFile(path, keep=not self.root, size=size)

    @property
    def is_one_lost(self) -> bool:
        """Whether an expected one was not there at its last reading."""
        return any(file.is_lost for file in self._expected)

    def close(self) -> None:
        """Let go of all but the loose ones."""
        for file in (*self._expected, *self._others):
            file.close()


def whole_number(data: bytes, base: int = 10) -> int | None:
    """The number that these bytes are, None if they are none."""
    word = data.strip()
    if not word or len(word) > _LONGEST_NUMBER or b"_" in word:
        return None
    try:
        return int(word, base)
    except ValueError:
        return None


def named_numbers(data: bytes | None, names: Iterable[bytes]) -> dict[bytes, int]:
    """Of lines like `name 123` or `Name: 123 kB` those that are asked for and hold a number that is not negative."""
    found: dict[bytes, int] = {}
    wanted = set(names)
    for line in data.split(b"\n")[:-1] if data else ():  # what follows the last newline may have been cut off
        words = line.split(None, 2)
        name = words[0].rstrip(b":") if len(words) > 1 else b""
        number = whole_number(words[1]) if name in wanted else None
        if number is not None and number >= 0:
            found[name] = number
    return found
