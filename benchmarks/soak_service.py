"""The service for a long time, in real time: does it go on, and does anything grow?

    python -m benchmarks.soak --minutes 45

The clip of people at a table is played at 30 frames a second into a service of its own process, as systemd would run
it: `run_service` whole, with a manager at the other end of its socket. Nothing is calibrated, so nobody governs. The
manager starts it again if it ends, and notes every ten seconds its memory, descriptors and threads (proc(5)), and what
it says of itself. Once at the beginning it halts the service for a second, so that covers have been shown too and every
buffer there is has been made before growth is counted.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.material import clip, repeated
from edgeseg.build import Settings
from edgeseg.config.profile import Governor, Limits, Targets
from edgeseg.service.loading import Loaded
from edgeseg.service.run import run_service

ROOT = Path(__file__).resolve().parents[1]
FPS = 30
EVERY_S, HALT_S, SETTLED_S = 10.0, 60.0, 120.0
MOST_GROWTH = 0.01
WATCHDOG_S = 10.0  # as in the unit
_FPS = re.compile(r"STATUS=(\d+(?:\.\d+)?) fps")


class Mark(NamedTuple):
    """One look. fps: what the service said then; None if nothing."""

    at_s: float
    rss_mb: float
    descriptors: int
    threads: int
    fps: float | None


class Told:
    """What one service tells its manager. quiet_s: the longest time without food for the watchdog, once it was fed."""

    def __init__(self, folder: Path) -> None:
        self.address = folder / "notify"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self.address))
        self._fed_s: float | None = None
        self.quiet_s, self.covered, self.statuses = 0.0, 0, 0
        self.fps: float | None = None

    def listen(self, seconds: float) -> None:
        """For so long."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                self._take(self._socket.recv(8192).decode())
            except TimeoutError:
                return

    def _take(self, message: str) -> None:
        now = time.monotonic()
        if "WATCHDOG=1" in message:
            self.quiet_s = max(self.quiet_s, now - self._fed_s if self._fed_s else 0.0)
            self._fed_s = now
        if said := _FPS.search(message):
            self.fps = float(said[1])
            self.statuses += 1
            self.covered += "covered: " in message

    def forget(self) -> None:
        """Another process begins."""
        self._fed_s = None


def serve(path: str) -> None:
    """The service's side: what the unit starts, with this clip as its camera."""
    settings = Settings(source=f"file:{path}", realtime=True, background="blur", tier="auto", engine="auto")
    loaded = Loaded(settings, (Limits(), Governor(), Targets()))
    run_service("soak", loads=lambda: loaded)


def look(pid: int, at_s: float, fps: float | None) -> Mark | None:
    """What /proc says; None if the process is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        looks = []
        for _ in range(3):  # a socket is open for as long as something is told
            looks.append(len(os.listdir(f"/proc/{pid}/fd")))  # noqa: PTH208
            time.sleep(0.02)
    except OSError:
        return None
    values = dict(line.split(":", 1) for line in status.splitlines())
    rss_mb = int(values["VmRSS"].split()[0]) / 1024 if "VmRSS" in values else 0.0
    return Mark(round(at_s, 1), round(rss_mb, 2), min(looks), int(values["Threads"]), fps)


def growth(marks: Sequence[Mark]) -> float:
    """The highest memory of the last quarter over the highest of the first one, without the time it needs to settle."""
    end_s = marks[-1].at_s
    early = max(mark.rss_mb for mark in marks if mark.at_s >= min(SETTLED_S, end_s / 8) and mark.at_s <= end_s / 4)
    return max(mark.rss_mb for mark in marks if mark.at_s >= end_s * 3 / 4) / early - 1


def soak(minutes: float, out: Path) -> int:
    """Run, print, keep; 0 if nothing grew and nothing was restarted, 5 if it did."""
    seconds = minutes * 60
    path = repeated(clip(ROOT, out), round((seconds + 60) * FPS), out, FPS)
    marks: list[Mark] = []
    starts, halted = 0, False
    process: subprocess.Popen[bytes] | None = None
    with tempfile.TemporaryDirectory() as name:
        told = Told(Path(name))
        environ = {**os.environ, "NOTIFY_SOCKET": str(told.address), "WATCHDOG_USEC": str(int(WATCHDOG_S * 1e6))}
        environ |= {"RUNTIME_DIRECTORY": name, "CONFIGURATION_DIRECTORY": name, "EDGESEG_STATE": name}
        (Path(name) / "soak.yaml").write_text("background: blur\n")
        command = [sys.executable, "-m", "benchmarks.soak_service", str(path)]
        began = time.monotonic()
        while (at_s := time.monotonic() - began) < seconds:
            if process is None or process.poll() is not None:
                process, starts = subprocess.Popen(command, env=environ), starts + 1
                told.forget()
            told.listen(min(EVERY_S, seconds / 40))
            if not halted and at_s > HALT_S:
                halted = True
                process.send_signal(signal.SIGSTOP)
                time.sleep(1.0)
                process.send_signal(signal.SIGCONT)
            mark = look(process.pid, at_s, told.fps)
            if mark is not None:
                marks.append(mark)
                if len(marks) % 6 == 0:
                    print(*mark, file=sys.stderr, flush=True)
        assert process is not None
        process.terminate()
        stopping = time.monotonic()
        code = process.wait(timeout=30)
        stop_s = time.monotonic() - stopping
    settled = [mark for mark in marks if mark.at_s >= min(SETTLED_S, seconds / 8)]
    rates = [mark.fps for mark in settled if mark.fps is not None]
    kept = {
        "minutes": minutes,
        "restarts": starts - 1,
        "rss_growth": round(growth(marks), 5),
        "rss_mb": [settled[0].rss_mb, settled[-1].rss_mb],
        "descriptors": sorted({mark.descriptors for mark in settled}),
        "threads": sorted({mark.threads for mark in settled}),
        "fps_mean": round(sum(rates) / max(1, len(rates)), 2),
        "fps_least": min(rates, default=0.0),
        "covered_share": round(told.covered / max(1, told.statuses), 4),
        "watchdog_quiet_s": round(told.quiet_s, 2),
        "stop_s": round(stop_s, 2),
        "exit_code": code,
    }
    (out / "soak-service.json").write_text(json.dumps(kept | {"marks": marks}) + "\n")
    print(json.dumps(kept, indent=1))
    constant = len(kept["descriptors"]) == len(kept["threads"]) == 1  # type: ignore[arg-type]
    return 0 if starts == 1 and growth(marks) < MOST_GROWTH and constant and code == 0 else 5


if __name__ == "__main__":
    serve(sys.argv[1])
