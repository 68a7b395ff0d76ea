"""The pictures of the page: each content once, small, and no more than so many bytes of them.

The page holds them as definitions that are drawn where they are wanted, for the source and the true mask of a picture
are shown for many candidates.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from deploy.farm import small_masks
from deploy.farm.card import Card, ItemCard
from deploy.farm.judging import Outcome
from deploy.farm.rules import Status
from edgeseg.errors import GoldenError
from edgeseg.frames import U8
from edgeseg.golden.dataset import Dataset, Item
from edgeseg.golden.evaluate import THRESHOLD
from edgeseg.golden.pictures import read_image, read_mask

Bool = npt.NDArray[np.bool_]

MOST_BYTES = 8_000_000
LONGER_SIDE = 240  # pixels
SHOWN = {Status.REGRESSED: 4, Status.NEW: 1, Status.OK: 1}  # pictures of a candidate
LOST, GAINED = (214, 120, 44), (40, 130, 240)  # BGR: person before and no more; person now and not before


@dataclass(frozen=True, slots=True)
class Panel:
    """A picture to show: the id of its definition, its size, what is under it, and what it shows in words."""

    ref: str
    width: int
    height: int
    caption: str
    alt: str


@dataclass(frozen=True, slots=True)
class Definition:
    """A picture's content, as a data URI."""

    ref: str
    width: int
    height: int
    data: str


@dataclass(frozen=True, slots=True)
class Shown:
    """One picture of one candidate: its figures in words, and its panels."""

    item: str
    figures: str
    panels: tuple[Panel, ...]


