"""A video file, decoded by FFmpeg through PyAV."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from edgeseg.capture.decoded import Framer
from edgeseg.capture.pacing import Pacer
from edgeseg.clock import Clock
from edgeseg.errors import NotPermitted, SourceError
from edgeseg.facts import Emit, Noted, Opened
from edgeseg.frames import Frame
from edgeseg.ports import SourceInfo, SourceWish

_ATTACHED_PICTURE = 0x400  # AV_DISPOSITION_ATTACHED_PIC
# PyAV 19 lets damaged metadata pass and has no such option; those before refuse the file without it.
_LENIENT: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}
_PATIENCE_S = 0.5
_NO_VIDEO = {"tty": "text", "lrc": "text", "bin": "text"}  # FFmpeg would show these as moving letters


class VideoSource:
    """`file:clip.mp4`: the frames of a video file with the timestamps they have in it.

    8-bit 4:2:0 of even sides is not copied: the planes are views into the decoder's own buffers. Other
    formats are converted, a rotation or mirror tag is obeyed, a size that changes midway is followed. A clip
    that is cut short ends early with a `Noted`. With `wish.realtime` the frames come when they are due.
    """

    def __init__(self, where: str, wish: SourceWish, clock: Clock, emit: Emit) -> None:
        self._path, self._clock, self._emit = where, clock, emit
        self._pacer = Pacer(clock) if wish.realtime else None
        self._closed, self._lock = False, threading.Lock()
        self._framer = Framer()
        self._index, self._faults = 0, 0
        self._last_pts, self._shift = -1, 0
        _check(where)
        self._container = _open(where)
        self._stream = _video_stream(where, self._container)
        self._stream.codec_context.thread_count = 2
        self._stream.thread_type = "AUTO"
        rate = self._stream.average_rate or self._stream.guessed_rate
        self._fps = Fraction(rate) if rate else None  # PyAV 19 has a rational type of its own
        self._decoded = self._decode()
        self._first = self._next()
        if self._first is None:
            self._container.close()
            raise SourceError(f"{where} holds no picture that can be decoded; it may be cut short or damaged.")
        has_audio = bool(self._container.streams.audio)
        codec = self._stream.codec_context.name
        pace = f"{float(self._fps):.5g} fps" if self._fps else "unknown rate"
        self.info = SourceInfo(
            size=self._first.size,
            fps=self._fps,
            live=wish.realtime,
            detail=f"{where}: {codec} {self._first.size}, {pace}{', with audio' if has_audio else ''}",
            frames=self._stream.frames or None,
            audio_from=where if has_audio and Path(where).is_file() else None,  # a pipe is read once
        )
        emit(Opened("source", self.info.detail))

    def read(self) -> Frame | None:
        """See `FrameSource.read`."""
        with self._lock:
            if self._closed:
                return None
            frame, self._first = self._first or self._next(), None
        if frame is None:
            self.close()
            return None
        if self._pacer and not self._pacer.wait(frame.time_s, lambda: self._closed):
            return None
        frame.captured_at = self._clock.now()
        return frame

    def close(self) -> None:
        """See `FrameSource.close`."""
        self._closed = True
        # A pipe that nobody writes to holds a reader for ever: then the file is left to the process's end.
        if self._lock.acquire(timeout=_PATIENCE_S):
            try:
                self._first = None
                self._container.close()
            finally:
                self._lock.release()

    def _next(self) -> Frame | None:
        picture = next(self._decoded, None)
        if picture is None:
            self._note_shortfall()
            return None
        frame = self._frame(picture)
        self._index += 1
        return frame

    def _decode(self) -> Iterator[VideoFrame]:
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except (av.FFmpegError, OSError):  # what was read before it still stands
                self._faults += 1
                return
            if packet is None:
                return
            try:
                yield from packet.decode()
            except av.FFmpegError:  # a damaged packet: players go on with the next one, and so do we
                self._faults += 1

    def _note_shortfall(self) -> None:
        promised = self._stream.frames
        if self._index and (self._faults or self._index < promised):
            of = f" of {promised}" if promised else ""
            detail = f"{self._path} gave {self._index}{of} frames; the rest is cut off or damaged."
            self._emit(Noted("source", detail))

    def _frame(self, picture: VideoFrame) -> Frame:
        time_base = picture.time_base or self._stream.time_base or Fraction(1, 1000)
        pts = self._pts(picture, time_base)
        try:
            return self._framer.frame(picture, self._index, pts, time_base)
        except (av.FFmpegError, ValueError) as error:
            pixels = f"{self._path} has pixels of the format {picture.format.name}"
            raise SourceError(f"{pixels}, which cannot be converted; convert the clip to yuv420p.") from error

    def _pts(self, picture: VideoFrame, time_base: Fraction) -> int:
        """The picture's own timestamp; where it has none or jumps back (joined streams do), one frame on."""
        pts = picture.pts + self._shift if picture.pts is not None else None
        if self._index and (pts is None or pts <= self._last_pts):
            following = self._last_pts + max(1, round(1 / (self._fps or 25) / time_base))
            self._shift += following - pts if pts is not None else 0
            pts = following
        self._last_pts = pts or 0
        return self._last_pts


def _check(where: str) -> None:
    """Say what is wrong with the file before FFmpeg puts it less clearly."""
    path = Path(where)
    try:
        if path.is_dir():
            raise SourceError(f"{where} is a folder, not a video file; for a folder of pictures use images:{where}")
        if path.is_char_device():
            raise SourceError(f"{where} is a device, not a video file; for a camera use camera:{where}")
        if path.is_fifo():  # whoever writes to it would not stand an open and a close
            return
        with path.open("rb") as file:
            if path.is_file() and not file.read(1):
                raise SourceError(f"{where} is empty (0 bytes); record or copy it again.")
    except FileNotFoundError as error:
        raise SourceError(f"There is no file {where}; check the path.") from error
    except PermissionError as error:
        raise NotPermitted(f"{where} may not be read by this user; change its permissions or the user.") from error
    except (OSError, ValueError) as error:
        raise SourceError(f"{where} cannot be read: {error}.") from error


def _open(where: str) -> av.container.InputContainer:
    try:
        # "file:" so that a colon in the name is not taken for a protocol.
        container: av.container.InputContainer = av.open(f"file:{where}", mode="r", **_LENIENT)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise SourceError(f"{where} is no video that FFmpeg can read; check the file, or convert it.") from error
    if container.format.name in _NO_VIDEO:
        container.close()
        raise SourceError(f"{where} is {_NO_VIDEO[container.format.name]}, not a video; give a video file.")
    return container


def _video_stream(where: str, container: av.container.InputContainer) -> VideoStream:
    """The first video stream that is not a cover picture of a song."""
    for stream in container.streams.video:
        disposition = getattr(stream, "disposition", 0)  # a flag, a number, or not there, by PyAV's age
        if not getattr(disposition, "value", disposition) & _ATTACHED_PICTURE and stream.codec_context is not None:
            return stream
    container.close()
    raise SourceError(f"{where} has no video stream that can be decoded; give a video file.")
