"""Which tiers there are: candidates are built, scored and timed, and those that earn their place get a row.

A size is offered if in FP32 it is on the Pareto front of time and the scores on the golden sets, or if for pictures
of one framing it is clearly better than everything as fast. A precision of an offered size is offered if its score does
not fall below its FP32's by more than `MOST_LOST`.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from edgeseg.engines.litert import CpuEngine
from edgeseg.errors import GoldenError
from edgeseg.frames import U8
from edgeseg.golden import SMALL
from edgeseg.golden import dataset as golden
from edgeseg.golden.evaluate import Scorecard, evaluate
from edgeseg.ports import EngineReport
from edgeseg.segmenter import Segmenter
from edgeseg.tiers.catalogue import Numbers, Precision, Tier
from quantize.build import Recipe
from quantize.graph.flatbuffer import read
from quantize.graph.graph import Tensor
from quantize.turns import quiet, times_in_turns

MOST_LOST = {"fp32": 0.0, "fp16": 0.001, "int8": 0.003}  # of mIoU against FP32: 0.1 and 0.3 points
PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16", "int8")
_SAME_TIME = 0.03  # a share of it: times nearer than that are equal
_SAME_SCORE, _CLEARLY = 0.0005, 0.005  # of mIoU: what is no difference, and what is a clear one


@dataclass(slots=True)
class Candidate:
    """A tier that may be: its row, its file, and what was measured of it."""

    tier: Tier
    content: bytes
    ms: float = 0.0
    cards: dict[str, Scorecard] = field(default_factory=dict)
    small: float | None = None  # mean IoU on the set that devices carry; no ground for admission
    report: EngineReport | None = None
    refused: str | None = None  # why it is not in the catalogue

    @property
    def scores(self) -> dict[str, float]:
        """Mean IoU by golden set, and by framing in it."""
        named = {name: card.miou for name, card in self.cards.items()}
        framings = {
            f"{name} {framing}": s for name, card in self.cards.items() for framing, s in card.by_framing.items()
        }
        return named | framings

    @property
    def row(self) -> Tier:
        """The tier with its scores, as the catalogue keeps them."""
        small = {} if self.small is None else {"small": round(self.small, 4)}
        return replace(self.tier, golden={name: round(card.miou, 4) for name, card in self.cards.items()} | small)


def candidate(recipe: Recipe, source: bytes) -> Candidate:
    """Build a recipe's tier. source: the family's asset."""
    content = recipe.make(source)
    graph = read(content)
    tier = Tier(
        name=recipe.name,
        family=recipe.family.name,
        asset=recipe.family.asset,
        height=recipe.height,
        width=recipe.width,
        precision=recipe.precision,
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
        fit=recipe.family.fit,
        input=_numbers(graph.inputs[0]),
        output=_numbers(graph.outputs[0]),
        licence="Apache-2.0",
        passes=recipe.passes,
    )
    return Candidate(tier, content)


def _numbers(tensor: Tensor) -> Numbers:
    dtype: Any = str(tensor.dtype)
    if tensor.quantization is None:
        return Numbers(dtype)
    return Numbers(dtype, float(tensor.quantization.scale[0]), int(tensor.quantization.zero_point[0]))


def measure_times(candidates: Sequence[Candidate]) -> None:
    """Set `ms` and `report`: one inference in one thread, every candidate taking its turn in each round."""

    def load() -> list[Callable[[], object]]:
        runs: list[Callable[[], object]] = []
        for c in candidates:
            engine = CpuEngine(c.content, c.tier.io)
            c.report = engine.report
            runs.append(partial(engine.infer, np.zeros((c.tier.height, c.tier.width, 3), c.tier.input.dtype)))
        return runs

    for c, taken in zip(candidates, times_in_turns(load).T, strict=True):
        c.ms = quiet(taken)


def score(one: Candidate, sets: Mapping[str, golden.Dataset]) -> None:
    """Set `cards` and `small`: what it scores on each set, by the stages of a live run without refinement."""
    segmenter = Segmenter(engine=CpuEngine(one.content, one.tier.io), refine=False, follow=False, tidy=False)
    for name, dataset in sets.items():
        one.cards[name] = evaluate(dataset, lambda bgr, at_s: _timed(segmenter, bgr))
    one.small = evaluate(golden.load(SMALL), lambda bgr, at_s: _timed(segmenter, bgr)).miou
    segmenter.close()


def _timed(segmenter: Segmenter, bgr: U8) -> tuple[U8, float]:
    start = time.perf_counter()
    return segmenter.mask(bgr), time.perf_counter() - start


def choose_sizes(sized: list[Candidate]) -> None:
    """Refuse the FP32 candidates that are off the front of (time, the golden sets' scores) and best at no framing."""
    for one in sized:
        others = [other for other in sized if other is not one]
        as_fast = [other for other in others if other.ms <= one.ms * (1 + _SAME_TIME)]
        better = [other for other in as_fast if _is_as_good(other, one)]
        framings = [name for name in one.scores if name not in one.cards]
        if better and not any(
            all(one.scores[name] > other.scores[name] + _CLEARLY for other in as_fast) for name in framings
        ):
            one.refused = f"off the front: {min(better, key=lambda c: c.ms).tier.name} is as fast and as good"


def _is_as_good(other: Candidate, one: Candidate) -> bool:
    """Whether `other`, which is as fast, scores as much on every golden set, and is faster or scores more on one."""
    gains = [other.cards[name].miou - one.cards[name].miou for name in one.cards]
    return min(gains) >= -_SAME_SCORE and (other.ms < one.ms * (1 - _SAME_TIME) or max(gains) > _SAME_SCORE)


def gate(one: Candidate, fp32: Candidate) -> None:
    """Refuse a candidate that loses more than its precision may against its FP32 on any golden set."""
    for name, card in one.cards.items():
        lost = fp32.cards[name].miou - card.miou
        if lost > MOST_LOST[one.tier.precision] + 1e-9:
            one.refused = (
                f"loses {lost * 100:.2f} points of mIoU on {name} against FP32, more than"
                f" {MOST_LOST[one.tier.precision] * 100:.1f}"
            )


def with_small_scores(tiers: Iterable[Tier], load: Callable[[Tier], bytes]) -> Iterator[Tier]:
    """The same tiers with their scores on the small set taken anew. load: gives a tier's file."""
    for tier in tiers:
        one = Candidate(tier, load(tier))
        score(one, {})
        yield replace(tier, golden={**tier.golden, **one.row.golden})


def gate_all(candidates: Iterable[Candidate]) -> None:
    """Raise GoldenError naming each precision that lost too much, for nothing may be replaced then."""
    lost = [f"{c.tier.name} {c.refused}" for c in candidates if c.refused and c.tier.precision != "fp32"]
    if lost:
        raise GoldenError("\n".join(["The gate is closed, and the catalogue stays as it is:", *lost]))


def rows(tiers: Iterable[Tier]) -> bytes:
    """A catalogue's text; equal tiers give equal text. Each row is JSON, see `edgeseg.tiers.catalogue.row_of`."""
    text = [
        "# Written by `python -m quantize`; see edgeseg/tiers/catalogue.py for what each field means.\n"
        "# precision fp16: the weights are FP16 constants behind DEQUANTIZE, the arithmetic is FP32.\n"
    ]
    for tier in tiers:
        row = {key: value for key, value in asdict(tier).items() if key not in ("name", "twin")}
        for side in ("input", "output"):
            if row[side]["dtype"] == "float32":
                row[side] = {"dtype": "float32"}
        fields = "".join(f"  {json.dumps(key)}: {json.dumps(value)},\n" for key, value in row.items())
        text.append(f"{tier.name}: {{\n{fields[:-2]}\n }}\n")
    return "".join(text).encode()
