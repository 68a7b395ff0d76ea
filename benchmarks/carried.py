"""What a mask loses that is so many milliseconds old, by ways of carrying it on, and what each way costs.

    python -m benchmarks.carried [--dataset DIR] [--clip FILE] [--video FILE] [--write]

Quality: each frame's mask, made so many frames before and carried on by each way, against the frame's true mask; every
way is held to what fail-closed promises (`motion.within`). Then whole sequences in which each k-th frame has a mask of
its own. Costs: a 720p frame of the video, all in turns. --write: the losses of what was chosen, by family, into
edgeseg/tiers/carried.json, from which `edgeseg.tiers.carried` takes them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from benchmarks.carry_methods import CHOSEN, METHODS, Method
from benchmarks.sequences import Sequence, first_frames, golden_sequences, keyed_sequences
from edgeseg.build import Settings, make_engine, open_background
from edgeseg.clock import SystemClock
from edgeseg.frames import NO_HALVES, Frame, Mask
from edgeseg.golden.metrics import Bool, Temporal, boundary_f, iou
from edgeseg.pipeline import MARGIN, Mode, Pipeline
from edgeseg.stages.motion import within
from edgeseg.tiers.carried import FILE
from edgeseg.tiers.catalogue import DEFAULT_TIER
from edgeseg.trust import KnownAnswer
from quantize.turns import quiet, ratio, times_in_turns

AGES_MS = (33, 67, 100, 133, 200)
FAMILIES = {
    "selfie-landscape": DEFAULT_TIER,
    "selfie": "selfie-288x288-fp16",
    "body": "body-256x256-fp16",
}
SMALLEST = "selfie-landscape-96x160-fp16"
SHARED = Path("../shared")


class Masks:
    """A tier's own masks of a sequence, and those carried on to later frames."""

    def __init__(self, sequence: Sequence, pipeline: Pipeline) -> None:
        self.sequence, self.pipeline = sequence, pipeline
        self.own: list[Mask] = []
        for frame in sequence.frames:
            self.own.append(pipeline.segment(frame))
        self._within = [
            within(mask.person, sequence.frames[0].size, MARGIN) for mask in self.own if mask.person is not None
        ]

    def of(self, index: int, age: int, method: Method | None, held: bool = True) -> Bool:
        """The mask that frame `index` is shown with, made `age` frames before; by the product's own way if None.

        held: to where a carried mask may go.
        """
        mask, frame = self.own[index - age], self.sequence.frames[index]
        if age and method is None:
            alpha = self.pipeline.carry(mask, frame).alpha
        elif age and method is not None:
            now = self.own[index].grey
            assert mask.grey is not None
            assert now is not None
            alpha = method(mask.grey, now, mask.alpha)
            alpha = cv2.min(alpha, self._within[index - age]) if held else alpha
        else:
            alpha = mask.alpha
        return np.asarray(cv2.resize(alpha, frame.size, interpolation=cv2.INTER_LINEAR) >= 128)


def lost_by_age(
    made: Iterable[Masks], method: Method | None, held: bool = True
) -> dict[tuple[float, int], tuple[float, int]]:
    """{(fps, age in ms): (mean IoU lost, frames)}."""
    lost: dict[tuple[float, int], list[float]] = {}
    for masks in made:
        fps, truths = masks.sequence.fps, masks.sequence.truths
        own = [iou(masks.of(n, 0, method), truth) for n, truth in enumerate(truths)]
        for age_ms in AGES_MS:
            age = round(age_ms * fps / 1e3)
            if abs(age * 1e3 / fps - age_ms) < 1:
                one = [own[n] - iou(masks.of(n, age, method, held), truths[n]) for n in range(age, len(truths))]
                lost.setdefault((fps, age_ms), []).extend(one)
    return {key: (float(np.mean(values)), len(values)) for key, values in lost.items()}


def of_every(made: Iterable[Masks], every: int, method: Method | None) -> tuple[float, float, float, float]:
    """Mean IoU, boundary F, flicker and lag where each `every`-th frame has its own mask and the others carry it on."""
    ious, edges, flickers, lags = [], [], [], []
    for masks in made:
        temporal = Temporal()
        for n, truth in enumerate(masks.sequence.truths):
            shown = masks.of(n, n % every, method)
            ious.append(iou(shown, truth))
            edges.append(boundary_f(shown, truth))
            temporal.add(shown, truth)
        flickers.append(temporal.flicker or 0.0)
        lags.append(temporal.lag or 0)
    return float(np.mean(ious)), float(np.mean(edges)), float(np.mean(flickers)), float(np.mean(lags))


def pipeline_of(tier: str, background: str | None = None) -> Pipeline:
    """The product's own line with a tier, one thread of the CPU."""
    engine = make_engine(Settings(tier=tier, threads=1))
    mode, behind = open_background(background) if background else (Mode.ALPHA, None)
    return Pipeline(engine, behind, KnownAnswer.portrait(), SystemClock(), mode=mode)


