"""The card of a candidate as JSON: what it did with a golden set on this device. The farm reads it.

`deploy/farm/card.py` says what each field means and reads it back; a device knows nothing of that module, so the names
are written here once more, and a test holds the two together.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edgeseg.errors import GoldenError, UsageError, did_you_mean
from edgeseg.frames import U8
from edgeseg.golden.dataset import FILE_NAME, Dataset, Item
from edgeseg.golden.evaluate import THRESHOLD
from edgeseg.golden.metrics import boundary_f, false_area, iou, summarize
from edgeseg.golden.pictures import Bool

VERSION = 1


@dataclass(frozen=True, slots=True)
class Asked:
    """Who is asked for what: the device as the farm names it, and the candidate."""

    device: str
    kind: str
    timing: str
    tier: str
    engine: str
    threads: int


@dataclass(frozen=True, slots=True)
class Scored:
    """One picture's row of the card."""

    item: str
    iou: float | None
    boundary_f: float | None
    false_area: float | None
    mask_sha256: str
    mask: str | None = None


def picked(dataset: Dataset, names: Sequence[str]) -> Dataset:
    """The dataset with these pictures alone, in its own order; raises UsageError for one that it does not have."""
    known = {item.image for item in dataset.file.items}
    for name in names:
        if name not in known:
            raise UsageError(f"The golden set {dataset.file.name} has no picture {name!r}; {did_you_mean(name, known)}")
    kept = [place for place, item in enumerate(dataset.file.items) if item.image in set(names)]
    items = [dataset.file.items[place] for place in kept]
    file = dataset.file.model_copy(update={"items": items})
    return replace(dataset, file=file, item_places=tuple(dataset.item_places[place] for place in kept))


def files_of(dataset: Dataset) -> list[str]:
    """All files of the set by their paths in its folder, dataset.yaml first."""
    return [FILE_NAME, *(path for item in dataset.file.items for path in (item.image, item.mask))]


def sha256_of(dataset: Dataset) -> str:
    """One digest (hex) over all files of the set and their names. Raises GoldenError for one that cannot be read."""
    whole = hashlib.sha256()
    for path in sorted(files_of(dataset)):
        try:
            content = dataset.path(path).read_bytes()
        except OSError as error:
            raise GoldenError(f"{dataset.root / path} cannot be read: {error.strerror}.") from error
        whole.update(f"{hashlib.sha256(content).hexdigest()}  {path}\n".encode())
    return whole.hexdigest()


def scored(item: Item, alpha: U8, truth: Bool, person: U8, mask: str | None) -> Scored:
    """The scores of one picture.

    alpha: (H, W) uint8 of the picture's size. truth: the same shape. person: (h, w) uint8 as the model said it, before
    anything is refined. mask: the file that holds `alpha`.
    """
    digest = hashlib.sha256(np.ascontiguousarray(person).tobytes()).hexdigest()
    pred = alpha >= THRESHOLD
    if not truth.any():
        return Scored(item.image, None, None, false_area(pred), digest, mask)
    return Scored(item.image, iou(pred, truth), boundary_f(pred, truth), None, digest, mask)


def summed(rows: Sequence[Scored]) -> dict[str, float | None]:
    """The scores over all pictures, None where there is no such picture."""
    ious = [(row.item, row.iou) for row in rows if row.iou is not None]
    summary = summarize(ious) if ious else None
    return {
        "miou": summary.mean if summary else None,
        "p10_iou": summary.p10 if summary else None,
        "boundary_f": _mean(row.boundary_f for row in rows),
        "false_area": _mean(row.false_area for row in rows),
    }


def to_json(
    asked: Asked, tier: dict[str, Any], runtime: dict[str, str], golden: dict[str, Any], found: dict[str, Any]
) -> str:
    """The card. tier: precision, bit_exact, tier_sha256. found: what came of it: served, items, speed, heat, fault."""
    rows: Sequence[Scored] = found.pop("items", ())
    card = {
        "device": asked.device,
        "kind": asked.kind,
        "timing": asked.timing,
        "candidate": {"tier": asked.tier, "engine": asked.engine, "threads": asked.threads},
        **tier,
        "runtime": runtime,
        "golden": golden,
        **summed(rows),
        "items": [asdict(row) for row in rows],
        **found,
        "version": VERSION,
    }
    return json.dumps(card, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_mask(alpha: U8, folder: Path, item: str) -> Path:
    """Keep a mask, (H, W) uint8, as PNG in `folder`, named after its picture. Raises OSError."""
    path = folder / f"{re.sub(r'[^A-Za-z0-9._-]', '-', item)}.png"
    _, data = cv2.imencode(".png", alpha)
    path.write_bytes(data.data)
    return path


def _mean(values: Iterable[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return float(np.mean(there)) if there else None
