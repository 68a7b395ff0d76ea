"""One picture more in a golden set: a mask is proposed, somebody corrects it, and it is taken in.

::

    DIR/images/NAME.jpg             the picture, copied
    DIR/masks/NAME.png              what is proposed: 0 background, 255 person; to be corrected in any editor
    DIR/pending/NAME.json           what was said of it, until it is accepted
    DIR/pending/NAME-overlay.jpg    the picture with the proposal's outline, to see where it is wrong
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edgeseg.errors import GoldenError, NotPermitted, OutputError, UsageError
from edgeseg.frames import U8
from edgeseg.golden.appending import appended
from edgeseg.golden.dataset import EMPTY, FILE_NAME, PENDING, Dataset, Item, load
from edgeseg.golden.evaluate import THRESHOLD
from edgeseg.golden.metrics import boundary
from edgeseg.golden.pictures import Bool, read_grey, read_image, read_mask
from edgeseg.golden.writing import check_words, png_of

Propose = Callable[[U8], U8]
"""Takes a picture, (H, W, 3) uint8 BGR; gives alpha, (H, W) uint8."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class About:
    """What is said of a picture; licence and source where they are not the set's."""

    framing: str | None = None
    tags: tuple[str, ...] = ()
    licence: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """What waits for a correction."""

    name: str
    mask: Path
    overlay: Path


class GreyMask(GoldenError):
    """A mask holds more than 0 and 255, which can be cut."""


def name_of(image: Path) -> str:
    """What a picture is called in a set: its file's name without the ending. Raises UsageError if that is no name."""
    if not _NAME.fullmatch(image.stem):
        raise UsageError(f"{image.name} needs a plain name (letters, digits, '.', '_', '-'); rename it first.")
    return image.stem


def propose(root: Path, image: Path, about: About, segment: Propose) -> Proposal:
    """Copy a picture into the set at `root` and propose a mask of it; nothing is in the set until `accept`.

    Raises UsageError (no set, a name or picture that is there already, tags that are none), GoldenError (the set's
    dataset.yaml is wrong, or the picture cannot be read), OutputError, and what `segment` raises.
    """
    dataset, name = load(root), name_of(image)
    row = _row(name, image.suffix, about)
    check_words({}, asdict(about) | {"tags": list(about.tags)})
    _refuse_known(dataset, name, image)
    bgr = read_image(image)
    person = segment(bgr) >= THRESHOLD
    if EMPTY in about.tags:
        person = np.zeros_like(person)
    proposal = _proposal(dataset.root, name)
    told = {"row": row}
    _put(dataset.root / row["image"], image.read_bytes())
    _put(proposal.mask, png_of(person))
    _put(proposal.overlay, overlay(bgr, person))
    _put(_note(dataset.root, name), json.dumps(told, ensure_ascii=False).encode())
    return proposal


def accept(root: Path, name: str, clean: bool = False) -> Item:
    """Take a proposed picture into the set: check its mask, add it to dataset.yaml, raise the set's version.

    clean: cut a mask of grey values, colours or transparency at 128. Raises UsageError if nothing of that name waits,
    GreyMask for such a mask without `clean`, GoldenError for one of another size, or of nobody without the tag
    "empty", or of somebody with it, or if dataset.yaml cannot be added to; OutputError. The set stays as it was then.
    """
    dataset = load(root)
    row = _waiting(dataset, name)
    proposal = _proposal(dataset.root, name)
    item = Item.model_validate(row)
    person = _accepted_mask(dataset, item, clean)
    # Bytes, not text: the ends of lines stay as they are.
    file = dataset.root / FILE_NAME if root.is_dir() else root
    text = appended(file.read_bytes().decode("utf-8"), row)
    _put(dataset.root / item.mask, png_of(person))
    _put(file, text.encode())
    for path in (_note(dataset.root, name), proposal.overlay):
        path.unlink(missing_ok=True)
    if not any((dataset.root / PENDING).iterdir()):
        (dataset.root / PENDING).rmdir()
    return item


