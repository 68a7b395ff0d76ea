"""A run's cards with their verdicts: baselines and masks are read here, `verdict` decides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from deploy.farm import baseline, causes, small_masks
from deploy.farm.approval import Done
from deploy.farm.card import Card
from deploy.farm.rules import RULES, Reason, Rules, Status
from deploy.farm.scores import same_bits, same_scores
from deploy.farm.verdict import Verdict, judge_all
from edgeseg.golden.evaluate import THRESHOLD

_OF_MASKS = frozenset(
    {
        Reason.SCORE_MEAN, Reason.SCORE_P10, Reason.SINGLE_PICTURE, Reason.BOUNDARY, Reason.FALSE_AREA,
        Reason.BELOW_FP32, Reason.MASK_HASH, Reason.MASK_CHANGED,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """One card of a run, the folder of its masks, what was accepted before, and the verdict."""

    card: Card
    beside: Path
    accepted: Card | None
    verdict: Verdict


def judged(
    done: Sequence[Done],
    baselines: Path = baseline.FOLDER,
    rules: Rules = RULES,
    units: Mapping[str, str] | None = None,
) -> list[Outcome]:
    """The verdicts on a run, in the order of its cards. units: see `statistics.units_of`.

    Where masks regressed and those of both runs were kept, their pattern is looked at. Raises GoldenError for a
    baseline that cannot be read.
    """
    accepted = baseline.accepted(baselines, list(dict.fromkeys(card.device for card, _ in done)))
    verdicts = judge_all(accepted, [card for card, _ in done], rules, units)
    outcomes = []
    for (card, beside), verdict in zip(done, verdicts, strict=True):
        before = accepted.get((card.device, card.candidate.key))
        outcome = Outcome(card, beside, before, verdict)
        if before and verdict.status is Status.REGRESSED and verdict.reason in _OF_MASKS:
            found = causes.cause(_pairs(before, outcome, baselines))
            outcome = Outcome(card, beside, before, verdict.because(found)) if found else outcome
        outcomes.append(outcome)
    return outcomes


def _pairs(before: Card, outcome: Outcome, baselines: Path) -> Iterator[tuple[causes.Bool, causes.Bool]]:
    """The masks of the baseline and of now where both were kept and differ, at the picture's size."""
    old = {item.item: item for item in before.items}
    for item in outcome.card.items:
        known = old.get(item.item)
        if known is None or (same_bits(known, item) and same_scores(known, item)):
            continue
        was = small_masks.read(baselines / known.mask) if known.mask else None
        now = small_masks.read(outcome.beside / item.mask) if item.mask else None
        if was is None or now is None:
            continue
        grown = cv2.resize(was, (now.shape[1], now.shape[0]), interpolation=cv2.INTER_LINEAR)
        yield np.asarray(grown >= THRESHOLD), np.asarray(now >= THRESHOLD)
