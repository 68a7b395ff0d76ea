"""The metrics against other people's arithmetic, and what must hold whatever the masks are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage, stats
from skimage.metrics import contingency_table
from skimage.morphology import disk

from edgeseg.golden.dataset import load
from edgeseg.golden.evaluate import evaluate
from edgeseg.golden.metrics import boundary, boundary_f, false_area, flicker, iou, lag, summarize
from edgeseg.golden.pictures import read_mask
from edgeseg.segmenter import Segmenter
from edgeseg.tiers.catalogue import DEFAULT_TIER

Bool = npt.NDArray[np.bool_]

SHAPES = st.tuples(st.integers(1, 24), st.integers(1, 24))


@st.composite
def _two_masks(draw: st.DrawFn) -> tuple[Bool, Bool]:
    shape = draw(SHAPES)
    return draw(arrays(np.bool_, shape)), draw(arrays(np.bool_, shape))


def _blobs(seed: int, shape: tuple[int, int] = (90, 160)) -> Bool:
    """Smooth random regions, as masks are and noise is not."""
    noise = np.random.default_rng(seed).normal(size=shape)
    return np.asarray(ndimage.gaussian_filter(noise, 9) > 0.01)


@given(_two_masks())
def test_iou_is_that_of_the_sets_of_pixels(masks: tuple[Bool, Bool]) -> None:
    a, b = ({tuple(at) for at in np.argwhere(mask)} for mask in masks)
    assert iou(*masks) == (len(a & b) / len(a | b) if a | b else 1.0)


@given(_two_masks())
def test_iou_is_symmetric_and_one_only_for_equals(masks: tuple[Bool, Bool]) -> None:
    pred, truth = masks
    assert iou(pred, truth) == iou(truth, pred)
    assert (iou(pred, truth) == 1.0) == bool((pred == truth).all())


def test_iou_is_that_of_scikit_images_contingency_table() -> None:
    truth, pred = _blobs(1), _blobs(1) ^ (_blobs(2) & _blobs(3))
    table = contingency_table(truth.astype(int), pred.astype(int)).toarray() * truth.size
    assert iou(pred, truth) == pytest.approx(table[1, 1] / (table[0, 1] + table[1, 0] + table[1, 1]))


def _davis(pred: Bool, truth: Bool, radius: int) -> float:
    """DAVIS's way: outlines by comparing three neighbours, matched where the other one's disk covers them."""

    def outline(mask: Bool) -> Bool:
        out = np.zeros_like(mask)
        for dy, dx in ((0, 1), (1, 0), (1, 1)):
            for y, x in np.ndindex(mask.shape):
                out[y, x] |= mask[y, x] != mask[min(y + dy, mask.shape[0] - 1), min(x + dx, mask.shape[1] - 1)]
        return out

    p, t = outline(pred), outline(truth)
    if not p.any() or not t.any():
        return float(p.any() == t.any())
    precision = (p & ndimage.binary_dilation(t, disk(radius))).sum() / p.sum()
    recall = (t & ndimage.binary_dilation(p, disk(radius))).sum() / t.sum()
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("radius", [1, 2, 5])
def test_boundary_f_is_that_of_scikit_images_disks(seed: int, radius: int) -> None:
    truth = _blobs(seed)
    pred = np.roll(_blobs(seed), (1, 2), (0, 1)) ^ (_blobs(seed + 50) & _blobs(seed + 60))
    tolerance = radius / float(np.hypot(*truth.shape))
    assert boundary_f(pred, truth, tolerance) == pytest.approx(_davis(pred, truth, radius))


@given(_two_masks(), st.sampled_from([0.0, 0.0075, 0.1, 0.5]))
def test_boundary_f_is_that_of_scipys_distances(masks: tuple[Bool, Bool], tolerance: float) -> None:
    edges = [boundary(mask) for mask in masks]
    found = boundary_f(*masks, tolerance)
    if not all(edge.any() for edge in edges):
        assert found == float(edges[0].any() == edges[1].any())
        return
    reach = tolerance * float(np.hypot(*masks[0].shape))
    near = [ndimage.distance_transform_edt(~edge) <= reach + 1e-3 for edge in edges]
    precision, recall = near[1][edges[0]].mean(), near[0][edges[1]].mean()
    assert found == pytest.approx(2 * precision * recall / (precision + recall) if precision + recall else 0.0)


@given(_two_masks())
def test_boundary_f_is_symmetric_and_one_for_equals(masks: tuple[Bool, Bool]) -> None:
    pred, truth = masks
    assert boundary_f(pred, truth) == pytest.approx(boundary_f(truth, pred))
    assert boundary_f(pred, pred) == 1.0


def test_boundary_tolerance_is_a_share_of_the_diagonal() -> None:
    """300x400, diagonal 500: 0.0075 of it is 3.75 pixels, so 3 off is right and 4 off is wrong."""
    truth = np.zeros((300, 400), bool)
    truth[:, :200] = True
    assert boundary_f(np.roll(truth, 3, 1)[:, :] | truth, truth) == 1.0
    assert boundary_f(np.roll(truth, 4, 1)[:, :] | truth, truth) == 0.0


@given(arrays(np.bool_, SHAPES))
def test_false_area_is_the_share_called_person(pred: Bool) -> None:
    assert false_area(pred) == pytest.approx(float(pred.mean()))


def _sequence(frames: int = 20) -> list[Bool]:
    """A person who walks through the picture."""
    body = np.zeros((24, 96), bool)
    body[4:24, 4:20] = True
    return [np.roll(body, 3 * n, 1) for n in range(frames)]


def _flicker_by_loops(preds: list[Bool], truths: list[Bool]) -> float:
    total = 0
    for t in range(1, len(preds)):
        for at in np.ndindex(preds[t].shape):
            total += preds[t][at] != preds[t - 1][at] and truths[t][at] == truths[t - 1][at]
    return total / (len(preds) - 1) / preds[0].size


@given(st.integers(2, 5).flatmap(lambda n: st.tuples(arrays(np.bool_, (n, 5, 7)), arrays(np.bool_, (n, 5, 7)))))
def test_flicker_is_what_its_definition_says(stacks: tuple[Bool, Bool]) -> None:
    preds, truths = list(stacks[0]), list(stacks[1])
    assert flicker(zip(preds, truths, strict=True)) == pytest.approx(_flicker_by_loops(preds, truths))


def test_flicker_is_none_where_the_mask_is_right_and_all_where_everything_blinks() -> None:
    truths = _sequence()
    assert flicker(zip(truths, truths, strict=True)) == 0.0
    still = [np.zeros((4, 4), bool)] * 6
    blink = [np.full((4, 4), n % 2 == 1) for n in range(6)]
    assert flicker(zip(blink, still, strict=True)) == 1.0
    assert flicker([(blink[0], still[0])]) is None


@pytest.mark.parametrize("delay", range(6))
def test_lag_is_the_delay(delay: int) -> None:
    truths = _sequence()
    preds = [truths[max(0, n - delay)] for n in range(len(truths))]
    assert lag(zip(preds, truths, strict=True)) == delay


def test_lag_of_a_worse_mask_is_still_the_delay() -> None:
    truths = _sequence()
    preds = [np.asarray(ndimage.binary_erosion(truths[max(0, n - 2)], iterations=2)) for n in range(len(truths))]
    assert lag(zip(preds, truths, strict=True)) == 2


def test_lag_of_what_stands_still_is_zero_and_of_too_little_is_none() -> None:
    still = [_blobs(3)] * 12
    assert lag(zip(still, still, strict=True)) == 0
    assert lag(zip(still[:5], still[:5], strict=True)) is None


def test_summary_is_numpys_percentile_and_names_the_worst() -> None:
    scores = [(f"item{n}", float(score)) for n, score in enumerate(np.random.default_rng(0).random(37))]
    values = sorted(score for _, score in scores)
    summary = summarize(scores)
    assert summary.mean == pytest.approx(sum(values) / 37)
    assert summary.p10 == pytest.approx(values[3] + 0.6 * (values[4] - values[3]))  # rank 0.1 * 36
    assert (summary.worst_item, summary.worst) == min(scores, key=lambda pair: pair[1])


@pytest.mark.parametrize("metric", [iou, boundary_f, lambda a, b: flicker([(a, b)])])
def test_masks_of_two_shapes_are_refused(metric: Callable[[Bool, Bool], float]) -> None:
    with pytest.raises(ValueError, match=r"the mask is \(2, 3\), the truth \(3, 2\): they must be of one shape"):
        metric(np.zeros((2, 3), bool), np.zeros((3, 2), bool))


def test_there_is_nothing_to_summarize() -> None:
    with pytest.raises(ValueError, match="there are no scores to summarize"):
        summarize([])


def test_percentile_is_scipys_of_the_same_type() -> None:
    """Type 7 of Hyndman and Fan: alphap = betap = 1 of SciPy's mquantiles."""
    for seed in range(5):
        values = np.random.default_rng(seed).random(11 + seed)
        found = summarize([(str(n), float(value)) for n, value in enumerate(values)]).p10
        assert found == pytest.approx(float(stats.mstats.mquantiles(values, 0.1, 1, 1)[0]))


