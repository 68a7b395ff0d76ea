"""A frame's planes halved again and again, once for all who work at a reduced size: model, edges, blur, motion."""

from __future__ import annotations

import weakref

import cv2
import numpy as np

from edgeseg.frames import U8, Frame, Size

_LEAST = 320  # of the longer side: what is smaller costs next to nothing


class Halver:
    """Gives frames their `halves`, in buffers that go round, as those of `PlanesPool` do; from one thread.

    chroma: their `chroma_halves` too, while the planes are still in the cache.
    """

    def __init__(self, chroma: bool = False) -> None:
        self._planes = 3 if chroma else 1
        self._free: dict[Size, list[tuple[tuple[U8, ...], ...]]] = {}

    def __call__(self, frame: Frame) -> None:
        """Set what is not there; a frame with an odd side has none."""
        if frame.halves:
            return
        free = self._free.setdefault(frame.size, [])
        size, chroma = frame.size, frame.size.chroma
        halves = free.pop() if free else tuple(map(_buffers, (size, chroma, chroma)[: self._planes]))
        for plane, smaller in zip(frame.planes, halves, strict=False):
            for half in smaller:
                cv2.resize(plane, (half.shape[1], half.shape[0]), dst=half, interpolation=cv2.INTER_AREA)
                plane = half
        frame.halves = halves[0]
        frame.chroma_halves = halves[1:] or frame.chroma_halves
        weakref.finalize(frame, free.append, halves).atexit = False


def _buffers(size: Size) -> tuple[U8, ...]:
    buffers = []
    while max(size) > _LEAST and not (size.width | size.height) & 1:
        size = Size(size.width // 2, size.height // 2)
        buffers.append(np.empty((size.height, size.width), np.uint8))
    return tuple(buffers)
