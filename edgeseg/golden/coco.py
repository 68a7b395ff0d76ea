"""People of COCO annotations: an instances.json and its pictures, one mask for all people of a picture.

Source: Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014; cocodataset.org/#format-data, "object
detection". Polygons are drawn by the authors' own pycocotools, so that masks are the same bits as anybody's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edgeseg.errors import GoldenError, UsageError
from edgeseg.golden.pictures import Bool, read_image
from edgeseg.golden.writing import NewItem, shortened

PERSON = "person"
Note = Callable[[str], None]
_MOST_BYTES = 2_000_000_000


@dataclass(frozen=True, slots=True)
class CocoWish:
    """Which pictures are taken.

    with_crowds: pictures with a region of people who were not outlined one by one (iscrowd), too, the region being
    taken as it is; it is drawn coarsely and may hold what is no person. with_empty: pictures in which no person was
    annotated, too. limit: the first so many, in the order of the file. framing, tags: of every one.
    """

    with_crowds: bool = False
    with_empty: bool = False
    limit: int | None = None
    framing: str | None = None
    tags: tuple[str, ...] = ()


class _Model(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Image(_Model):
    id: int
    file_name: str = Field(min_length=1)
    width: int = Field(ge=1, le=100_000)
    height: int = Field(ge=1, le=100_000)
    license: int | None = None


class _Annotation(_Model):
    image_id: int
    category_id: int
    id: int | None = None
    segmentation: Any = None
    iscrowd: int = 0


class _Named(_Model):
    id: int
    name: str


class _File(_Model):
    images: list[_Image]
    annotations: list[_Annotation]
    categories: list[_Named]
    licenses: list[_Named] = Field(default_factory=list)


def people(file: Path, images: Path, wish: CocoWish, note: Note = lambda text: None) -> Iterator[NewItem]:
    """The pictures in `images` that `file` names, with the people in them; `note` is told what is left out.

    Raises UsageError if pycocotools is not installed, or for a path that is none; GoldenError if `file` is not what it
    should be, and at the end with a line for each fault: pictures missing, of another size than annotated, outside the
    folder; outlines that cannot be drawn.
    """
    _coco_mask()  # told before the file is read
    if not images.is_dir():
        raise UsageError(f"{images} is no folder; give the one that holds the pictures of {file}.")
    data = _read(file)
    of_picture = _by_picture(file, data)
    licences: dict[int | None, str] = {one.id: one.name for one in data.licenses}
    faults: list[str] = []
    taken = crowded = 0
    for image in data.images:
        if taken == wish.limit:
            break
        annotations = of_picture.get(image.id, [])
        if not annotations and not wish.with_empty:
            continue
        if not wish.with_crowds and any(one.iscrowd for one in annotations):
            crowded += 1
            continue
        try:
            path = _picture(images, image)
            person = _drawn(file, image, annotations)
        except GoldenError as error:
            faults.append(str(error))
            continue
        taken += 1
        name = PurePosixPath(image.file_name).with_suffix("").as_posix()
        yield NewItem(name, path, person, wish.framing, wish.tags, licences.get(image.license))
    if crowded:
        note(f"{crowded} pictures with a crowd were left out; --with-crowds takes them.")
    if faults:
        raise GoldenError("\n".join(shortened(faults)))


def _read(file: Path) -> _File:
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise UsageError(f"{file} has more than {_MOST_BYTES} bytes, which is too long for what it is.")
        return _File.model_validate_json(file.read_bytes())
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        raise GoldenError("\n".join(shortened([_sentence(file, dict(one)) for one in error.errors()]))) from error


def _sentence(file: Path, problem: dict[str, Any]) -> str:
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in problem["loc"]).lstrip(".")
    if problem["type"] == "json_invalid":
        return f"{file}: this is not JSON: {problem['ctx']['error']}."
    if problem["type"] == "missing":
        return f"{file}: '{where}' is missing: give COCO's annotations of instances."
    said = problem["msg"]
    return f"{file}: {where or 'the file'}: {said[:1].lower()}{said[1:]}."


def _by_picture(file: Path, data: _File) -> dict[int, list[_Annotation]]:
    """The annotations of people by the picture's id."""
    ids = {one.id for one in data.categories if one.name.lower() == PERSON}
    if not ids:
        known = ", ".join(sorted(one.name for one in data.categories)[:10]) or "none"
        raise GoldenError(f"{file} has no category '{PERSON}'; it has {known}.")
    pictures: dict[int, _Image] = {}
    faults: list[str] = []
    for image in data.images:
        if image.id in pictures:
            faults.append(f"{file}: two pictures have the id {image.id}: {pictures[image.id].file_name} is the other.")
        pictures.setdefault(image.id, image)
    found: dict[int, list[_Annotation]] = {}
    for one in data.annotations:
        if one.category_id not in ids:
            continue
        if one.image_id not in pictures:
            faults.append(f"{file}: annotation {one.id} is of picture {one.image_id}, which the file does not list.")
        found.setdefault(one.image_id, []).append(one)
    if faults:
        raise GoldenError("\n".join(shortened(faults)))
    return found


