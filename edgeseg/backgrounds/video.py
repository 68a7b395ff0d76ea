"""A looping video: `video:waves.mp4`, at its own speed, scaled to cover the frame."""

from __future__ import annotations

from pathlib import Path

import av
import av.error
import numpy as np

from edgeseg.errors import UsageError
from edgeseg.frames import ColorSpace, Frame, Mask, Planes, Size


class VideoBackground:
    """A video behind the person, played in the time of the frames in front of it, for ever."""

    def __init__(self, where: str) -> None:
        self._where = where
        if not Path(where).is_file():
            raise UsageError(f"The background video {where} is not there.")
        self._open()
        first = self._next()
        if first is None:
            raise UsageError(f"The background {where} is no video that can be read.")
        self._current = first
        self._loop_start: float | None = None
        self._made: tuple[Size, ColorSpace, Planes] | None = None
        self._drawn: av.VideoFrame | None = None

    def render(self, frame: Frame, mask: Mask | None) -> Planes:
        """See `Background.render`."""
        if self._loop_start is None:
            self._loop_start = frame.time_s
        self._advance(frame.time_s)
        size = frame.planes.size
        if self._made is None or self._made[:2] != (size, frame.color):
            self._made = (size, frame.color, Planes.allocate(size))
            self._drawn = None
        if self._drawn is not self._current:
            _draw(self._current, frame.color, self._made[2])
            self._drawn = self._current
        return self._made[2]

    def close(self) -> None:
        """See `Background.close`."""
        self._container.close()

    def _open(self) -> None:
        try:
            self._container = av.open(self._where)
            self._frames = self._container.decode(video=0)
        except (av.error.FFmpegError, IndexError, OSError):
            raise UsageError(f"The background {self._where} is no video that can be read.") from None

    def _next(self) -> av.VideoFrame | None:
        try:
            return next(self._frames, None)
        except av.error.FFmpegError:
            return None  # a damaged end: the loop starts over

    def _advance(self, time_s: float) -> None:
        """Decode on to the frame that is due at `time_s`; at the end start over."""
        assert self._loop_start is not None
        while True:
            elapsed = time_s - self._loop_start
            if (self._current.time or 0.0) >= elapsed:
                return
            following = self._next()
            if following is None:
                self._container.close()
                self._open()
                following = self._next()
                if following is None:
                    return
                self._loop_start = time_s
                self._current = following
                return
            self._current = following


def _draw(video: av.VideoFrame, color: ColorSpace, out: Planes) -> None:
    size = out.size
    scale = max(size.width / video.width, size.height / video.height)
    grown = Size(max(size.width, round(video.width * scale)), max(size.height, round(video.height * scale))).even
    scaled = video.reformat(
        grown.width,
        grown.height,
        "yuv420p",
        dst_colorspace="ITU709" if color.matrix == "bt709" else "ITU601",
        dst_color_range="JPEG" if color.full_range else "MPEG",
    )
    left, top = (grown.width - size.width) // 4 * 2, (grown.height - size.height) // 4 * 2
    for index, target in enumerate(out):
        source = scaled.planes[index]
        shift = 1 if index else 0
        rows = np.frombuffer(memoryview(source), np.uint8).reshape(-1, source.line_size)
        height, width = target.shape
        np.copyto(target, rows[top >> shift : (top >> shift) + height, left >> shift : (left >> shift) + width])
