"""edgeseg against MediaPipe's ImageSegmenter: 1280x720, every frame inferred, as ratios in one run.

    python -m benchmarks.vs_mediapipe [--rounds 7] [--frames 150] [--write-docs]

Each side is a co-process: benchmarks/mediapipe_side.py in a venv of its own, benchmarks/edgeseg_side.py in this one.
MediaPipe runs its own model file, edgeseg the default tier, which is built from that file: the same weights, the same
size. Both are started with `--clip CLIP --model MODEL --image BACKGROUND` and answer each JSON line on stdin by one on
stdout, which may be {"error": "..."}; they load nothing heavy before the first, and print nothing else to stdout.

    request                                                        answer
    {"do": "versions"}                                             {"python": "...", "opencv": "...", ...}
  MediaPipe, fed frames decoded beforehand:
    {"do": "documented", "background": "color", "frames": 150}     {"ms": a frame, "p50_ms": ...}
    {"do": "blend8", ...}   {"do": "mask", ...}                    the same
  edgeseg (refine off, sink null, every frame inferred):
    {"do": "pipelined", "background": "color", "frames": 150}      {"ms": ...}  fed decoded frames, threads as it likes
    {"do": "decode", ...}                                          {"ms": ...}  the same, decoding the clip itself
    {"do": "one_thread", ...}                                      {"ms": ...}  fed decoded frames, all in one thread
    {"do": "invoke", "frames": 150}                                {"ms": ...}  bare invoke() of the tier, one thread
    {"do": "blend", "frames": 150}      {"ms": ..., "ms_dst": ...}  one 8-bit BGR blend of a 720p frame by OpenCV in one
                                                                   thread: with OpenCV's own temporaries, with dst=
  both, each in a process that was asked nothing before:
    {"do": "first", "background": "color"}                         {"s": from process start to first masked frame}
    {"do": "rss", "background": "color", "frames": 150}            {"mb": VmRSS, "peak_mb": VmHWM}  from the file itself
"background" is "color", "image" or (edgeseg only) "blur".

The sides of a figure are asked right after each other, round by round, in an order that turns with each round. A
figure is the median of its rounds' ratios, so that whatever else the machine does meets both sides alike.
"""

from __future__ import annotations

import argparse
import compileall
import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.coprocess import Side, SideError
from benchmarks.material import background, clip, mediapipe_python
from benchmarks.report import environment, print_table, write_docs
from edgeseg.assets.store import find
from edgeseg.errors import EdgesegError

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "bench-output"
MODEL = "selfie-landscape"

Start = Callable[[], Side]


@dataclass(frozen=True)
class Ask:
    """One thing asked of one side; `fresh` in a process of its own; `key` is the figure in the answer."""

    side: str
    do: str
    background: str = "color"
    key: str = "ms"
    fresh: bool = False


@dataclass(frozen=True)
class Figure:
    """A ratio of what was asked, and the limit it should keep; None where it is only reported."""

    name: str
    asks: tuple[Ask, ...]
    ratio: Callable[..., float]
    limit: float | None = None
    at_least: bool = False


@dataclass
class Result:
    """A figure's rounds: what each ask gave (ms, s or MB), the ratios, and their median."""

    name: str
    limit: float | None
    at_least: bool
    asked: list[str]
    values: list[list[float]] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    ratio: float = 0.0
    kept: bool | None = None


def _over(a: float, b: float) -> float:
    return a / b


def _overhead(whole: float, invoke: float, blend: float) -> float:
    return (whole - invoke) / blend


def figures() -> list[Figure]:
    """What is measured, and the limits that are aimed at."""
    found: list[Figure] = []
    for behind in ("color", "image"):
        documented, blend8 = Ask("mediapipe", "documented", behind), Ask("mediapipe", "blend8", behind)
        fed, decodes = Ask("edgeseg", "pipelined", behind), Ask("edgeseg", "decode", behind)
        found += [
            Figure(f"documented loop / edgeseg, {behind}", (documented, fed), _over, 4.0, at_least=True),
            Figure(f"8-bit blend / edgeseg, {behind}", (blend8, fed), _over, 2.8, at_least=True),
            Figure(
                f"documented loop / edgeseg that decodes, {behind}", (documented, decodes), _over, 3.0, at_least=True
            ),
        ]
    alone, invoke = Ask("edgeseg", "one_thread"), Ask("edgeseg", "invoke")
    # In a process of its own, as in a user's loop: OpenCV takes and gives back the memory of its temporaries each time.
    blend, blend_dst = Ask("edgeseg", "blend", fresh=True), Ask("edgeseg", "blend", key="ms_dst")
    blurred, plain = Ask("edgeseg", "pipelined", "blur"), Ask("edgeseg", "pipelined")
    first = tuple(Ask(side, "first", key="s", fresh=True) for side in ("edgeseg", "mediapipe"))
    rss = tuple(Ask(side, "rss", key="mb", fresh=True) for side in ("edgeseg", "mediapipe"))
    return [
        *found,
        Figure("one thread: all but invoke() / one BGR blend", (alone, invoke, blend), _overhead, 0.35),
        Figure("one thread: all but invoke() / one BGR blend with dst=", (alone, invoke, blend_dst), _overhead),
        Figure("first masked frame, edgeseg / MediaPipe", first, _over, 0.4),
        Figure("resident memory, edgeseg / MediaPipe", rss, _over, 0.55),
        Figure("blur / colour background", (blurred, plain), _over, 1.3),
    ]


