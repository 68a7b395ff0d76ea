"""The pictures and masks of a golden set, read one at a time."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from edgeseg.errors import GoldenError
from edgeseg.frames import U8

Bool = npt.NDArray[np.bool_]


def read_image(path: Path) -> U8:
    """The picture as (H, W, 3) uint8 BGR, turned as its EXIF says. Raises GoldenError if it cannot be read."""
    return np.asarray(_read(path, cv2.IMREAD_COLOR), np.uint8)


def read_mask(path: Path) -> Bool:
    """The mask as (H, W) bool, True where the person is.

    Raises GoldenError if it cannot be read or is anything but 8-bit grey of 0 and 255 only.
    """
    grey = _read(path, cv2.IMREAD_UNCHANGED)
    if grey.ndim != 2 or grey.dtype != np.uint8:
        channels = 1 if grey.ndim == 2 else grey.shape[2]
        raise GoldenError(f"{path} must be 8-bit grey, not {channels} channels of {grey.dtype}.")
    person: Bool = np.equal(grey, 255)
    others = np.unique(grey[~person & (grey != 0)])
    if others.size:
        shown = ", ".join(map(str, others[:5].tolist())) + (" ..." if others.size > 5 else "")
        raise GoldenError(f"{path} must hold 0 and 255 only; it holds {shown} too.")
    return person


def read_grey(path: Path) -> U8:
    """Whatever picture there is as (H, W) uint8 grey; transparency is left out. Raises GoldenError if it is unreadable.

    Not turned by EXIF: masks have none.
    """
    return np.asarray(_read(path, cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION), np.uint8)


def _read(path: Path, flags: int) -> npt.NDArray[np.generic]:
    if path.is_dir():
        raise GoldenError(f"{path} is a folder, not a picture.")
    if not path.is_file():  # OpenCV would only print a warning
        raise GoldenError(f"{path} is missing.")
    try:
        picture = cv2.imread(str(path), flags)
    except cv2.error as error:
        raise GoldenError(f"{path} cannot be read as a picture: {error.err}.") from error
    if picture is None:
        raise GoldenError(f"{path} cannot be read as a picture.")
    if _is_cut_short(path):
        raise GoldenError(f"{path} is cut short: its end is missing, copy it anew.")
    return picture


def _is_cut_short(path: Path) -> bool:
    """Whether a JPEG lacks its end: OpenCV makes the rest of it grey and says nothing (of PNG it reads none)."""
    content = path.read_bytes()
    # The marker of the end, EOI, cannot be in the data of a scan, which SOS begins (ITU-T T.81, B.1.1.5). A thumbnail
    # in the EXIF has one of its own, but comes before.
    return content.startswith(b"\xff\xd8") and content.rfind(b"\xff\xd9") < content.rfind(b"\xff\xda")