def _picture(images: Path, image: _Image) -> Path:
    relative = PurePosixPath(image.file_name)
    if relative.is_absolute() or ".." in relative.parts or "\\" in image.file_name or "\0" in image.file_name:
        raise GoldenError(f"picture {image.id} is named {image.file_name!r}, which leads out of {images}.")
    path = images / relative
    height, width = read_image(path).shape[:2]
    if (width, height) != (image.width, image.height):
        raise GoldenError(f"{path} is {width}x{height}, but it was annotated at {image.width}x{image.height}.")
    return path


def _drawn(file: Path, image: _Image, annotations: list[_Annotation]) -> Bool:
    """All people of one picture, (height, width) bool."""
    person: Bool = np.zeros((image.height, image.width), bool)
    for one in annotations:
        try:
            person |= _outline(one.segmentation, image.height, image.width)
        except (ValueError, TypeError, OverflowError) as error:
            name = f"annotation {one.id} of {image.file_name}"
            raise GoldenError(f"{file}: {name} cannot be drawn: {error}.") from error
    return person


def _outline(segmentation: Any, height: int, width: int) -> Bool:
    """One segmentation, (height, width) bool: polygons, or a run-length code, compressed (text) or not (numbers).

    Raises ValueError, TypeError or OverflowError if it is none of these.
    """
    if isinstance(segmentation, list) and segmentation:
        coco_mask = _coco_mask()
        polygons = _checked_polygons(segmentation, height, width)
        code = coco_mask.merge(coco_mask.frPyObjects(polygons, height, width))
        return _filled(_lengths(code["counts"].decode("ascii")), height, width)
    if not isinstance(segmentation, dict) or not {"size", "counts"} <= segmentation.keys():
        raise ValueError("it is neither polygons nor a run-length code")
    size, counts = segmentation["size"], segmentation["counts"]
    if size != [height, width]:
        raise ValueError(f"its run-length code is of size {size}, not {[height, width]}")
    return _filled(_lengths(counts) if isinstance(counts, str) else counts, height, width)


def _lengths(text: str) -> list[int]:
    """The run lengths of a compressed code. Raises ValueError if it is none.

    pycocotools could do it, but takes codes that are too short, and warns of numpy 2. Source: its common/maskApi.c,
    rleFrString: letters from "0" on hold 5 bits, low ones first, and one that says whether more follow; the last is
    signed; from the fourth length on it is the difference to the one before the last.
    """
    lengths: list[int] = []
    value = shift = 0
    for letter in text:
        bits = ord(letter) - ord("0")
        if not 0 <= bits < 64:
            raise ValueError(f"its compressed run-length code holds the letter {letter!r}")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        lengths.append(value + (lengths[-2] if len(lengths) > 2 else 0))
        value = shift = 0
    if shift:
        raise ValueError("its compressed run-length code is cut short")
    return lengths


def _filled(lengths: Any, height: int, width: int) -> Bool:
    """Runs of 0 and 1 in turn, down the columns."""
    sound = isinstance(lengths, list) and all(type(n) is int and n >= 0 for n in lengths)
    if not sound or sum(lengths) != height * width:
        raise ValueError(f"its run lengths must be whole numbers that add up to {height * width}")
    runs = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)
    return runs.reshape((height, width), order="F")


def _checked_polygons(polygons: list[Any], height: int, width: int) -> list[list[float]]:
    """The polygons; pycocotools takes whatever there is, and draws nothing or something else."""
    for points in polygons:
        if not isinstance(points, list) or len(points) < 6 or len(points) % 2:
            raise ValueError("a polygon must be x, y of three points or more")
        for number, value in enumerate(points):
            side = height if number % 2 else width
            if not isinstance(value, (int, float)) or not math.isfinite(value) or not -side <= value <= 2 * side:
                raise ValueError(f"a polygon has the point {value!r}, far outside {width}x{height}")
    return polygons


def _coco_mask() -> Any:
    try:
        from pycocotools import mask
    except ImportError as error:
        raise UsageError("COCO's annotations need pycocotools: pip install 'edgeseg[coco]'.") from error
    return mask
