"""The governor on a real step load: `python -m benchmarks.step_load` (`make bench-governor`), a quarter of an hour.

A live run (benchmarks/step_load_side.py) plays the clip at 30 frames a second with a blurred background, in a control
group whose CPU quota changes: 200 %, 70 %, 35 %, 200 % of a core, and then another process burns a core
(`--course step`), or 200, 20, 14 and 200 % (`--course tight`, where not every rung holds the rate). Each rung of this
device's ladder is pinned under each of these loads first, to learn which could hold the rate at all. Then the governor
steers, then its rivals.

A second counts as held with 29 to 31 frames, within 5 % of 30. Seconds count where at least one rung, pinned, held
`HOLDS` of its seconds. Changes of the rung included: all seconds from the first frame on are counted.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.coprocess import Side, SideError
from benchmarks.cpu_quota import CpuQuota
from benchmarks.material import clip, repeated

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "bench-output"
DOCS = ROOT / "docs"
FPS = 30
HOLDS = 0.8
PIN_S, PIN_SETTLE_S = 4, 1.0
POLICIES = ("edgeseg", "steps", "aimd")


@dataclass(frozen=True)
class Load:
    """quota: in percent of a core; is_burning: another process burns a core meanwhile."""

    name: str
    quota: int
    is_burning: bool = False


FREE = Load("200 %", 200)
COURSES = {
    "step": (FREE, Load("70 %", 70), Load("35 %", 35), FREE, Load("200 %, a core burnt", 200, is_burning=True)),
    "tight": (FREE, Load("20 %", 20), Load("14 %", 14), FREE),
}


@contextlib.contextmanager
def burning(load: Load) -> Iterator[None]:
    """A process that burns a core, if the load has one."""
    if not load.is_burning:
        yield
        return
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def side(policy: str, clip_path: Path, trace: Path | None = None) -> Iterator[tuple[Side, CpuQuota]]:
    """A running side in a control group of its own, whose first frame is out."""
    command = [sys.executable, "-m", "benchmarks.step_load_side", "--clip", str(clip_path), "--policy", policy]
    command += ["--trace", str(trace)] if trace else []
    with CpuQuota("edgeseg-step-load") as quota:
        running = Side(policy, command, OUT / "step_load.log")
        try:
            quota.take(running.pid)
            quota.set(FREE.quota)
            yield running, quota
        finally:
            running.close()


def seconds_held(shown: list[float], since: float, until: float) -> list[bool]:
    """For each whole second of a span, whether the rate was within 5 % of the target."""
    held = []
    start = since
    while start + 1 <= until + 1e-6:
        frames = sum(start <= at < start + 1 for at in shown)
        held.append(abs(frames - FPS) <= 0.05 * FPS)
        start += 1
    return held


def longest_gap(shown: list[float], at: float, within_s: float = 1.5) -> float:
    """The longest time between two frames around a moment, in frame times."""
    near = [when for when in shown if at - within_s <= when <= at + within_s]
    return max((b - a for a, b in itertools.pairwise(near)), default=0.0) * FPS


def pinned(clip_path: Path, loads: Iterable[Load]) -> dict[str, Any]:
    """What each rung does under each load; and the longest gap around each change, without a quota."""
    with side("none", clip_path) as (running, quota):
        rungs = running.ask("ready")["rungs"]
        spans: list[tuple[str, str, float]] = []
        changes: list[float] = []
        for rung in rungs:
            quota.set(FREE.quota)
            time.sleep(1.5)
            changes.append(running.ask("pin", rung=rung["name"])["at"])
            time.sleep(1.5)
            for load in loads:
                print(f"pinned: {rung['name']} under {load.name}", file=sys.stderr)
                quota.set(load.quota)
                with burning(load):
                    time.sleep(PIN_SETTLE_S)
                    spans.append((rung["name"], load.name, time.monotonic()))
                    time.sleep(PIN_S)
        quota.set(FREE.quota)
        said = running.ask("end")
    shown = said["shown"]
    held = {(rung, load): seconds_held(shown, at, at + PIN_S) for rung, load, at in spans}
    return {
        "rungs": rungs,
        "held": {f"{rung} | {load}": sum(seconds) / len(seconds) for (rung, load), seconds in held.items()},
        "gaps": [longest_gap(shown, at) for at in changes[1:]],
    }


def steered(policy: str, clip_path: Path, course: tuple[Load, ...], phase_s: int, trace: Path) -> dict[str, Any]:
    """One policy through all phases."""
    with side(policy, clip_path, trace) as (running, quota):
        running.ask("ready")
        time.sleep(3)  # the governor begins after the run has
        started, at = [], time.monotonic()
        for load in course:
            print(f"{policy}: {load.name}", file=sys.stderr)
            quota.set(load.quota)
            started.append(time.monotonic())
            with burning(load):
                time.sleep(max(0.0, at + phase_s * len(started) - time.monotonic()))
        ended = time.monotonic()
        said = running.ask("end")
    said["phases"] = [
        {"load": load.name, "held": seconds_held(said["shown"], since, since + phase_s), "since": since}
        for load, since in zip(course, started, strict=True)
    ]
    said["governor_cpu"] = said["governor_cpu_s"] / (ended - at + 3)
    said["trace"] = str(trace)
    return said


def can_hold(pins: dict[str, Any], load: str) -> list[str]:
    """The rungs that hold the rate under this load."""
    return [rung["name"] for rung in pins["rungs"] if pins["held"][f"{rung['name']} | {load}"] >= HOLDS]


def quality_of(said: dict[str, Any], qualities: dict[str, float], since: float, until: float) -> float | None:
    """The mean quality of the frames of a span, by the rung that showed them."""
    shown = zip(said["shown"], said["rungs"], strict=True)
    values = [qualities.get(rung, 0.0) for at, rung in shown if since <= at < until]
    return statistics.fmean(values) if values else None


def report(pins: dict[str, Any], runs: dict[str, dict[str, Any]], course: tuple[Load, ...], phase_s: int) -> str:
    """All of it as Markdown."""
    qualities = {rung["name"]: rung["quality"] for rung in pins["rungs"]}
    loads = tuple(dict.fromkeys(course))
    lines = ["| rung, pinned | quality | " + " | ".join(load.name for load in loads) + " |"]
    lines.append("| --- | ---: |" + " ---: |" * len(loads))
    for rung in pins["rungs"]:
        cells = [f"{pins['held'][rung['name'] + ' | ' + load.name]:.0%}" for load in loads]
        lines.append(f"| {rung['name']} | {rung['quality']:.4f} | " + " | ".join(cells) + " |")
    lines += ["", "| load | best that holds | " + " | ".join(f"{name}: held, quality" for name in runs) + " |"]
    lines.append("| --- | ---: |" + " ---: |" * len(runs))
    for number, load in enumerate(course):
        holding = can_hold(pins, load.name)
        best = f"{max(qualities[name] for name in holding):.4f}" if holding else "none"
        cells = []
        for said in runs.values():
            phase = said["phases"][number]
            quality = quality_of(said, qualities, phase["since"], phase["since"] + phase_s)
            cells.append(f"{sum(phase['held'])} of {len(phase['held'])}, {quality or 0:.4f}")
        lines.append(f"| {load.name} | {best} | " + " | ".join(cells) + " |")
    cells = []
    for said in runs.values():
        held = [second for p in said["phases"] if can_hold(pins, p["load"]) for second in p["held"]]
        cells.append(f"**{sum(held) / len(held):.1%}**" if held else "")
    lines.append("| all that can be held | | " + " | ".join(cells) + " |")
    cells = [f"{len(said['changes'])}" for said in runs.values()]
    lines.append("| changes of the rung | | " + " | ".join(cells) + " |")
    cells = [f"{said['governor_cpu']:.2%}" for said in runs.values()]
    lines.append("| of a core, governor and sensors | | " + " | ".join(cells) + " |")
    gaps = pins["gaps"]
    lines += [
        "",
        f"Longest gap between two frames at a change of the rung, without a quota: {max(gaps):.2f} frame times;",
    ]
    lines.append(f"the median of {len(gaps)} changes is {statistics.median(gaps):.2f}.")
    return "\n".join(lines)


def main() -> int:
    """Measure, print, and write bench-output/step_load_COURSE.json."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--course", choices=COURSES, default="step")
    parser.add_argument("--phase-s", type=int, default=30, help="seconds of each load")
    parser.add_argument("--policies", default=",".join(POLICIES))
    parser.add_argument("--pins", type=Path, help="the JSON of an earlier run, to take the pinned rungs from")
    parser.add_argument("--write-docs", action="store_true", help="put table and plot into docs/governor.md")
    options = parser.parse_args()
    name, course = options.course, COURSES[options.course]
    OUT.mkdir(exist_ok=True)
    os.environ["EDGESEG_STATE"] = str(OUT / "step-load-state")
    if not (OUT / "step-load-state" / "ladder.json").is_file():
        subprocess.run([sys.executable, "-m", "edgeseg", "calibrate"], check=True)
    source = repeated(clip(ROOT, OUT), 30 * 60 * 10, OUT, FPS)
    try:
        if options.pins:
            pins = json.loads(options.pins.read_text())["pins"]
        else:
            pins = pinned(source, dict.fromkeys(course))
        runs = {
            policy: steered(policy, source, course, options.phase_s, OUT / f"step_load_{name}_{policy}.jsonl")
            for policy in options.policies.split(",")
        }
    except SideError as error:
        print(error, file=sys.stderr)
        return 70
    except OSError as error:
        print(f"A control group with a CPU quota is needed, and root to make it: {error}.", file=sys.stderr)
        return 8
    (OUT / f"step_load_{name}.json").write_text(json.dumps({"pins": pins, "runs": runs}) + "\n")
    text = report(pins, runs, course, options.phase_s)
    print(text)
    if options.write_docs:
        write_docs(name, text, runs)
    return 0


def write_docs(name: str, text: str, runs: dict[str, dict[str, Any]]) -> None:
    """Put the table into docs/governor.md and draw the governor's trace."""
    from edgeseg.governor.trace import read
    from edgeseg.simulation.plot import draw

    page = DOCS / "governor.md"
    begin, end = f"<!-- {name} load: begin -->", f"<!-- {name} load: end -->"
    before, rest = page.read_text().split(begin)
    after = rest.split(end)[1]
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}")
    path = Path(runs["edgeseg"]["trace"])
    with path.open(encoding="utf-8") as lines:
        trace = read(lines, path.name)
    loads = ", ".join(load.name for load in COURSES[name])
    draw(trace, DOCS / "images" / f"governor-real-{name}.png", f"A real load, of a core: {loads}")


if __name__ == "__main__":
    sys.exit(main())
