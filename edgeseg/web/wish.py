"""Where the page is to be, and what it may show. Light: read before any of its packages is there."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edgeseg.errors import UsageError

LISTEN = "127.0.0.1:8080"
_LISTEN = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[^\s:\[\]/]+):(?P<port>[0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class WebWish:
    """listen: HOST:PORT. hosts: names by which the board may be called. shows_source: the owner allows that.

    makes_token: one is made where there is none, and told; else the page does not begin without.
    """

    listen: str = LISTEN
    hosts: tuple[str, ...] = ()
    shows_source: bool = False
    makes_token: bool = True


def address(listen: str) -> tuple[str, int]:
    """(host, port) of HOST:PORT; raises UsageError."""
    found = _LISTEN.fullmatch(listen)
    if found is None or int(found["port"]) > 65535:
        raise UsageError(f"--web-listen is {listen!r}; write HOST:PORT, such as 127.0.0.1:8080 or [::]:8080.")
    return found["host"].strip("[]"), int(found["port"])
