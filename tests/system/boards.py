"""Boards: clean Debians with their systemd, on which there is nothing of edgeseg; and what is carried to them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.lab.container import Container

PACKAGES = (
    "systemd,systemd-sysv,udev,kmod,dbus,dbus-user-session,libpam-systemd,sudo,openssh-server,"
    "python3-venv,python3-numpy,python3-numexpr"
)
# What changes by itself while a Debian runs, and what programs that make and remove users leave behind.
_NOT_OURS = ("proc", "sys", "dev", "run", "tmp", "var/log", "var/tmp", "var/cache/ldconfig", "var/lib/systemd")
_BACKUPS = ("etc/passwd-", "etc/group-", "etc/shadow-", "etc/gshadow-", "etc/.pwd.lock", "etc/subuid-", "etc/subgid-")


class Brought(NamedTuple):
    """In the folder that boards see as /srv: a clip, and wheels of edgeseg; good: the checkout's."""

    folder: Path
    good: Path


class Board(Container):
    """made: the root that it is a copy of. before: its files when it was booted for the first time."""

    def __init__(self, made: Path, root: Path, binds: Mapping[str, Path]) -> None:
        super().__init__(root, binds)
        self.made = made
        self.before: dict[str, tuple[int, bytes | str]] = {}

    def __enter__(self) -> Board:
        super().__enter__()
        self.before = self.files()
        return self

    def files(self) -> dict[str, tuple[int, bytes | str]]:
        """All files of the machine: their modes, where links lead, and what is in those of /etc."""
        found: dict[str, tuple[int, bytes | str]] = {}
        for path in self.root.rglob("*"):
            name = str(path.relative_to(self.root))
            if name.startswith(_NOT_OURS) or name in _BACKUPS or "__pycache__" in name:
                continue
            is_plain = name.startswith("etc/") and path.is_file() and not path.is_symlink()
            content = str(path.readlink()) if path.is_symlink() else path.read_bytes() if is_plain else b""
            found[name] = (path.lstat().st_mode, content)
        return found

    def status(self) -> dict[str, Any]:
        """What `edgeseg service status` says."""
        said = self.run("edgeseg", "service", "status", "--json", check=False).stdout
        return dict(json.loads(said))