class Album:
    """All pictures of one page. golden: what they are of. baselines: the folder of the masks before."""

    def __init__(self, golden: Dataset, baselines: Path, most_bytes: int = MOST_BYTES) -> None:
        self._golden = golden
        self._items = {item.image: item for item in golden.file.items}
        self._baselines = baselines
        self._most = most_bytes
        self._bytes = 0
        self._by_content: dict[str, Definition] = {}
        self._sources: dict[str, tuple[Definition, U8, Definition, Bool] | None] = {}

    @property
    def definitions(self) -> list[Definition]:
        """What was put in so far."""
        return list(self._by_content.values())

    @property
    def is_full(self) -> bool:
        """Whether pictures were left out to keep the page small."""
        return self._bytes >= self._most

    def worst_of(self, outcome: Outcome) -> list[Shown]:
        """The pictures of a candidate that are to be looked at, worst first."""
        by_name = {item.item: item for item in outcome.card.items}
        before = {item.item: item for item in outcome.accepted.items} if outcome.accepted else {}
        shown = []
        for name in outcome.verdict.pictures[: SHOWN.get(outcome.verdict.status, 0)]:
            if name not in by_name or self.is_full:
                continue
            panels = self._panels(name, by_name[name], before.get(name), outcome)
            if panels:
                shown.append(Shown(name, _figures(by_name[name], before.get(name)), tuple(panels)))
        return shown

    def _panels(self, name: str, now: ItemCard, before: ItemCard | None, outcome: Outcome) -> list[Panel]:
        found = self._source(name, outcome.card)
        if found is None:
            return []
        source, dim, truth, person = found
        shape = dim.shape[:2]
        panels = [
            _panel(source, "source", f"The picture {name}"),
            _panel(truth, "truth", f"The true mask: the person takes {person.mean():.0%} of the picture"),
        ]
        was = self._mask(self._baselines, before, shape)
        has = self._mask(outcome.beside, now, shape)
        if was is not None:
            panels.append(_panel(self._black_white(was), "baseline", f"The accepted mask: {was.mean():.0%} is person"))
        if has is not None:
            panels.append(_panel(self._black_white(has), "now", f"The mask of this run: {has.mean():.0%} is person"))
            other, word = (was, "the baseline") if was is not None else (person, "the truth")
            told = f"left out {(other & ~has).mean():.1%}, taken in {(has & ~other).mean():.1%} of the picture"
            panels.append(
                _panel(self._difference(dim, other, has), f"difference from {word}", f"Difference from {word}: {told}")
            )
        return panels

    def _source(self, name: str, card: Card) -> tuple[Definition, U8, Definition, Bool] | None:
        """The picture and its true mask, small; None if the set at hand is another or a file cannot be read."""
        if name not in self._sources:
            item = self._items.get(name)
            same = (card.golden.name, card.golden.version) == (self._golden.file.name, self._golden.file.version)
            self._sources[name] = self._read(item) if item is not None and same else None
        return self._sources[name]

    def _read(self, item: Item) -> tuple[Definition, U8, Definition, Bool] | None:
        try:
            bgr, truth = read_image(self._golden.path(item.image)), read_mask(self._golden.path(item.mask))
        except GoldenError:
            return None
        small = _small(bgr)
        person = _fitted(truth.astype(np.uint8) * 255, small.shape[:2])
        grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
        dim = np.asarray(cv2.merge([grey, grey, grey]) * 0.45, np.uint8)
        return self._put(small, 78), dim, self._black_white(person), person

    def _mask(self, folder: Path, item: ItemCard | None, shape: tuple[int, ...]) -> Bool | None:
        alpha = small_masks.read(folder / item.mask) if item is not None and item.mask else None
        # Both as baselines keep them, so that equal masks differ nowhere.
        return None if alpha is None else _fitted(small_masks.small(alpha).astype(np.uint8) * 255, shape)

    def _black_white(self, mask: Bool) -> Definition:
        return self._put(mask.astype(np.uint8) * 255, None)

    def _difference(self, dim: U8, before: Bool, now: Bool) -> Definition:
        """The dimmed picture; white-ish where both see the person, in colours where one does."""
        painted = dim.copy()
        both = before & now
        painted[both] = np.asarray(dim[both] * 0.6 + 130, np.uint8)
        painted[before & ~now] = LOST
        painted[now & ~before] = GAINED
        return self._put(painted, 70)

    def _put(self, picture: U8, quality: int | None) -> Definition:
        """The definition of a picture, the one that is there if it is. quality: of WebP; None for PNG, black, white."""
        if quality is None:
            done, content = cv2.imencode(".png", picture, small_masks.PNG)
        else:
            done, content = cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, quality])
        assert done
        kind = "png" if quality is None else "webp"
        data = f"data:image/{kind};base64,{base64.b64encode(content.tobytes()).decode()}"
        if data not in self._by_content:
            self._bytes += len(data)
            height, width = picture.shape[:2]
            self._by_content[data] = Definition(f"p{len(self._by_content)}", width, height, data)
        return self._by_content[data]


def _panel(picture: Definition, caption: str, alt: str) -> Panel:
    return Panel(picture.ref, picture.width, picture.height, caption, alt)


def _small(bgr: U8) -> U8:
    scale = min(1.0, LONGER_SIDE / max(bgr.shape[:2]))
    size = (max(1, round(bgr.shape[1] * scale)), max(1, round(bgr.shape[0] * scale)))
    return np.asarray(cv2.resize(bgr, size, interpolation=cv2.INTER_AREA), np.uint8)


def _fitted(alpha: U8, shape: Sequence[int]) -> Bool:
    """A mask at another size, (H, W) bool."""
    way = cv2.INTER_AREA if alpha.shape[0] >= shape[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(alpha, (shape[1], shape[0]), interpolation=way) >= THRESHOLD)


def _figures(now: ItemCard, before: ItemCard | None) -> str:
    """Such as "IoU 0.912, before 0.954; boundary F 0.81, before 0.88"."""
    said = []
    for word, new, old in (
        ("IoU", now.iou, before.iou if before else None),
        ("boundary F", now.boundary_f, before.boundary_f if before else None),
        ("false area", now.false_area, before.false_area if before else None),
    ):
        if new is not None:
            said.append(f"{word} {new:.3f}" + (f", before {old:.3f}" if old is not None else ""))
    return "; ".join(said) or "no score"
