"""Does memory grow? One run over 20,000 frames of one long 720p file, RSS noted every 500 frames.

    python -m benchmarks.soak [--frames 20000] [--background blur] [--refine]
    python -m benchmarks.soak --minutes 45      (the service in real time, see soak_service.py)

The whole product runs: file source, the runtime's three threads, null sink; the file is the benchmark's clip,
repeated without decoding it. Growth is counted after the first 1,000 frames, when every buffer has been made once:
the highest RSS of the last quarter over the highest of the frames 1,000 to a quarter. Exit 5 if it is 1 % or more.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from benchmarks.material import clip, repeated
from edgeseg.build import Settings, make_pipeline, open_background, open_source
from edgeseg.clock import SystemClock
from edgeseg.facts import Fact, Shown, ignore
from edgeseg.ports import SinkWish, SourceWish
from edgeseg.report import rss_mb
from edgeseg.runtime import Limits, Runtime
from edgeseg.sinks.null import NullSink

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "bench-output"
EVERY = 500
SETTLED = 1000
MOST_GROWTH = 0.01


def main() -> int:
    """Run, print, keep; 0 if memory did not grow, 5 if it did."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--frames", type=int, default=20000)
    parser.add_argument("--background", default="blur")
    parser.add_argument("--refine", action="store_true")
    parser.add_argument("--minutes", type=float)
    options = parser.parse_args()
    OUT.mkdir(exist_ok=True)
    if options.minutes is not None:
        from benchmarks.soak_service import soak

        return soak(options.minutes, OUT)
    marks: list[tuple[int, float]] = []

    def note(fact: Fact) -> None:
        if isinstance(fact, Shown) and fact.index % EVERY == 0:
            marks.append((fact.index, rss_mb()))
            print(f"{marks[-1][0]} frames: {marks[-1][1]} MB", file=sys.stderr)

    clock = SystemClock()
    mode, background = open_background(options.background)
    pipeline, _ = make_pipeline(Settings(threads=1, refine=options.refine), mode, background, clock)
    source = open_source(str(repeated(clip(ROOT, OUT), options.frames, OUT)), SourceWish(), clock, ignore)
    sink = NullSink("", SinkWish(), ignore)
    Runtime(source, pipeline, sink, clock, note, Limits(frames=options.frames)).run()
    early = max(mb for index, mb in marks if SETTLED <= index <= options.frames / 4)
    late = max(mb for index, mb in marks if index >= options.frames * 3 / 4)
    kept = {"frames": options.frames, "early_mb": early, "late_mb": late, "growth": late / early - 1, "marks": marks}
    (OUT / "soak.json").write_text(json.dumps(kept) + "\n")
    print(f"{early} MB early, {late} MB late: {kept['growth']:+.2%} over {options.frames} frames")
    return 5 if late / early - 1 >= MOST_GROWTH else 0


if __name__ == "__main__":
    sys.exit(main())
