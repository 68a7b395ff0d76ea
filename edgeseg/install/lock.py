"""One at a time: whoever changes what is installed holds a lock."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeseg.errors import NotPermitted
from edgeseg.install.where import Where


@contextmanager
def alone(where: Where) -> Iterator[None]:
    """Hold the lock. Raises NotPermitted if another does, or if this user may not."""
    try:
        where.base.mkdir(parents=True, exist_ok=True, mode=0o755)
        descriptor = os.open(_path(where), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    except PermissionError as error:
        raise NotPermitted(f"{where.base} may not be written: run it with sudo.") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(descriptor, 32).decode("ascii", "replace").strip()
            who = f" (process {holder})" if holder else ""
            raise NotPermitted(f"Another install or upgrade is at work here{who}; wait until it is done.") from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def is_held(where: Where) -> bool:
    """Whether somebody holds it now; False where that cannot be seen."""
    try:
        descriptor = os.open(_path(where), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


def _path(where: Where) -> Path:
    return where.base / "lock"
