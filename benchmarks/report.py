"""What a benchmark found, as a table on the terminal and in the docs."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
from collections.abc import Callable
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.coprocess import Side

BEGIN, END = "<!-- vs_mediapipe: begin -->", "<!-- vs_mediapipe: end -->"
PACKAGES = ("edgeseg", "ai-edge-litert", "tflite-runtime", "numpy", "opencv-python-headless", "av")
COLUMNS = ("figure", "ratio", "lowest .. highest", "aim", "medians")


def environment(
    root: Path, starts: dict[str, Callable[[], Side]], clip: Path, rounds: int, frames: int
) -> dict[str, Any]:
    """Where and with what it was measured. Raises SideError if a side cannot say its versions."""
    said: dict[str, Any] = {}
    for name, start in starts.items():
        with start() as side:
            said[name] = side.ask("versions")
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "commit": commit(root),
        "cpu": cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "load_before": os.getloadavg()[0],
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "sides": said,
        "clip": clip.name,
        "rounds": rounds,
        "frames": frames,
    }


def print_table(kept: dict[str, Any]) -> None:
    """To the terminal."""
    table = Table(*COLUMNS, title=caption(kept["environment"]))
    for figure in kept["figures"]:
        style = {True: "green", False: "red", None: ""}[figure["kept"]]
        table.add_row(*row(figure), style=style)
    Console().print(table)


def write_docs(path: Path, kept: dict[str, Any]) -> None:
    """Put the table into a Markdown file, between its two marks, which are added at the end if they are not there."""
    lines = [caption(kept["environment"]), "", f"| {' | '.join(COLUMNS)} |", "| --- " * len(COLUMNS) + "|"]
    lines += [f"| {' | '.join(row(figure))} |" for figure in kept["figures"]]
    block = "\n".join([BEGIN, *lines, END])
    before = path.read_text() if path.is_file() else "# Benchmarks\n"
    if BEGIN in before and END in before:
        text = before[: before.index(BEGIN)] + block + before[before.index(END) + len(END) :]
    else:
        text = f"{before.rstrip()}\n\n{block}\n"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def row(figure: dict[str, Any]) -> list[str]:
    """One figure as cells: its name, the ratio, its spread, the aim and whether it was kept, what it is made of."""
    aim = "report only"
    if figure["limit"] is not None:
        aim = f"{'>=' if figure['at_least'] else '<='} {figure['limit']:g}: {'kept' if figure['kept'] else 'MISSED'}"
    unit = {"ms": "ms", "ms_dst": "ms", "s": "s", "mb": "MB"}
    parts = []
    for what, values in zip(figure["asked"], zip(*figure["values"], strict=True), strict=True):
        side, do, _, key = what.split()
        parts.append(f"{side} {do} {statistics.median(values):.3g} {unit[key]}")
    spread = f"{min(figure['ratios']):.2f} .. {max(figure['ratios']):.2f}"
    return [figure["name"], f"{figure['ratio']:.2f}", spread, aim, ", ".join(parts)]


def caption(about: dict[str, Any]) -> str:
    """The environment in a sentence."""
    other = about["sides"]["mediapipe"]
    return (
        f"{about['cpu']}, {about['cores']} cores, {about['system']}; clip {about['clip']}, {about['rounds']} rounds of "
        f"{about['frames']} frames; MediaPipe {other['mediapipe']} (OpenCV {other['opencv']}), edgeseg "
        f"{about['packages'].get('edgeseg', '?')} at {about['commit']}; {about['date'][:10]}."
    )


def cpu() -> str:
    """The processor's name; a board's where the kernel gives no other."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    for key in ("model name", "Model", "Hardware"):
        for line in lines:
            if line.split(":")[0].strip() == key:
                return line.partition(":")[2].strip()
    return platform.machine()


def commit(root: Path) -> str:
    """The checkout's commit, marked if there is more than it in the tree; "unknown" outside of git."""
    try:
        said = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=10"],
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return said.stdout.strip()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