def costs(video: Path) -> tuple[dict[str, float], float, tuple[float, ...]]:
    """Milliseconds of each method on a 720p frame's grey picture, and of "carry", "own mask" and their shares.

    Then what a frame with a carried mask takes from capture to picture, as a share of one with its own without the
    engine's part; and what "carry" takes as a share of an own mask of the smallest tier, and of its
    engine's part.
    """
    frames = first_frames(video, 3)
    names = [*METHODS, "carry, with the picture halved", "own mask, smallest tier", "own mask, default tier"]
    names += ["engine, smallest tier", "engine, default tier", "frame with own mask", "frame that carries"]

    def load() -> list[Callable[[], object]]:
        small, line = pipeline_of(SMALLEST), pipeline_of(DEFAULT_TIER, "blur")
        old, now = line.segment(frames[0]), line.segment(frames[2])
        assert old.grey is not None
        assert now.grey is not None
        before, after = old.grey, now.grey

        def engine_of(pipeline: Pipeline) -> Callable[[], object]:
            assert pipeline.engine is not None
            infer, tensor = pipeline.engine.infer, pipeline.prepare(frames[2]).copy()
            return lambda: infer(tensor)

        def carried(frame: Frame) -> Mask:  # a new mask each time, whose corners are not known yet
            assert old.person is not None
            return line.carry(replace(old, person=old.person.copy()), frame)

        def whole(make: Callable[[Frame], Mask]) -> Callable[[], object]:
            def run() -> object:
                frames[2].halves = NO_HALVES
                return make(frames[2])

            return run

        things: list[Callable[[], object]] = [
            (lambda method=method: method(before, after, old.alpha)) for method in METHODS.values()
        ]
        things += [whole(carried), whole(small.segment), whole(line.segment)]
        things += [engine_of(small), engine_of(line)]
        things += [whole(lambda frame: line.show(frame, line.segment(frame)) and old)]
        return [*things, whole(lambda frame: line.show(frame, carried(frame)) and old)]

    times = times_in_turns(load)
    column = {name: times[:, n] for n, name in enumerate(names)}
    outside = column["frame with own mask"] - column["engine, default tier"]
    share = ratio(column["frame that carries"], outside)
    carry = column["carry, with the picture halved"]
    of_smallest = tuple(ratio(carry, column[f"{what}, smallest tier"]) for what in ("own mask", "engine"))
    return {name: quiet(values) for name, values in column.items()}, share, of_smallest


def table_of(by_family: dict[str, list[Masks]], share: float) -> dict[str, object]:
    """What `edgeseg.tiers.carried` reads: losses that never fall with age, for an older mask is worth no more."""
    lost: dict[str, list[float]] = {}
    for family, made in by_family.items():
        found = lost_by_age(made, None)
        row = [0.0]
        for age_ms in AGES_MS:
            there = [found[key] for key in found if key[1] == age_ms]
            mean = sum(value * count for value, count in there) / sum(count for _, count in there)
            row.append(max(row[-1], round(mean, 4)))
        lost[family] = row
    lost["any"] = [round(float(np.mean(column)), 4) for column in zip(*lost.values(), strict=True)]
    return {"ages_ms": [0, *AGES_MS], "lost": lost, "carry_share": round(share, 3)}


def print_methods(made: list[Masks], ms: dict[str, float]) -> None:
    """Points of mean IoU lost by each way, at each age and rate."""
    keys = sorted(lost_by_age(made, METHODS["none"]))
    print("| lost points of mIoU | " + " | ".join(f"{age} ms, {fps:g} fps" for fps, age in keys) + " | ms |")
    print("| --- |" + " --- |" * (len(keys) + 1))
    for name, method in METHODS.items():
        lost = lost_by_age(made, method)
        print(f"| {name} | " + " | ".join(f"{lost[key][0] * 100:.2f}" for key in keys) + f" | {ms[name]:.2f} |")
    lost = lost_by_age(made, METHODS[CHOSEN], held=False)
    print("| the same, not held back | " + " | ".join(f"{lost[key][0] * 100:.2f}" for key in keys) + " | |")


def print_every(made: list[Masks]) -> None:
    """Scores of whole sequences, left as it is and carried on."""
    print("\n| fps | each k-th frame | carried | mIoU | boundary F | flicker | lag |\n" + "| --- " * 7 + "|")
    for fps in sorted({masks.sequence.fps for masks in made}):
        some = [masks for masks in made if masks.sequence.fps == fps]
        for every in (1, 2, 3, 4):
            for name, method in (("as it is", METHODS["none"]), (CHOSEN, None)) if every > 1 else (("", None),):
                miou, edge, flicker, lag = of_every(some, every, method)
                print(f"| {fps:g} | {every} | {name} | {miou:.4f} | {edge:.4f} | {flicker:.4f} | {lag:.1f} |")


def main() -> None:
    """Print the tables; write the losses where asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", type=Path, default=SHARED / "golden/webcam", help="a golden set with sequences")
    parser.add_argument("--clip", type=Path, default=SHARED / "clips/chroma_video.mp4", help="the green-screen clip")
    parser.add_argument("--video", type=Path, default=SHARED / "clips/meeting.webm", help="720p, for the costs")
    parser.add_argument("--write", action="store_true", help=f"write {FILE}")
    wish = parser.parse_args()
    cv2.setNumThreads(1)
    sequences = [*golden_sequences(wish.dataset), *keyed_sequences(wish.clip)]
    for one in sequences:
        print(f"{one.name}: {len(one.frames)} frames, {one.fps:g} fps")
    by_family = {}
    for family, tier in FAMILIES.items():
        line = pipeline_of(tier)
        by_family[family] = [Masks(one, line) for one in sequences]
    ms, share, of_smallest = costs(wish.video)
    print(f"\n{DEFAULT_TIER}")
    print_methods(by_family["selfie-landscape"], ms)
    print_every(by_family["selfie-landscape"])
    print("\n| a 720p frame | ms |\n| --- | --- |")
    for name in [name for name in ms if name not in METHODS]:
        print(f"| {name} | {ms[name]:.2f} |")
    print("\ncarry is {:.2f} of an own mask of the smallest tier, {:.2f} of its inference".format(*of_smallest))
    table = table_of(by_family, share)
    print(json.dumps(table))
    if wish.write:
        FILE.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
