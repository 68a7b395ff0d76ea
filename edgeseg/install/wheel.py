"""A wheel of edgeseg: which one is at hand, its version, and whether it is whole."""

from __future__ import annotations

import base64
import csv
import hashlib
import importlib.metadata
import io
import json
import sys
import urllib.parse
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgeseg.errors import AssetError, UsageError

_GLOB = "edgeseg-*.whl"
_REMEDY = "make wheel makes one in a checkout, as dist/edgeseg-VERSION-py3-none-any.whl"


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel whose files all have the sha256 that its own list says."""

    path: Path
    version: str
    sha256: str
    units: dict[str, bytes]

    @property
    def requirement(self) -> str:
        """What pip is given."""
        return str(self.path)


def at_hand(named: Path | None) -> Path:
    """The wheel that is meant: the named one, the one that this program runs from, or came from, or lies here.

    Raises UsageError if there is none, or more than one.
    """
    if named is not None:
        return _in_folder(named) if named.is_dir() else named
    for place in (*_running_from(), *_installed_from()):
        if place.is_file():
            return place
    for folder in (Path(), Path("dist")):
        if any(folder.glob(_GLOB)):
            return _in_folder(folder)
    raise UsageError(f"There is no wheel of edgeseg here: name one with --wheel ({_REMEDY}).")


def read_wheel(path: Path) -> Wheel:
    """Check and describe a wheel. Raises UsageError for what is none of edgeseg, AssetError if it is damaged."""
    try:
        content = path.read_bytes()
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            record = next((name for name in archive.namelist() if name.endswith(".dist-info/RECORD")), None)
            if record is None or not record.startswith("edgeseg-"):
                raise UsageError(f"{path} is no wheel of edgeseg; {_REMEDY}.")
            _check(path, archive, record)
            prefix = "edgeseg/_data/systemd/"
            units = {name: archive.read(name) for name in archive.namelist() if name.startswith(prefix)}
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    except (zipfile.BadZipFile, EOFError, ValueError) as error:
        raise AssetError(f"{path} is no whole wheel ({error}): copy it again.") from error
    version = record.removeprefix("edgeseg-").partition(".dist-info/")[0]
    plain = {name.removeprefix(prefix): text for name, text in units.items() if not name.endswith("/")}
    return Wheel(path.absolute(), version, hashlib.sha256(content).hexdigest(), plain)


def _check(path: Path, archive: zipfile.ZipFile, record: str) -> None:
    """pip does not compare the hashes of RECORD (PEP 427), so it is done here."""
    listed = {row[0]: row[1] for row in csv.reader(io.StringIO(archive.read(record).decode())) if len(row) > 1}
    for name in archive.namelist():
        if name.endswith("/") or name == record:
            continue
        digest = base64.urlsafe_b64encode(hashlib.sha256(archive.read(name)).digest()).rstrip(b"=").decode()
        if listed.pop(name, None) != f"sha256={digest}":
            raise AssetError(
                f"{path} was changed: {name} is not the file that its RECORD lists; copy or make it again."
            )
    listed.pop(record, None)
    if listed:
        raise AssetError(f"{path} lacks {min(listed)}, which its RECORD lists; copy or make it again.")


def _in_folder(folder: Path) -> Path:
    found = sorted(folder.glob(_GLOB))
    if len(found) == 1:
        return found[0]
    what = f"{len(found)} wheels of edgeseg" if found else "no wheel of edgeseg"
    raise UsageError(f"{folder.absolute()} holds {what}; name one with --wheel ({_REMEDY}).")


def _running_from() -> Iterator[Path]:
    """`PYTHONPATH=X.whl python3 -m edgeseg.install`: the wheel is on the path itself."""
    for entry in sys.path:
        if entry.endswith(".whl") and Path(entry).name.startswith("edgeseg-"):
            yield Path(entry)


def _installed_from() -> Iterator[Path]:
    """What pip wrote down when it installed a file (PEP 610)."""
    try:
        text = importlib.metadata.distribution("edgeseg").read_text("direct_url.json")
        address = urllib.parse.urlsplit(json.loads(text or "{}").get("url", ""))
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return
    if address.scheme == "file" and address.path.endswith(".whl"):
        yield Path(urllib.parse.unquote(address.path))
