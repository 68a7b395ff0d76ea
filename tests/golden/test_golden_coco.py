"""COCO's people: polygons and run-length codes as numpy draws them, crowds, and files that are wrong."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

from edgeseg.errors import GoldenError, UsageError
from edgeseg.golden.checking import examine
from edgeseg.golden.coco import CocoWish, people
from edgeseg.golden.dataset import load
from edgeseg.golden.pictures import read_mask
from edgeseg.golden.writing import Head, write_set

coco_mask = pytest.importorskip("pycocotools.mask", reason="COCO's outlines need pycocotools")

H, W = 30, 40
PLAIN = CocoWish()
Bool = npt.NDArray[np.bool_]


def _lengths(mask: Bool) -> list[int]:
    """Runs of 0 and 1 in turn, column by column, the first of 0."""
    flat = mask.flatten(order="F").astype(int)
    ends = np.flatnonzero(np.diff(flat)) + 1
    lengths = np.diff([0, *ends, flat.size]).tolist()
    return [0, *lengths] if flat[0] else lengths


def _compressed(lengths: list[int]) -> str:
    """COCO's text of run lengths: 5 bits a letter, from the third on the difference to the one before the last."""
    text = ""
    for i, length in enumerate(lengths):
        x = length - lengths[i - 2] if i > 2 else length
        more = True
        while more:
            bits = x & 0x1F
            x >>= 5
            more = x != -1 if bits & 0x10 else x != 0
            text += chr((bits | 0x20 if more else bits) + 48)
    return text


def _box(left: int, top: int, right: int, bottom: int) -> Bool:
    mask = np.zeros((H, W), bool)
    mask[top:bottom, left:right] = True
    return mask


A, B = _box(2, 3, 12, 28), _box(20, 5, 35, 30)


def _data() -> dict[str, Any]:
    """two: a polygon and a compressed code. one: an uncompressed code. crowd: a person and a crowd. room: nobody."""
    names = {1: "two.jpg", 2: "sub/one.jpg", 3: "crowd.jpg", 4: "room.jpg"}
    dog = {"id": 90, "image_id": 4, "category_id": 18, "segmentation": "nonsense", "iscrowd": 0}
    return {
        "info": {"year": 2017},
        "licenses": [{"id": 4, "name": "Attribution License", "url": "x"}],
        "images": [{"id": i, "file_name": n, "width": W, "height": H, "license": 4} for i, n in names.items()],
        "categories": [{"id": 1, "name": "person"}, {"id": 18, "name": "dog"}],
        "annotations": [
            {"id": 10, "image_id": 1, "category_id": 1, "segmentation": [[2, 3, 12, 3, 12, 28, 2, 28]], "iscrowd": 0},
            {"id": 11, "image_id": 1, "category_id": 1, "segmentation": _code(_compressed(_lengths(B))), "iscrowd": 0},
            {"id": 12, "image_id": 2, "category_id": 1, "segmentation": _code(_lengths(A)), "iscrowd": 0},
            {"id": 13, "image_id": 3, "category_id": 1, "segmentation": _code(_lengths(A)), "iscrowd": 0},
            {"id": 14, "image_id": 3, "category_id": 1, "segmentation": _code(_lengths(B)), "iscrowd": 1},
            dog,
        ],
    }


def _code(counts: list[int] | str) -> dict[str, Any]:
    return {"size": [H, W], "counts": counts}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """images/ with the four pictures."""
    rng = np.random.default_rng(1)
    (tmp_path / "images/sub").mkdir(parents=True)
    for name in ("two", "sub/one", "crowd", "room"):
        cv2.imwrite(str(tmp_path / f"images/{name}.jpg"), rng.integers(0, 256, (H, W, 3), np.uint8))
    return tmp_path


