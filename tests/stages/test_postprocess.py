"""Model output to mask, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from edgeseg.errors import EngineFault
from edgeseg.frames import Rect
from edgeseg.ports import ModelIO
from edgeseg.stages.postprocess import keep_near, postprocess, surer

IO = ModelIO(4, 6)
WHOLE = Rect(0, 0, 6, 4)


def test_probabilities_become_levels() -> None:
    scores = np.linspace(0, 1, 24, dtype=np.float32).reshape(4, 6)
    assert np.array_equal(postprocess(scores, IO, WHOLE), np.rint(scores * 255).astype(np.uint8))


def test_padding_is_cut_away() -> None:
    scores = np.zeros((4, 6), np.float32)
    scores[:, 1:5] = 1
    alpha = postprocess(scores, IO, Rect(1, 0, 5, 4))
    assert alpha.shape == (4, 4)
    assert (alpha == 255).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1.01, -0.01, 255.0])
def test_what_is_no_probability_is_refused(bad: float) -> None:
    scores = np.full((4, 6), 0.5, np.float32)
    scores[2, 3] = bad
    with pytest.raises(EngineFault, match="no probability"):
        postprocess(scores, IO, WHOLE)


def test_steps_of_a_quantized_mask_become_their_levels() -> None:
    """Scale 1/256 reaches 255/256 and no more, which is 254; one half stays on its side."""
    scores = (np.arange(256, dtype=np.float32) / 256).reshape(16, 16)
    levels = postprocess(scores, ModelIO(16, 16), Rect(0, 0, 16, 16))
    assert np.array_equal(levels, np.rint(scores * 255).astype(np.uint8))
    assert np.array_equal(levels >= 128, scores >= 0.5)
    assert levels.max() == 254


def test_all_nan_is_refused() -> None:
    with pytest.raises(EngineFault):
        postprocess(np.full((4, 6), np.nan, np.float32), IO, WHOLE)


@pytest.mark.parametrize("shape", [(3, 6), (4, 5), (4, 6, 1), (24,)])
def test_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(EngineFault, match="shape"):
        postprocess(np.zeros(shape, np.float32), IO, WHOLE)


@pytest.mark.parametrize("shape", [(144, 256), (36, 64), (180, 320), (256, 256), (8, 8)])
def test_nothing_stays_far_from_the_person(shape: tuple[int, int]) -> None:
    height, width = shape
    person = np.zeros(shape, np.uint8)
    person[height // 2, width // 2] = 255
    kept = keep_near(np.full(shape, 77, np.uint8), person, 0.02)
    rows, columns = np.nonzero(kept)
    away = np.hypot(rows - height // 2, columns - width // 2)
    # Upsampling spreads a mask pixel by less than one and a half of them.
    assert away.max() + (1.5 if away.max() else 0) <= 0.02 * np.hypot(*shape)
    assert kept[height // 2, width // 2] == 77


def test_near_the_person_all_stays() -> None:
    person = np.zeros((144, 256), np.uint8)
    person[50:100, 100:150] = 128
    alpha = np.zeros_like(person)
    alpha[48:102, 98:152] = 200
    assert np.array_equal(keep_near(alpha, person, 0.02), alpha)
    person[...] = 127
    assert not keep_near(alpha, person, 0.02).any()


def test_surer_keeps_the_middle_and_clears_what_is_faint() -> None:
    before = np.arange(256, dtype=np.uint8).reshape(16, 16)
    after = surer(before)
    assert np.array_equal(after >= 128, before >= 128)
    assert not after[before <= 63].any()
    assert (after[before >= 192] == 255).all()
