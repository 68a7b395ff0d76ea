"""Raw video on standard output, as YUV4MPEG2, which ffmpeg, ffplay, mpv and x264 read.

::

    edgeseg run --source camera:0 --sink - | ffplay -

The format (yuv4mpeg(5) of mjpegtools): one header line of fields W, H, F (frame rate), I (p: progressive), A (pixel
aspect), C (420jpeg: chroma in the middle of its four pixels, as everywhere here) and X (extensions, COLORRANGE being
FFmpeg's), then for each frame the line FRAME and its planes. There are no timestamps: every frame lasts 1/F.
"""

from __future__ import annotations

import os
from fractions import Fraction

import numpy as np

from edgeseg.errors import OutputClosed, OutputError, UsageError
from edgeseg.facts import Emit, Noted, Opened
from edgeseg.frames import U8, Frame, Size
from edgeseg.ports import SinkWish
from edgeseg.sinks.fit import FirstSize
from edgeseg.sinks.place import fault

_UNKNOWN_FPS = Fraction(25)  # what FFmpeg takes where a stream says nothing


class Y4mSink:
    """Writes frames of their own size to standard output, or to the open file descriptor `fd`, which stays open.

    Raises UsageError if that is a terminal or transparency is asked for, OutputError if it is closed.
    """

    keeps_alpha = False
    watched = None

    def __init__(self, where: str, wish: SinkWish, emit: Emit, fd: int = 1) -> None:
        if wish.alpha:
            raise UsageError("raw video on standard output cannot hold transparency; name a .webm or .mov file")
        try:
            terminal = os.isatty(fd) or not os.fstat(fd)
        except OSError as error:
            raise OutputError("standard output is closed; name a file instead") from error
        if terminal:
            raise UsageError(
                "standard output is a terminal and raw video would flood it; pipe it into a player "
                "(edgeseg ... | ffplay -) or name a file"
            )
        self._fd = fd
        self._fps = wish.fps
        self._emit = emit
        self._fit = FirstSize(emit)
        self._begun = False
        self._closed = False

    @property
    def detail(self) -> str:
        """What goes where."""
        return "standard output: YUV4MPEG2"

    def write(self, frame: Frame) -> None:
        """Write one frame, waiting for the reader. Raises OutputClosed once the reader has gone, OutputError."""
        if self._closed:
            raise OutputError("cannot write standard output: it was closed")
        frame = self._fit(frame)
        try:
            if not self._begun:
                self._begin(frame)
            _write_all(self._fd, b"FRAME\n")
            for plane, size in zip(frame.planes, (frame.size, frame.size.chroma, frame.size.chroma), strict=True):
                # Copies only what is not in one piece: the planes of an odd-sided picture, or a decoder's.
                _write_all(self._fd, np.ascontiguousarray(plane[: size.height, : size.width]))
        except BrokenPipeError as error:
            self._closed = True
            raise OutputClosed("whoever read standard output has gone") from error
        except OSError as error:
            self._closed = True
            raise fault("standard output", error) from error

    def close(self) -> None:
        """Write no more; the descriptor is its owner's to close."""
        self._closed = True

    def _begin(self, frame: Frame) -> None:
        if self._fps is None:
            self._emit(Noted("output", f"the frame rate is unknown: {_UNKNOWN_FPS} fps is written"))
        self._emit(Opened("output", self.detail))
        _write_all(self._fd, header(frame.size, self._fps or _UNKNOWN_FPS, frame.color.full_range))
        self._begun = True


def header(size: Size, fps: Fraction, full_range: bool) -> bytes:
    """The first line of a stream."""
    color_range = "FULL" if full_range else "LIMITED"
    rate = f"F{fps.numerator}:{fps.denominator}"
    return f"YUV4MPEG2 W{size.width} H{size.height} {rate} Ip A1:1 C420jpeg XCOLORRANGE={color_range}\n".encode()


def _write_all(fd: int, data: bytes | U8) -> None:
    """A pipe may take a part only."""
    rest = memoryview(data).cast("B")  # type: ignore[arg-type]
    while rest:
        rest = rest[os.write(fd, rest) :]