def _made(root: Path, data: Any, wish: CocoWish = PLAIN, notes: list[str] | None = None) -> dict[str, Bool]:
    """The masks of the set made of it, by the picture's name."""
    file = root / "instances.json"
    file.write_text(data if isinstance(data, str) else json.dumps(data))
    note = (notes if notes is not None else []).append
    write_set(root / "set", Head("coco", "various", "COCO"), people(file, root / "images", wish, note), replace=True)
    assert examine(root / "set").faults == ()
    return {item.image: read_mask(root / "set" / item.mask) for item in load(root / "set").file.items}


def test_all_people_of_a_picture_are_one_mask(folder: Path) -> None:
    notes: list[str] = []
    made = _made(folder, _data(), CocoWish(tags=("coco",)), notes)
    assert list(made) == ["images/two.jpg", "images/sub/one.jpg"]
    assert (made["images/two.jpg"] == (A | B)).all()
    assert (made["images/sub/one.jpg"] == A).all()
    assert notes == ["1 pictures with a crowd were left out; --with-crowds takes them."]
    items = load(folder / "set").file.items
    assert [(item.licence, item.tags) for item in items] == [("Attribution License", ["coco"])] * 2


def test_crowds_and_empty_rooms_if_they_are_asked_for(folder: Path) -> None:
    notes: list[str] = []
    made = _made(folder, _data(), CocoWish(with_crowds=True, with_empty=True), notes)
    assert (made["images/crowd.jpg"] == (A | B)).all()
    assert not made["images/room.jpg"].any()
    assert load(folder / "set").file.items[-1].tags == ["empty"]
    assert notes == []
    assert len(_made(folder, _data(), CocoWish(with_crowds=True, limit=1))) == 1


@given(arrays(np.bool_, (7, 9)))
def test_both_codes_are_any_mask(mask: Bool) -> None:
    from edgeseg.golden.coco import _outline

    theirs = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode()
    assert theirs == _compressed(_lengths(mask))
    for counts in (_lengths(mask), theirs):
        assert (_outline({"size": [7, 9], "counts": counts}, 7, 9) == mask).all()


def test_a_polygon_is_drawn_as_opencv_draws_it_but_for_its_rim(folder: Path) -> None:
    """A star; the two count the pixels that an edge goes through differently."""
    turn = np.linspace(0, 4 * np.pi, 6)[:-1]
    points = np.stack([20 + 14 * np.sin(turn), 15 - 14 * np.cos(turn)], 1)
    order = points[np.argsort(np.arctan2(*(points - [20, 15]).T))]
    data = _data()
    data["annotations"] = [data["annotations"][0] | {"segmentation": [order.ravel().round(2).tolist()]}]
    drawn = np.zeros((H, W), np.uint8)
    cv2.fillPoly(drawn, [np.round((order - 0.5) * 16).astype(np.int32)], 1, shift=4)
    rim = cv2.dilate(drawn, np.ones((3, 3), np.uint8)) != cv2.erode(drawn, np.ones((3, 3), np.uint8))
    made = _made(folder, data)["images/two.jpg"]
    assert made.sum() > 300
    assert (made == drawn.astype(bool))[~rim].all()


def _with(path: str, value: Any) -> dict[str, Any]:
    """The data with one value changed; path such as "images.0.width"."""
    data = copy.deepcopy(_data())
    *steps, last = path.split(".")
    here: Any = data
    for step in steps:
        here = here[int(step) if step.isdigit() else step]
    here[int(last) if last.isdigit() else last] = value
    return data


