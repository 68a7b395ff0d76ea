from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from edgeseg.assets.table import ASSETS
from edgeseg.errors import UsageError
from edgeseg.ports import ModelIO
from edgeseg.tiers import catalogue as module
from edgeseg.tiers.catalogue import DEFAULT_TIER, catalogue, read, tier


def test_the_default_tier() -> None:
    default = tier()
    assert default.name == DEFAULT_TIER == "selfie-landscape-144x256-fp16"
    assert default.io == ModelIO(144, 256, "stretch", "float32", "probability")


def test_the_body_tier_is_letterboxed_and_gives_logits() -> None:
    assert tier("body-256x256-fp16").io == ModelIO(256, 256, "letterbox", "float32", "logit")


def test_names_say_what_the_fields_say_and_files_are_the_pinned_ones() -> None:
    assert len(catalogue()) == 3
    for name, one in catalogue().items():
        assert name == one.name == f"{one.family}-{one.height}x{one.width}-{one.precision}"
        asset = ASSETS[one.asset]
        assert (one.sha256, one.bytes, one.licence) == (asset.sha256, asset.bytes, asset.licence)


def test_an_unknown_tier_gets_the_nearest_name() -> None:
    with pytest.raises(UsageError, match=r"no tier 'selfie-256'; did you mean 'selfie-256x256-fp16'\?"):
        tier("selfie-256")


def _changed(tmp_path: Path, **fields: object) -> Path:
    row = yaml.safe_load(Path(module.__file__).with_name("catalogue.yaml").read_text())[DEFAULT_TIER]
    row.update(fields)
    path = tmp_path / "catalogue.yaml"
    path.write_text(yaml.safe_dump({"t": {key: value for key, value in row.items() if value is not None}}))
    return path


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"heigth": 1}, r"tier t: there is no field 'heigth'; did you mean 'height'"),
        ({"sha256": None}, r"tier t: the field 'sha256' is missing"),
        ({"output": "percent"}, r"output is 'percent', not one of probability, logit"),
        ({"fit": ["stretch"]}, r"fit is \['stretch'\], not one of"),
        ({"width": 0}, r"width is 0, not a whole number above 0"),
        ({"width": True}, r"width is True"),
        ({"input_range": [-1, 1]}, r"an input of float32 ranges over \[0.0, 1.0\]"),
    ],
)
def test_a_wrong_row_is_refused_with_file_tier_and_field(tmp_path: Path, fields: dict[str, object], says: str) -> None:
    path = _changed(tmp_path, **fields)
    with pytest.raises(UsageError, match=says) as caught:
        read(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("text", ["", "- a", "a: [", "a: b", "\x00", "!!python/object:os.system {}"])
def test_what_is_no_catalogue_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(UsageError):
        read(path)
    with pytest.raises(UsageError, match="cannot be read"):
        read(tmp_path / "none.yaml")
