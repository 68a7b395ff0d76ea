"""The pictures that a tier is worst at, with the masks beside them, small enough to be put into a page."""

from __future__ import annotations

import base64
from collections.abc import Container, Iterable, Iterator, Mapping
from itertools import groupby

import cv2
import numpy as np

from edgeseg.engines.litert import CpuEngine
from edgeseg.frames import U8
from edgeseg.golden.dataset import Dataset, Item
from edgeseg.golden.evaluate import THRESHOLD, ItemScore
from edgeseg.golden.metrics import iou
from edgeseg.golden.pictures import Bool, read_image, read_mask
from edgeseg.segmenter import Segmenter
from quantize.catalogue import Candidate
from quantize.report.facts import Panel, Worst

WORST = 3  # of each golden set
SIDE = 240  # pixels, the longer one
MISSED, TAKEN = (214, 120, 44), (40, 130, 240)  # BGR: person left out, background taken in


def worst_pictures(found: Iterable[Candidate], sets: Mapping[str, Dataset], tiers: Container[str]) -> Iterator[Worst]:
    """The worst pictures of every candidate that is one of `tiers`. found: those of one size one after the other."""
    for _, group in groupby(found, lambda one: (one.tier.family, one.tier.height, one.tier.width)):
        alike = list(group)
        masks: dict[str, Masks] = {one.tier.precision: Masks(one) for one in alike}
        for one in alike:
            if one.tier.name in tiers:
                for name, dataset in sets.items():
                    yield from _of_one(one, name, dataset, masks)
        for mask in masks.values():
            mask.close()


def worst_items(scores: Iterable[ItemScore], dataset: Dataset, count: int = WORST) -> list[tuple[Item, float]]:
    """The items with the lowest IoU, one of each sequence at most: its frames are alike."""
    by_name = {item.image: item for item in dataset.file.items}
    rated = [(score.iou, by_name[score.item]) for score in scores if score.iou is not None]
    seen: set[str] = set()
    kept: list[tuple[Item, float]] = []
    for value, item in sorted(rated, key=lambda one: one[0]):
        run = item.sequence or item.image
        if run not in seen and len(kept) < count:
            seen.add(run)
            kept.append((item, float(value)))
    return kept


class Masks:
    """A candidate's masks, as its score was taken; the model is loaded when the first is asked for."""

    def __init__(self, one: Candidate) -> None:
        self._one = one
        self._segmenter: Segmenter | None = None

    def of(self, bgr: U8) -> Bool:
        """Where the candidate sees a person."""
        if self._segmenter is None:
            engine = CpuEngine(self._one.content, self._one.tier.io)
            self._segmenter = Segmenter(engine=engine, refine=False, follow=False, tidy=False)
        return np.asarray(self._segmenter.mask(bgr) >= THRESHOLD)

    def close(self) -> None:
        """Free the model."""
        if self._segmenter is not None:
            self._segmenter.close()


def _of_one(one: Candidate, name: str, dataset: Dataset, masks: Mapping[str, Masks]) -> Iterator[Worst]:
    for item, value in worst_items(one.cards[name].per_item, dataset):
        bgr = read_image(dataset.path(item.image))
        truth = read_mask(dataset.path(item.mask))
        panels = [photo(bgr, f"Picture {item.image} of golden/{name}"), _true(truth)]
        shown = [precision for precision in dict.fromkeys(("fp32", one.tier.precision)) if precision in masks]
        panels += [compared(masks[precision].of(bgr), truth, precision.upper()) for precision in shown]
        yield Worst(one.tier.name, name, item.image, value, tuple(panels))


def photo(bgr: U8, alt: str) -> Panel:
    """The picture itself."""
    small = _small(bgr, cv2.INTER_AREA)
    done, content = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 72])
    assert done
    return _panel("picture", alt, "jpeg", content.tobytes(), small)


def _true(truth: Bool) -> Panel:
    return _mask_panel("true mask", f"The person takes {truth.mean():.0%} of the picture", _painted(truth, truth))


def compared(mask: Bool, truth: Bool, caption: str) -> Panel:
    """A mask, what is wrong in it in colours."""
    missed, taken = (truth & ~mask).mean(), (mask & ~truth).mean()
    alt = f"Mask of {caption}: person left out in {missed:.1%} of the picture, background taken in in {taken:.1%}"
    return _mask_panel(f"{caption} mask, IoU {iou(mask, truth):.3f}", alt, _painted(mask, truth))


def _painted(mask: Bool, truth: Bool) -> U8:
    bgr = np.zeros((*mask.shape, 3), np.uint8)
    bgr[mask & truth] = 255
    bgr[truth & ~mask] = MISSED
    bgr[mask & ~truth] = TAKEN
    return bgr


def _mask_panel(caption: str, alt: str, bgr: U8) -> Panel:
    small = _small(bgr, cv2.INTER_NEAREST)
    done, content = cv2.imencode(".png", small, [cv2.IMWRITE_PNG_COMPRESSION, 9])  # four colours: smaller than JPEG
    assert done
    return _panel(caption, alt, "png", content.tobytes(), small)


def _small(bgr: U8, interpolation: int) -> U8:
    height, width = bgr.shape[:2]
    factor = min(1.0, SIDE / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return np.asarray(cv2.resize(bgr, size, interpolation=interpolation), np.uint8)


def _panel(caption: str, alt: str, kind: str, content: bytes, shown: U8) -> Panel:
    data = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    return Panel(caption, alt, data, shown.shape[1], shown.shape[0])
