"""What a service tells systemd, by the protocol of sd_notify(3): a datagram of lines NAME=value.

Own code, for the libraries on the index that do it are as short and were left years ago (docs/decisions.md).
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import MutableMapping

_WAIT_S = 1.0  # for a service manager that does not take what it is told


class Notifier:
    """Tells the service manager at `address`: a path, or @name for the abstract namespace; None: nobody listens.

    watchdog_s: in which it must hear from us; None: it does not wait.
    """

    def __init__(self, address: str | None, watchdog_s: float | None = None) -> None:
        self.watchdog_s = watchdog_s
        self._address = f"\0{address[1:]}" if address and address.startswith("@") else address

    @classmethod
    def of(cls, environ: MutableMapping[str, str]) -> Notifier:
        """As the service manager wrote it into the environment, from which it is taken: it is not for our children."""
        address = environ.pop("NOTIFY_SOCKET", None)
        pid, period_us = environ.pop("WATCHDOG_PID", None), environ.pop("WATCHDOG_USEC", "")
        is_ours = pid is None or pid == str(os.getpid())
        return cls(address, int(period_us) / 1e6 if is_ours and period_us.isdigit() and int(period_us) else None)

    def send(self, **state: str | int) -> None:
        """Tell it; a manager that is gone stops no frame."""
        if not self._address:
            return
        message = "\n".join(f"{name}={value}" for name, value in state.items())
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
            told.settimeout(_WAIT_S)
            told.sendto(message.encode(errors="backslashreplace"), self._address)

    def ready(self, status: str) -> None:
        """Frames go out, or a reload is over."""
        self.send(READY=1, STATUS=status)

    def reloading(self) -> None:
        """A reload begins; it ends with `ready`."""
        self.send(RELOADING=1, MONOTONIC_USEC=time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000)

    def extend(self, seconds: float, status: str) -> None:
        """Starting, or stopping, takes so long from now on."""
        self.send(EXTEND_TIMEOUT_USEC=int(seconds * 1e6), STATUS=status)
