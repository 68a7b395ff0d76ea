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

from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints

from deploy.farm.entry import Text
from deploy.farm.lease import Lease
from deploy.farm.remote import HostDevice, HostEntry
from deploy.farm.ways import Address, way

Tag = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]+$")]
Value = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_][a-zA-Z0-9_.-]*$")]


class LabgridEntry(HostEntry):
    """See above, and `remote.HostEntry`. user: the NetworkService's unless it is named here."""

    coordinator: Text
    tags: Annotated[dict[Tag, Value], Field(min_length=1)]
    wait_s: Annotated[float, Field(ge=0, le=86_400)] = 600.0


class Labgrid(HostDevice):
    """See `device.Device`. A setup reserves the place, too, and gives it back."""

    Entry = LabgridEntry
    kind = "labgrid"

    def __init__(self, name: str, entry: LabgridEntry, cache: Path) -> None:
        super().__init__(name, entry, cache)
        self._entry = entry
        self._lease: Lease | None = None

    def close(self) -> None:
        """See `device.Device`. What runs over there has ended before somebody else can have the place."""
        super().close()
        lease, self._lease = self._lease, None
        if lease is not None:
            lease.release()

    def _reach(self) -> None:
        self.close()
        entry = self._entry
        # If it is taken away, whatever runs there is ended: the place may be another's by then.
        self._lease = Lease(entry.coordinator, entry.tags, entry.wait_s, self._remote.close)
        found = self._lease.address
        try:
            self._remote.open(way(entry, Address(found.host, found.port, entry.user or found.user)))
        except BaseException:
            self.close()
            raise