CANNOT = "annotation 10 of two.jpg cannot be drawn: "
BAD: dict[str, tuple[Any, str]] = {
    "no JSON": ("{", "{file}: this is not JSON: EOF while parsing an object at line 1 column 1."),
    "another file": ({"captions": []}, "{file}: 'images' is missing: give COCO's annotations of instances."),
    "a list": ([], "{file}: the file: input should be an object."),
    "no person": (_with("categories.0.name", "cat"), "{file} has no category 'person'; it has cat, dog."),
    "size is text": (
        _with("images.0.width", "wide"),
        "{file}: images[0].width: input should be a valid integer, unable to parse string as an integer.",
    ),
    "an id twice": (_with("images.1.id", 1), "{file}: two pictures have the id 1: two.jpg is the other."),
    "of no picture": (
        _with("annotations.0.image_id", 77),
        "{file}: annotation 10 is of picture 77, which the file does not list.",
    ),
    "missing": (_with("images.0.file_name", "gone.jpg"), "{root}/images/gone.jpg is missing."),
    "leads out": (
        _with("images.0.file_name", "../two.jpg"),
        "picture 1 is named '../two.jpg', which leads out of {root}/images.",
    ),
    "other size": (
        _with("images.0.width", 41),
        "{root}/images/two.jpg is 40x30, but it was annotated at 41x30.",
    ),
    "no outline": (_with("annotations.0.segmentation", []), CANNOT + "it is neither polygons nor a run-length code."),
    "two points": (
        _with("annotations.0.segmentation", [[1, 2, 3, 4]]),
        CANNOT + "a polygon must be x, y of three points or more.",
    ),
    "odd numbers": (
        _with("annotations.0.segmentation", [[1, 2, 3, 4, 5, 6, 7]]),
        CANNOT + "a polygon must be x, y of three points or more.",
    ),
    "far away": (
        _with("annotations.0.segmentation", [[1, 2, 1e9, 4, 5, 6]]),
        CANNOT + "a polygon has the point 1000000000.0, far outside 40x30.",
    ),
    "no number": (
        _with("annotations.0.segmentation", [[1, 2, None, 4, 5, 6]]),
        CANNOT + "a polygon has the point None, far outside 40x30.",
    ),
    "a code of another size": (
        _with("annotations.0.segmentation", {"size": [W, H], "counts": [W * H]}),
        CANNOT + "its run-length code is of size [40, 30], not [30, 40].",
    ),
    "too short a code": (
        _with("annotations.0.segmentation", _code([3, 5])),
        CANNOT + "its run lengths must be whole numbers that add up to 1200.",
    ),
    "lengths below 0": (
        _with("annotations.0.segmentation", _code([1205, -5])),
        CANNOT + "its run lengths must be whole numbers that add up to 1200.",
    ),
    "a broken code": (
        _with("annotations.0.segmentation", _code("zzzz")),
        CANNOT + "its compressed run-length code holds the letter 'z'.",
    ),
    "a cut code": (
        _with("annotations.0.segmentation", _code("`")),
        CANNOT + "its compressed run-length code is cut short.",
    ),
    "true and false": (
        _with("annotations.0.segmentation", _code([True, 1199])),
        CANNOT + "its run lengths must be whole numbers that add up to 1200.",
    ),
    "a short code": (
        _with("annotations.0.segmentation", _code(_compressed([3, 5]))),
        CANNOT + "its run lengths must be whole numbers that add up to 1200.",
    ),
    "letters": (
        _with("annotations.0.segmentation", _code("é")),
        CANNOT + "its compressed run-length code holds the letter 'é'.",
    ),
}


@pytest.mark.parametrize(("data", "expected"), BAD.values(), ids=BAD)
def test_each_fault_is_one_sentence_and_nothing_is_left(folder: Path, data: Any, expected: str) -> None:
    with pytest.raises(GoldenError) as caught:
        _made(folder, data)
    file = folder / "instances.json"
    said = str(caught.value)
    assert said.splitlines()[0].removeprefix(f"{file}: " if expected.startswith(CANNOT) else "") == expected.format(
        file=file, root=folder
    )
    assert not (folder / "set").exists()


def test_paths_that_are_none(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere\.json cannot be read: No such file"):
        list(people(folder / "nowhere.json", folder / "images", CocoWish()))
    with pytest.raises(UsageError, match="is no folder; give the one that holds the pictures"):
        list(people(folder / "instances.json", folder / "nowhere", CocoWish()))


def test_without_pycocotools_it_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pycocotools", None)
    with pytest.raises(UsageError, match=r"pip install 'edgeseg\[coco\]'"):
        list(people(folder / "instances.json", folder / "images", CocoWish()))
