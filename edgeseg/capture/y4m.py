"""Reads YUV4MPEG2 4:2:0 pictures from a pipe, straight into planes, and never waits for ever."""

from __future__ import annotations

import select
from collections.abc import Callable
from io import RawIOBase
from typing import IO

import numpy as np

from edgeseg.frames import U8, Planes, Size
from edgeseg.stages.orient import repeat_edges

MAGIC = b"FRAME"
_SLICE_S = 0.2
_LONGEST_LINE = 256


class Y4mStream:
    """Lines and pictures from an unbuffered pipe.

    Each wait ends when data come, when the stream ends, when `stopped()` is true, or after `silence_s`.
    """

    def __init__(self, pipe: IO[bytes] | RawIOBase, stopped: Callable[[], bool], silence_s: float) -> None:
        self._pipe, self._stopped, self._silence_s = pipe, stopped, silence_s
        self._ahead = b""
        self._align: int | None = None

    def line(self) -> bytes:
        """The next line without its end; empty if there is none."""
        line = bytearray(self._ahead)
        self._ahead = b""
        while len(line) < _LONGEST_LINE:
            byte = self._take(1)
            if not byte or byte == b"\n":
                break
            line += byte
        return bytes(line)

    def picture(self, planes: Planes, size: Size) -> bool:
        """Fill `planes` (of `size.even`) with the next picture; False if the stream ends before it does."""
        if size.width % 8 == 0 and size.height % 2 == 0:  # no room for padding: the pipe's layout is the planes' own
            return all(self._fill(plane.reshape(-1).data) == plane.size for plane in planes)
        data = self._take(_length(_layout(size, self._align))) if self._align else self._learn(size)
        layout = _layout(size, self._align or 1)
        if len(data) < _length(layout):
            return False
        start = 0
        for plane, (width, height), (stride, rows) in zip(
            planes, (size, size.chroma, size.chroma), layout, strict=True
        ):
            picture: U8 = np.frombuffer(data, np.uint8, stride * rows, start).reshape(rows, stride)
            plane[:height, :width] = picture[:height, :width]
            start += stride * rows
        repeat_edges(planes, size)
        return True

    def _learn(self, size: Size) -> bytes:
        """The first picture, and with it whether rows are padded to 4 bytes, as GStreamer's y4menc did up to 1.22."""
        tight, padded = (_length(_layout(size, align)) for align in (1, 4))
        data = self._take(tight)
        ahead = self._take(len(MAGIC))
        if ahead in (b"", MAGIC):
            self._align, self._ahead = 1, ahead
            return data
        self._align = 4
        data += ahead
        data, self._ahead = data[:padded], data[padded:]
        return data + self._take(padded - len(data))

    def _take(self, count: int) -> bytes:
        data = bytearray(count)
        return bytes(data[: self._fill(memoryview(data))])

    def _fill(self, view: memoryview) -> int:
        """How many bytes came: fewer than asked for only at the end of the stream, or after waiting too long."""
        done, waited_s = 0, 0.0
        while done < len(view) and not self._stopped() and waited_s < self._silence_s:
            if not select.select([self._pipe], [], [], _SLICE_S)[0]:
                waited_s += _SLICE_S
                continue
            count = self._pipe.readinto(view[done:])  # type: ignore[union-attr]
            if not count:
                break
            done, waited_s = done + count, 0.0
        return done


def _layout(size: Size, align: int) -> list[tuple[int, int]]:
    """(bytes a row, rows) of Y, U and V; with `align` 4 as GStreamer lays out I420 in memory."""
    chroma = (-(-size.chroma.width // align) * align, size.chroma.height)
    height = size.height if align == 1 else size.even.height
    return [(-(-size.width // align) * align, height), chroma, chroma]


def _length(layout: list[tuple[int, int]]) -> int:
    return sum(stride * rows for stride, rows in layout)
