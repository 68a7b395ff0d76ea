"""One process an instance: a lock in its runtime folder, which the kernel lets go of whatever becomes of the holder.

In the lock's file is the holder's number, and how often it was started again: what is still there at a start is of one
that did not end in good order. systemd takes the folder away when the unit is stopped, and leaves it at a restart.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from edgeseg.errors import NotPermitted


def runtime_folder(instance: str, environ: Mapping[str, str], root: Path = Path("/")) -> Path:
    """What systemd gives the unit (RuntimeDirectory); by hand: what it would give root's unit, or this user's."""
    if given := environ.get("RUNTIME_DIRECTORY"):
        return Path(given.split(":")[0])
    if os.geteuid() != 0 and (own := environ.get("XDG_RUNTIME_DIR")):
        return Path(own) / "edgeseg" / instance
    return root / "run" / "edgeseg" / instance


@contextmanager
def alone(instance: str, folder: Path) -> Iterator[int]:
    """Hold the instance's lock; gives how often the process had to be started again.

    Raises NotPermitted if another process holds it, or if the folder is not ours to write.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o755)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        raise NotPermitted(
            f"{folder} cannot be written: {error.strerror}; run it by systemctl, or as a user whose folder that is."
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = _words(descriptor)[:1]
            who = f" as process {holder[0]}" if holder else ""
            raise NotPermitted(f"The instance {instance!r} runs already{who}; stop that one first.") from error
        before = _words(descriptor)
        restarts = (int(before[1]) if before[1:] and before[1].isdecimal() else 0) + bool(before)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()} {restarts}\n".encode(), 0)
        yield restarts
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _words(descriptor: int) -> list[str]:
    return os.pread(descriptor, 64, 0).decode("ascii", "replace").split()
