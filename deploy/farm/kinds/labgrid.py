"""A place of a labgrid lab, reserved by its tags from the lab's coordinator; its host is then used by ssh.

    devices:
      lab-pi:
        kind: labgrid
        coordinator: lab.local:20408
        tags: {board: pi4}             # name: PLACE means one place
        wait_s: 600                    # for a place that is in use
        key: ~/.ssh/farm               # and what else the kind ssh takes, but host and port

The place needs a NetworkService. It is given back at the end, by a process of its own if the farm is killed, and by the
coordinator after a minute if this machine goes. `pip install 'edgeseg[farm]'` brings labgrid's client.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints

from deploy.farm.card import Timing
from deploy.farm.device import Command, DeviceLost, Say
from deploy.farm.entry import Text
from deploy.farm.lease import Lease
from deploy.farm.remote import HostEntry, Remote
from deploy.farm.ways import Address, way

Tag = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]+$")]
Value = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_][a-zA-Z0-9_.-]*$")]


class LabgridEntry(HostEntry):
    """See above, and `remote.HostEntry`. user: the NetworkService's unless it is named here."""

    coordinator: Text
    tags: Annotated[dict[Tag, Value], Field(min_length=1)]
    wait_s: Annotated[float, Field(ge=0, le=86_400)] = 600.0


class Labgrid:
    """See `device.Device`."""

    Entry = LabgridEntry
    kind = "labgrid"
    timing: Timing = "real"

    def __init__(self, name: str, entry: LabgridEntry, cache: Path) -> None:
        self.name = name
        self._entry = entry
        self._remote = Remote(name, entry, cache, time.time)
        self._lease: Lease | None = None
        self._gone: str | None = None

    @property
    def python(self) -> tuple[str, str]:
        """See `device.Device`."""
        return self._remote.target.tag

    def setup(self, say: Say) -> None:
        """See `device.Device`. The place is reserved for it, and given back."""
        try:
            self._reach()
            self._remote.setup(say)
        finally:
            self.close()

    def open(self) -> None:
        """See `device.Device`."""
        self._reach()
        self._remote.check()

    def put(self, files: Mapping[str, Path]) -> int:
        """See `device.Device`."""
        self._check()
        return self._remote.put(files)

    def start(self, argv: Sequence[str], timeout_s: float) -> Command:
        """See `device.Device`."""
        self._check()
        return self._remote.start(argv, timeout_s)

    def get(self, path: str, to: Path) -> None:
        """See `device.Device`."""
        self._check()
        self._remote.get(path, to)

    def close(self) -> None:
        """See `device.Device`. What runs over there has ended before somebody else can have the place."""
        self._remote.close()
        lease, self._lease = self._lease, None
        if lease is not None:
            lease.release()

    def _reach(self) -> None:
        self.close()
        self._gone = None
        entry = self._entry
        self._lease = Lease(entry.coordinator, entry.tags, entry.wait_s, self._taken)
        found = self._lease.address
        try:
            self._remote.open(way(entry, Address(found.host, found.port, entry.user or found.user)))
        except BaseException:
            self.close()
            raise

    def _taken(self, reason: str) -> None:
        self._gone = reason
        self._remote.close(reason)  # the place may be another's by now

    def _check(self) -> None:
        if self._gone is not None:
            raise DeviceLost(self._gone)
