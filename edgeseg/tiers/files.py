"""Where the tiers' files are, and the tiers that a folder of models adds.

A tier is `<name>.tflite` in the first of these folders that has it: the one given (`--models`), the user's own, the
machine's, the package's, where `python -m quantize build` puts what it makes and where a wheel brings it. (Without one
given the package's comes first: the catalogue allows one file only.) A folder may hold a `catalogue.yaml` with tiers of
the user's own, and files that Coral's compiler made of a tier: `<tier>_edgetpu.tflite` is the tier `<tier>-edgetpu`.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

try:  # as the standard library's `random` does: hashlib loads OpenSSL, 3.4 MB of each run's memory
    from _sha2 import sha256  # type: ignore[import-not-found,unused-ignore]
except ImportError:
    try:
        from _sha256 import sha256  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        from hashlib import sha256

from edgeseg.errors import AssetError, CandidateError, NotPermitted, UsageError, did_you_mean
from edgeseg.tiers import catalogue as rows
from edgeseg.tiers.catalogue import DEFAULT_TIER, Tier

BUILT = Path(__file__).with_name("models")
MACHINE = Path("/usr/share/edgeseg/models")
VARIABLE = "EDGESEG_MODELS"
COMPILED = "_edgetpu.tflite"
EDGETPU_OP = b"edgetpu-custom-op"  # the custom operation that Coral's compiler puts in place of what it took

Folder = str | os.PathLike[str] | None


def own_folder() -> Path:
    """The user's own folder of models: $EDGESEG_MODELS, else in the user's data directory."""
    if chosen := os.environ.get(VARIABLE):
        return _home(chosen, f"${VARIABLE}")
    import platformdirs

    return platformdirs.user_data_path("edgeseg") / "models"


def folders(models: Folder = None) -> list[Path]:
    """The folders to look in, in their order. Raises UsageError if `models` is no folder."""
    return [*_given(models), own_folder(), MACHINE, BUILT]


def tiers(models: Folder = None) -> dict[str, Tier]:
    """All tiers by name: this version's, then what the folders add."""
    known = dict(rows.catalogue())
    for name, tier in _added(models):
        known.setdefault(name, tier)
    return known


def tier(name: str = DEFAULT_TIER, models: Folder = None) -> Tier:
    """The tier of that name; raises UsageError with the nearest name if there is none, or if `models` is no folder."""
    _given(models)
    built_in = rows.row_of(name)
    if built_in is not None:
        return built_in
    known = tiers(models)
    if name not in known:
        raise UsageError(f"There is no tier {name!r}; {did_you_mean(name, known)}")
    return known[name]


def find(tier: Tier, models: Folder = None) -> Path | None:
    """Where the tier's file is, unchecked; None if no folder has it."""
    if models is None and _is_there(path := BUILT / file_name(tier)):
        return path  # no other folder can hold another file of that name and hash, and asking for them takes time
    return next((path for folder in folders(models) if _is_there(path := folder / file_name(tier))), None)


def load(tier: Tier, models: Folder = None) -> bytes:
    """The tier's file, the very bytes that were hashed.

    Raises CandidateError (not here), AssetError (not the file that the catalogue means), NotPermitted.
    """
    path = find(tier, models)
    if path is None:
        remedy = "run make setup in edgeseg's checkout, which builds it, or install a wheel from make wheel"
        if rows.row_of(tier.name) is None:
            remedy = f"put {file_name(tier)} beside the catalogue.yaml that has its row"
        raise CandidateError(f"The tier {tier.name} is in none of the folders of models: {remedy}.")
    content = _content(path)
    if sha256(content).hexdigest() != tier.sha256:
        remedy = "remove it, or put the right file there"
        if path.parent == BUILT:
            remedy = "remove it and run make setup in edgeseg's checkout, or install the wheel again"
        elif rows.row_of(tier.name) is None:
            remedy = "put the right file there, or its sha256 into catalogue.yaml"
        raise AssetError(f"{path} is not the tier {tier.name} of the catalogue, for its sha256 is another; {remedy}.")
    return content


def file_name(tier: Tier) -> str:
    """The name of the tier's file in a folder of models."""
    return f"{tier.twin}{COMPILED}" if tier.twin else f"{tier.name}.tflite"


def _added(models: Folder) -> Iterator[tuple[str, Tier]]:
    for folder in folders(models)[:-1]:
        own = rows.read(folder / "catalogue.yaml") if _is_there(folder / "catalogue.yaml") else {}
        yield from own.items()
        known = {**own, **rows.catalogue()}
        for path in _compiled(folder):
            twin = known.get(path.name.removesuffix(COMPILED))
            if twin is not None and EDGETPU_OP in (content := _content(path)):
                digest = sha256(content).hexdigest()
                name = f"{twin.name}-edgetpu"
                yield (
                    name,
                    dataclasses.replace(twin, name=name, sha256=digest, bytes=len(content), golden={}, twin=twin.name),
                )


def _compiled(folder: Path) -> list[Path]:
    try:
        return [path for path in sorted(folder.glob(f"*{COMPILED}")) if path.is_file()]
    except OSError:  # see _is_there
        return []


def _given(models: Folder) -> list[Path]:
    """The folder given, if one is."""
    if models is None:
        return []
    folder = _home(models, "--models")
    try:
        here = folder.is_dir()
        if here:
            os.scandir(folder).close()
    except OSError as error:
        raise NotPermitted(f"The folder of models {folder} cannot be read: {error.strerror}; see --models.") from error
    if not here:
        raise UsageError(f"The folder of models {os.fspath(models)!r} is not there; check --models.")
    return [folder]


def _home(path: str | os.PathLike[str], what: str) -> Path:
    """With the home folder for "~"."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise UsageError(f"The folder of models {os.fspath(path)!r} is nowhere; check {what}.") from error


def _is_there(path: Path) -> bool:
    """Whether there is such a file; one in a folder of another's is not, such as root's home under sudo -u."""
    try:
        return path.is_file()
    except OSError:
        return False


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotPermitted(f"The model {path} cannot be read: {error.strerror}; check its permissions.") from error