@pytest.mark.parametrize("which", ["stills", "webcam"])
def test_a_real_tiers_scores_on_real_pictures_are_those_of_other_libraries(
    shared: Path, tier_file: Callable[..., Path], which: str
) -> None:
    """Each fortieth picture: IoU by scikit-image, boundary F by SciPy's distances, Brier and ECE pixel by pixel."""
    tier_file()
    whole = load(shared / "golden" / which)
    items = [item.model_copy(update={"sequence": None, "frame": None}) for item in whole.file.items[::40]]
    part = replace(whole, file=whole.file.model_copy(update={"items": items}))
    alphas: list[npt.NDArray[np.uint8]] = []
    segmenter = Segmenter(DEFAULT_TIER, refine=False, follow=False, tidy=False)

    def segment(bgr: npt.NDArray[np.uint8], at_s: float | None) -> tuple[npt.NDArray[np.uint8], float]:
        alphas.append(segmenter.mask(bgr))
        return alphas[-1], 0.001

    card = evaluate(part, segment)
    segmenter.close()
    truths = [read_mask(whole.path(item.mask)) for item in items]
    for score, alpha, truth in zip(card.per_item, alphas, truths, strict=True):
        pred = alpha >= 128
        table = contingency_table(truth.astype(int), pred.astype(int)).toarray() * truth.size
        assert score.iou == pytest.approx(table[1, 1] / (table[0, 1] + table[1, 0] + table[1, 1]))
        assert score.boundary_f == pytest.approx(_f_by_distances(pred, truth, 0.0075))
        assert score.boundary_f is not None
        assert 0.2 < score.boundary_f < 1
    squares = [((alpha / 255 - truth) ** 2).mean() for alpha, truth in zip(alphas, truths, strict=True)]
    assert card.brier == pytest.approx(np.mean(squares))
    assert card.ece == pytest.approx(_ece_by_masks(alphas, truths))
    assert 0 < card.ece < 0.2


