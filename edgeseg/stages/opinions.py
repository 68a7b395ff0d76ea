"""What several looks, or several models, say of one picture, made one: who is surer counts for more.

A model's doubt is seen in its own answer: how much of it is neither person nor room. It tells better than the person's
framing which of two families a picture suits (docs/quality.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from edgeseg.frames import F32, U8

_LEAST_DOUBT = 1e-3
_SURE = 1 / 255  # no place is surer than that

_VALUES = np.clip(np.arange(256) / 255, _SURE, 1 - _SURE)
_LOGITS: F32 = np.log(_VALUES / (1 - _VALUES)).astype(np.float32)
_OPEN = np.minimum(np.arange(256), 255 - np.arange(256)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Opinion:
    """alpha: a mask with its edges refined. person: the same as the model said it. Both (h, w) uint8, of one size."""

    alpha: U8
    person: U8

    @property
    def doubt(self) -> float:
        """What is left open, as a share of what is called person: 0 is sure, 1 knows nothing."""
        counts = np.bincount(self.person.ravel(), minlength=256)
        said = float(counts @ np.arange(256))
        return float(counts @ _OPEN) / said if said else 1.0


def weighed(opinions: Sequence[Opinion], words: Sequence[float] | None = None) -> Opinion:
    """One opinion of the first one's size: the mean of their logits, each weighed by one over the square of its doubt.

    opinions: at least one, all of the same picture. words: how much more each of them has to say; None: the same.
    """
    if len(opinions) == 1:
        return opinions[0]
    weights = np.array([max(_LEAST_DOUBT, one.doubt) ** -2 for one in opinions])
    if words is not None:
        weights *= words
    weights /= weights.sum()
    return Opinion(_mean([one.alpha for one in opinions], weights), _mean([one.person for one in opinions], weights))


def _mean(masks: list[U8], weights: np.typing.NDArray[np.float64]) -> U8:
    height, width = masks[0].shape
    total = np.zeros((height, width), np.float32)
    for mask, weight in zip(masks, weights, strict=True):
        if mask.shape != (height, width):
            mask = np.asarray(cv2.resize(mask, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
        total += np.float32(weight) * np.asarray(cv2.LUT(mask, _LOGITS), np.float32)
    return np.rint(255 / (1 + np.exp(-total))).astype(np.uint8)
