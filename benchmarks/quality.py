"""What each part around the model brings and costs: the table of docs/quality.md.

    python -m benchmarks.quality [--golden DIR] [--people 2] [--no-mediapipe] [--write]

Parts are added one after the other. Sets: golden/webcam and golden/stills, people of the stills pasted at full, half
and a third of their size and moved (`tests/golden/pasted.py`), and places without anybody. Costs: a 720p frame from
picture to picture with blur, all parts in turns, each against the plain path, in processor time. MediaPipe's
ImageSegmenter gets the same pictures.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.coprocess import Side, SideError
from benchmarks.material import background, clip, mediapipe_python
from benchmarks.sequences import first_frames
from edgeseg.assets.store import find
from edgeseg.build import Settings, make_pipeline, open_background
from edgeseg.clock import SystemClock
from edgeseg.frames import NO_HALVES, U8, Frame
from edgeseg.golden.dataset import load
from edgeseg.golden.metrics import Temporal, boundary_f, false_area, iou
from edgeseg.golden.pictures import read_image, read_mask
from edgeseg.pipeline import Pipeline
from edgeseg.segmenter import Segmenter
from edgeseg.tiers.catalogue import AUTO
from tests.golden import pasted

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "bench-output"
PAGE = ROOT / "docs" / "quality.md"
FPS = 15
PRECISIONS = ("fp32", "int8")
BODY = "body-256x256"
TIERS = ("selfie-landscape-144x256", "selfie-288x288")
EMPTY = ("motorcycle_left.png", "motorcycle_right.png", "brick.png", "grass.png", "gravel.png", "rocket.jpg")
BARE = {"follow": False, "steady": False, "tidy": False}
STEPS: tuple[tuple[str, dict[str, bool]], ...] = (
    ("plain", {}),
    ("+ follow", {"follow": True}),
    ("+ steady", {"follow": True, "steady": True}),
    ("+ tidy", {"follow": True, "steady": True, "tidy": True}),
)
EDGES: tuple[tuple[str, dict[str, object]], ...] = (
    ("feather 0.2", {"feather": 0.2}),
    ("despill", {"despill": True}),
    ("light wrap", {"light_wrap": True}),
)
HEAD = "| ways | webcam mIoU / F / flicker / lag | head | upper | full | pasted 1 | 1/2 | 1/3 | empty, false area |"

Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Run:
    """Pictures of a set in order, and their masks; one picture: a still."""

    name: str
    pictures: list[U8]
    truths: list[Bool]


Masks = Callable[[Run], list[U8]]
"""Gives the alphas of a run."""


def runs_of(golden: Path, people: int) -> Iterator[Run]:
    """All that is scored."""
    for name in ("webcam", "stills"):
        dataset = load(golden / name)
        for run in dataset.runs():
            pictures = [read_image(dataset.path(item.image)) for item in run]
            yield Run(run[0].framing or name, pictures, [read_mask(dataset.path(item.mask)) for item in run])
    rooms = pasted.rooms(golden / "stills")
    for number, person in enumerate(pasted.people(golden / "stills", people)):
        for name, size in pasted.SIZES.items():
            pairs = list(pasted.sequence(person, rooms[number % len(rooms)], size))
            yield Run(f"pasted {name}", [one for one, _ in pairs], [truth for _, truth in pairs])
    import skimage

    for name in EMPTY:
        rooms.append(pasted.covering(read_image(Path(skimage.__file__).parent / "data" / name)))
    for picture in rooms:
        yield Run("empty", [picture] * 3, [np.zeros(picture.shape[:2], np.bool_)] * 3)


def scored(runs: list[Run], masks: Masks) -> list[str]:
    """The cells of a row."""
    values: dict[str, list[list[float]]] = {}
    for run in runs:
        temporal = Temporal()
        own = values.setdefault(run.name, [[], [], [], []])
        for alpha, truth in zip(masks(run), run.truths, strict=True):
            found = alpha >= 128
            if run.name == "empty":
                own[0].append(false_area(found))
                continue
            own[0].append(iou(found, truth))
            own[1].append(boundary_f(found, truth))
            temporal.add(found, truth)
        if temporal.flicker is not None:
            own[2].append(temporal.flicker)
            own[3].append(float(temporal.lag or 0))
    webcam = [statistics.fmean(column) for column in values["webcam"]]
    cells = ["{:.4f} / {:.4f} / {:.4f} / {:.0f}".format(*webcam)]
    names = ("head-shoulders", "upper-body", "full-body", "pasted full", "pasted half", "pasted third")
    cells += [f"{statistics.fmean(values[name][0]):.4f}" for name in names]
    return [*cells, f"{statistics.fmean(values['empty'][0]):.3%}"]


def ours(tier: str, **ways: object) -> tuple[Segmenter, Masks]:
    """The product's own masks: stills as `edgeseg mask` makes them, sequences as `edgeseg run` does of a file."""
    segmenter = Segmenter(tier, threads=2, **{**BARE, **ways})  # type: ignore[arg-type]

    def masks(run: Run) -> list[U8]:
        if len(run.pictures) == 1:
            return [segmenter.mask(run.pictures[0])]
        return [segmenter.next_mask(picture, n / FPS) for n, picture in enumerate(run.pictures)]

    return segmenter, masks


