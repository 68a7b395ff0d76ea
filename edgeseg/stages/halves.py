"""A frame's planes halved again and again, once for all who work at a reduced size: model, edges, blur, motion."""

from __future__ import annotations

import weakref

import cv2
import numpy as np

from edgeseg.frames import NO_HALVES, U8, Frame, Halves, Size

_LEAST = 320  # of the longer side: what is smaller costs next to nothing


class Halver:
    """Gives frames their `halves`, in buffers that go round, as those of `PlanesPool` do; from one thread."""

    def __init__(self) -> None:
        self._free: dict[Size, list[Halves]] = {}

    def __call__(self, frame: Frame) -> None:
        """Set what is not there; a plane with an odd side has none."""
        if frame.halves is not NO_HALVES:
            return
        free = self._free.setdefault(frame.size, [])
        size, chroma = frame.size, frame.size.chroma
        halves = free.pop() if free else (_buffers(size), _buffers(chroma), _buffers(chroma))
        for plane, smaller in zip(frame.planes, halves, strict=True):
            for half in smaller:
                cv2.resize(plane, (half.shape[1], half.shape[0]), dst=half, interpolation=cv2.INTER_AREA)
                plane = half
        frame.halves = halves
        weakref.finalize(frame, free.append, halves).atexit = False


def _buffers(size: Size) -> tuple[U8, ...]:
    buffers = []
    while max(size) > _LEAST and not (size.width | size.height) & 1:
        size = Size(size.width // 2, size.height // 2)
        buffers.append(np.empty((size.height, size.width), np.uint8))
    return tuple(buffers)
