"""Get one wheel through pip and keep files of it. Only imported when something is missing."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from edgeseg.assets.table import Asset, Wheel
from edgeseg.errors import AssetError, Unreachable

Progress = Callable[[str, int, int], None]
"""Called several times a second while a wheel comes in: (distribution==version, bytes so far, bytes in all)."""

_POLL_S = 0.1


def fetch(wheel: Wheel, assets: list[Asset], root: Path, progress: Progress | None) -> None:
    """Download the wheel beside the assets in `root` and rename its members into place.

    Raises Unreachable (pip could not get it; the message names the first asset), AssetError (a member is missing or
    not what was pinned; it is not kept), OSError (no room or no right to write).
    """
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=root) as scratch:
        archive = _download(wheel, assets, root, Path(scratch), progress)
        for asset in assets:
            _keep(asset, archive, root, Path(scratch))


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
            raise Unreachable(missing(assets[0], root, f"pip could not be started: {error}")) from error
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
    raise Unreachable(missing(assets[0], root, reason))


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


def missing(asset: Asset, root: Path, reason: str) -> str:
    """The sentence about an asset that is not to be had: what to put where."""
    return (
        f"The asset {asset.name} is not here and {reason}; connect and try again, or put"
        f" {asset.member} from {asset.wheel.requirement} (sha256 {asset.sha256}) at {asset.at(root)}."
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
    with staged.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    target = asset.at(root)
    target.parent.mkdir(exist_ok=True)
    staged.replace(target)
