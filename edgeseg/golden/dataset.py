"""The golden dataset: a folder with pictures, masks of the person, and dataset.yaml, which lists them.

::

    name: webcam                  # lower-case letters, digits, dot, dash
    version: 1
    licence: CC0-1.0
    source: "who made it, from what"
    fps: 15                       # of the sequences; 0 where there are none
    items:
      - {image: images/a.jpg, mask: masks/a.png, framing: upper-body, tags: [glasses]}
      - {image: images/b0.jpg, mask: masks/b0.png, sequence: b, frame: 0}
      - {image: images/room.jpg, mask: masks/room.png, tags: [empty]}      # nobody there: an all-black mask

An item may say `licence` and `source` of its own, where they are not the set's.
A mask is an 8-bit grey picture of the image's size (the image turned as its EXIF says), 0 background, 255 person.
The frames of a sequence are numbered 0, 1, 2 ... Paths are relative to the folder and stay inside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from edgeseg.config import yaml_lines
from edgeseg.config.problems import sentences
from edgeseg.errors import GoldenError, UsageError

FILE_NAME = "dataset.yaml"
EMPTY = "empty"
PENDING = "pending"  # the folder of what was proposed for the set and is not in it yet


def _inside(path: str) -> str:
    parts = PurePosixPath(path).parts
    if PurePosixPath(path).is_absolute() or ".." in parts or not parts or "\\" in path or "\0" in path:
        raise ValueError("must be a path inside the dataset's folder, relative to it")
    return path


Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=64)]
Inside = Annotated[str, AfterValidator(_inside)]


class Item(BaseModel):
    """One picture and the person's mask in it."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    image: Inside
    mask: Inside
    framing: Word | None = None
    tags: list[Word] = Field(default_factory=list)
    sequence: Word | None = None
    frame: Annotated[int, Field(ge=0)] | None = None
    licence: Line | None = None
    source: Line | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it is said that nobody is in the picture."""
        return EMPTY in self.tags

    @model_validator(mode="after")
    def _sequence_and_frame(self) -> Item:
        if (self.sequence is None) != (self.frame is None):
            raise ValueError("'sequence' and 'frame' go together: give both or neither")
        return self


class DatasetFile(BaseModel):
    """What dataset.yaml holds."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: Word
    version: Annotated[int, Field(ge=1)]
    licence: Line
    source: Line
    fps: Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)] = 0.0
    items: Annotated[list[Item], Field(min_length=1)]


@dataclass(frozen=True)
class Dataset:
    """A dataset.yaml that is sound in itself, and the folder it is about. item_places: file:line of each item."""

    root: Path
    file: DatasetFile
    item_places: tuple[str, ...]

    def path(self, relative: str) -> Path:
        """Where a picture or mask is. Raises GoldenError if a symbolic link leads it out of the folder."""
        path = self.root / relative
        if not path.resolve().is_relative_to(self.root.resolve()):
            raise GoldenError(f"{path} leads out of the dataset's folder through a symbolic link.")
        return path

    def runs(self) -> Iterator[list[Item]]:
        """Each still by itself, each sequence in the order of its frames; runs in the order of the file."""
        sequences: dict[str, list[Item]] = {}
        runs: list[list[Item]] = []
        for item in self.file.items:
            if item.sequence is None:
                runs.append([item])
            elif item.sequence in sequences:
                sequences[item.sequence].append(item)
            else:
                sequences[item.sequence] = [item]
                runs.append(sequences[item.sequence])
        for run in runs:
            yield sorted(run, key=lambda item: item.frame or 0)


def load(path: Path) -> Dataset:
    """Read the dataset at `path`, a folder that holds dataset.yaml, or that file. Pictures are not looked at.

    Raises UsageError if there is no dataset at `path` at all (the wrong path was given), GoldenError if there is one
    and its dataset.yaml is wrong: one line "file:line: what" for each fault, all at once; NotPermitted if it may not
    be read.
    """
    file = path / FILE_NAME if path.is_dir() else path
    if not file.is_file() or file.suffix not in (".yaml", ".yml"):
        raise UsageError(f"{path} is no golden dataset: give a folder that holds {FILE_NAME}, or that file.")
    try:
        data, where = yaml_lines.load(file)
    except UsageError as error:
        raise GoldenError(str(error)) from error
    try:
        checked = DatasetFile.model_validate(data)
    except ValidationError as error:
        raise GoldenError("\n".join(sentences(error, DatasetFile, where))) from error
    places = tuple(where(("items", i)) for i in range(len(checked.items)))
    faults = [*_about_time(checked, places, where(("fps",))), *_doubles(checked, places)]
    if all(item.is_empty for item in checked.items):
        faults.append(f"{where(('items',))}: every item is tagged '{EMPTY}': there is no person to score.")
    if faults:
        raise GoldenError("\n".join(faults))
    return Dataset(file.parent, checked, places)


def _about_time(file: DatasetFile, places: tuple[str, ...], fps_place: str) -> Iterator[str]:
    """Sequences without a frame rate, with a frame twice, or with gaps."""
    frames: dict[str, dict[int, str]] = {}
    for item, place in zip(file.items, places, strict=True):
        if item.sequence is None or item.frame is None:
            continue
        known = frames.setdefault(item.sequence, {})
        if item.frame in known:
            before = known[item.frame].rpartition(":")[2]
            yield f"{place}: frame {item.frame} of sequence {item.sequence!r} is already given on line {before}."
        known.setdefault(item.frame, place)
    if frames and file.fps == 0:
        yield f"{fps_place}: fps must be above 0, for there are sequences."
    for name, known in frames.items():
        missing = sorted(set(range(max(known))) - set(known))
        if missing:
            shown = ", ".join(map(str, missing[:5])) + (" ..." if len(missing) > 5 else "")
            place = known[min(known)]
            yield f"{place}: sequence {name!r} has gaps: frames {shown} are missing (they count 0, 1, 2 ...)."


def _doubles(file: DatasetFile, places: tuple[str, ...]) -> Iterator[str]:
    """Files that are listed twice."""
    first: dict[PurePosixPath, str] = {}
    for item, place in zip(file.items, places, strict=True):
        for path in (PurePosixPath(item.image), PurePosixPath(item.mask)):
            if path in first:
                yield f"{place}: {path} is already used on line {first[path].rpartition(':')[2]}."
            first.setdefault(path, place)
