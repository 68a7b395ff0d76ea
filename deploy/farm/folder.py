"""A folder of this machine that is a device's: files are put there if they are not there already, by their sha256."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from deploy.farm.device import DeviceLost

_LIST = ".farm-files.json"


class Folder:
    """Files by their paths in the folder, those of `put` and what commands write beside them."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def put(self, files: Mapping[str, Path]) -> int:
        """See `device.Device.put`."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            there = self._there()
            sent = 0
            now: dict[str, list[object]] = {}
            for name, source in files.items():
                content = source.read_bytes()
                digest = hashlib.sha256(content).hexdigest()
                target = self.path / name
                if there.get(name) != [digest, *_stamp(target)]:
                    _write(target, content)
                    sent += len(content)
                now[name] = [digest, *_stamp(target)]
            for name in there.keys() - files.keys():
                (self.path / name).unlink(missing_ok=True)
            _write(self.path / _LIST, json.dumps(now).encode())
        except OSError as error:
            raise lost(self.path, error) from error
        return sent

    def get(self, path: str, to: Path) -> None:
        """See `device.Device.get`."""
        source = self.path / path
        if not source.exists():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        if source.is_dir():
            shutil.copytree(source, to, dirs_exist_ok=True)
        else:
            shutil.copyfile(source, to)

    def _there(self) -> dict[str, list[object]]:
        """What an earlier `put` brought: sha256, size and time of change of each file."""
        try:
            known = json.loads((self.path / _LIST).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}


def lost(path: Path, error: OSError) -> DeviceLost:
    """Why a device's folder cannot be used, and what to do."""
    if error.errno == errno.ENOSPC:
        return DeviceLost(f"The disk of {path} is full: free some of it.")
    return DeviceLost(f"{error.filename or path} cannot be used: {error.strerror or error}.")


def _stamp(path: Path) -> tuple[int, int]:
    try:
        state = path.stat()
    except OSError:
        return (-1, -1)
    return (state.st_size, state.st_mtime_ns)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
