"""Changes of files that a loss of power leaves done or not done, and nothing between."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from edgeseg.errors import NotPermitted, OutputError


def part_of(path: Path) -> Path:
    """The name under which a file is made; what was left there by a cut is written over."""
    return path.with_name(f".{path.name}.part")


def write(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Put `data` at `path`; a reader finds what was there before, or all of it. Raises OSError."""
    part = part_of(path)
    with contextlib.suppress(FileNotFoundError):
        part.unlink()
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "wb") as file:
        file.write(data)
        os.fchmod(file.fileno(), mode)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(path.parent)


def write_json(path: Path, value: Any) -> None:
    """The same of a JSON value."""
    write(path, (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode())


def read_json(path: Path) -> Any:
    """What is in a JSON file; None if there is none. Raises OutputError for one that cannot be read or is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError as error:
        raise NotPermitted(f"{path} may not be read: run it with sudo.") from error
    except (OSError, ValueError) as error:
        raise OutputError(f"{path} is damaged ({error}); move it away and install again.") from error


def link(path: Path, target: str) -> None:
    """Have a link at `path`, in one step if there is another one. Raises OSError."""
    part = part_of(path)
    with contextlib.suppress(FileNotFoundError):
        part.unlink()
    part.symlink_to(target)
    part.replace(path)
    sync_folder(path.parent)


def remove(path: Path) -> None:
    """Have nothing at `path`, nor what a cut left beside it. Raises OSError."""
    for one in (path, part_of(path)):
        if one.is_dir() and not one.is_symlink():
            shutil.rmtree(one)
        else:
            with contextlib.suppress(FileNotFoundError):
                one.unlink()
    if path.parent.is_dir():
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the folder's names on the disk. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
