"""What was put outside of /opt/edgeseg, written down before it is done, so that all of it can be taken away again."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from edgeseg.errors import OutputError
from edgeseg.install.durable import read_json, write_json
from edgeseg.install.where import Where

Kind = Literal["tree", "folder", "file", "unit", "user"]
KINDS = ("tree", "folder", "file", "unit", "user")


@dataclass(frozen=True, slots=True)
class Entry:
    """tree: a folder that goes with all in it. folder: one that goes if it is empty. file: also a link.

    unit: one that is enabled or runs. user: the account. what: its path, or its name. is_state: the user's settings and
    what was measured, which may be kept.
    """

    kind: Kind
    what: str
    is_state: bool = False


class Manifest:
    """The entries in the order in which they were made."""

    def __init__(self, where: Where) -> None:
        self._path = where.base / "manifest.json"
        self.entries: list[Entry] = _parsed(read_json(self._path), str(self._path))

    def add(self, *entries: Entry) -> None:
        """Note entries, on the disk when this returns."""
        new = [entry for entry in entries if entry not in self.entries]
        if new:
            self.entries += new
            write_json(self._path, {"schema": 1, "entries": [asdict(entry) for entry in self.entries]})

    def keep(self, entries: list[Entry]) -> None:
        """Only these are left."""
        self.entries = entries
        write_json(self._path, {"schema": 1, "entries": [asdict(entry) for entry in entries]})


def _parsed(data: object, where: str) -> list[Entry]:
    if data is None:
        return []
    try:
        rows = data["entries"]  # type: ignore[index]
        entries = [Entry(row["kind"], row["what"], row["is_state"]) for row in rows]
    except (TypeError, KeyError) as error:
        raise OutputError(f"{where} is damaged; move it away and install again.") from error
    bad = [entry for entry in entries if entry.kind not in KINDS or not isinstance(entry.what, str)]
    if bad:
        raise OutputError(f"{where} is damaged: it has an entry {bad[0]}; move it away and install again.")
    return entries
