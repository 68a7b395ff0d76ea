"""Whether edgeseg calibrate takes what is really best: its choice against all candidates, timed afterwards at length.

    python -m benchmarks.selection [--time S]

`edgeseg calibrate` runs in a state folder of its own, as a user runs it. Then every candidate that passed takes turns
with all the others in the same line (`edgeseg.calibrate.line`), loaded anew five times; times are lower quartiles. For
each rate the chosen candidate is compared with the quickest of all that are at least as good: the median of the rounds'
own ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import cv2

from edgeseg.calibrate.line import Line
from edgeseg.clock import SystemClock
from edgeseg.tiers.kept import Kept, parse
from edgeseg.tiers.ladder import Candidate, budget_ms, choose, ladder_of, quality
from quantize.turns import Times, quiet, ratio, times_in_turns

RATES = (30, 120, 150, 180, 210, 240, 280)
GOAL = 1.05


def calibrated(seconds: float, folder: Path) -> Kept:
    """What `edgeseg calibrate` keeps in a fresh folder."""
    command = [sys.executable, "-m", "edgeseg", "calibrate", "--time", str(seconds), "--json"]
    done = subprocess.run(command, check=True, capture_output=True, env=os.environ | {"EDGESEG_STATE": str(folder)})
    left = len(json.loads(done.stdout)["left"])
    print(f"calibrated in at most {seconds:g} s; {left} candidates not reached")
    return parse((folder / "ladder.json").read_bytes())


def timed(candidates: Sequence[Candidate]) -> dict[Candidate, Times]:
    """Milliseconds a frame of each, round by round, all in turns."""
    clock = SystemClock()
    lines: list[Line] = []

    def load() -> list[Callable[[], object]]:
        while lines:
            lines.pop().close()
        with ExitStack() as stack:
            for candidate in candidates:
                line = Line(candidate, clock)
                stack.callback(line.close)
                lines.append(line)
            stack.pop_all()
        return [line.frame_s for line in lines]

    times = times_in_turns(load)
    return dict(zip(candidates, times.T, strict=True))


def main() -> None:
    """Print a table of the rates; exit 1 if the goal is missed at the default rate."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--time", type=float, default=60.0, help="seconds for edgeseg calibrate")
    wish = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        kept = calibrated(wish.time, Path(folder))
    measured = {one.candidate: one for one in kept.measured}
    print(f"{kept.board}; {kept.runtime}; {len(measured)} candidates, {len(kept.refusals)} refused")
    columns = timed(list(measured))
    truth = {candidate: quiet(column) for candidate, column in columns.items()}
    worth = {candidate: quality(one.golden) or 0.0 for candidate, one in measured.items()}
    ladder = ladder_of(kept.measured)
    print(f"{'fps':>4} {'chosen':46} {'ms':>6} {'then':>6}  {'best of those as good':46} {'ms':>6} {'ratio':>6}")
    ratios = []
    for fps in RATES:
        choice = choose(ladder, fps)
        assert choice is not None
        mine = choice.rung.measured.candidate
        as_good = [candidate for candidate in truth if worth[candidate] >= worth[mine]]
        best = min(as_good, key=truth.__getitem__)
        ratios.append(ratio(columns[mine], columns[best]))
        print(
            f"{fps:4} {mine!s:46} {choice.rung.ms:6.2f} {truth[mine]:6.2f}  {best!s:46} {truth[best]:6.2f}"
            f" {ratios[-1]:6.3f}{'' if choice.fits else '  (nothing holds this rate)'}"
        )
        holding = [candidate for candidate, ms in truth.items() if ms <= budget_ms(fps)]
        missed = [candidate for candidate in holding if worth[candidate] > worth[mine]]
        if missed:
            print(f"     {max(missed, key=worth.__getitem__)} would have held it too, and is better")
    print(f"worst ratio {max(ratios):.3f}, goal {GOAL}")
    sys.exit(ratios[0] > GOAL)


if __name__ == "__main__":
    main()
