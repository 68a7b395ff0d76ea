"""A real host by ssh. Nothing is needed there but Python, a key in authorized_keys and some disk.

    devices:
      desk-pi:
        kind: ssh
        host: desk-pi.local
        port: 22
        user: pi
        key: ~/.ssh/farm               # else ssh-agent's and ~/.ssh's
        known_hosts: ~/.ssh/known_hosts
        jump: farm@gate.local:22       # reached by this one, with the same key
        machine: aarch64               # refused if it is another

A host that is not in known_hosts, or shows another key, is refused. What runs there ends when the connection does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from deploy.farm.entry import Text
from deploy.farm.remote import HostDevice, HostEntry
from deploy.farm.ways import Address, way


class SshEntry(HostEntry):
    """See above, and `remote.HostEntry`."""

    host: Text
    port: Annotated[int, Field(ge=1, le=65535)] = 22


class Ssh(HostDevice):
    """See `device.Device`."""

    Entry = SshEntry
    kind = "ssh"

    def __init__(self, name: str, entry: SshEntry, cache: Path) -> None:
        super().__init__(name, entry, cache)
        self._entry = entry

    def _reach(self) -> None:
        self._remote.open(way(self._entry, Address(self._entry.host, self._entry.port, self._entry.user)))
