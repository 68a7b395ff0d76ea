"""The scorecard of candidates whose masks are known beforehand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from edgeseg.errors import EngineFault, GoldenError
from edgeseg.frames import U8
from edgeseg.golden.dataset import load
from edgeseg.golden.evaluate import Segment, evaluate
from edgeseg.golden.metrics import boundary_f, iou
from edgeseg.golden.pictures import read_image, read_mask


def _truths(root: Path) -> dict[bytes, np.ndarray]:
    """The true mask by the picture's pixels: a candidate that knows the answers."""
    dataset = load(root)
    return {read_image(root / i.image).tobytes(): read_mask(root / i.mask) for i in dataset.file.items}


def _oracle(root: Path) -> Segment:
    truths = _truths(root)

    def segment(bgr: U8, at_s: float | None) -> tuple[U8, float]:
        return np.where(truths[bgr.tobytes()], np.uint8(128), np.uint8(127)), 0.010

    return segment


def test_a_perfect_candidate(sound: Path) -> None:
    seen: list[tuple[int, int]] = []
    card = evaluate(load(sound), _oracle(sound), lambda done, of: seen.append((done, of)))
    assert (card.dataset, card.dataset_version, card.threshold) == ("small", 1, 128)
    assert (card.miou, card.p10_iou, card.worst.iou, card.boundary_f) == (1.0, 1.0, 1.0, 1.0)
    assert (card.false_area, card.flicker, card.lag) == (0.0, 0.0, None)  # four frames are too few for a lag
    assert (card.ms.p50, card.ms.p95) == pytest.approx((10, 10))
    assert card.by_framing == {"full-body": 1.0, "upper-body": 1.0}
    assert card.by_tag == {"glasses": 1.0}
    assert seen == [(n, 8) for n in range(1, 9)]


def test_a_candidate_that_sees_a_person_everywhere(sound: Path) -> None:
    card = evaluate(load(sound), lambda bgr, at_s: (np.full(bgr.shape[:2], 255, np.uint8), 0.001))
    assert card.miou == pytest.approx(16 * 16 / (32 * 48))
    assert (card.false_area, card.boundary_f) == (1.0, 0.0)


def test_scores_are_those_of_each_picture(sound: Path) -> None:
    truths = _truths(sound)

    def shifted(bgr: U8, at_s: float | None) -> tuple[U8, float]:
        mean = int(bgr[0, 0, 0]) % 5  # a different error for every picture
        return np.roll(truths[bgr.tobytes()], mean, 1).astype(np.uint8) * 255, bgr[0, 0, 1] / 1000

    dataset = load(sound)
    card = evaluate(dataset, shifted)
    scored = {score.item: score for score in card.per_item}
    assert list(scored) == [item.image for item in dataset.file.items]
    expected: list[tuple[float, float]] = []
    for item in dataset.file.items[:7]:
        bgr = read_image(sound / item.image)
        truth = read_mask(sound / item.mask)
        pred = shifted(bgr, None)[0] >= 128
        expected.append((iou(pred, truth), boundary_f(pred, truth)))
        assert (scored[item.image].iou, scored[item.image].boundary_f) == expected[-1]
        assert scored[item.image].ms == pytest.approx(bgr[0, 0, 1])
    assert card.miou == pytest.approx(np.mean([e[0] for e in expected]))
    assert card.p10_iou == pytest.approx(np.percentile([e[0] for e in expected], 10))
    assert card.boundary_f == pytest.approx(np.mean([e[1] for e in expected]))
    assert card.worst.iou == min(e[0] for e in expected)
    assert scored[card.worst.item].iou == card.worst.iou
    assert card.by_framing["upper-body"] == pytest.approx((expected[0][0] + expected[1][0]) / 2)
    assert scored["images/room.png"].iou is None


def test_what_is_carried_over_is_forgotten_at_each_still_and_sequence(sound: Path) -> None:
    times: list[float | None] = []

    def segment(bgr: U8, at_s: float | None) -> tuple[U8, float]:
        times.append(at_s)
        return np.zeros(bgr.shape[:2], np.uint8), 0.001

    evaluate(load(sound), segment)
    fps = load(sound).file.fps
    assert times == [None, None, None, 0.0, 1 / fps, 2 / fps, 3 / fps, None]


def test_json_holds_every_figure(sound: Path) -> None:
    card = evaluate(load(sound), _oracle(sound))
    data = json.loads(card.to_json())
    assert data["worst"] == {"item": "images/still0.png", "iou": 1.0}
    assert data["ms"].keys() == {"p50", "p95"}
    assert len(data["per_item"]) == 8
    assert data["lag"] is None


def test_a_set_without_time_or_empty_rooms_says_none(sound: Path) -> None:
    file = sound / "dataset.yaml"
    file.write_text("\n".join(file.read_text().splitlines()[:9]))
    card = evaluate(load(sound), _oracle(sound))
    assert (card.false_area, card.flicker, card.lag) == (None, None, None)


def test_a_late_candidate_has_its_lag(shared: Path) -> None:
    """On a real sequence: masks of three frames ago."""
    root = shared / "golden/webcam"
    truths = _truths(root)
    held: list[np.ndarray] = []

    def late(bgr: U8, at_s: float | None) -> tuple[U8, float]:
        if not at_s:
            held.clear()
        held.append(truths[bgr.tobytes()])
        return held[max(0, len(held) - 4)].astype(np.uint8) * 255, 0.001

    card = evaluate(load(root), late)
    assert card.lag == 3
    assert card.flicker is not None
    assert card.flicker > 0


def test_what_segment_raises_passes_through_and_what_it_gives_is_checked(sound: Path) -> None:
    def dies(bgr: U8, new: bool) -> tuple[U8, float]:
        raise EngineFault("the engine gave NaN.")

    with pytest.raises(EngineFault, match=r"the engine gave NaN\."):
        evaluate(load(sound), dies)
    with pytest.raises(ValueError, match=r"segment gave uint8 \(2, 2\) for a picture of uint8 \(32, 48\)"):
        evaluate(load(sound), lambda bgr, at_s: (np.zeros((2, 2), np.uint8), 0.0))


def test_a_picture_that_is_gone_is_a_golden_error(sound: Path) -> None:
    (sound / "images/still2.png").unlink()
    with pytest.raises(GoldenError, match=r"still2\.png is missing\."):
        evaluate(load(sound), _nobody)


def _nobody(bgr: U8, new: bool) -> tuple[U8, float]:
    return np.zeros(bgr.shape[:2], np.uint8), 0.0
