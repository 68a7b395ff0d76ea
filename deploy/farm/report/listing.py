"""report.json: a list with an object for each candidate of each device."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from deploy.farm.card import Card
from deploy.farm.judging import Outcome


def render(outcomes: Sequence[Outcome]) -> str:
    """The file's text."""
    return json.dumps([_one(outcome) for outcome in outcomes], indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _one(outcome: Outcome) -> dict[str, Any]:
    card, verdict = outcome.card, outcome.verdict
    return {
        "device": card.device,
        "kind": card.kind,
        "tier": card.candidate.tier,
        "engine": card.candidate.engine,
        "threads": card.candidate.threads,
        "precision": card.precision,
        "verdict": verdict.status.value,
        "reason": verdict.reason.value if verdict.reason else None,
        "sentence": verdict.sentence,
        "findings": [
            {"reason": finding.reason.value, "text": finding.text, "items": list(finding.items)}
            for finding in verdict.findings
        ],
        "cause": verdict.cause,
        "notes": list(verdict.notes),
        "scores": scores(card),
        "baseline": scores(outcome.accepted) if outcome.accepted else None,
        "timing": card.timing,
        "speed": asdict(card.speed) if card.speed else None,
        "heat": asdict(card.heat) if card.heat else None,
        "rss_mb": card.rss_mb,
        "served": asdict(card.served) if card.served else None,
        "fault": asdict(card.fault) if card.fault else None,
        "golden": asdict(card.golden),
        "tier_sha256": card.tier_sha256,
        "runtime": card.runtime,
        "pictures": [
            {"item": item.item, "iou": item.iou, "boundary_f": item.boundary_f, "false_area": item.false_area}
            for item in card.items
        ],
    }


def scores(card: Card) -> dict[str, float | None]:
    """What a card scored over all its pictures."""
    return {
        "miou": card.miou,
        "p10_iou": card.p10_iou,
        "boundary_f": card.boundary_f,
        "false_area": card.false_area,
    }
