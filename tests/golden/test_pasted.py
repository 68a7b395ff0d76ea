"""The pasted people: their masks are exact, their sizes are what they are called, and rooms are empty."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pasted
import pytest

from edgeseg.golden.metrics import Bool, iou
from edgeseg.segmenter import Segmenter
from edgeseg.tiers.catalogue import DEFAULT_TIER


@pytest.fixture(scope="module")
def person() -> pasted.Person:
    rng = np.random.default_rng(0)
    alpha = np.zeros((300, 200), np.uint8)
    alpha[60:300, 50:150] = 255
    bgr = rng.integers(150, 256, (300, 200, 3)).astype(np.uint8)
    return pasted.Person("drawn", "upper-body", bgr, alpha)


@pytest.mark.parametrize("size", pasted.SIZES.values())
def test_the_mask_is_where_the_picture_changed(person: pasted.Person, size: float) -> None:
    room = np.full((pasted.FRAME.height, pasted.FRAME.width, 3), 60, np.uint8)
    before: Bool | None = None
    moved = 0
    for frame, truth in pasted.sequence(person, room, size):
        changed = frame.min(axis=2) > 100
        assert np.count_nonzero(changed != truth) <= 0.03 * np.count_nonzero(truth)
        rows = np.flatnonzero(truth.any(axis=1))
        assert rows[-1] == pasted.FRAME.height - 1  # cut off by the lower edge, as in its own picture
        assert abs(len(rows) - 0.8 * size * pasted.FRAME.height) <= 2
        moved += before is not None and not np.array_equal(before, truth)
        before = truth
    assert moved >= pasted.FRAMES - 3


def test_small_people_are_cut_out_nearly_as_well_as_large_ones(shared: Path, tier_file: Callable[..., Path]) -> None:
    tier_file()
    rooms = pasted.rooms(shared / "golden/stills")
    ways = {"": Segmenter(DEFAULT_TIER, threads=1), "unfollowed ": Segmenter(DEFAULT_TIER, threads=1, follow=False)}
    scores: dict[str, list[float]] = {}
    for number, someone in enumerate(pasted.people(shared / "golden/stills", 1)):
        for name, size in pasted.SIZES.items():
            frames = list(pasted.sequence(someone, rooms[number], size))[:8]
            for way, segmenter in ways.items():
                masks = [segmenter.next_mask(frame, n / pasted.FPS) for n, (frame, _) in enumerate(frames)]
                found = [iou(mask >= 128, truth) for mask, (_, truth) in zip(masks, frames, strict=True)]
                scores.setdefault(way + name, []).extend(found)
    for segmenter in ways.values():
        segmenter.close()
    mean = {name: float(np.mean(values)) for name, values in scores.items()}
    assert mean["full"] > 0.9
    assert mean["half"] > mean["full"] - 0.03
    assert mean["third"] > mean["full"] - 0.04
    assert mean["unfollowed third"] < mean["third"] - 0.1


def test_people_and_rooms_of_the_golden_set(shared: Path) -> None:
    people = list(pasted.people(shared / "golden/stills", 1))
    assert sorted(person.framing for person in people) == ["full-body", "head-shoulders", "upper-body"]
    assert all(set(np.unique(person.alpha)) == {0, 255} for person in people)
    rooms = pasted.rooms(shared / "golden/stills")
    assert len(rooms) == len(pasted.ROOMS)
    assert all(room.shape == (360, 640, 3) for room in rooms)
