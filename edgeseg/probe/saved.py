"""A board in a tar: the files that the probe read, as regular files, and what it asked the machine."""

from __future__ import annotations

import contextlib
import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

from edgeseg.errors import NotPermitted, OutputError, UsageError
from edgeseg.probe.live import LIVE, Live, to_json
from edgeseg.probe.privacy import LEFT_OUT, shown_content, shown_path
from edgeseg.probe.tree import Tree


def check_root(root: Path) -> None:
    """Raise UsageError or NotPermitted unless `root` is a folder that can be looked into."""
    try:
        there, is_folder = root.exists(), root.is_dir()
    except OSError as error:
        raise UsageError(f"--root {root} cannot be used: {error.strerror}.") from error
    if not there:
        raise UsageError(f"--root {root} does not exist; give the folder into which a saved board was unpacked.")
    if not is_folder:
        raise UsageError(f"--root {root} is no folder; unpack a saved board first: tar xf FILE.tar -C DIR.")
    if not os.access(root, os.R_OK | os.X_OK):
        raise NotPermitted(f"--root {root} may not be read by this user.")


def write(path: Path, packed: bytes, say: Callable[[str], None]) -> None:
    """Put the tar at `path` and say what is not in it. Raises OutputError."""
    part = path
    try:
        if path.exists() and not path.is_file():
            raise OutputError(f"cannot write {path}: it is no file; name one, such as board.tar")
        part = path.with_name(f".{path.name[:200]}.part")
        part.write_bytes(packed)
        part.replace(path)
    except OSError as error:
        if part != path:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
        raise OutputError(f"cannot write {path}: {error.strerror}") from error
    say(f"{path} has the files that were read; left out: {LEFT_OUT}.")


def pack(tree: Tree, live: Live) -> bytes:
    """The tar. What was only found is an empty file or a folder, so that nothing of it is told but its name."""
    contents = {path: data for path, data in tree.seen.items() if path != LIVE}
    folders = {parent for path in contents for parent in _parents(path)}
    members: dict[str, bytes | None] = {}
    for path, data in sorted(contents.items()):
        shown = shown_path(path).lstrip("/")
        if data is not None:
            members[shown] = shown_content(path, data)
        elif path not in folders:
            members[shown] = None if tree.is_folder(path) else b""
    members[LIVE.lstrip("/")] = to_json(live, LEFT_OUT)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.type, info.mode = (tarfile.DIRTYPE, 0o755) if content is None else (tarfile.REGTYPE, 0o644)
            info.size = len(content or b"")
            tar.addfile(info, io.BytesIO(content or b""))
    return buffer.getvalue()


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]
