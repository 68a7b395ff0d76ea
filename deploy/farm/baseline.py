"""Baselines: what was accepted of each device, one JSON file a device, kept in git.

Written to be read as a diff: keys in one order, a line for each figure and each picture, floats rounded to what counts,
masks as the first digits of their hashes. What did not change for the judge keeps its old lines.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from deploy.farm.card import Card, Speed, from_json
from deploy.farm.rules import RULES
from deploy.farm.speed import is_long_enough, slowness
from edgeseg.errors import GoldenError

FOLDER = Path(__file__).with_name("baselines")
VERSION = 1
_ALIKE = 1.1  # times and memory nearer than this keep their lines
_DIGITS = 5
_HASH_DIGITS = 16  # of a mask: 64 bits tell any two apart, and most of a file is hashes


@dataclass(frozen=True, slots=True)
class Approval:
    """Who accepted what, and why. date: of the day, ISO 8601. candidates: the keys of those that changed."""

    date: str
    who: str
    reason: str
    edgeseg: str
    candidates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Baseline:
    """What was accepted of one device: cards by `Candidate.key`, and the approvals, the newest last."""

    device: str
    cards: Mapping[str, Card]
    approvals: tuple[Approval, ...] = ()

    def to_json(self) -> str:
        """As the file holds it."""
        approvals = [asdict(approval) for approval in self.approvals]
        cards = {key: _as_kept(self.cards[key]) for key in sorted(self.cards)}
        data = {"version": VERSION, "device": self.device, "approvals": approvals, "candidates": cards}
        return "".join(_lines(data, 0)) + "\n"


def file_of(folder: Path, device: str) -> Path:
    """Where a device's baseline is."""
    return folder / f"{device}.json"


def read(folder: Path, device: str) -> Baseline:
    """A device's baseline; one without cards if there is none. Raises GoldenError for a file that is none."""
    file = file_of(folder, device)
    if not file.is_file():
        return Baseline(device, {})
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        if data["version"] != VERSION:
            raise ValueError(f"it is of version {data['version']}, and this edgeseg reads version {VERSION}")
        cards = {key: _card(card) for key, card in data["candidates"].items()}
        approvals = tuple(Approval(**{**one, "candidates": tuple(one["candidates"])}) for one in data["approvals"])
        if data["device"] != device:
            raise ValueError(f"it is of the device {data['device']!r}")
    except json.JSONDecodeError as error:
        raise GoldenError(f"{file}:{error.lineno}: this is no JSON: {error.msg}. {_REMEDY}") from error
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        told = f"{error} is missing" if isinstance(error, KeyError) else str(error).rstrip(".")
        raise GoldenError(f"{file} is no baseline: {told}. {_REMEDY}") from error
    return Baseline(device, cards, approvals)


_REMEDY = "Take it from git again, or approve a run anew."


def accepted(folder: Path, devices: Sequence[str]) -> dict[tuple[str, str], Card]:
    """The accepted cards of some devices, by device and `Candidate.key`, as `verdict.judge_all` takes them."""
    return {(name, key): card for name in devices for key, card in read(folder, name).cards.items()}


def kept(card: Card) -> Card:
    """What a baseline keeps of a card: figures rounded, no time that is not judged."""
    speed = card.speed
    is_judged = speed is not None and card.timing == "real" and is_long_enough(speed, RULES)
    return replace(
        card,
        miou=_rounded(card.miou),
        p10_iou=_rounded(card.p10_iou),
        boundary_f=_rounded(card.boundary_f),
        false_area=_rounded(card.false_area),
        items=tuple(
            replace(
                item,
                mask_sha256=item.mask_sha256[:_HASH_DIGITS],
                iou=_rounded(item.iou),
                boundary_f=_rounded(item.boundary_f),
                false_area=_rounded(item.false_area),
            )
            for item in sorted(card.items, key=lambda item: item.item)
        ),
        speed=_rounded_speed(speed) if speed is not None and is_judged else None,
        heat=card.heat if is_judged else None,
        rss_mb=None if card.rss_mb is None else float(round(card.rss_mb)),
    )


def is_alike(old: Card, new: Card) -> bool:
    """Whether nothing changed that the judge or a reader would see. Both as `kept`; masks as files do not count."""
    if _bare(old) != _bare(new):
        return False
    if (old.rss_mb is None) != (new.rss_mb is None) or (old.speed is None) != (new.speed is None):
        return False
    if old.rss_mb and new.rss_mb and not 1 / _ALIKE < new.rss_mb / old.rss_mb < _ALIKE:
        return False
    return not (old.speed and new.speed) or 1 / _ALIKE < slowness(old.speed, new.speed) < _ALIKE


def _bare(card: Card) -> Card:
    """Without what never is the same twice."""
    items = tuple(replace(item, mask=None) for item in card.items)
    fault = card.fault and replace(card.fault, detail="")
    return replace(card, items=items, speed=None, heat=None, rss_mb=None, fault=fault)


_OFTEN_NONE = ("iou", "boundary_f", "false_area", "mask")  # of a picture: left out of the file where there is none


def _as_kept(card: Card) -> dict[str, Any]:
    data = asdict(card)
    data["items"] = [
        {name: value for name, value in item.items() if value is not None or name not in _OFTEN_NONE}
        for item in data["items"]
    ]
    return data


def _card(data: dict[str, Any]) -> Card:
    items = [{**dict.fromkeys(_OFTEN_NONE), **item} for item in data["items"]]
    return from_json(json.dumps({**data, "items": items}))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)


def _rounded_speed(speed: Speed) -> Speed:
    return Speed(round(speed.p50, 3), round(speed.p90, 3), speed.inferences, round(speed.seconds, 1))


def _lines(value: Any, depth: int) -> Iterator[str]:
    """JSON with a line for each entry, but for small objects: a picture, a speed, a name with its version."""
    if not isinstance(value, (dict, list, tuple)) or not value or _is_small(value, depth):
        yield json.dumps(value, ensure_ascii=False, allow_nan=False)
        return
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    yield opening
    entries = value.items() if isinstance(value, dict) else ((None, one) for one in value)
    for n, (key, one) in enumerate(entries):
        yield (",\n" if n else "\n") + " " * (depth + 1)
        if key is not None:
            yield f"{json.dumps(key, ensure_ascii=False)}: "
        yield from _lines(one, depth + 1)
    yield "\n" + " " * depth + closing


def _is_small(value: Any, depth: int) -> bool:
    parts = value.values() if isinstance(value, dict) else value
    return depth > 2 and all(not isinstance(part, (dict, list, tuple)) for part in parts)
