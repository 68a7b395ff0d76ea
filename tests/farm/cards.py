"""Cards to judge: made by hand for tables, and made by the real command for the rest."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np

from deploy.farm.card import Candidate, Card, Fault, Golden, ItemCard, Served, Speed

GOLDEN = Golden("small", 1, "ab" * 32, 7, 7)
IOUS = {"a.jpg": 0.97, "b.jpg": 0.95, "c.jpg": 0.93, "d.jpg": 0.96, "e.jpg": 0.94, "f.jpg": 0.98}
ROOM = "room.jpg"
SPEED = Speed(4.0, 4.6, 2000, 61.0)


def card(
    ious: dict[str, float] | None = None,
    *,
    device: str = "pi",
    tier: str = "selfie-96x160-fp16",
    boundary: float = 0.0,
    room: float = 0.001,
    salt: str = "",
    **changes: Any,
) -> Card:
    """A card that scored `ious`. boundary: added to every boundary F. salt: other masks' hashes."""
    scored = IOUS if ious is None else ious
    precision = tier.rpartition("-")[2]
    items = [ItemCard(name, iou, iou - 0.1 + boundary, None, digest(name + salt)) for name, iou in scored.items()]
    items.append(ItemCard(ROOM, None, None, room, digest(ROOM + salt)))
    made = Card(
        device=device,
        kind="ssh",
        timing="real",
        candidate=Candidate(tier, "cpu", 1),
        precision=precision,
        bit_exact=precision == "int8",
        tier_sha256=digest(tier),
        runtime={"edgeseg": "0.1.0"},
        golden=GOLDEN,
        served=Served("cpu", "LiteRT 2.3.0", 90, 90),
        miou=float(np.mean(list(scored.values()))),
        p10_iou=float(np.percentile(list(scored.values()), 10)),
        boundary_f=float(np.mean([item.boundary_f for item in items[:-1]])),
        false_area=room,
        items=tuple(items),
        speed=SPEED,
        rss_mb=120.0,
    )
    return replace(made, **changes)


def faulty(kind: Any, detail: str = "it was seen", **changes: Any) -> Card:
    """A card with a fault and nothing else."""
    empty = {"miou": None, "p10_iou": None, "boundary_f": None, "false_area": None, "items": (), "speed": None}
    return card(fault=Fault(kind, detail), **{**empty, **changes})


def fallen(by: float, *names: str) -> dict[str, float]:
    """`IOUS` with some pictures, or all, lower."""
    return {name: iou - by if not names or name in names else iou for name, iou in IOUS.items()}


def digest(text: str) -> str:
    """A sha256, hex."""
    return hashlib.sha256(text.encode()).hexdigest()
