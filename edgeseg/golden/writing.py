"""New golden sets: a folder is made beside its place, looked over, and put there whole or not at all."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from pydantic import ValidationError

from edgeseg.config.problems import sentences
from edgeseg.errors import GoldenError, OutputError, UsageError
from edgeseg.golden.checking import Findings, examine
from edgeseg.golden.dataset import EMPTY, FILE_NAME, DatasetFile
from edgeseg.golden.pictures import Bool

SHOWN = 20
"""How many faults are told of a source that may have thousands."""


@dataclass(frozen=True, slots=True)
class Head:
    """What dataset.yaml says of the whole set."""

    name: str
    licence: str
    source: str
    version: int = 1


@dataclass(frozen=True, slots=True)
class NewItem:
    """A picture that is to be in the set.

    name: path below images/ and masks/ without its ending. image: the file it comes from. person: (H, W) bool of the
    picture's size; where nobody is, the tag "empty" is added.
    """

    name: str
    image: Path
    person: Bool
    framing: str | None = None
    tags: tuple[str, ...] = ()
    licence: str | None = None

    @property
    def row(self) -> dict[str, Any]:
        """The item as dataset.yaml has it."""
        tags = [*self.tags, *([] if self.person.any() or EMPTY in self.tags else [EMPTY])]
        row = {
            "image": f"images/{self.name}{self.image.suffix}",
            "mask": f"masks/{self.name}.png",
            "framing": self.framing,
            "tags": tags,
            "licence": self.licence,
        }
        return {key: value for key, value in row.items() if value}


def write_set(
    folder: Path, head: Head, items: Iterable[NewItem], *, replace: bool = False, link: bool = False
) -> Findings:
    """Make a golden set at `folder`; gives what `examine` finds in it, which is no fault.

    link: pictures are hard links to those they come from, where the disk allows; else copies. What `items` raises
    passes through. An existing set stays as it was unless the new one is whole and `replace` is given.

    Raises UsageError if there is something at `folder` already, without `replace` or if it is no golden set;
    GoldenError with a line for each fault of what was made; OutputError if it cannot be written.
    """
    _refuse_place(folder, replace)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-new-", dir=folder.parent))
    except OSError as error:
        raise OutputError(f"The golden set cannot be made at {folder}: {error.strerror}.") from error
    try:
        rows = [_put(scratch, item, link) for item in items]
        if not rows:
            raise GoldenError("There is no picture to make a golden set of.")
        (scratch / FILE_NAME).write_text(text_of(head, rows), encoding="utf-8")
        found = _named(examine(scratch), scratch, folder)
        if found.faults:
            raise GoldenError("\n".join(shortened(found.faults)))
        scratch.chmod(0o755)  # mkdtemp makes them for their owner alone
        _exchange(scratch, folder)
    except OSError as error:
        raise OutputError(f"The golden set cannot be written to {folder}: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return found


def check_words(head: Mapping[str, Any], item: Mapping[str, Any]) -> None:
    """Raise UsageError if what options say of the set, or of an item, could not stand in dataset.yaml."""
    empty = [key for key, value in head.items() if not value.strip()]
    if empty:
        raise UsageError(f"--{empty[0]} must not be empty.")
    some = {"name": "a", "version": 1, "licence": "a", "source": "a"}
    row = {"image": "a", "mask": "b"} | {key: value for key, value in item.items() if value}
    try:
        DatasetFile.model_validate(some | dict(head) | {"items": [row]})
    except ValidationError as error:
        lines = [line.partition(": ")[2] for line in sentences(error, DatasetFile, lambda loc: "options:0")]
        named = [re.sub(r"^items\[0\]\.|s\[\d+\](?=: )", "", line) for line in lines]  # items[0].tags[0]: tag
        raise UsageError(" ".join(f"--{line}" for line in named)) from error


def text_of(head: Head, rows: Iterable[dict[str, Any]]) -> str:
    """dataset.yaml: the head, then a line an item."""
    about = {"name": head.name, "version": head.version, "licence": head.licence, "source": head.source}
    lines = "".join(f"  - {line_of(row)}\n" for row in rows)
    return yaml.safe_dump(about, sort_keys=False, allow_unicode=True, width=120) + "items:\n" + lines


def line_of(row: dict[str, Any]) -> str:
    """An item on one line: {image: images/a.jpg, mask: masks/a.png}."""
    dumped = yaml.safe_dump(row, default_flow_style=True, sort_keys=False, allow_unicode=True, width=1_000_000)
    return str(dumped).strip()


def png_of(person: Bool) -> bytes:
    """The mask, (H, W) bool, as a PNG of 0 and 255."""
    return cv2.imencode(".png", person.astype(np.uint8) * 255, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes()


def shortened(faults: Sequence[str]) -> list[str]:
    """The first faults, and how many more there are."""
    more = len(faults) - SHOWN
    return [*faults[:SHOWN], *([f"... and {more} more."] if more > 0 else [])]


def _refuse_place(folder: Path, replace: bool) -> None:
    if not folder.exists() and not folder.is_symlink():
        return
    if folder.is_dir() and not any(folder.iterdir()):
        return
    if not replace:
        raise UsageError(f"There is something at {folder} already; give another folder, or --replace.")
    if folder.is_symlink() or not (folder / FILE_NAME).is_file():
        raise UsageError(f"{folder} is no golden set, so it is not replaced; give another folder.")


def _put(scratch: Path, item: NewItem, link: bool) -> dict[str, Any]:
    row = item.row
    image, mask = scratch / row["image"], scratch / row["mask"]
    for path in (image, mask):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            raise GoldenError(f"{item.image} would be {path.relative_to(scratch)}, which there is already.")
    mask.write_bytes(png_of(item.person))
    if link:
        try:
            os.link(item.image.resolve(), image)
            return row
        except OSError:  # another disk, or one without links
            pass
    shutil.copyfile(item.image, image)
    return row


def _named(found: Findings, scratch: Path, folder: Path) -> Findings:
    """The findings with the folder's name in them instead of the one that it was made under."""

    def renamed(lines: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(line.replace(str(scratch), str(folder)) for line in lines)

    return Findings(renamed(found.faults), renamed(found.warnings))


def _exchange(scratch: Path, folder: Path) -> None:
    """Put `scratch` in the place of `folder`. Between two renames there is no set at all, but never half of one."""
    old = scratch.with_name(f"{scratch.name}-old")
    there = folder.exists()
    if there:
        folder.rename(old)
    try:
        scratch.rename(folder)
    except BaseException:
        if there:
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)
