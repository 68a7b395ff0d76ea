"""Rows: this version's own, and what a row may not say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from edgeseg.assets.table import ASSETS
from edgeseg.errors import UsageError
from edgeseg.ports import ModelIO
from edgeseg.tiers.catalogue import DEFAULT_TIER, FILE, Numbers, Tier, catalogue, read, row_of

ROW: dict[str, Any] = {
    "family": "own",
    "asset": "mine.tflite",
    "height": 64,
    "width": 96,
    "precision": "int8",
    "sha256": "0" * 64,
    "bytes": 1,
    "fit": "letterbox",
    "input": {"dtype": "int8", "scale": 0.00390625, "zero_point": -128},
    "output": {"dtype": "uint8", "scale": 0.00390625},
    "licence": "CC0-1.0",
}


def test_the_default_tier() -> None:
    assert DEFAULT_TIER == "selfie-landscape-144x256-fp16"
    assert catalogue()[DEFAULT_TIER].io == ModelIO(144, 256, "stretch", "float32")


def test_names_say_what_the_fields_say() -> None:
    for name, tier in catalogue().items():
        assert name == tier.name == f"{tier.family}-{tier.height}x{tier.width}-{tier.precision}"
        assert tier.licence == ASSETS[tier.asset].licence
        assert tier.io == ModelIO(tier.height, tier.width, tier.fit, tier.input.dtype)
        assert tier.twin is None


def test_every_tier_says_how_it_was_made_and_what_it_scores() -> None:
    for tier in catalogue().values():
        assert len(set(tier.passes)) > 3
        assert tier.golden.keys() >= {"stills", "webcam"}
        assert all(0.5 < score < 1 for score in tier.golden.values())
        assert (tier.input.dtype == "float32") == (tier.precision != "int8")


def test_the_body_tiers_are_letterboxed() -> None:
    fits = {tier.family: tier.fit for tier in catalogue().values()}
    assert fits["body"] == "letterbox"
    assert fits["selfie-landscape"] == "stretch"


@pytest.mark.parametrize("name", list(catalogue()))
def test_one_row_is_read_as_all_are(name: str) -> None:
    assert row_of(name) == catalogue()[name]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x",
        "family",
        "  family",
        "selfie",
        "#",
        f"{DEFAULT_TIER}:",
        f" {DEFAULT_TIER}",
        ".*",
        "\n",
        DEFAULT_TIER[:-1],
    ],
)
def test_what_is_no_name_has_no_row(name: str) -> None:
    assert row_of(name) is None


def test_the_last_rows_end_is_the_files_end() -> None:
    """Whoever reads one row by its text must meet no other layout than the one that is written."""
    rows = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    assert list(rows) == list(catalogue())
    assert row_of(list(rows)[-1]) is not None
    assert FILE.read_bytes().endswith(b"\n")


def written(tmp_path: Path, **changes: object) -> Path:
    """A catalogue of one row; a change to None leaves the field out."""
    row = {key: value for key, value in {**ROW, **changes}.items() if value is not None}
    path = tmp_path / "catalogue.yaml"
    path.write_text(yaml.safe_dump({"t": row}))
    return path


def test_a_row_of_the_users_own(tmp_path: Path) -> None:
    more = {"passes": ["one", "two"], "golden": {"mine": 1, "stills": 0.5}}
    (tier,) = read(written(tmp_path, **more)).values()
    numbers = Numbers("int8", 0.00390625, -128), Numbers("uint8", 0.00390625, 0)
    given = (*("own", "mine.tflite", 64, 96, "int8", "0" * 64, 1, "letterbox"), *numbers, "CC0-1.0")
    assert tier == Tier("t", *given, ("one", "two"), {"mine": 1, "stills": 0.5}, None)  # type: ignore[arg-type]
    assert tier.io == ModelIO(64, 96, "letterbox", "int8")


def test_what_is_optional_may_be_left_empty(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.yaml"
    path.write_text(f"t: {json.dumps({**ROW, 'passes': None, 'golden': None, 'twin': None})}")
    assert read(path) == read(written(tmp_path))
    assert (read(path)["t"].passes, read(path)["t"].golden) == ((), {})


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"heigth": 1}, r"tier t: there is no field 'heigth'; did you mean 'height'"),
        ({"name": "t"}, r"tier t: there is no field 'name'"),
        ({"sha256": None}, r"tier t: the field 'sha256' is missing"),
        ({"output": None}, r"tier t: the field 'output' is missing"),
        ({"output": "probability"}, r"tier t: output is not a mapping"),
        ({"output": {"scale": 1}}, r"tier t: output: the field 'dtype' is missing"),
        ({"input": {"dtype": "int16"}}, r"input: dtype is 'int16', not one of float32, int8, uint8"),
        ({"input": {"dtype": "int8", "zero": 1}}, r"input: there is no field 'zero'; did you mean 'zero_point'"),
        ({"input": {"dtype": "int8", "scale": "1/255"}}, r"input: scale is '1/255', not a number above 0"),
        ({"input": {"dtype": "int8", "scale": True}}, r"scale is True"),
        ({"input": {"dtype": "int8", "scale": 0}}, r"scale is 0, not a number above 0"),
        ({"input": {"dtype": "int8", "scale": float("nan")}}, r"scale is nan"),
        ({"input": {"dtype": "int8", "scale": float("inf")}}, r"scale is inf"),
        ({"input": {"dtype": "int8", "zero_point": 0.5}}, r"zero_point is 0\.5, not a whole number"),
        ({"fit": ["stretch"]}, r"fit is \['stretch'\], not one of stretch, letterbox"),
        ({"precision": "int4"}, r"precision is 'int4', not one of fp32, fp16, int8"),
        ({"width": 0}, r"width is 0, not a whole number above 0"),
        ({"width": True}, r"width is True"),
        ({"bytes": 1.5}, r"bytes is 1\.5, not a whole number"),
        ({"licence": ""}, r"licence is '', not a word"),
        ({"family": 5}, r"family is 5, not a word"),
        ({"sha256": "0" * 63}, r"sha256 is '0{63}', not 64 hexadecimal digits"),
        ({"sha256": "F" * 64}, r"not 64 hexadecimal digits"),
        ({"passes": 5}, r"passes is 5, not a list of words"),
        ({"passes": "resize"}, r"passes is 'resize', not a list of words"),
        ({"passes": [1]}, r"passes is \[1\], not a list of words"),
        ({"golden": 0.9}, r"golden is 0\.9, not a mapping from sets to scores"),
        (
            {"golden": {"stills": 93.97}},
            r"golden is \{'stills': 93\.97\}, not a mapping from sets to scores from 0 to 1",
        ),
        ({"golden": {"stills": "good"}}, r"golden is .* not a mapping"),
        ({"twin": 5}, r"twin is 5, not a word"),
    ],
)
def test_a_wrong_row_is_refused_with_file_tier_and_field(tmp_path: Path, changes: dict[str, object], says: str) -> None:
    path = written(tmp_path, **changes)
    with pytest.raises(UsageError, match=says) as caught:
        read(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- a",
        "a: [",
        "a: b",
        "\x00",
        "t: 2026-13-45",
        "? [a]\n: b",
        "&a [*a]",
        "a: &a {family: *a}",
        "!!python/object:os.system {}",
    ],
)
def test_what_is_no_catalogue_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_a_catalogue_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.yaml cannot be read: No such file"):
        read(tmp_path / "none.yaml")
    with pytest.raises(UsageError, match=r"cannot be read: Is a directory"):
        read(tmp_path)
    (tmp_path / "latin.yaml").write_bytes("t: {asset: Höhle}".encode("latin-1"))
    with pytest.raises(UsageError, match=r"latin\.yaml cannot be read"):
        read(tmp_path / "latin.yaml")
