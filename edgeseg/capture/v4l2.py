"""A camera behind Video4Linux, through OpenCV, in the camera's own pixel format."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.video.codeccontext import VideoCodecContext

from edgeseg.capture.decoded import Framer
from edgeseg.capture.grabber import Grabber
from edgeseg.capture.v4l2_devices import check, check_free, device_path
from edgeseg.capture.v4l2_identity import Identity, find, identity
from edgeseg.capture.v4l2_modes import Capture, convert, negotiate
from edgeseg.clock import Clock
from edgeseg.errors import SourceError
from edgeseg.facts import Dropped, Emit, Opened
from edgeseg.frames import MICROSECONDS, ColorSpace, Frame, PixelFormat, PlanesPool, Size
from edgeseg.ports import SourceInfo, SourceWish

DEFAULT_SIZE, DEFAULT_FPS = Size(1280, 720), Fraction(30)
_TIMEOUT_S = 5.0
_DAMAGED_IN_A_ROW = 30
_START, _END = b"\xff\xd8", b"\xff\xd9"  # ITU-T T.81, SOI and EOI
_PADDING = 4096  # bytes that may follow the end: cameras fill their buffers up


class CameraSource:
    """`camera:0` or `camera:/dev/video0`: 1280x720 at 30 fps unless asked otherwise, or the nearest there is.

    With `wish.identity` it is that camera, under whatever number it is now.
    The formats are tried in `ORDER`; the first that meets the wish is taken, else the nearest to it.
    `open_capture` gives the device: raises SourceError or NotPermitted if it cannot be had.
    """

    def __init__(
        self,
        where: str,
        wish: SourceWish,
        clock: Clock,
        emit: Emit,
        open_capture: Callable[[str], Capture] | None = None,
        root: Path = Path("/"),
    ) -> None:
        self._where, self._clock, self._emit = where, clock, emit
        self._index, self._start_s = 0, 0.0
        path = _path(where, wish, root)
        self._capture = (open_capture or open_device)(str(path))
        try:
            self._mode = negotiate(self._capture, where, wish.size or DEFAULT_SIZE, wish.fps or DEFAULT_FPS)
        except BaseException:
            self._capture.release()
            raise
        self._pool = PlanesPool(self._mode.size)
        self._jpeg = JpegDecoder() if self._mode.format is PixelFormat.MJPEG else None
        self._grabber = Grabber(self._capture.read, self._capture.release, f"camera-{where}")
        self._first = self._guarded_next()
        if self._first is None:
            raise SourceError(f"The camera {where} was closed while it was opened.")
        moved = "" if Path(where).name in (path.name, path.name.removeprefix("video")) else f", now {path}"
        detail = f"camera {where}{moved}: {self._mode}"
        self.info = SourceInfo(self._first.size, self._mode.fps, True, detail, identity=identity(path, root))
        emit(Opened("source", detail))

    def read(self) -> Frame | None:
        """See `FrameSource.read`."""
        frame, self._first = self._first or self._guarded_next(), None
        return frame

    def close(self) -> None:
        """See `FrameSource.close`."""
        self._first = None
        self._grabber.close()

    def _guarded_next(self) -> Frame | None:
        try:
            return self._next()
        except SourceError:
            self._grabber.close()
            raise

    def _next(self) -> Frame | None:
        why = ""
        for _ in range(_DAMAGED_IN_A_ROW):
            answer = self._grab()
            if answer is None:
                return None
            ok, raw = answer
            if not ok or raw is None:
                raise SourceError(f"The camera {self._where} gives no more frames; was it unplugged?")
            now = self._clock.now()
            self._start_s = self._start_s if self._index else now
            try:
                frame = self._frame(raw, round((now - self._start_s) * 1e6))
            except SourceError as error:  # of another length: cut short, or it has changed its format
                why = str(error)
                if not self._index:
                    raise
            else:
                if frame is not None:
                    frame.captured_at = now
                    self._index += 1
                    return frame
            self._emit(Dropped("damaged"))  # the first JPEGs of many webcams are cut short
        raise SourceError(
            why or f"The camera {self._where} gave {_DAMAGED_IN_A_ROW} damaged pictures in a row; check the cable."
        )

    def _grab(self) -> tuple[bool, Any] | None:
        try:
            return self._grabber.take(_TIMEOUT_S)
        except TimeoutError as error:
            raise SourceError(
                f"The camera {self._where} gave no frame for {_TIMEOUT_S:g} s; is it plugged in?"
            ) from error
        except cv2.error as error:
            raise SourceError(f"The camera {self._where} failed: {error}.") from error

    def _frame(self, raw: Any, pts: int) -> Frame | None:
        """The frame; None if its data are damaged."""
        if self._jpeg is not None:
            return self._jpeg.frame(raw, self._index, pts)
        planes = self._pool.take()
        convert(raw, self._mode, planes)
        # What V4L2 takes for granted (V4L2_MAP_QUANTIZATION_DEFAULT): grey is of full range, Y'CbCr of limited.
        color = ColorSpace(full_range=self._mode.format is PixelFormat.GREY)
        return self._pool.lend(Frame(planes, self._mode.size, self._index, pts, color=color))


class JpegDecoder:
    """Decodes a webcam's JPEGs to their own Y, U and V, without the way over RGB.

    One that is cut short or corrupt is refused, for FFmpeg would show what was in its memory before where data lack.
    """

    def __init__(self) -> None:
        context = av.CodecContext.create("mjpeg", "r")
        assert isinstance(context, VideoCodecContext)
        context.thread_count = 1  # more would hold frames back
        context.options = {"err_detect": "explode"}
        self._context, self._framer = context, Framer()

    def frame(self, raw: Any, index: int, pts: int) -> Frame | None:
        """The frame of a (1, N) uint8 array that holds one JPEG; None if it cannot be decoded."""
        data = np.asarray(raw).tobytes()
        if not data.startswith(_START) or _END not in data[-_PADDING:]:
            return None
        try:
            for picture in self._context.decode(av.Packet(data)):
                if picture.is_corrupt:
                    return None
                return self._framer.frame(picture, index, pts, MICROSECONDS)
        except av.FFmpegError:
            pass
        return None


def _path(where: str, wish: SourceWish, root: Path) -> Path:
    """Where the camera is now that is meant; raises SourceError if it is not there."""
    if not isinstance(wish.identity, Identity):
        return device_path(where, root)
    path = find(wish.identity, root)
    if path is None:
        serial = f", serial number {wish.identity.serial}" if wish.identity.serial else ""
        raise SourceError(f"The camera {where} ({wish.identity.kind[0]}{serial}) is not there; is it plugged in?")
    return path


def open_device(where: str) -> Capture:
    """The device through OpenCV. Raises SourceError or NotPermitted if it is not there, no camera or in use."""
    path = device_path(where)
    check(path)
    check_free(path)
    capture = cv2.VideoCapture(str(path), cv2.CAP_V4L2)
    if not capture.isOpened():
        raise SourceError(f"OpenCV cannot open the camera {path}; try another program, or dmesg, to see why.")
    return capture
