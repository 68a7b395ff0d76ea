"""A labgrid lab on this machine: a real coordinator and a real exporter, whose one place is a host of `farm_hosts`."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.lab.farm_hosts import USER

_WAIT_S = 30


@dataclass(frozen=True)
class Places:
    """A lab in a folder. port: of the coordinator, on loopback. host: what the place is. The tag board=lab means it."""

    folder: Path
    port: int
    host: str

    @property
    def coordinator(self) -> str:
        """Its address."""
        return f"127.0.0.1:{self.port}"

    def up(self) -> None:
        """Start both, and make the place; it is done when the coordinator knows its host."""
        self.down()
        self.folder.mkdir(parents=True, exist_ok=True)
        exported = f"lab:\n  NetworkService:\n    address: {self.host}\n    username: {USER}\n"
        (self.folder / "exporter.yaml").write_text(exported)
        self.start_coordinator()
        self._start("labgrid-exporter", "-c", self.coordinator, "-n", "edgeseg", "exporter.yaml")
        self._until("resources", "edgeseg/lab/NetworkService")
        for words in (["create"], ["add-match", "edgeseg/lab/*"], ["set-tags", "board=lab"]):
            done = self.client("-p", "edgeseg-lab", *words)
            if done.returncode and "already exists" not in done.stdout + done.stderr:
                raise RuntimeError(f"labgrid-client {' '.join(words)}: {done.stdout} {done.stderr}")

    def start_coordinator(self) -> None:
        """Start the coordinator, which keeps its places in the folder."""
        self._start("labgrid-coordinator", "-l", self.coordinator)
        self._until("places", "")

    def stop(self, program: str) -> None:
        """End the coordinator or the exporter at once."""
        pid_file = self.folder / f"{program}.pid"
        with contextlib.suppress(OSError, ValueError):
            os.killpg(int(pid_file.read_text()), signal.SIGKILL)
        pid_file.unlink(missing_ok=True)

    def down(self) -> None:
        """End both."""
        for program in ("labgrid-exporter", "labgrid-coordinator"):
            self.stop(program)

    def client(self, *words: str, user: str = "somebody") -> subprocess.CompletedProcess[str]:
        """Run labgrid's own client as some user."""
        return subprocess.run(
            [_program("labgrid-client"), "-x", self.coordinator, *words],
            env={**os.environ, "LG_USERNAME": user},
            capture_output=True,
            text=True,
            check=False,
        )

    def _start(self, program: str, *options: str) -> None:
        with open(self.folder / f"{program}.log", "ab") as log:
            subprocess.run(
                ["setsid", "--fork", "sh", "-c", 'echo $$ >"$0.pid"; exec "$@"', program, _program(program), *options],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=True,
            )

    def _until(self, what: str, there: str) -> None:
        end = time.monotonic() + _WAIT_S
        while (done := self.client(what)).returncode or there not in done.stdout:
            if time.monotonic() > end:
                raise RuntimeError(f"labgrid-client {what} does not show {there!r}: {done.stdout} {done.stderr}")
            time.sleep(0.2)


def missing() -> str | None:
    """Why there can be no such lab here, None if there can."""
    absent = [name for name in ("labgrid-coordinator", "labgrid-exporter") if not Path(_program(name)).exists()]
    return f"{', '.join(absent)} not installed: pip install -e '.[farm]'" if absent else None


def _program(name: str) -> str:
    return str(Path(sys.executable).parent / name)
