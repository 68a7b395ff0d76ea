"""The simulator's boards, and the ladder of each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from edgeseg.governor import Kind, Ladder, Rung

FILE = Path(__file__).with_name("boards.yaml")
STRIDES = (1, 2, 3, 4)
HALVED = 3  # so many of the cheapest rungs are offered at half the frame rate, too
HALF_QUALITY = 0.5  # of a rung at half the frame rate, against the same at the whole


@dataclass(frozen=True, slots=True)
class Board:
    """What the plant needs to know of a board; `boards.yaml` says what each field means."""

    name: str
    source: str
    fps: float
    idle_w: float
    busy_w: float
    c_per_w: float
    tau_s: float
    throttle_c: float
    resume_c: float
    throttle_slow: float
    has_power: bool
    switch_s: float
    ladder: Ladder


@cache
def boards() -> dict[str, Board]:
    """All boards by name."""
    data = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return {name: _board(name, row, data) for name, row in data["boards"].items()}


def _board(name: str, row: dict[str, Any], data: dict[str, Any]) -> Board:
    own = {key: row[key] for key in row if key not in ("frame_ms", "infer_ms", "memory_mb")}
    return Board(name=name, switch_s=data["switch_s"], ladder=_ladder(row, data), **own)


def _ladder(row: dict[str, Any], data: dict[str, Any]) -> Ladder:
    """Every tier with k = 1..4 that no other dominates, cheapest to best, after the cover and the halved ones."""
    fps = float(row["fps"])
    normal = []
    for tier, infer_ms in row["infer_ms"].items():
        for every in STRIDES:
            age_s = (every - 1) / 2 / fps
            quality = round(data["quality"][tier] - data["age_loss_per_s"] * age_s, 4)
            normal.append(_rung(row, tier, every, infer_ms, quality, Kind.NORMAL))
    normal.sort(key=lambda rung: (rung.load_ms(), -rung.quality))
    kept: list[Rung] = []
    for rung in normal:
        if not kept or rung.quality > kept[-1].quality:
            kept.append(rung)
    halved = [
        _rung(row, rung.candidate, rung.every, rung.cost_ms, rung.quality * HALF_QUALITY, Kind.HALF_FPS)
        for rung in kept[:HALVED]
    ]
    cover = Rung("cover", "none", 1, 0.0, row["frame_ms"], 0.0, 80.0, _power_w(row, row["frame_ms"], 1), Kind.COVER)
    return (cover, *halved, *kept)


def _rung(row: dict[str, Any], tier: str, every: int, infer_ms: float, quality: float, kind: Kind) -> Rung:
    name = f"{tier}/{every}" + (" half fps" if kind is Kind.HALF_FPS else "")
    load_ms = row["frame_ms"] + infer_ms / every
    power_w = _power_w(row, load_ms, 2 if kind is Kind.HALF_FPS else 1)
    memory_mb = float(row["memory_mb"][tier])
    return Rung(name, tier, every, infer_ms, row["frame_ms"], quality, memory_mb, power_w, kind)


def _power_w(row: dict[str, Any], load_ms: float, frames: int) -> float | None:
    if not row["has_power"]:
        return None
    return round(float(row["idle_w"] + row["busy_w"] * load_ms / 1e3 * row["fps"] / frames), 3)
