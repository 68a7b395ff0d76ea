"""Whether a file can be written at a place, asked without touching the place, and why it could not."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from edgeseg.errors import OutputError

ROOM_MB = 64  # free on a disk before a recording is begun on it that nobody watches over


def check_folder(folder: Path, for_what: Path) -> None:
    """Raise OutputError unless new files can be made in `folder`; `for_what` is named in the sentence."""
    try:
        there, is_folder = folder.exists(), folder.is_dir()
    except OSError as error:  # a name too long, a folder above it that this user may not enter
        raise fault(for_what, error) from error
    if not there:
        raise OutputError(f"cannot write {for_what}: the folder {folder} does not exist; make it first")
    if not is_folder:
        raise OutputError(f"cannot write {for_what}: {folder} is a file, not a folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"cannot write {for_what}: the folder {folder} is not writable by this user")


def check_new_folder(path: Path) -> None:
    """Raise OutputError unless `path` is a folder for new files, or one can be made there."""
    try:
        there = path.exists()
    except OSError as error:
        raise fault(path, error) from error
    check_folder(path if there else path.parent, path)


def check_file(path: Path) -> None:
    """Raise OutputError unless the file `path` can be made or replaced."""
    check_folder(path.parent, path)
    try:
        there, is_folder, is_file = path.exists(), path.is_dir(), path.is_file()
        is_link = path.is_symlink()
    except OSError as error:
        raise fault(path, error) from error
    if is_folder:
        raise OutputError(f"cannot write {path}: it is a folder; name a file in it")
    if there and not is_file:
        raise OutputError(
            f"cannot write {path}: it is a device or a pipe; name a file, or pipe --sink - into a program"
        )
    if is_link and not there:
        raise OutputError(f"cannot write {path}: it is a link that leads nowhere; remove it or name another file")
    if there and not os.access(path, os.W_OK):
        raise OutputError(f"cannot write {path}: the file is there and is not writable by this user")


def put(path: Path, data: bytes | memoryview) -> None:
    """Put `data` at `path` in one step, so that a full disk leaves the old file or none, never half of one.

    A link stays one: what it leads to is replaced. Raises OSError.
    """
    target = Path(os.path.realpath(path))
    part = target.with_name(f".{target.name[:200]}.part")
    try:
        part.write_bytes(data)
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def next_name(path: Path) -> Path:
    """A name beside `path` for what follows what is there: cam.mp4, cam-2.mp4, cam-3.mp4; so for folders.

    An empty one is nothing. Raises OutputError if there is not room enough to begin anew (`ROOM_MB`).
    """
    number, free = 1, path
    try:
        while any(free.iterdir()) if free.is_dir() else free.exists() and free.stat().st_size:
            number += 1
            free = path.with_name(f"{path.stem}-{number}{path.suffix}")
        room = os.statvfs(path.parent)
    except OSError as error:
        raise fault(path, error) from error
    free_mb = room.f_bavail * room.f_frsize / 1e6
    if free_mb < ROOM_MB:
        raise OutputError(f"cannot write {free}: {free_mb:.0f} MB are free on that disk, and {ROOM_MB} are wanted")
    return free


def is_same(path: Path, other: Path) -> bool:
    """Whether both are there and are one file, whatever links lead to it."""
    try:
        return path.samefile(other)
    except OSError:
        return False


def fault(path: Path | str, error: Exception) -> OutputError:
    """What the system or FFmpeg said while `path` was written, as one sentence."""
    number = getattr(error, "errno", None)
    if number in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(
            f"cannot write {path}: no space is left on that disk; what was written so far is kept, free some space"
        )
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return OutputError(f"cannot write {path}: {said[:1].lower()}{said[1:]}")
