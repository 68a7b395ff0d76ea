"""Does memory grow? One run of 20,000 frames of a 720p clip that begins anew at its end, RSS noted every 500 frames.

    python -m benchmarks.soak [--frames 20000] [--background blur] [--refine]

The whole product runs: the file source (opened again and again), the runtime's three threads, the null sink. Growth is
counted after the first 1,000 frames, when every buffer has been made once: the highest RSS of the last
quarter over the highest of the frames 1,000 to a quarter. Exit 5 if it is 1 % or more.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

from benchmarks.material import clip
from edgeseg.build import Settings, make_pipeline, open_background, open_source
from edgeseg.clock import SystemClock
from edgeseg.facts import Fact, Shown, ignore
from edgeseg.frames import Frame
from edgeseg.ports import FrameSource, SinkWish, SourceWish
from edgeseg.report import rss_mb
from edgeseg.runtime import Limits, Runtime
from edgeseg.sinks.null import NullSink

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "bench-output"
EVERY = 500
SETTLED = 1000
MOST_GROWTH = 0.01


class Loop:
    """A FrameSource that plays one file for ever."""

    def __init__(self, path: str) -> None:
        self._path, self._clock = path, SystemClock()
        self._source = self._open()
        self.info = replace(self._source.info, frames=None)
        self._index = 0

    def _open(self) -> FrameSource:
        return open_source(self._path, SourceWish(), self._clock, ignore)

    def read(self) -> Frame | None:
        """See `FrameSource.read`."""
        frame = self._source.read()
        if frame is None:
            self._source.close()
            self._source = self._open()
            frame = self._source.read()
            assert frame is not None
        frame.index = frame.pts = self._index
        self._index += 1
        return frame

    def close(self) -> None:
        """See `FrameSource.close`."""
        self._source.close()


def main() -> int:
    """Run, print, keep; 0 if memory did not grow, 5 if it did."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--frames", type=int, default=20000)
    parser.add_argument("--background", default="blur")
    parser.add_argument("--refine", action="store_true")
    options = parser.parse_args()
    OUT.mkdir(exist_ok=True)
    marks: list[tuple[int, float]] = []

    def note(fact: Fact) -> None:
        if isinstance(fact, Shown) and fact.index % EVERY == 0:
            marks.append((fact.index, rss_mb()))
            print(f"{marks[-1][0]} frames: {marks[-1][1]} MB", file=sys.stderr)

    clock = SystemClock()
    mode, background = open_background(options.background)
    pipeline, _ = make_pipeline(Settings(threads=1, refine=options.refine), mode, background, clock)
    sink = NullSink("", SinkWish(), ignore)
    Runtime(Loop(str(clip(ROOT, OUT))), pipeline, sink, clock, note, Limits(frames=options.frames)).run()
    early = max(mb for index, mb in marks if SETTLED <= index <= options.frames / 4)
    late = max(mb for index, mb in marks if index >= options.frames * 3 / 4)
    kept = {"frames": options.frames, "early_mb": early, "late_mb": late, "growth": late / early - 1, "marks": marks}
    (OUT / "soak.json").write_text(json.dumps(kept) + "\n")
    print(f"{early} MB early, {late} MB late: {kept['growth']:+.2%} over {options.frames} frames")
    return 5 if late / early - 1 >= MOST_GROWTH else 0


if __name__ == "__main__":
    sys.exit(main())
