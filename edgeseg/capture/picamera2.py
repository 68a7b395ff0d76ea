"""A Raspberry Pi camera through libcamera and picamera2, in I420 from the image processor on."""

from __future__ import annotations

import importlib
from fractions import Fraction
from typing import Any

import numpy as np

from edgeseg.capture.grabber import Grabber
from edgeseg.clock import Clock
from edgeseg.errors import NotPermitted, SourceError
from edgeseg.facts import Emit, Opened
from edgeseg.frames import U8, ColorSpace, Frame, Planes, PlanesPool, Size
from edgeseg.ports import SourceInfo, SourceWish

DEFAULT_SIZE, DEFAULT_FPS = Size(1280, 720), Fraction(30)
_TIMEOUT_S = 5.0
_BUFFERS = 4


class Picamera2Source:
    """`picamera2:0`: camera number 0, 1280x720 at 30 fps unless asked otherwise; an odd side is made even.

    The stream is YUV420 in BT.601, limited range, asked of libcamera by its name for that, Smpte170m.
    """

    def __init__(self, where: str, wish: SourceWish, clock: Clock, emit: Emit) -> None:
        self._where, self._clock = where, clock
        self._index, self._start_s = 0, 0.0
        fps = wish.fps or DEFAULT_FPS
        self._camera = _open(where)
        try:
            stream = _configure(self._camera, (wish.size or DEFAULT_SIZE).even, fps)
            self._size = Size(*stream["size"])
            self._stride = int(stream["stride"])
            if stream["format"] != "YUV420" or self._size != self._size.even:
                raise SourceError(f"The camera gives {stream['format']} {self._size}, not YUV420; ask another size.")
            self._pool = PlanesPool(self._size)
            self._camera.start()
        except (RuntimeError, ValueError, KeyError, OSError) as error:
            self._camera.close()
            raise SourceError(f"The camera {where or 0} cannot be started: {error}.") from error
        except BaseException:
            self._camera.close()
            raise
        self._grabber = Grabber(self._grab, self._release, "picamera2")
        detail = f"picamera2 {where or 0}: YUV420 {self._size} at {float(fps):.4g} fps"
        self.info = SourceInfo(self._size, fps, True, detail)
        emit(Opened("source", detail))

    def read(self) -> Frame | None:
        """See `FrameSource.read`."""
        try:
            planes = self._grabber.take(_TIMEOUT_S)
        except TimeoutError as error:
            self.close()
            message = f"The camera {self._where or 0} gave no frame for {_TIMEOUT_S:g} s; check its ribbon cable."
            raise SourceError(message) from error
        except (RuntimeError, ValueError, OSError) as error:
            self.close()
            raise SourceError(f"The camera {self._where or 0} failed: {error}.") from error
        if planes is None:
            return None
        now = self._clock.now()
        self._start_s = self._start_s if self._index else now
        pts = round((now - self._start_s) * 1e6)
        frame = Frame(planes, self._size, self._index, pts, color=ColorSpace("bt601"), captured_at=now)
        self._index += 1
        return self._pool.lend(frame)

    def close(self) -> None:
        """See `FrameSource.close`."""
        self._grabber.close()

    def _grab(self) -> Planes:
        request = self._camera.capture_request()
        try:
            planes = self._pool.take()
            unpad(request.make_buffer("main"), self._stride, planes)
            return planes
        finally:
            request.release()  # else libcamera runs out of buffers

    def _release(self) -> None:
        self._camera.stop()
        self._camera.close()


def unpad(buffer: U8, stride: int, out: Planes) -> None:
    """Copy libcamera's YUV420 into `out`: rows of `stride` bytes for Y, of half that for U and V.

    Raises SourceError if `buffer`, flat uint8, holds less than that.
    """
    width, height = out.size
    half = stride // 2
    luma, chroma = stride * height, half * (height // 2)
    if buffer.size < luma + 2 * chroma or stride < width:
        raise SourceError(f"The camera gave {buffer.size} bytes for {out.size} in rows of {stride}; ask another size.")
    out.y[...] = buffer[:luma].reshape(height, stride)[:, :width]
    pair = np.asarray(buffer[luma : luma + 2 * chroma]).reshape(2, height // 2, half)[:, :, : width // 2]
    out.u[...], out.v[...] = pair


def _open(where: str) -> Any:
    try:
        library: Any = importlib.import_module("picamera2").Picamera2
    except (ImportError, AttributeError, OSError) as error:
        raise SourceError(
            "picamera2 is not installed for this Python; install it by apt install python3-picamera2, and make the "
            f"virtual environment with --system-site-packages ({error})."
        ) from error
    if where and not where.isdecimal():
        raise SourceError(f"picamera2:{where} is no camera number; use picamera2:0.")
    number = int(where or 0)
    there = [str(info.get("Model", "?")) for info in library.global_camera_info()]
    if number >= len(there):
        found = ", ".join(f"{index} ({model})" for index, model in enumerate(there)) or "none"
        raise SourceError(f"libcamera sees no camera {number}, but {found}; check the cable with rpicam-hello --list.")
    try:
        return library(number)
    except (RuntimeError, OSError, IndexError) as error:
        # "Camera __init__ sequence did not complete", "Failed to acquire camera: Device or resource busy"
        raise NotPermitted(f"The camera {number} cannot be had: {error}; another program may hold it.") from error


def _configure(camera: Any, size: Size, fps: Fraction) -> Any:
    """Ask for the stream; its configuration as libcamera made it: format, size, stride."""
    frame_us = round(1_000_000 / fps)
    paced = "FrameDurationLimits" in camera.camera_controls  # not every camera behind libcamera has it
    configuration = camera.create_video_configuration(
        main={"size": tuple(size), "format": "YUV420"},
        controls={"FrameDurationLimits": (frame_us, frame_us)} if paced else {},
        colour_space=importlib.import_module("libcamera").ColorSpace.Smpte170m(),
        buffer_count=_BUFFERS,
    )
    camera.configure(configuration)
    return camera.camera_configuration()["main"]
