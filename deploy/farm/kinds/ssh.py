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

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field

from deploy.farm.card import Timing
from deploy.farm.device import Command, Say
from deploy.farm.entry import Text
from deploy.farm.remote import HostEntry, Remote
from deploy.farm.ways import Address, way


class SshEntry(HostEntry):
    """See above, and `remote.HostEntry`."""

    host: Text
    port: Annotated[int, Field(ge=1, le=65535)] = 22


class Ssh:
    """See `device.Device`."""

    Entry = SshEntry
    kind = "ssh"
    timing: Timing = "real"

    def __init__(self, name: str, entry: SshEntry, cache: Path) -> None:
        self.name = name
        self._entry = entry
        self._remote = Remote(name, entry, cache, time.time)

    @property
    def python(self) -> tuple[str, str]:
        """See `device.Device`."""
        return self._remote.target.tag

    def setup(self, say: Say) -> None:
        """See `device.Device`."""
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
        return self._remote.put(files)

    def start(self, argv: Sequence[str], timeout_s: float) -> Command:
        """See `device.Device`."""
        return self._remote.start(argv, timeout_s)

    def get(self, path: str, to: Path) -> None:
        """See `device.Device`."""
        self._remote.get(path, to)

    def close(self) -> None:
        """See `device.Device`."""
        self._remote.close()

    def _reach(self) -> None:
        self._remote.open(way(self._entry, Address(self._entry.host, self._entry.port, self._entry.user)))
