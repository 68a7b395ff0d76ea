"""How good a mask is. Masks are (H, W) bool, True where the person is; every score says where it comes from."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Bool = npt.NDArray[np.bool_]
Pairs = Iterable[tuple[Bool, Bool]]

BOUNDARY_TOLERANCE = 0.0075
MAX_LAG = 5


def iou(pred: Bool, truth: Bool) -> float:
    """Intersection over union, 0..1: |pred and truth| / |pred or truth|. Both empty: 1.0, by convention.

    Source: Jaccard 1912; the measure J, and the convention, of DAVIS (Perazzi et al., CVPR 2016).
    Raises ValueError if the shapes differ.
    """
    _same_shape(pred, truth)
    union = np.count_nonzero(pred | truth)
    return float(np.count_nonzero(pred & truth)) / union if union else 1.0


def boundary_f(pred: Bool, truth: Bool, tolerance: float = BOUNDARY_TOLERANCE) -> float:
    """F-measure of the outlines, 0..1: 2PR / (P + R).

    P is the share of pred's boundary pixels that lie no farther than `tolerance` times the picture's diagonal from a
    boundary pixel of truth (Euclidean, between pixel centres); R the same the other way round. A boundary pixel is one
    that differs from its right, lower or lower right neighbour, so the picture's border is no boundary. Neither
    has any: 1.0; only one has: 0.0.

    Source: Martin, Fowlkes and Malik, PAMI 2004, whose benchmark allows 0.0075 of the diagonal, and the measure F of
    DAVIS (Perazzi et al., CVPR 2016), which finds boundaries so and replaces their one-to-one matching by distance,
    as is done here. DAVIS's own code allows 0.008, rounded up to whole pixels; nothing is rounded here.
    Raises ValueError if the shapes differ.
    """
    _same_shape(pred, truth)
    of_pred, of_truth = boundary(pred), boundary(truth)
    if not of_pred.any() or not of_truth.any():
        return float(of_pred.any() == of_truth.any())
    reach = tolerance * float(np.hypot(*pred.shape))
    precision = float(_near(of_truth, reach)[of_pred].mean())
    recall = float(_near(of_pred, reach)[of_truth].mean())
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def boundary(mask: Bool) -> Bool:
    """The boundary pixels of a mask, (H, W) bool: those unlike their right, lower or lower right neighbour."""
    around = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    here = around[:-1, :-1]
    edges: Bool = (here != around[:-1, 1:]) | (here != around[1:, :-1]) | (here != around[1:, 1:])
    return edges


def false_area(pred: Bool) -> float:
    """Share of the frame, 0..1, that is called person in a picture where nobody is.

    Source: the false positive rate, which on such a picture is all that can be wrong.
    """
    return float(np.count_nonzero(pred)) / max(1, pred.size)


def flicker(pairs: Pairs) -> float | None:
    """Mask change that the truth does not explain, 0..1, lower is better; None for fewer than two frames.

    The mean over t >= 1 of the share of the frame's pixels where pred_t != pred_(t-1) while truth_t == truth_(t-1).
    `pairs` gives (pred_t, truth_t) in order, all of one size; only two are held at a time.

    Source: dtSSD (Erofeev et al., "Perceptually Motivated Benchmark for Video Matting", BMVC 2015) compares the
    change of pred with the change of truth at every pixel; this is its squared term for masks of 0 and 1, counted only
    where truth stands still, so that a wrong edge in motion is not called flicker, and without the root.
    """
    running = Temporal(max_lag=0)
    for pred, truth in pairs:
        running.add(pred, truth)
    return running.flicker


def lag(pairs: Pairs, max_lag: int = MAX_LAG) -> int | None:
    """By how many frames the mask trails: the d in 0..max_lag whose mean IoU of pred_t with truth_(t-d) is highest.

    All d are compared over the same frames, t >= max_lag; the smallest d wins a tie, so that a scene that stands still
    has lag 0. None if there are no more frames than `max_lag`. max_lag + 1 truths are held at a time. A mask far too
    large or small (IoU below about 0.9) may seem a frame late where the person shrinks or grows.

    Source: delay by maximum similarity over shifts (Knapp and Carter, IEEE TASSP 1976, with IoU for correlation).
    """
    running = Temporal(max_lag)
    for pred, truth in pairs:
        running.add(pred, truth)
    return running.lag


class Temporal:
    """`flicker` and `lag` of one sequence, frame by frame, in memory that does not grow with it."""

    def __init__(self, max_lag: int = MAX_LAG) -> None:
        self._pred: Bool | None = None
        self._truths: deque[Bool] = deque(maxlen=max_lag + 1)  # newest first
        self._unexplained = 0.0
        self._steps = 0
        self._iou_at = np.zeros(max_lag + 1)
        self._compared = 0

    def add(self, pred: Bool, truth: Bool) -> None:
        """Take the next frame. Raises ValueError if a shape differs from the one before."""
        _same_shape(pred, truth)
        if self._pred is not None:
            before = self._truths[0]
            _same_shape(pred, before)
            self._unexplained += false_area((pred != self._pred) & (truth == before))
            self._steps += 1
        self._pred = pred
        self._truths.appendleft(truth)
        if len(self._truths) == self._truths.maxlen:
            self._iou_at += [iou(pred, earlier) for earlier in self._truths]
            self._compared += 1

    @property
    def flicker(self) -> float | None:
        """See `flicker`."""
        return self._unexplained / self._steps if self._steps else None

    @property
    def lag(self) -> int | None:
        """See `lag`."""
        return int(np.argmax(self._iou_at)) if self._compared else None


@dataclass(frozen=True, slots=True)
class Summary:
    """Many scores, higher is better, as three numbers, and the name of the item with the worst one."""

    mean: float
    p10: float
    worst: float
    worst_item: str


def summarize(scores: Sequence[tuple[str, float]]) -> Summary:
    """The mean, the 10th percentile and the worst of (item, score).

    The percentile is linear between ranks: type 7 of Hyndman and Fan, 1996. Raises ValueError if there are none.
    """
    if not scores:
        raise ValueError("there are no scores to summarize")
    values = np.array([score for _, score in scores])
    item, worst = min(scores, key=lambda pair: pair[1])
    return Summary(float(values.mean()), float(np.percentile(values, 10)), worst, item)


def _near(marked: Bool, reach: float) -> Bool:
    """Which pixels have a marked one no farther away than `reach` pixels."""
    distance = cv2.distanceTransform((~marked).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # Distances are roots of whole numbers in float32: the small allowance keeps those equal to `reach` in.
    near: Bool = np.asarray(distance) <= reach + 1e-3
    return near


def _same_shape(pred: Bool, truth: Bool) -> None:
    if pred.shape != truth.shape:
        raise ValueError(f"the mask is {pred.shape}, the truth {truth.shape}: they must be of one shape")
