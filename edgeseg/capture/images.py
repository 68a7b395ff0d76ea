"""Pictures: one file, or a folder of them in natural order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from edgeseg.capture.pacing import Pacer
from edgeseg.clock import Clock
from edgeseg.errors import NotPermitted, SourceError
from edgeseg.facts import Emit, Noted, Opened
from edgeseg.frames import MICROSECONDS, U8, ColorSpace, Frame, PlanesPool, Size
from edgeseg.ports import SourceInfo, SourceWish
from edgeseg.stages.pixels import bgr_to_i420, decode_bgr

FOLDER_FPS = Fraction(25)
_COLOR = ColorSpace("bt601", full_range=True)  # as JFIF has it, so that no level of a picture is lost


class ImagesSource:
    """`images:photo.jpg` or `images:folder`: each picture is one frame, at `wish.fps` or 25 a second.

    Grey, 16-bit and palette pictures become 8-bit colour; an EXIF orientation is obeyed; transparency is
    flattened on black (and in such a picture the orientation is not obeyed). In a folder hidden files and
    subfolders are passed over, and what is no picture or is damaged is skipped with a `Noted`.
    """

    def __init__(self, where: str, wish: SourceWish, clock: Clock, emit: Emit) -> None:
        self._clock, self._emit = clock, emit
        self._closed, self._index = False, 0
        self._pool: PlanesPool | None = None
        path = Path(where)
        folder = _is_folder(path)
        self._time_base = 1 / (wish.fps or FOLDER_FPS) if folder else MICROSECONDS
        self._pacer = Pacer(clock) if wish.realtime and folder else None
        files = self._pictures_in(path) if folder else [path]
        self._pictures = self._load(files, skip_damaged=folder)
        self._first = next(self._pictures, None)
        if self._first is None:
            raise SourceError(f"None of the files in {where} is a picture that can be read; give a folder of pictures.")
        size = self._first.size
        detail = f"{where}: {len(files)} pictures, the first {size}" if folder else f"{where}: a picture of {size}"
        fps = 1 / self._time_base if folder else None
        self.info = SourceInfo(size, fps, self._pacer is not None, detail, frames=len(files))
        emit(Opened("source", detail))

    def read(self) -> Frame | None:
        """See `FrameSource.read`."""
        if self._closed:
            return None
        frame, self._first = self._first or next(self._pictures, None), None
        if frame is None or (self._pacer and not self._pacer.wait(frame.time_s, lambda: self._closed)):
            self._closed = True
            return None
        frame.captured_at = self._clock.now()
        return frame

    def close(self) -> None:
        """See `FrameSource.close`."""
        self._closed = True

    def _pictures_in(self, folder: Path) -> list[Path]:
        try:
            files = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
        except OSError as error:
            raise NotPermitted(
                f"The folder {folder} may not be read: {error.strerror}; change its permissions."
            ) from error
        pictures = sorted((path for path in files if is_picture(path)), key=_natural)
        skipped = sorted(set(files) - set(pictures), key=_natural)
        if skipped:
            names = ", ".join(path.name for path in skipped[:3]) + (", ..." if len(skipped) > 3 else "")
            self._emit(Noted("source", f"Skipped in {folder}, as no pictures: {names}"))
        return pictures

    def _load(self, files: list[Path], skip_damaged: bool) -> Iterator[Frame]:
        for path in files:
            try:
                bgr = _read(path)
            except (SourceError, NotPermitted) as error:
                if not skip_damaged:
                    raise
                self._emit(Noted("source", f"Skipped: {error}"))
                continue
            size = Size(bgr.shape[1], bgr.shape[0])
            if self._pool is None or self._pool.size != size:
                self._pool = PlanesPool(size)
            planes = self._pool.take()
            bgr_to_i420(bgr, planes, _COLOR)
            frame = Frame(planes, size, self._index, self._index, self._time_base, _COLOR)
            self._index += 1
            yield self._pool.lend(frame)


def is_picture(path: Path) -> bool:
    """Whether the file's content starts like a still picture (GIF, which may move, is left to `VideoSource`)."""
    try:
        with path.open("rb") as file:
            moves = file.read(4) == b"GIF8"
        return not moves and bool(cv2.haveImageReader(str(path)))
    except (OSError, ValueError, cv2.error):
        return False


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False  # reading it says why


def _natural(path: Path) -> list[tuple[int, str]]:
    """Sorts 2.png before 10.png, whatever the case of the letters."""
    parts = re.split(r"(\d+)", path.name)
    return [(int(part), "") if part.isdecimal() else (-1, part.casefold()) for part in parts]


def _read(path: Path) -> U8:
    """The picture as (H, W, 3) BGR uint8. Raises SourceError or NotPermitted."""
    try:
        if path.is_char_device():  # it may never end
            raise SourceError(f"{path} is a device and no picture; for a camera use camera:{path}.")
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except FileNotFoundError as error:
        raise SourceError(f"There is no file {path}; check the path.") from error
    except PermissionError as error:
        raise NotPermitted(f"{path} may not be read by this user; change its permissions or the user.") from error
    except (OSError, ValueError) as error:
        raise SourceError(f"{path} cannot be read: {error}.") from error
    if not data.size:
        raise SourceError(f"{path} is empty (0 bytes); copy it again.")
    try:
        picture = decode_bgr(data)
    except cv2.error as error:
        if "CV_IO_MAX_IMAGE" in str(error):
            raise SourceError(f"{path} has more pixels than OpenCV accepts (2^30); make it smaller.") from error
        raise SourceError(f"{path} cannot be decoded; it may be damaged.") from error
    if picture is None:
        raise SourceError(f"{path} is no picture that OpenCV can decode; it may be damaged.")
    return picture
