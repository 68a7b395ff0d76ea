"""The small golden set that devices carry: what it is made of, and the tiers' scores on it."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from edgeseg.golden import SMALL
from edgeseg.golden.checking import check
from edgeseg.golden.dataset import load
from edgeseg.golden.pictures import read_image, read_mask
from edgeseg.tiers import files
from edgeseg.tiers.catalogue import catalogue
from quantize.catalogue import with_small_scores
from quantize.small_set import FILE, Picture, filled, rendered, write

PLAN = json.loads(FILE.read_text())
PICTURES = [Picture(**row) for row in PLAN["pictures"]]


def test_it_is_sound_small_and_has_a_room_with_nobody_in_it() -> None:
    assert check(SMALL) == []
    items = load(SMALL).file.items
    assert [item.image for item in items] == [f"images/{picture.name}.jpg" for picture in PICTURES]
    assert any(item.is_empty for item in items)
    assert len({item.framing for item in items}) >= 3
    assert len({read_image(SMALL / item.image).shape for item in items}) == len(items)
    assert sum(path.stat().st_size for path in SMALL.rglob("*") if path.is_file()) < 300_000


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_what_is_shipped_is_what_the_assets_and_the_outlines_give(picture, asset) -> None:
    asset(picture.of.partition(" ")[0])
    bgr, person = rendered(picture, PLAN["outlines"])
    shipped = read_image(SMALL / "images" / f"{picture.name}.jpg")
    assert np.array_equal(read_mask(SMALL / "masks" / f"{picture.name}.png"), person == 255)
    assert shipped.shape == bgr.shape
    assert cv2.absdiff(shipped, bgr).mean() < 4  # JPEG


def test_it_is_written_as_it_is_shipped(asset, tmp_path) -> None:
    asset("astronaut"), asset("carphone")
    write(tmp_path)
    assert check(tmp_path) == []
    assert (tmp_path / "dataset.yaml").read_bytes() == (SMALL / "dataset.yaml").read_bytes()


def test_an_outline_is_filled_to_the_half_pixel() -> None:
    like = np.zeros((4, 6, 3), np.uint8)
    mask = filled([[1, 1], [4.7, 1], [4.7, 3], [1, 3]], like)
    assert np.argwhere(mask).tolist() == [[y, x] for y in (1, 2) for x in (1, 2, 3, 4)]
    assert filled([[1, 1], [4.3, 1], [4.3, 3], [1, 3]], like).sum() == 255 * 6
    assert filled([[1, 1], [4.5, 1], [4.5, 3], [1, 3]], like, 2).sum() == 255 * 7 * 4


@pytest.mark.parametrize("name", ["selfie-landscape-96x160-fp32", "selfie-landscape-144x256-int8"])
def test_the_catalogues_small_score_is_measured(name, tier_file) -> None:
    tier_file(name)
    tier = catalogue()[name]
    (again,) = with_small_scores([tier], files.load)
    assert again.golden["small"] == pytest.approx(tier.golden["small"], abs=0.002)
    assert {key: again.golden[key] for key in ("stills", "webcam")} == {
        key: tier.golden[key] for key in ("stills", "webcam")
    }


def test_every_tier_has_a_small_score() -> None:
    assert all(0.6 < tier.golden["small"] < 1 for tier in catalogue().values())