def forget(root: Path, image: Path) -> None:
    """Remove what was proposed of a picture, if it waits; a picture that is in the set stays. Raises UsageError."""
    dataset, name = load(root), name_of(image)
    if not _note(dataset.root, name).exists():
        return
    row, proposal = _waiting(dataset, name), _proposal(dataset.root, name)
    copied = dataset.root / row["image"]
    same = copied.exists() and image.exists() and copied.samefile(image)
    for path in (proposal.mask, proposal.overlay, *([] if same else [copied]), _note(dataset.root, name)):
        path.unlink(missing_ok=True)


def overlay(bgr: U8, person: Bool) -> bytes:
    """A JPEG of the picture, (H, W, 3) uint8: the background half as bright, the person's outline in green."""
    shown = np.where(person[..., None], bgr, bgr // 2)
    wide = cv2.dilate(boundary(person).astype(np.uint8), np.ones((3, 3), np.uint8))
    shown[wide > 0] = (0, 255, 0)
    return cv2.imencode(".jpg", shown)[1].tobytes()


def _row(name: str, ending: str, about: About) -> dict[str, Any]:
    row: dict[str, Any] = {"image": f"images/{name}{ending}", "mask": f"masks/{name}.png"}
    more = {"framing": about.framing, "tags": list(about.tags), "licence": about.licence, "source": about.source}
    return row | {key: value for key, value in more.items() if value}


def _refuse_known(dataset: Dataset, name: str, image: Path) -> None:
    known = {Path(item.image).stem for item in dataset.file.items} | {Path(i.mask).stem for i in dataset.file.items}
    if name in known:
        raise UsageError(f"{dataset.root} has a picture {name} already; rename {image}.")
    if _note(dataset.root, name).exists():
        what = "--accept takes it in, --again proposes it anew"
        raise UsageError(f"{name} waits in {dataset.root / PENDING} already: {what}.")
    for path in (dataset.root / "images" / image.name, _proposal(dataset.root, name).mask):
        if path.exists() and path.resolve() != image.resolve():
            raise UsageError(f"{path} is there already and would be lost; move it away, or rename {image}.")
    digest = _digest(image)
    for item in dataset.file.items:
        path = dataset.path(item.image)
        if path.is_file() and path.stat().st_size == image.stat().st_size and _digest(path) == digest:
            raise UsageError(f"{image} is in the set already, as {item.image}.")


def _digest(path: Path) -> bytes:
    try:
        return hashlib.sha256(path.read_bytes()).digest()
    except PermissionError as error:
        raise NotPermitted(f"{path} may not be read: {error.strerror}.") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error


def _waiting(dataset: Dataset, name: str) -> dict[str, Any]:
    note = _note(dataset.root, name)
    try:
        row: dict[str, Any] = json.loads(note.read_text(encoding="utf-8"))["row"]
        Item.model_validate(row)
    except FileNotFoundError as error:
        raise UsageError(f"No picture {name} waits in {dataset.root}; propose it first, without --accept.") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GoldenError(f"{note} cannot be read; propose {name} --again.") from error
    return row


def _accepted_mask(dataset: Dataset, item: Item, clean: bool) -> Bool:
    path = dataset.path(item.mask)
    try:
        person = read_mask(path)
    except GoldenError as error:
        if " must " not in str(error):
            raise
        if not clean:
            raise GreyMask(f"{str(error).removesuffix('.')}: --clean cuts it at {THRESHOLD}.") from error
        person = np.asarray(read_grey(path) >= THRESHOLD)
    size = read_image(dataset.path(item.image)).shape[:2]
    if person.shape != size:
        given = f"{person.shape[1]}x{person.shape[0]}"
        raise GoldenError(f"{path} is {given}, but its picture is {size[1]}x{size[0]}: save it at that size.")
    if person.any() == item.is_empty:
        said = f"holds a person, but the picture is tagged '{EMPTY}'" if item.is_empty else "holds nobody"
        raise GoldenError(f"{path} {said}: correct it, or propose the picture --again with other tags.")
    return person


def _proposal(root: Path, name: str) -> Proposal:
    return Proposal(name, root / "masks" / f"{name}.png", root / PENDING / f"{name}-overlay.jpg")


def _note(root: Path, name: str) -> Path:
    return root / PENDING / f"{name}.json"


def _put(path: Path, content: bytes) -> None:
    """Put a file there whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OutputError(f"{path} cannot be written: {error.strerror}.") from error
