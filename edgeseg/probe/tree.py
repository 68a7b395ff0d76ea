"""Files below a root, read so that nothing in them can harm: the one way in which the probe looks at a board.

A path is resolved as after chroot: links are followed inside the root and never out of it. Only regular files are
opened, without blocking, and at most 64 kB of them are read. Whatever is strange becomes a note and not an error.
"""

# Thousands of paths, as strings: Path objects would take longer than the kernel.
# ruff: noqa: PTH114, PTH115, PTH116, PTH118
from __future__ import annotations

import errno
import itertools
import os
import re
import stat
from pathlib import Path
from typing import NoReturn

from edgeseg.probe.fact import Fact, Note
from edgeseg.probe.privacy import shown_path

MAX_BYTES = 64 * 1024
MAX_ENTRIES = 4096
_MAX_LINKS = 40
_MAX_TEXT = 256
_ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.ENXIO, errno.ENODEV, errno.ENAMETOOLONG}


class Tree:
    """The files below `root`. `seen` holds what was read or found: its content, None for what is only there."""

    def __init__(self, root: Path) -> None:
        self._root = os.fspath(root)
        self._folders: dict[str, str] = {"": self._root}
        self._notes: dict[tuple[str, str], Note] = {}
        self.seen: dict[str, bytes | None] = {}

    @property
    def notes(self) -> list[Note]:
        """What was strange, in the order of discovery."""
        return list(self._notes.values())

    def note(self, path: str, why: str) -> None:
        """Remember that `path` was not believed."""
        where = shown_path(path)
        self._notes.setdefault((where, why), Note(where, why))

    def data(self, path: str) -> bytes | None:
        """The content of a regular file, its first 64 kB at most; None if there is none to be had."""
        known = self.seen.get(path)
        if known is not None:
            return known[:MAX_BYTES]
        try:
            data = self._read(path)
        except (OSError, ValueError) as error:
            code = error.errno if isinstance(error, OSError) else errno.ENOENT
            if code not in _ABSENT:
                self.note(path, _cause(error))
            return None
        if len(data) > MAX_BYTES:
            self.note(path, "is longer than 64 kB; the rest was not read")
        self.seen[path] = data
        return data[:MAX_BYTES]

    def text(self, path: str) -> str | None:
        """The content of a text file."""
        data = self.data(path)
        if data is None:
            return None
        if len(data) == MAX_BYTES:
            data = data[: data.rfind(b"\n") + 1]  # no half line
        if b"\0" in data.rstrip(b"\0\n"):
            self.note(path, "is not text")
            return None
        return data.rstrip(b"\0").decode("utf-8", "replace")

    def string(self, path: str) -> Fact[str] | None:
        """A file that holds one short line."""
        text = self.text(path)
        if text is None:
            return None
        return self.believed_string(text, path)

    def strings(self, path: str) -> Fact[tuple[str, ...]] | None:
        """A list of strings as a device tree holds it, each ended by a NUL."""
        data = self.data(path)
        if data is None:
            return None
        words = [word.decode("utf-8", "replace") for word in data.rstrip(b"\0\n").split(b"\0")]
        believed = [fact.value for word in words if (fact := self.believed_string(word, path))]
        return Fact(tuple(believed), shown_path(path)) if believed else None

    def believed_string(self, text: str, path: str) -> Fact[str] | None:
        """`text`, read from `path`, if it is one line that can be shown."""
        value = text.strip()
        if not value:
            self.note(path, "is empty")
        elif len(value) > _MAX_TEXT:
            self.note(path, f"holds {len(value)} characters where a name is expected")
        elif not value.isprintable() or "\ufffd" in value:
            self.note(path, "holds characters that are no text")
        else:
            return Fact(value, shown_path(path))
        return None

    def integer(self, path: str, low: int, high: int, base: int = 10) -> Fact[int] | None:
        """A file that holds one whole number from `low` to `high`."""
        text = self.text(path)
        return None if text is None else self.believed_integer(text, path, low, high, base)

    def believed_integer(self, text: str, path: str, low: int, high: int, base: int = 10) -> Fact[int] | None:
        """The number `text`, read from `path`, if it is one in the range."""
        word = text.strip()
        digits = r"(0x)?[0-9a-fA-F]{1,16}" if base == 16 else r"[+-]?[0-9]{1,24}"
        if not word:
            self.note(path, "is empty")
        elif not re.fullmatch(digits, word):
            self.note(path, f"holds {word[:40]!r}, which is no number")
        elif not low <= int(word, base) <= high:
            self.note(path, f"holds {word[:40]}, which is not from {low} to {high}")
        else:
            return Fact(int(word, base), shown_path(path))
        return None

    def scaled(self, path: str, divisor: float, low: float, high: float) -> Fact[float] | None:
        """A whole number in a small unit, as a value from `low` to `high` in a big one."""
        fact = self.integer(path, -(10**18), 10**18)
        if fact is None:
            return None
        value = fact.value / divisor
        if not low <= value <= high:
            self.note(path, f"says {value:g}, which is not from {low:g} to {high:g}")
            return None
        return Fact(value, fact.where)

    def exists(self, path: str) -> bool:
        """Whether there is anything at `path`; it is not opened."""
        try:
            self._status(self._real(path))
        except (OSError, ValueError):
            return False
        self.seen.setdefault(path, None)
        return True

    def is_folder(self, path: str) -> bool:
        """Whether `path` is a folder."""
        try:
            return stat.S_ISDIR(self._status(self._real(path)).st_mode)
        except (OSError, ValueError):
            return False

    def real(self, path: str) -> str | None:
        """Where `path` really is, below the root, for whoever reads it again and again; None if it is not there."""
        try:
            real = self._real(path)
            self._status(real)
        except (OSError, ValueError):
            return None
        return real

    def names(self, folder: str, pattern: str, most: int = 256) -> list[str]:
        """The paths of what lies in `folder` and has a name like `pattern`, by number."""
        try:
            with os.scandir(self._real(folder)) as entries:
                names = [entry.name for entry in itertools.islice(entries, MAX_ENTRIES)]
        except (OSError, ValueError):
            return []
        fitting = sorted((name for name in names if re.fullmatch(pattern, name, re.ASCII)), key=_by_number)
        if len(names) == MAX_ENTRIES or len(fitting) > most:
            self.note(folder, f"holds more than {min(most, MAX_ENTRIES)} entries; the rest was left out")
        paths = [f"{folder}/{name}" for name in fitting[:most]]
        for path in paths:
            self.seen.setdefault(path, None)
        return paths

    def _read(self, path: str) -> bytes:
        real = self._real(path)
        if not stat.S_ISREG(self._status(real).st_mode):
            raise OSError(errno.EISDIR, "is no regular file", path)
        fd = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise OSError(errno.EISDIR, "is no regular file", path)
            chunks, left = [], MAX_BYTES + 1
            while left and (chunk := os.read(fd, left)):
                chunks.append(chunk)
                left -= len(chunk)
            return b"".join(chunks)
        finally:
            os.close(fd)

    def _status(self, real: str) -> os.stat_result:
        return os.stat(real, follow_symlinks=False)

    def _real(self, path: str) -> str:
        """Where `path` really is, all links followed inside the root. Raises OSError."""
        folder, _, name = path.strip("/").rpartition("/")
        if folder not in self._folders:
            self._folders[folder] = self._walk(folder)
        if name in ("", ".", ".."):
            return self._walk(path)
        real = os.path.join(self._folders[folder], name)
        return self._walk(path) if os.path.islink(real) else real

    def _walk(self, path: str) -> str:
        todo, done, links = path.split("/")[::-1], [self._root], 0
        while todo:
            part = todo.pop()
            if part == "..":
                del done[max(1, len(done) - 1) :]
            elif part not in ("", "."):
                target = _link(os.path.join(*done, part))
                if target is None:
                    done.append(part)
                    continue
                links += 1
                if links > _MAX_LINKS:
                    _loop(path)
                del done[1 if target.startswith("/") else len(done) :]
                todo.extend(target.split("/")[::-1])
        return os.path.join(*done)


def _link(place: str) -> str | None:
    """Where a link leads to, None for what is no link."""
    try:
        return os.readlink(place)
    except OSError as error:
        if error.errno == errno.EINVAL:
            return None
        raise


def _loop(path: str) -> NoReturn:
    raise OSError(errno.ELOOP, "is a link that leads in circles", path)


def _cause(error: OSError | ValueError) -> str:
    code = error.errno if isinstance(error, OSError) else None
    if code in (errno.EACCES, errno.EPERM):
        return "may not be read by this user"
    if code == errno.EISDIR:
        return "is no regular file"
    if code == errno.ELOOP:
        return "is a link that leads in circles"
    return f"cannot be read: {error.strerror if isinstance(error, OSError) else error}"


def _by_number(name: str) -> tuple[tuple[int, str], ...]:
    """Sorts cpu2 before cpu10."""
    parts = re.findall(r"(\d{1,18})|(\D+)", name)
    return tuple((int(digits) if digits else -1, word) for digits, word in parts)