def measure(wanted: list[Figure], starts: dict[str, Start], rounds: int, frames: int) -> list[Result]:
    """Ask everything, round by round. Raises SideError."""
    results = [
        Result(f.name, f.limit, f.at_least, [f"{a.side} {a.do} {a.background} {a.key}" for a in f.asks]) for f in wanted
    ]
    running = {name: start() for name, start in starts.items()}
    try:
        for n in range(rounds):
            for figure, result in zip(wanted, results, strict=True):
                print(f"round {n + 1} of {rounds}: {figure.name}", file=sys.stderr)
                order = range(len(figure.asks)) if n % 2 == 0 else reversed(range(len(figure.asks)))
                by_place = {place: _ask(figure.asks[place], running, starts, frames) for place in order}
                values = [by_place[place] for place in range(len(figure.asks))]
                result.values.append(values)
                result.ratios.append(figure.ratio(*values))
    finally:
        for side in running.values():
            side.close()
    for result in results:
        result.ratio = statistics.median(result.ratios)
        if result.limit is not None:
            result.kept = result.ratio >= result.limit if result.at_least else result.ratio <= result.limit
    return results


def _ask(ask: Ask, running: dict[str, Side], starts: dict[str, Start], frames: int) -> float:
    if not ask.fresh:
        return float(running[ask.side].ask(ask.do, background=ask.background, frames=frames)[ask.key])
    with starts[ask.side]() as side:
        return float(side.ask(ask.do, background=ask.background, frames=frames)[ask.key])


def sides(clip_path: Path, other_python: Path) -> dict[str, Start]:
    """How to start each side."""
    model, image = find(MODEL), background(OUT)
    common = ["--clip", str(clip_path), "--model", str(model), "--image", str(image)]
    here = Path(__file__).parent
    commands = {
        "mediapipe": [str(other_python), str(here / "mediapipe_side.py"), *common],
        "edgeseg": [sys.executable, str(here / "edgeseg_side.py"), *common],
    }
    return {name: partial(Side, name, command, OUT / f"{name}.log") for name, command in commands.items()}


def main() -> int:
    """Measure, print, keep; 0 if every limit was kept, 5 if not, 69 if MediaPipe could not be had."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, help="pairs for each figure, at least 7 to be worth keeping")
    parser.add_argument("--frames", type=int, default=150, help="frames for each ask")
    parser.add_argument(
        "--mediapipe-python", type=Path, help="an interpreter that has MediaPipe; made by pip otherwise"
    )
    parser.add_argument("--write-docs", action="store_true", help="put the table into docs/benchmarks.md")
    options = parser.parse_args()
    OUT.mkdir(exist_ok=True)
    # pip compiles what it installs, MediaPipe among it; the checkout's own modules may be newer than their bytecode.
    compileall.compile_dir(ROOT / "edgeseg", quiet=1)
    try:
        clip_path = clip(ROOT, OUT)
        starts = sides(clip_path, options.mediapipe_python or mediapipe_python(OUT))
    except EdgesegError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except subprocess.CalledProcessError as error:
        print(f"MediaPipe could not be installed: {error}.", file=sys.stderr)
        return 69
    try:
        about = environment(ROOT, starts, clip_path, options.rounds, options.frames)
        results = measure(figures(), starts, options.rounds, options.frames)
    except SideError as error:
        print(error, file=sys.stderr)
        return 70
    kept: dict[str, Any] = {"environment": about, "figures": [asdict(result) for result in results]}
    (OUT / "vs_mediapipe.json").write_text(json.dumps(kept, indent=1) + "\n")
    print_table(kept)
    if options.write_docs:
        write_docs(ROOT / "docs" / "benchmarks.md", kept)
    return 0 if all(result.kept is not False for result in results) else 5


if __name__ == "__main__":
    sys.exit(main())
