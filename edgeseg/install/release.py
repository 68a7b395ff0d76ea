"""Releases: which there are, which runs, and whether one is what was installed."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgeseg.errors import AssetError, UsageError, did_you_mean
from edgeseg.install.durable import link, read_json, remove, sync_folder, write_json
from edgeseg.install.where import Where

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Seal:
    """What makes a release a whole one.

    wheel: sha256 of the wheel that it came from. made: when. os_packages: whether it uses the system's Python packages.
    files: by path in the release the sha256 of a file, or "-> target" of a link.
    """

    version: str
    wheel: str
    made: str
    os_packages: bool
    files: dict[str, str]


def seal(where: Where, version: str, wheel: str, made: str, os_packages: bool) -> Seal:
    """Close a release: nothing in it changes any more. All of it is on the disk before the seal is. Raises OSError."""
    done = Seal(version, wheel, made, os_packages, dict(_hashes(where.release(version))))
    os.sync()  # pip forces none of its files to the disk
    write_json(where.seal(version), asdict(done))
    return done


def read_seal(where: Where, version: str) -> Seal | None:
    """The seal of a whole release; None if it is none. Raises OutputError if it is damaged."""
    data = read_json(where.seal(version))
    if data is None or not where.release(version).is_dir():
        return None
    try:
        return Seal(**data)
    except TypeError as error:
        raise AssetError(f"{where.seal(version)} is damaged; install the release again.") from error


def verify(where: Where, version: str) -> Seal:
    """Compare every file with the seal. Raises AssetError naming the first that differs, UsageError for no release."""
    found = read_seal(where, version)
    if found is None:
        raise UsageError(f"There is no release {version}; {did_you_mean(version, versions(where) or ['none'])}")
    now = dict(_hashes(where.release(version)))
    changed = sorted(path for path in now.keys() | found.files.keys() if now.get(path) != found.files.get(path))
    if changed:
        first = where.release(version) / changed[0]
        what = "is new" if changed[0] not in found.files else "is gone" if changed[0] not in now else "was changed"
        more = f" (and {len(changed) - 1} more)" if len(changed) > 1 else ""
        raise AssetError(
            f"The release {version} was tampered with: {first} {what}{more}. It is not used: remove it with"
            f" edgeseg service releases --remove {version}, and install it anew from a wheel."
        )
    return found


def versions(where: Where) -> list[str]:
    """Whole releases, the one made first first."""
    try:
        seals = [path for path in where.releases.iterdir() if path.suffix == ".json" and not path.name.startswith(".")]
    except FileNotFoundError:
        return []
    whole = [(path.stat().st_mtime_ns, path.stem) for path in seals if path.with_suffix("").is_dir()]
    return [version for _, version in sorted(whole)]


def current(where: Where, name: str = "current") -> str | None:
    """The version that the link `current` (or `previous`) leads to; None if there is no such link."""
    try:
        return (where.base / name).readlink().name
    except OSError:
        return None


def switch(where: Where, version: str, name: str = "current") -> None:
    """Lead the link there in one step. Raises OSError."""
    link(where.base / name, f"releases/{version}")


def discard(where: Where, version: str) -> None:
    """Take a release away; first of all it is no whole one any more. Raises UsageError for the one that runs."""
    if version == current(where):
        raise UsageError(f"{version} is the release that runs; it can only be uninstalled.")
    if version == current(where, "previous"):
        remove(where.previous)
    remove(where.seal(version))
    remove(where.release(version))


def sweep(where: Where) -> list[str]:
    """Take away what an interrupted install left: releases without a seal, seals without one. Their names."""
    if not where.releases.is_dir():
        return []
    whole = set(versions(where))
    left = [path for path in where.releases.iterdir() if path.name.removesuffix(".json") not in whole]
    for path in left:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    if left:
        sync_folder(where.releases)
    return sorted({path.name for path in left})


def prune(where: Where, keep: int) -> list[str]:
    """Keep the newest `keep` releases, and in any case the one that runs and the one before it; those that went."""
    held = {current(where), current(where, "previous")}
    others = [version for version in versions(where) if version not in held]
    surplus = len(versions(where)) - max(keep, 1)
    gone = others[: max(0, surplus)]
    for version in gone:
        discard(where, version)
    return gone


def _hashes(folder: Path) -> Iterator[tuple[str, str]]:
    for place, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted([*files, *(one for one in folders if (Path(place) / one).is_symlink())]):
            path = Path(place) / name
            value = f"-> {path.readlink()}" if path.is_symlink() else _sha256(path)
            yield str(path.relative_to(folder)), value


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def as_row(where: Where, version: str) -> dict[str, Any]:
    """A release for people and programs."""
    found = read_seal(where, version)
    marks = [name for name in ("current", "previous") if current(where, name) == version]
    return {
        "version": version,
        "is": marks[0] if marks else "",
        "made": found.made if found else "",
        "os_packages": bool(found and found.os_packages),
        "wheel": found.wheel if found else "",
    }
