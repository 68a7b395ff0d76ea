"""Facts for the journal: each a line for people, with fields that `journalctl EDGESEG_FACT=degraded` finds.

By journald's native protocol (systemd.io, "Native Journal Protocol"): a datagram of lines NAME=value. Where there is no
journal, the line goes to stderr alone.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from edgeseg.errors import one_line
from edgeseg.facts import Awake, Degraded, Fact, Idle, Noted, Opened, Recovered, RungChanged

SOCKET = Path("/run/systemd/journal/socket")
ERROR, WARNING, NOTICE, INFO = 3, 4, 5, 6  # syslog(3)
_LONGEST = 8000  # characters of one value: a datagram must hold all of them


class Entry(NamedTuple):
    """fields: by their names without EDGESEG_, in capitals."""

    priority: int
    message: str
    fields: Mapping[str, object]


def entry(fact: Fact) -> Entry | None:
    """What a fact is in the journal; None for those that come with each frame, which are counted instead."""
    if isinstance(fact, Opened):
        return Entry(INFO, f"{fact.what}: {fact.detail}", {"FACT": "opened", "WHAT": fact.what, "DETAIL": fact.detail})
    if isinstance(fact, Degraded):
        fields = {"FACT": "degraded", "CAUSE": fact.cause, "DETAIL": fact.detail}
        return Entry(WARNING, f"degraded ({fact.cause}): {fact.detail}", fields)
    if isinstance(fact, Recovered):
        return Entry(NOTICE, f"recovered ({fact.cause})", {"FACT": "recovered", "CAUSE": fact.cause})
    if isinstance(fact, Noted):
        return Entry(NOTICE, f"{fact.what}: {fact.detail}", {"FACT": "noted", "WHAT": fact.what, "DETAIL": fact.detail})
    if isinstance(fact, RungChanged):
        fields = {"FACT": "rung_changed", "RUNG": fact.rung, "CAUSE": fact.reason, "DETAIL": fact.detail}
        return Entry(NOTICE, f"governor: {fact.detail}", fields)
    if isinstance(fact, Idle):
        return Entry(INFO, f"idle: {fact.reason}", {"FACT": "idle", "DETAIL": fact.reason})
    if isinstance(fact, Awake):
        fields = {"FACT": "awake", "DETAIL": fact.reason, "AFTER_S": f"{fact.after_s:.1f}"}
        return Entry(INFO, f"awake after {fact.after_s:.0f} s: {fact.reason}", fields)
    return None


class Journal:
    """Writes entries of one instance, from any thread. address: journald's socket; None: stderr alone."""

    def __init__(self, instance: str, address: Path | None) -> None:
        self._instance, self._address = instance, address
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()

    @classmethod
    def of(cls, instance: str, environ: Mapping[str, str], address: Path = SOCKET) -> Journal:
        """The journal that systemd connected stderr with, if it did (JOURNAL_STREAM, systemd.exec(5))."""
        return cls(instance, address if environ.get("JOURNAL_STREAM") and address.exists() else None)

    @property
    def is_there(self) -> bool:
        """Whether there is a journal, and not stderr alone."""
        return self._address is not None

    def __call__(self, fact: Fact) -> None:
        """Take one fact; an `Emit`."""
        made = entry(fact)
        if made is not None:
            self.write(made)

    def write(self, one: Entry) -> None:
        """Write one entry. A journal that is full or gone stops no frame."""
        with self._lock, contextlib.suppress(OSError, ValueError):
            if self._address is None:
                print(one_line(one.message), file=sys.stderr, flush=True)  # noqa: T201
            elif not self._sent(one):
                print(f"<{one.priority}>{one_line(one.message)}", file=sys.stderr, flush=True)  # noqa: T201

    def _sent(self, one: Entry) -> bool:
        try:
            if self._socket is None:
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
                self._socket.settimeout(1.0)
            self._socket.sendto(datagram(one, self._instance), os.fspath(self._address or SOCKET))
        except OSError:
            return False
        return True


def datagram(one: Entry, instance: str) -> bytes:
    """The entry by the native protocol: values are of one line, so that none can bring in fields of its own."""
    fields = {"MESSAGE": one.message, "PRIORITY": one.priority, "SYSLOG_IDENTIFIER": "edgeseg"}
    fields |= {"EDGESEG_INSTANCE": instance, **{f"EDGESEG_{name}": value for name, value in one.fields.items()}}
    lines = [f"{name}={one_line(str(value))[:_LONGEST]}\n" for name, value in fields.items()]
    return "".join(lines).encode(errors="backslashreplace")
