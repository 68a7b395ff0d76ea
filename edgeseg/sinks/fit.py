"""One size for outputs that can have only one: the first frame's."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from edgeseg.facts import Emit, Noted
from edgeseg.frames import U8, Frame, Planes, Size
from edgeseg.stages.pixels import yuv


class FirstSize:
    """Gives frames the size of the first one: the whole picture, its shape kept, black around it.

    A frame that already fits passes as it is. The planes of a changed frame are valid until the next call.
    """

    def __init__(self, emit: Emit) -> None:
        self.size: Size | None = None
        self._emit = emit
        self._odd_one_out: Size | None = None
        self._planes: Planes | None = None

    def __call__(self, frame: Frame) -> Frame:
        """`frame` itself, or a frame like it whose planes have the first frame's size."""
        if self.size is None:
            self.size = frame.size
        if frame.size == self.size:
            return frame
        if self._planes is None:
            self._planes = Planes.allocate(self.size)
            detail = f"frames changed from {self.size} to {frame.size}; they are scaled to {self.size}"
            self._emit(Noted("output", detail))
        if frame.size != self._odd_one_out:
            self._odd_one_out = frame.size
            self._planes.fill(yuv((0, 0, 0), frame.color))
        alpha = None if frame.alpha is None else self._fit_alpha(frame.alpha)
        for source, target in zip(frame.planes, self._planes, strict=True):
            _letterbox(source, target)
        return replace(frame, planes=self._planes, size=self.size, alpha=alpha, owner=None)

    def _fit_alpha(self, alpha: U8) -> U8:
        assert self._planes is not None
        fitted: U8 = np.zeros_like(self._planes.y)
        _letterbox(alpha, fitted)
        return fitted


def _letterbox(source: U8, target: U8) -> None:
    """Scale `source` into the middle of `target`, leaving what is around it."""
    scale = min(target.shape[0] / source.shape[0], target.shape[1] / source.shape[1])
    height, width = (max(1, round(side * scale)) for side in source.shape)
    top, left = (target.shape[0] - height) // 2, (target.shape[1] - width) // 2
    cv2.resize(
        source, (width, height), dst=target[top : top + height, left : left + width], interpolation=cv2.INTER_AREA
    )
