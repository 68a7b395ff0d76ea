"""The score of one candidate on one golden set."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from edgeseg.errors import GoldenError
from edgeseg.frames import U8
from edgeseg.golden.dataset import Dataset, Item
from edgeseg.golden.metrics import BOUNDARY_TOLERANCE, Temporal, boundary_f, false_area, iou, summarize
from edgeseg.golden.pictures import Bool, read_image, read_mask
from edgeseg.golden.reliability import BINS, Reliability

THRESHOLD = 128

Segment = Callable[[U8, float | None], tuple[U8, float]]
"""Takes a picture, (H, W, 3) uint8 BGR, and by how many seconds it comes after the first one of its sequence, None for
a still: at 0 and None what is carried from frame to frame must be forgotten. Gives alpha, (H, W) uint8, and the seconds
it took."""

Progress = Callable[[int, int], None]
"""Told after each picture: how many are done, how many there are."""


@dataclass(frozen=True, slots=True)
class ItemScore:
    """One picture: iou and boundary_f where somebody is in it, false_area where nobody is."""

    item: str
    framing: str | None
    iou: float | None
    boundary_f: float | None
    false_area: float | None
    ms: float


@dataclass(frozen=True, slots=True)
class Worst:
    """The picture with the lowest IoU."""

    item: str
    iou: float


@dataclass(frozen=True, slots=True)
class Milliseconds:
    """What `segment` took for one picture, by its own account: the median and the 95th percentile."""

    p50: float
    p95: float


@dataclass(frozen=True, slots=True)
class Scorecard:
    """What a candidate scored on a golden set; see `metrics` for what each score means.

    miou, p10_iou, worst, boundary_f: over the pictures that somebody is in, every picture counting once.
    false_area: mean over the pictures that nobody is in; None if there are none.
    flicker: mean over sequences; lag: the same, in frames; None if there are no sequences (long enough).
    ece, brier: how far alpha is from the chance that a pixel is the person's, over all pictures; see `reliability`,
    which also says how the ece_bins are cut.
    by_framing, by_tag: mean IoU of the pictures of each framing and with each tag.
    """

    dataset: str
    dataset_version: int
    threshold: int
    miou: float
    p10_iou: float
    worst: Worst
    boundary_f: float
    boundary_tolerance: float
    false_area: float | None
    flicker: float | None
    lag: float | None
    ece: float
    ece_bins: int
    brier: float
    ms: Milliseconds
    by_framing: dict[str, float]
    by_tag: dict[str, float]
    per_item: tuple[ItemScore, ...]

    def to_json(self) -> str:
        """All of it as JSON, keys as the fields are named, indented for people to read and compare."""
        return json.dumps(dataclasses.asdict(self), indent=1, ensure_ascii=False, allow_nan=False)


def evaluate(dataset: Dataset, segment: Segment, progress: Progress | None = None) -> Scorecard:
    """Run every picture through `segment` and score it, alpha >= 128 being person. One picture is held at a time.

    Sequences run in the order of their frames. Raises GoldenError for a picture or mask that cannot be used, ValueError
    if `segment` gives anything but (H, W) uint8; what `segment` raises passes through.
    """
    scores: list[ItemScore] = []
    tags: list[list[str]] = []
    flickers: list[float | None] = []
    lags: list[float | None] = []
    reliability = Reliability()
    for run in dataset.runs():
        temporal = Temporal() if run[0].sequence is not None else None
        for n, item in enumerate(run):
            at_s = n / dataset.file.fps if item.sequence is not None else None
            alpha, truth, seconds = _segment_one(dataset, item, segment, at_s)
            reliability.add(alpha, truth)
            pred = alpha >= THRESHOLD
            scores.append(_score(item, pred, truth, seconds))
            tags.append(item.tags)
            if temporal is not None:
                temporal.add(pred, truth)
            if progress is not None:
                progress(len(scores), len(dataset.file.items))
        if temporal is not None:
            flickers.append(temporal.flicker)
            lags.append(temporal.lag)
    return _scorecard(dataset, scores, tags, (_mean(flickers), _mean(lags)), reliability)


def read_pair(dataset: Dataset, item: Item) -> tuple[U8, Bool]:
    """A picture, (H, W, 3) uint8 BGR, and its true mask, (H, W); raises GoldenError if they are no pair."""
    bgr = read_image(dataset.path(item.image))
    truth = read_mask(dataset.path(item.mask))
    if truth.shape != bgr.shape[:2]:
        raise GoldenError(f"{item.mask} and {item.image} of dataset {dataset.file.name!r} differ in size.")
    return bgr, truth


def _segment_one(dataset: Dataset, item: Item, segment: Segment, at_s: float | None) -> tuple[U8, Bool, float]:
    """Alpha and true mask of one picture, and the seconds it took."""
    bgr, truth = read_pair(dataset, item)
    alpha, seconds = segment(bgr, at_s)
    if alpha.shape != truth.shape or alpha.dtype != np.uint8:
        raise ValueError(f"segment gave {alpha.dtype} {alpha.shape} for a picture of uint8 {truth.shape}")
    return alpha, truth, seconds


def _score(item: Item, pred: Bool, truth: Bool, seconds: float) -> ItemScore:
    ms = seconds * 1000
    if not truth.any():  # IoU would fall from 1 to 0 with a single wrong pixel
        return ItemScore(item.image, item.framing, None, None, false_area(pred), ms)
    return ItemScore(item.image, item.framing, iou(pred, truth), boundary_f(pred, truth), None, ms)


def _scorecard(
    dataset: Dataset,
    scores: list[ItemScore],
    tags: list[list[str]],
    flicker_and_lag: tuple[float | None, float | None],
    reliability: Reliability,
) -> Scorecard:
    ious = [(score.item, score.iou) for score in scores if score.iou is not None]
    if not ious:
        raise GoldenError(f"dataset {dataset.file.name!r} has no picture with a person: there is nothing to score.")
    summary = summarize(ious)
    ms = [score.ms for score in scores]
    return Scorecard(
        dataset=dataset.file.name,
        dataset_version=dataset.file.version,
        threshold=THRESHOLD,
        miou=summary.mean,
        p10_iou=summary.p10,
        worst=Worst(summary.worst_item, summary.worst),
        boundary_f=_mean(score.boundary_f for score in scores) or 0.0,
        boundary_tolerance=BOUNDARY_TOLERANCE,
        false_area=_mean(score.false_area for score in scores),
        flicker=flicker_and_lag[0],
        lag=flicker_and_lag[1],
        ece=reliability.ece,
        ece_bins=BINS,
        brier=reliability.brier,
        ms=Milliseconds(float(np.percentile(ms, 50)), float(np.percentile(ms, 95))),
        by_framing=_means((score.framing, score.iou) for score in scores),
        by_tag=_means((tag, score.iou) for score, words in zip(scores, tags, strict=True) for tag in words),
        per_item=tuple(scores),
    )


def _mean(values: Iterable[float | None]) -> float | None:
    """The mean of those that are there; None if none is."""
    there = [value for value in values if value is not None]
    return float(np.mean(there)) if there else None


def _means(named: Iterable[tuple[str | None, float | None]]) -> dict[str, float]:
    """The mean of the values of each name, by name."""
    groups: dict[str, list[float]] = {}
    for name, value in named:
        if name is not None and value is not None:
            groups.setdefault(name, []).append(value)
    return {name: float(np.mean(values)) for name, values in sorted(groups.items())}
