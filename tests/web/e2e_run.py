"""`edgeseg run --web` with the fake camera, as a process that can be ended and begun again on the same port."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx

T = TypeVar("T")
BOARD = Path(__file__).with_name("e2e_board.py")
START_S = 60.0  # this machine may be busy


def soon(what: Callable[[], T], seconds: float = 20.0, why: str = "it did not come true") -> T:
    """What it gives, once that is true."""
    until = time.monotonic() + seconds
    while not (given := what()):
        assert time.monotonic() < until, f"{why} within {seconds:g} s: {given!r}"
        time.sleep(0.05)
    return given


def _environ(folder: Path) -> dict[str, str]:
    return {**os.environ, "EDGESEG_STATE": str(folder / "state")}


def calibrate(folder: Path) -> None:
    """Measure some tiers, so that there is a ladder to govern by."""
    command = [sys.executable, "-m", "edgeseg", "calibrate", "--time", "4", "--engine", "cpu"]
    subprocess.run(command, env=_environ(folder), check=True, capture_output=True)


class Run:
    """One such process in `folder`, where scene.npy is. arguments: beside the source and the address. out: stdout."""

    def __init__(self, folder: Path, *arguments: str, out: int | None = None) -> None:
        self.folder, self._arguments, self._out = folder, arguments, out
        self._unplugged = folder / "unplugged"
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self.api = httpx.Client(base_url=f"{self.url}/api/v1/", timeout=30.0)
        self.start()

    def start(self) -> None:
        command = [sys.executable, str(BOARD), str(self.folder), "run", "--source", "camera:0", "--web"]
        listen = ["--web-listen", f"127.0.0.1:{self.port}", *self._arguments]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, *listen],
                stdout=log if self._out is None else self._out,
                stderr=log,
                env=_environ(self.folder),
                cwd=self.folder,
            )
        soon(self._is_ready, START_S, "edgeseg run did not begin")

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log
        try:
            return httpx.get(f"{self.url}/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def end(self) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(20)

    def close(self) -> None:
        self.api.close()
        self.end()

    def unplug(self) -> None:
        self._unplugged.touch()

    def plug(self) -> None:
        self._unplugged.unlink(missing_ok=True)

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def token(self) -> str:
        """As it was shown at the first start."""
        found = re.search(r"its token, shown this once: (\S+)", self.log)
        assert found, self.log
        return found[1]

    @property
    def settings(self) -> dict[str, Any]:
        return dict(self.api.get("settings").raise_for_status().json()["settings"])

    def set(self, **settings: Any) -> None:
        """As somebody else would."""
        self.api.patch("settings", json=settings).raise_for_status()