def mediapipe(runs: list[Run], python: Path, folder: Path) -> list[str]:
    """MediaPipe's row."""
    paths: list[list[str]] = []
    for run in runs:
        paths.append([str(folder / f"{len(paths)}-{n}.png") for n in range(len(run.pictures))])
        for path, picture in zip(paths[-1], run.pictures, strict=True):
            cv2.imwrite(path, picture, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    command = [str(python), str(ROOT / "benchmarks/mediapipe_side.py"), "--clip", str(clip(ROOT, OUT))]
    command += ["--model", str(find("selfie-landscape")), "--image", str(background(OUT))]
    with Side("mediapipe", command, OUT / "mediapipe.log") as side:
        side.ask("masks", runs=paths)
    of_run = {id(run): own for run, own in zip(runs, paths, strict=True)}

    def masks(run: Run) -> list[U8]:
        return [np.asarray(cv2.imread(f"{path}.mask.png", cv2.IMREAD_GRAYSCALE), np.uint8) for path in of_run[id(run)]]

    return scored(runs, masks)


def costs(rounds: int = 5) -> list[tuple[str, float, float]]:
    """(name, processor ms a 720p frame, ms more than the plain path): medians over frames, all ways in turns."""
    frames = first_frames(clip(ROOT, OUT), 40)
    ways: list[tuple[str, dict[str, object]]] = [(name, dict(way)) for name, way in STEPS]
    ways += [("tidy alone", {"tidy": True}), ("steady alone", {"steady": True}), *EDGES]
    lines: list[Pipeline] = []
    for _, way in ways:
        mode, behind = open_background("blur")
        lines.append(make_pipeline(Settings(threads=1, **{"steady": False, **way}), mode, behind, SystemClock())[0])  # type: ignore[arg-type]
        lines[-1].carries = True  # as in a live run
    times = np.zeros((rounds * len(frames), len(lines)))
    for n in range(len(times)):
        for which in range(len(lines)):
            line = lines[(which + n) % len(lines)]
            old = frames[n % len(frames)]
            frame = Frame(old.planes, old.size, n, n * 40_000, color=old.color, captured_at=n * 0.04)
            frame.halves = NO_HALVES
            start = time.thread_time()
            line.show(frame, line.segment(frame))
            times[n, (which + n) % len(lines)] = (time.thread_time() - start) * 1e3
    more = np.median(times - times[:, :1], axis=0)
    return [(name, float(np.median(times[:, n])), float(more[n])) for n, (name, _) in enumerate(ways)]


def table(runs: list[Run], python: Path | None) -> Iterator[str]:
    """The lines of the page."""
    yield from (HEAD, "| --- |" + " --- |" * (HEAD.count("|") - 2))
    if python is not None:
        with tempfile.TemporaryDirectory(dir=OUT) as folder:
            yield f"| MediaPipe 1.2.2, ImageSegmenter | {' | '.join(mediapipe(runs, python, Path(folder)))} |"
    for tier in TIERS:
        for precision in PRECISIONS:
            steps: list[tuple[str, dict[str, object]]] = [(name, dict(way)) for name, way in STEPS]
            if tier == TIERS[0]:
                steps.append(("+ whole body", {**STEPS[-1][1], "whole_body": f"{BODY}-{precision}"}))
            for name, way in steps if tier == TIERS[0] else (steps[0], steps[-1]):
                yield _row(runs, f"{tier}-{precision}", name, way)
    yield _row(runs, AUTO, "all of it", dict(STEPS[-1][1]))
    yield ""
    yield "| 720p frame, blur, engine included, one thread | processor ms, median | more than plain, median |"
    yield "| --- | --- | --- |"
    for name, whole, more in costs():
        yield f"| {name} | {whole:.2f} | {more:+.2f} |"


def _row(runs: list[Run], tier: str, name: str, way: dict[str, object]) -> str:
    segmenter, masks = ours(tier, **way)
    try:
        return f"| {tier}, {name} | {' | '.join(scored(runs, masks))} |"
    finally:
        segmenter.close()


def main() -> int:
    """Print the tables; put them into the page where asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--golden", type=Path, default=ROOT.parent / "shared/golden", help="holds webcam and stills")
    parser.add_argument("--people", type=int, default=2, help="of each framing that are pasted")
    parser.add_argument("--no-mediapipe", action="store_true", help="leave MediaPipe out")
    parser.add_argument("--write", action="store_true", help=f"put the tables into {PAGE.name}")
    wish = parser.parse_args()
    cv2.setNumThreads(1)
    OUT.mkdir(exist_ok=True)
    runs = list(runs_of(wish.golden, wish.people))
    lines = []
    try:
        for line in table(runs, None if wish.no_mediapipe else mediapipe_python(OUT)):
            print(line, flush=True)
            lines.append(line)
    except (SideError, subprocess.CalledProcessError) as error:
        print(f"MediaPipe could not be had ({error}); --no-mediapipe leaves it out.", file=sys.stderr)
        return 69
    if wish.write:
        text = PAGE.read_text(encoding="utf-8")
        before, _, rest = text.partition("<!-- quality: begin -->\n")
        _, end, after = rest.partition("<!-- quality: end -->")
        PAGE.write_text(before + "<!-- quality: begin -->\n" + "\n".join(lines) + "\n" + end + after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
