"""The pictures and masks of a golden set: read one at a time, and looked over before they are trusted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from edgeseg.errors import GoldenError
from edgeseg.frames import U8
from edgeseg.golden.dataset import EMPTY, Dataset, Item, load

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


def check(path: Path) -> list[str]:
    """Everything that is wrong with the dataset at `path`, pictures included; empty if it is sound.

    One line "file:line: what is wrong" each. Beyond what `load` finds: files that are missing, unreadable, outside the
    folder by a symbolic link, or the same picture under two names; masks that are not binary, not of the image's size,
    or empty where the item is not tagged so (or not, where it is); sequences whose frames differ in size. Where
    dataset.yaml itself is wrong, its faults alone are given. Raises UsageError if there is no dataset at `path`.
    """
    try:
        dataset = load(path)
    except GoldenError as error:
        return str(error).splitlines()
    faults: list[str] = []
    digests: dict[bytes, str] = {}
    sizes: dict[str, tuple[int, int]] = {}
    for item, place in zip(dataset.file.items, dataset.item_places, strict=True):
        faults += [f"{place}: {fault}" for fault in _item_faults(dataset, item, sizes)]
        faults += [f"{place}: {fault}" for fault in _same_bytes(dataset, item, digests)]
    return faults


def _item_faults(dataset: Dataset, item: Item, sizes: dict[str, tuple[int, int]]) -> Iterator[str]:
    """Faults of one item; `sizes` remembers the size of each sequence's first frame."""
    image_size: tuple[int, int] | None = None
    try:
        image_size = read_image(dataset.path(item.image)).shape[:2]
    except GoldenError as error:
        yield str(error)
    if image_size is not None and item.sequence is not None:
        first = sizes.setdefault(item.sequence, image_size)
        if first != image_size:
            yield f"{item.image} is {_wxh(image_size)}, but sequence {item.sequence!r} began with {_wxh(first)}."
    try:
        mask = read_mask(dataset.path(item.mask))
    except GoldenError as error:
        yield str(error)
        return
    if image_size is not None and mask.shape != image_size:
        yield f"{item.mask} is {_wxh(mask.shape)}, but {item.image} is {_wxh(image_size)}."
    if item.is_empty and mask.any():
        yield f"{item.mask} holds a person, but the item is tagged '{EMPTY}'."
    if not item.is_empty and not mask.any():
        yield f"{item.mask} is empty: tag the item '{EMPTY}' if nobody is in the picture."


def _same_bytes(dataset: Dataset, item: Item, digests: dict[bytes, str]) -> Iterator[str]:
    """Whether the picture has been seen under another name. Masks may be alike: two empty rooms have the same one."""
    try:
        digest = hashlib.sha256(dataset.path(item.image).read_bytes()).digest()
    except (OSError, GoldenError):
        return
    before = digests.setdefault(digest, item.image)
    if before != item.image:
        yield f"{item.image} is the same file as {before}, byte for byte."


def _read(path: Path, flags: int) -> npt.NDArray[np.generic]:
    if not path.is_file():  # OpenCV would only print a warning
        raise GoldenError(f"{path} is missing.")
    try:
        picture = cv2.imread(str(path), flags)
    except cv2.error as error:
        raise GoldenError(f"{path} cannot be read as a picture: {error.err}.") from error
    if picture is None:
        raise GoldenError(f"{path} cannot be read as a picture.")
    return picture


def _wxh(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}x{shape[0]}"
