"""Calibrating: what is learned from a few pictures, the file that it is kept in, and pictures that will not do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgeseg.errors import GoldenError, UsageError
from quantize.calibrate import FEWEST, calibrate
from quantize.calibrated import FOLDER, Calibration
from quantize.families import FAMILIES, fp32_graph
from quantize.graph.graph import ModelError
from quantize.int8 import int8_model
from quantize.pictures import Labelled, model_inputs, read_folder, varied

KNOWN_ANSWER = Path(__file__).parents[2] / "edgeseg" / "known_answer"


def _portrait() -> Labelled:
    bgr, mask = cv2.imread(str(KNOWN_ANSWER / "portrait.jpg")), cv2.imread(str(KNOWN_ANSWER / "portrait_mask.png"), 0)
    assert bgr is not None
    assert mask is not None
    return Labelled(np.asarray(bgr, np.uint8), cv2.resize(mask, (bgr.shape[1], bgr.shape[0])) > 127)


def _dataset(folder: Path, mask: object, item: str = "") -> Path:
    folder.mkdir()
    portrait = _portrait()
    cv2.imwrite(str(folder / "a.jpg"), portrait.bgr)
    if mask is not None:
        cv2.imwrite(str(folder / "a.png"), np.asarray(mask, np.uint8))
    (folder / "dataset.yaml").write_text(
        f"name: a\nversion: 1\nlicence: CC0-1.0\nsource: us\nitems:\n  - {{image: a.jpg, mask: a.png{item}}}\n"
    )
    return folder


def test_a_calibration_of_few_pictures_makes_a_model_like_fp32(asset: Callable[[str], Path]) -> None:
    family, source = FAMILIES["selfie-landscape"], asset("selfie-landscape").read_bytes()
    told: list[str] = []
    learned = calibrate(family, source, 96, 160, [_portrait()] * FEWEST, told.append)
    assert told == ["extents", "ranges", "biases"]
    again = Calibration.from_json(learned.to_json())
    assert again == learned  # what is kept is what was scored
    assert learned.ranges["input_1"] == (0, 1)
    model = int8_model(fp32_graph(family, source, 96, 160), again)
    assert 200_000 < len(model) < 260_000


def test_every_size_has_its_calibration() -> None:
    wanted = {f"{f.name}-{h}x{w}" for f in FAMILIES.values() for h, w in f.sizes}
    assert {path.stem for path in FOLDER.glob("*.json")} == wanted
    for family in FAMILIES.values():
        for height, width in family.sizes:
            kept = Calibration.of(family.name, height, width)
            assert kept.ranges


def test_varied_pictures_are_the_same_on_every_run() -> None:
    first, second = (list(varied([_portrait()] * 4)) for _ in range(2))
    assert len(first) == 12
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert len({a.tobytes() for a in first}) == 9  # the four that are as they are are one
    assert {a.shape for a in model_inputs(first, "letterbox", 32, 48)} == {(32, 48, 3)}


def test_pictures_that_will_not_do_are_refused_in_one_sentence(tmp_path: Path, asset: Callable[[str], Path]) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(GoldenError, match=r"holds no labelled pictures: there is no dataset\.yaml"):
        read_folder(tmp_path / "none")
    shape = _portrait().bgr.shape[:2]
    with pytest.raises(GoldenError, match=r"nobody is in a\.jpg"):
        read_folder(_dataset(tmp_path / "empty", np.zeros(shape)))
    with pytest.raises(GoldenError, match=r"a\.png is missing"):
        read_folder(_dataset(tmp_path / "unlabelled", None))
    with pytest.raises(GoldenError, match="differ in size"):
        read_folder(_dataset(tmp_path / "small", np.full((8, 8), 255)))
    with pytest.raises(GoldenError, match=f"There are 1 labelled pictures; at least {FEWEST}"):
        calibrate(FAMILIES["body"], asset("body").read_bytes(), 160, 160, [_portrait()])
    assert GoldenError.exit_code == 5


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"rangs": {}}, "no 'rangs'; did you mean 'ranges'"),
        ({"ranges": {"a": [1, 2]}}, "range of a, 1 to 2, must hold 0"),
        ({"ranges": {"a": [0]}}, "ranges of a must be a list of 2 numbers"),
        ({"factors": {"a": [1, 0]}}, "factors of a must be above 0"),
        ({"bias": {"a": [float("nan")]}}, "bias of a must be a list"),
        ({"untied": "add"}, "untied must be a list of names"),
        ({"height": 0}, "height and width whole numbers above 0"),
    ],
)
def test_a_broken_calibration_is_refused_and_says_where(change: dict[str, object], what: str) -> None:
    data = json.loads(Calibration("selfie", 128, 128).to_json()) | change
    with pytest.raises(ModelError, match=what):
        Calibration.from_json(json.dumps(data))


def test_calibrations_that_are_not_there_or_misnamed(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'selfie-128x128'"):
        Calibration.of("selfie", 129, 128)
    (tmp_path / "selfie-64x64.json").write_text(Calibration("selfie", 128, 128).to_json())
    with pytest.raises(ModelError, match="is of selfie at 128x128, which its name denies"):
        Calibration.of("selfie", 64, 64, tmp_path)
    (tmp_path / "selfie-64x64.json").write_text("{")
    with pytest.raises(ModelError, match="must be JSON"):
        Calibration.of("selfie", 64, 64, tmp_path)
    with pytest.raises(ModelError, match="lacks 'family'"):
        Calibration.from_json("{}")