def _f_by_distances(pred: Bool, truth: Bool, tolerance: float) -> float:
    """Outlines by rolled comparison, distances by SciPy."""

    def outline(mask: Bool) -> Bool:
        edges = np.zeros_like(mask)
        edges[:, :-1] |= mask[:, :-1] != mask[:, 1:]
        edges[:-1] |= mask[:-1] != mask[1:]
        edges[:-1, :-1] |= mask[:-1, :-1] != mask[1:, 1:]
        return edges

    reach = tolerance * float(np.hypot(*pred.shape)) + 1e-3
    p, t = outline(pred), outline(truth)
    precision = (ndimage.distance_transform_edt(~t)[p] <= reach).mean()
    recall = (ndimage.distance_transform_edt(~p)[t] <= reach).mean()
    return float(stats.hmean([precision, recall]))


def _ece_by_masks(alphas: list[npt.NDArray[np.uint8]], truths: list[Bool]) -> float:
    """scikit-learn's way to a calibration curve: bins by searchsorted over linspace, each picture's pixels weighted."""
    p = np.concatenate([alpha.ravel() for alpha in alphas]) / 255
    o = np.concatenate([truth.ravel() for truth in truths])
    weights = np.concatenate([np.full(alpha.size, 1 / alpha.size / len(alphas)) for alpha in alphas])
    bins = np.searchsorted(np.linspace(0, 1, 16)[1:-1] - 1e-9, p, side="right")
    total = 0.0
    for b in np.unique(bins):
        here = bins == b
        mean_p, mean_o = (np.average(of[here], weights=weights[here]) for of in (p, o))
        total += weights[here].sum() * abs(mean_p - mean_o)
    return total
