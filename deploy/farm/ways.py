"""From what a farm file says of a host to the way there."""

from __future__ import annotations

import getpass
import re
from dataclasses import dataclass
from pathlib import Path

from deploy.farm.device import DeviceLost
from deploy.farm.hops import Hop, Way
from deploy.farm.remote import HostEntry

_ADDRESS = re.compile(r"(?:([^@\s]+)@)?(\[[^\]\s]+\]|[^@:\s]+)(?::(\d{1,5}))?")


@dataclass(frozen=True, slots=True)
class Address:
    """user: None if it is this machine's."""

    host: str
    port: int
    user: str | None


def address(text: str) -> Address:
    """The address in "user@host:port", of which host alone is needed. Raises DeviceLost."""
    found = _ADDRESS.fullmatch(text)
    if found is None or int(found[3] or 22) not in range(1, 65536):
        raise DeviceLost(f"{text!r} under 'jump' is no address such as user@host:22.")
    return Address(found[2].strip("[]"), int(found[3] or 22), found[1])


def way(entry: HostEntry, to: Address) -> Way:
    """The way to a host with the entry's key, by the host under 'jump' if there is one."""

    def hop(of: Address) -> Hop:
        key = Path(entry.key).expanduser() if entry.key else None
        user = of.user or entry.user or getpass.getuser()
        return Hop(of.host, of.port, user, key, Path(entry.known_hosts).expanduser())

    return Way(hop(to), hop(address(entry.jump)) if entry.jump else None, entry.alive_s)
