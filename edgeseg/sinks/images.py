"""Still pictures: a folder of numbered PNGs, or one PNG or JPEG.

::

    edgeseg run --source talk.mp4 --sink images:frames          # frames/frame_000000.png ...
    edgeseg run --source portrait.jpg --sink images:portrait.png
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from edgeseg.errors import OutputError, UsageError
from edgeseg.facts import Emit, Noted, Opened
from edgeseg.frames import U8, Frame, Size
from edgeseg.ports import SinkWish
from edgeseg.sinks.place import check_file, check_new_folder, fault, put
from edgeseg.stages.pixels import i420_to_rgb

ENDINGS = (".png", ".jpg", ".jpeg")
# Level 1 takes a fifth of the time of the default and a tenth more space.
_SETTINGS = {".png": [cv2.IMWRITE_PNG_COMPRESSION, 1]}


class ImagesSink:
    """Writes each frame at its own size, odd sides too, as frame_000000.png, frame_000001.png ... in folder `where`.

    `where` that ends in .png, .jpg or .jpeg is one picture: the first frame; later ones are left out, with a note.
    A frame with alpha becomes an RGBA PNG, straight and not premultiplied. Each file is complete or not there.

    Raises OutputError for a place where nothing can be written, UsageError for transparency in a JPEG.
    """

    watched = None

    def __init__(self, where: str, wish: SinkWish, emit: Emit) -> None:
        self._path = Path(where)
        self._emit = emit
        self._single = self._path.suffix.lower() in ENDINGS
        self._ending = self._path.suffix.lower() if self._single else ".png"
        if wish.alpha and not self.keeps_alpha:
            raise UsageError(f"{where}: a {self._ending} picture cannot hold transparency; use .png")
        if self._single:
            check_file(self._path)
        else:
            check_new_folder(self._path)
        self._written = 0
        self._closed = False
        self._bgr: U8 | None = None

    @property
    def keeps_alpha(self) -> bool:
        """Whether the files are PNGs."""
        return self._ending == ".png"

    @property
    def detail(self) -> str:
        """The file, or the names in the folder."""
        return str(self._path) if self._single else f"{self._path}/frame_000000.png and so on"

    def write(self, frame: Frame) -> None:
        """Write `frame` to its own file. Raises OutputError."""
        if self._closed:
            raise OutputError(f"cannot write {self._path}: it was closed")
        if self._single and self._written:
            if self._written == 1:
                self._emit(Noted("output", f"{self._path} is one picture: frames after the first are left out"))
            self._written += 1
            return
        path = self._path if self._single else self._path / f"frame_{self._written:06d}.png"
        try:
            if not self._written:
                self._begin()
            done, data = cv2.imencode(self._ending, self._pixels(frame), _SETTINGS.get(self._ending, []))
            if not done:
                raise OutputError(f"cannot write {path}: OpenCV cannot encode a picture of {frame.size}")
            put(path, data.data)
        except (OSError, cv2.error) as error:
            raise fault(path, error) from error
        self._written += 1

    def close(self) -> None:
        """Take no more frames; every file is complete already."""
        self._closed = True

    def _begin(self) -> None:
        if not self._single:
            self._path.mkdir(exist_ok=True)
            if any(self._path.glob("frame_*.png")):
                self._emit(Noted("output", f"{self._path} holds pictures already: only those of the same name go"))
        self._emit(Opened("output", self.detail))

    def _pixels(self, frame: Frame) -> U8:
        """The picture as BGR, or BGRA where it has alpha."""
        if self._bgr is None or Size(self._bgr.shape[1], self._bgr.shape[0]) != frame.size:
            self._bgr = np.empty((frame.size.height, frame.size.width, 3), np.uint8)
        i420_to_rgb(frame.planes, frame.color, self._bgr, bgr=True)
        if frame.alpha is None or not self.keeps_alpha:
            return self._bgr
        bgra = cv2.cvtColor(self._bgr, cv2.COLOR_BGR2BGRA)
        bgra[..., 3] = frame.alpha[: frame.size.height, : frame.size.width]
        bgra[bgra[..., 3] == 0] = 0  # chroma belongs to four pixels: at the edge some of it lies where nobody is
        return bgra.astype(np.uint8, copy=False)
