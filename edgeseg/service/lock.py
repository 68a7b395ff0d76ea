"""One process an instance: a lock in its runtime folder, which the kernel lets go of whatever becomes of the holder."""

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
def alone(instance: str, folder: Path) -> Iterator[None]:
    """Hold the instance's lock. Raises NotPermitted if another process does, or if the folder is not ours to write."""
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
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
            who = f" as process {holder}" if holder else ""
            raise NotPermitted(f"The instance {instance!r} runs already{who}; stop that one first.") from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
