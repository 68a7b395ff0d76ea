"""A place of a labgrid coordinator, held by a process beside this one: see `leaseholder`."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

from deploy.farm.device import DeviceLost
from deploy.farm.ways import Address

_RELEASE_S = 15.0


class Lease:
    """Waits until it has a place. lost: called, from a thread, if it is taken away. Raises DeviceLost."""

    def __init__(self, coordinator: str, tags: Mapping[str, str], wait_s: float, lost: Callable[[str], None]) -> None:
        self._watch: threading.Thread | None = None
        words = [f"{key}={value}" for key, value in tags.items()]
        # A session of its own: Ctrl-C is for the farm, whose end is then noticed.
        self._holder = subprocess.Popen(
            [sys.executable, "-m", "deploy.farm.leaseholder", coordinator, str(wait_s), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            said = self._said(self._line())
        except BaseException:
            self.release()
            raise
        self.place: str = said["place"]
        self.address = Address(said["host"], int(said["port"]), said["user"])
        self._lost = lost
        self._watch = threading.Thread(target=self._wait_for_loss, daemon=True)
        self._watch.start()

    def release(self) -> None:
        """Give the place back; more than once does no harm."""
        if self._holder.stdin is not None:
            with contextlib.suppress(OSError):
                self._holder.stdin.close()
        try:
            self._holder.wait(_RELEASE_S)
        except subprocess.TimeoutExpired:
            self._holder.kill()  # the coordinator drops the reservation in a minute
            self._holder.wait()
        if self._watch is not None and self._watch is not threading.current_thread():
            self._watch.join(_RELEASE_S)
        for pipe in (self._holder.stdout, self._holder.stderr):
            if pipe is not None:
                pipe.close()

    def _wait_for_loss(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            if line := self._line():
                self._lost(str(json.loads(line).get("error", line)))

    def _line(self) -> str:
        assert self._holder.stdout is not None
        return self._holder.stdout.readline()

    def _said(self, line: str) -> dict[str, Any]:
        if not line:
            assert self._holder.stderr is not None
            last = self._holder.stderr.read().strip().splitlines()[-1:] or ["it said nothing"]
            raise DeviceLost(f"labgrid's client could not start: {last[0][:300]}")
        said = dict(json.loads(line))
        if "error" in said:
            raise DeviceLost(said["error"])
        return said
