"""Pictures in one folder and their masks in another, paired by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edgeseg.errors import GoldenError, UsageError, did_you_mean
from edgeseg.golden.pictures import Bool, read_grey, read_image, read_mask
from edgeseg.golden.writing import NewItem, shortened

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")


@dataclass(frozen=True, slots=True)
class PairsWish:
    """How pairs are made.

    threshold: grey of so much and more is the person's, 1 to 255; None: masks must be 0 and 255 already. suffix: what
    masks' names have after the picture's, such as "_mask". framing, tags: of every picture.
    """

    threshold: int | None = None
    suffix: str = ""
    framing: str | None = None
    tags: tuple[str, ...] = ()


def pairs(images: Path, masks: Path, wish: PairsWish) -> Iterator[NewItem]:
    """Each picture below `images` with the mask below `masks` of the same name but for its ending, sorted by name.

    Raises UsageError for a folder that is none or holds no picture. At the end raises GoldenError, a line for each
    fault: a picture without a mask or the other way round, two of one name, unreadable ones, other sizes, grey values.
    """
    if wish.threshold is not None and not 1 <= wish.threshold <= 255:
        raise UsageError(f"--threshold is {wish.threshold}; give a grey value from 1 to 255.")
    of_images, faults = _by_name(images, "")
    of_masks, more = _by_name(masks, wish.suffix)
    if wish.suffix and images.resolve() == masks.resolve():  # both lie in one folder
        of_images = {name: path for name, path in of_images.items() if not name.endswith(wish.suffix)}
    if not of_images:
        raise UsageError(f"{images} holds no picture ({', '.join(PICTURES)}).")
    if not of_masks:
        named = f" whose name ends in {wish.suffix!r}" if wish.suffix else ""
        raise UsageError(f"{masks} holds no picture{named} ({', '.join(PICTURES)}).")
    faults += more
    for name in sorted(of_images.keys() | of_masks.keys()):
        try:
            if name not in of_masks:
                raise GoldenError(f"{of_images[name]} has no mask in {masks}{_near(name, of_masks, of_images)}.")
            if name not in of_images:
                raise GoldenError(f"{of_masks[name]} has no picture in {images}{_near(name, of_images, of_masks)}.")
            person = _person(of_masks[name], wish.threshold)
            _same_size(of_images[name], of_masks[name], person)
        except GoldenError as error:
            faults.append(str(error))
            continue
        yield NewItem(name, of_images[name], person, wish.framing, wish.tags)
    if faults:
        raise GoldenError("\n".join(shortened(faults)))


def _by_name(folder: Path, suffix: str) -> tuple[dict[str, Path], list[str]]:
    """The pictures below a folder by their relative path without suffix and ending, and faults."""
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder; give one that holds pictures.")
    found: dict[str, Path] = {}
    faults: list[str] = []
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if hidden or path.suffix.lower() not in PICTURES or not path.is_file() or not path.stem.endswith(suffix):
            continue
        name = path.relative_to(folder).with_suffix("").as_posix().removesuffix(suffix)
        if name in found:
            faults.append(f"{path} has the same name as {found[name]}: keep one of them.")
        found.setdefault(name, path)
    return found, faults


def _near(name: str, there: dict[str, Path], taken: dict[str, Path]) -> str:
    """The end of a sentence: which one of those without a partner may be meant."""
    free = there.keys() - taken.keys()
    guess = did_you_mean(name, free) if free else ""
    return f": {guess.removesuffix('?')} (its name must be the same)" if guess.startswith("did") else ""


def _person(path: Path, threshold: int | None) -> Bool:
    if threshold is None:
        try:
            return read_mask(path)
        except GoldenError as error:
            if " must " not in str(error):
                raise
            raise GoldenError(f"{str(error).removesuffix('.')}: --threshold 128 would cut it.") from error
    return np.asarray(read_grey(path) >= threshold)


def _same_size(image: Path, mask: Path, person: Bool) -> None:
    height, width = read_image(image).shape[:2]
    if (height, width) == person.shape:
        return
    given = f"{person.shape[1]}x{person.shape[0]}"
    raw = cv2.imread(str(image), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    turned = raw is not None and raw.shape[:2] != (height, width)
    why = "; its EXIF turns it, which the mask must follow" if turned else ""
    raise GoldenError(f"{mask} is {given}, but {image} is {width}x{height}{why}.")
