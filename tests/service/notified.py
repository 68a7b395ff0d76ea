"""A service manager that only listens: what it was told, and when."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

WAIT_S = 30


class Manager:
    """Listens at a path. heard: one dict for each message, in order."""

    def __init__(self, path: Path) -> None:
        self.address = str(path)
        self.heard: list[dict[str, str]] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while message := self._socket.recv(65536).decode():
            if message == "end":
                return
            self.heard.append(dict(line.split("=", 1) for line in message.split("\n")))

    def close(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(b"end", self.address)
        self._thread.join()
        self._socket.close()

    def of(self, name: str) -> list[str]:
        """All values that were told of a name."""
        return [message[name] for message in list(self.heard) if name in message]

    @property
    def status(self) -> str:
        return (self.of("STATUS") or [""])[-1]

    def count(self, name: str) -> int:
        return len(self.of(name))


def soon(true: Callable[[], object], what: str = "") -> None:
    """Wait until it is true."""
    end = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < end, f"waited in vain {what}"
        time.sleep(0.01)
