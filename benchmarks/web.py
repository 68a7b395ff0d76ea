"""What the page costs the run, and how late its picture is: `python -m benchmarks.web`, two minutes.

`edgeseg run --web` plays the clip at 30 frames a second (`paced`), then as fast as it goes (`free`, a stress that no
camera makes). In each, windows without viewers and with four alternate; each viewer is a process of its own that takes
all pictures, on this machine, so that what viewers cost is in the figures too. Latency is from the frame's capture to
the last byte of its JPEG in the viewer, by the one clock that both read.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.material import clip, repeated

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "bench-output"
VIEWERS, FPS = 4, 30
RATIO, LATENCY_MS = 0.97, 150.0  # the goals


def look(port: int, seconds: float) -> list[float]:
    """A viewer: the latency of each picture, in milliseconds."""
    found, until = [], time.monotonic() + seconds
    with socket.create_connection(("127.0.0.1", port)) as raw, raw.makefile("rb") as stream:
        raw.sendall(b"GET /api/v1/preview.mjpg HTTP/1.0\r\nHost: localhost\r\n\r\n")
        captured = length = 0.0
        while time.monotonic() < until and (line := stream.readline()):
            name, _, value = line.decode("latin-1").strip().partition(": ")
            if name == "X-Captured-At":
                captured = float(value)
            elif name == "Content-Length":
                length = float(value)
            elif not line.strip() and captured:
                stream.read(int(length))
                found.append(1e3 * (time.clock_gettime(time.CLOCK_BOOTTIME) - captured))
                captured = 0.0
    return found


@contextlib.contextmanager
def running(source: Path, *options: str) -> Iterator[int]:
    """A run with its page; gives the port."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "edgeseg", "run", "--source", str(source), *options, "--no-idle", "--tier"]
    command += ["selfie-landscape-144x256-fp16", "--web", "--web-listen", f"127.0.0.1:{port}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT) as process:
        try:
            until = time.monotonic() + 60
            while time.monotonic() < until:
                with contextlib.suppress(OSError):
                    if state(port)["status"] == "running":
                        break
                time.sleep(0.2)
            time.sleep(2)
            yield port
        finally:
            process.terminate()


def state(port: int) -> dict[str, Any]:
    """The run's state."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/state", timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def window(port: int, seconds: float, viewers: int) -> tuple[float, list[float]]:
    """(frames shown a second, latencies) of a window with so many viewers."""
    command = [sys.executable, "-m", "benchmarks.web", "--look", str(port), "--seconds", str(seconds + 3)]
    many = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(viewers)]
    time.sleep(2.0)
    before, start = state(port)["frames"]["shown"], time.monotonic()
    time.sleep(seconds)
    shown, span = state(port)["frames"]["shown"] - before, time.monotonic() - start
    latencies = [float(word) for one in many for word in one.communicate()[0].split()]
    return shown / span, latencies


def compare(source: Path, rounds: int, seconds: float, *options: str) -> dict[str, Any]:
    """The rates without and with viewers, window by window, and the latencies of the pictures."""
    plain, watched, latencies = [], [], []
    with running(source, *options) as port:
        for number in range(rounds):
            for viewers in (0, VIEWERS) if number % 2 == 0 else (VIEWERS, 0):
                fps, late = window(port, seconds, viewers)
                (watched if viewers else plain).append(round(fps, 2))
                latencies += late
    ordered = sorted(latencies)
    ratios = [with_viewers / without for with_viewers, without in zip(watched, plain, strict=True)]
    return {
        "fps_without": plain,
        "fps_with": watched,
        "ratio": round(statistics.median(ratios), 4),
        "pictures": len(ordered),
        "pictures_a_second_and_viewer": round(len(ordered) / (rounds * (seconds + 3) * VIEWERS), 1),
        "latency_p50_ms": round(ordered[len(ordered) // 2], 1),
        "latency_p95_ms": round(ordered[int(len(ordered) * 0.95)], 1),
    }


def main() -> int:
    """The exit code: 5 if a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--only", choices=("paced", "free"), help="one of the two")
    parser.add_argument("--look", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.look:
        print(*(f"{one:.2f}" for one in look(given.look, given.seconds)))
        return 0
    OUT.mkdir(exist_ok=True)
    source = repeated(clip(ROOT, OUT), 20_000, OUT, FPS)
    ways = {"paced": ("--realtime",), "free": ()}
    figures = {
        way: compare(source, given.rounds, given.seconds, *options)
        for way, options in ways.items()
        if given.only in (None, way)
    }
    (OUT / "web.json").write_text(json.dumps(figures, indent=1))
    print(json.dumps(figures, indent=1))
    paced = figures.get("paced")
    if paced is None:
        return 0
    return 0 if paced["ratio"] >= RATIO and paced["latency_p95_ms"] <= LATENCY_MS else 5


if __name__ == "__main__":
    sys.exit(main())
