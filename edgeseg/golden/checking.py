"""Golden sets looked over before they are trusted: all that is wrong with one, and what is odd."""

from __future__ import annotations

import difflib
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from edgeseg.errors import GoldenError
from edgeseg.golden.dataset import EMPTY, FILE_NAME, PENDING, Dataset, Item, load
from edgeseg.golden.pictures import read_image, read_mask

_SHOWN = 10  # of the files that are not named
_TEXTS = (".md", ".txt", ".rst", "")  # README, LICENSE


@dataclass(frozen=True, slots=True)
class Findings:
    """faults: what makes the set unusable. warnings: what is odd. One line "file:line: what is wrong" each."""

    faults: tuple[str, ...]
    warnings: tuple[str, ...] = ()


@dataclass(slots=True)
class _Seen:
    """What was met so far: who had a picture's pixels, the size of each sequence's first frame, and what is odd."""

    pixels: dict[bytes, Item] = field(default_factory=dict)
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def check(path: Path) -> list[str]:
    """The faults of `examine`; empty if the set is sound."""
    return list(examine(path).faults)


def examine(path: Path) -> Findings:
    """Everything that is wrong with the dataset at `path`, pictures included, and what is odd about it.

    Faults, beyond what `load` finds: files that are missing, unreadable, cut short, outside the folder by a symbolic
    link, or the same picture under two names; masks that are not binary, not of the image's size, or empty where the
    item is not tagged so (or not, where it is); sequences whose frames differ in size. Warnings: a frame that repeats
    another one of its sequence; files that dataset.yaml does not name; what was proposed and never accepted. Where
    dataset.yaml itself is wrong, its faults alone are given. Raises UsageError if there is no dataset at `path`.
    """
    try:
        dataset = load(path)
    except GoldenError as error:
        return Findings(tuple(str(error).splitlines()))
    unnamed = _unnamed(dataset)
    faults: list[str] = []
    seen = _Seen()
    for item, place in zip(dataset.file.items, dataset.item_places, strict=True):
        faults += [f"{place}: {fault}" for fault in _item_faults(dataset, item, place, unnamed, seen)]
    return Findings(tuple(faults), (*seen.warnings, *_about(dataset, unnamed)))


def _item_faults(dataset: Dataset, item: Item, place: str, unnamed: list[str], seen: _Seen) -> Iterator[str]:
    """Faults of one item; `seen` remembers it."""
    image_size: tuple[int, int] | None = None
    try:
        bgr = read_image(dataset.path(item.image))
    except GoldenError as error:
        yield _with_guess(str(error), dataset, item.image, unnamed)
    else:
        image_size = bgr.shape[:2]
        yield from _of_sequence(item, image_size, seen)
        yield from _twice(item, place, hashlib.sha256(repr(bgr.shape).encode() + bgr.tobytes()).digest(), seen)
    try:
        mask = read_mask(dataset.path(item.mask))
    except GoldenError as error:
        yield _with_guess(str(error), dataset, item.mask, unnamed)
        return
    if image_size is not None and mask.shape != image_size:
        yield f"{item.mask} is {_wxh(mask.shape)}, but {item.image} is {_wxh(image_size)}."
    if item.is_empty and mask.any():
        yield f"{item.mask} holds a person, but the item is tagged '{EMPTY}'."
    if not item.is_empty and not mask.any():
        yield f"{item.mask} is empty: tag the item '{EMPTY}' if nobody is in the picture."


def _of_sequence(item: Item, size: tuple[int, int], seen: _Seen) -> Iterator[str]:
    if item.sequence is not None:
        first = seen.sizes.setdefault(item.sequence, size)
        if first != size:
            yield f"{item.image} is {_wxh(size)}, but sequence {item.sequence!r} began with {_wxh(first)}."


def _twice(item: Item, place: str, digest: bytes, seen: _Seen) -> Iterator[str]:
    """Whether the picture has been seen under another name. Masks may be alike: two empty rooms have the same one."""
    before = seen.pixels.setdefault(digest, item)
    if before is item:
        return
    text = f"{item.image} is the same picture as {before.image}, pixel for pixel"
    if item.sequence is not None and item.sequence == before.sequence:  # cameras do repeat frames
        seen.warnings.append(f"{place}: {text}: a frame that repeats counts as one without flicker.")
    else:
        yield f"{text}: it would count twice."


def _with_guess(fault: str, dataset: Dataset, relative: str, unnamed: list[str]) -> str:
    """The fault of a file; of one that is missing, with the file that may be meant."""
    if (dataset.root / relative).exists():
        return fault
    near = difflib.get_close_matches(str(PurePosixPath(relative)), unnamed, n=1, cutoff=0.8)
    return f"{fault.removesuffix('.')}: did you mean {near[0]!r}?" if near else fault


def _unnamed(dataset: Dataset) -> list[str]:
    """Files in the folder that no item names, relative to it; hidden ones, texts and what is pending left out."""
    named = {os.path.normpath(path) for item in dataset.file.items for path in (item.image, item.mask)}
    found: list[str] = []
    for folder, folders, files in os.walk(dataset.root):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != PENDING)
        for name in sorted(files):
            relative = (Path(folder) / name).relative_to(dataset.root)
            if name.startswith(".") or relative.suffix.lower() in _TEXTS or str(relative) == FILE_NAME:
                continue
            if str(relative) not in named:
                found.append(relative.as_posix())
    return found


def _about(dataset: Dataset, unnamed: list[str]) -> Iterator[str]:
    """Warnings of the folder as a whole."""
    waiting = sorted(path.stem for path in (dataset.root / PENDING).glob("*.json"))
    ours = {f"{folder}/{name}" for name in waiting for folder in ("images", "masks")}
    others = [path for path in unnamed if path.rpartition(".")[0] not in ours]
    for path in others[:_SHOWN]:
        yield f"{dataset.root / path} is not named in {FILE_NAME}: it is not scored."
    if len(others) > _SHOWN:
        yield f"{dataset.root}: {len(others) - _SHOWN} more files are not named in {FILE_NAME}."
    for name in waiting:
        yield f"{dataset.root / PENDING}: {name} waits to be accepted: edgeseg golden add {name} --accept takes it in."


def _wxh(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}x{shape[0]}"
