"""What is brought to every device: the wheel's files, the tiers that it runs, the golden set, the farm's own models."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from edgeseg.errors import CandidateError, UsageError
from edgeseg.golden.card import files_of
from edgeseg.golden.dataset import Dataset
from edgeseg.tiers.catalogue import Tier
from edgeseg.tiers.files import file_name

PROJECT = Path(__file__).parents[2]
_TIERS = "edgeseg/tiers/models/"


@dataclass(frozen=True, slots=True)
class Wheel:
    """An unpacked wheel: the files of edgeseg by their paths in it; sha256 over all of them but the tiers'."""

    files: Mapping[str, Path]
    sha256: str


def wheel_of(path: Path | None, cache: Path) -> Wheel:
    """The wheel at `path`, or if None one that is built from the checkout, unpacked in `cache`.

    Raises UsageError for a file that is no wheel of edgeseg, CandidateError if none can be built.
    """
    with tempfile.TemporaryDirectory(prefix="edgeseg-wheel-") as folder:
        source = path or _built(Path(folder))
        digest = _sha256_of(source)
        place = cache / "wheels" / digest[:16]
        if not place.is_dir():
            _unpack(source, place)
    files = {str(file.relative_to(place)): file for file in sorted(place.rglob("*")) if file.is_file()}
    names = {name: file for name, file in files.items() if name.startswith("edgeseg/")}
    if "edgeseg/__main__.py" not in names:
        raise UsageError(f"{source} is no wheel of edgeseg.")
    whole = hashlib.sha256()
    for name, file in names.items():
        if not name.startswith(_TIERS):
            whole.update(f"{_sha256_of(file)}  {name}\n".encode())
    return Wheel(names, whole.hexdigest())


def keep_newest_wheels(cache: Path, count: int) -> None:
    """Forget unpacked wheels but for the newest."""
    try:
        places = sorted((cache / "wheels").iterdir(), key=lambda place: place.stat().st_mtime)
    except OSError:
        return
    for place in places[:-count]:
        shutil.rmtree(place, ignore_errors=True)


def shipment(wheel: Wheel, golden: Dataset, tiers: Iterable[Tier], models: Path | None) -> dict[str, Path]:
    """All files of a device by their paths in its folder; of the wheel's tiers those that it runs.

    Raises CandidateError if one of these is neither in the wheel nor in `models`.
    """
    own = {file.name for file in models.iterdir()} if models is not None else set()
    wanted = {f"{_TIERS}{name}" for tier in tiers if (name := file_name(tier)) not in own}
    if missing := sorted(wanted - wheel.files.keys()):
        names = ", ".join(Path(one).stem for one in missing)
        raise CandidateError(
            f"The wheel has not all tiers of the farm file: {names}; run make setup, which builds them."
        )
    files = {name: file for name, file in wheel.files.items() if not name.startswith(_TIERS) or name in wanted}
    files |= {f"golden/{path}": golden.path(path) for path in files_of(golden)}
    if models is not None:
        files |= {f"models/{file.name}": file for file in sorted(models.iterdir()) if file.is_file()}
    return files


def _built(folder: Path) -> Path:
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps"]
    done = subprocess.run(
        [*pip, "--no-build-isolation", "--wheel-dir", str(folder), str(PROJECT)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    made = list(folder.glob("*.whl"))
    if done.returncode or not made:
        words = " ".join((done.stderr or done.stdout).split())[-500:]
        raise CandidateError(f"The wheel cannot be built: {words}; run make setup, or give one by --wheel.")
    return made[0]


def _unpack(source: Path, place: Path) -> None:
    part = place.with_name(f"{place.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        with zipfile.ZipFile(source) as wheel:
            wheel.extractall(part)  # which keeps names inside the folder
    except (OSError, zipfile.BadZipFile) as error:
        raise UsageError(f"{source} is no wheel that can be read: {error}.") from error
    part.rename(place)


def _sha256_of(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
