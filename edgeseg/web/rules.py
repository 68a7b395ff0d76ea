"""By which names the board may be called, and who must show a token. Light: asked before anything heavy is loaded."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rules:
    """hosts: names by which the board may be called, beside addresses. token: everybody must show it.

    rate, burst: requests of one address: a second, and at once.
    """

    hosts: frozenset[str]
    token: bool
    rate: float = 20.0
    burst: float = 100.0


def rules(listen_host: str, hosts: Collection[str] = ()) -> Rules:
    """Those that go with an address to listen on. Whoever names further hosts has something before us, or beside."""
    own = socket.gethostname().lower()
    names = {"localhost", own, f"{own}.local", *(name.lower() for name in hosts)}
    return Rules(frozenset(names), token=not is_loopback(listen_host) or bool(hosts))


def is_loopback(host: str) -> bool:
    """Whether an address or name is this machine's own alone."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
