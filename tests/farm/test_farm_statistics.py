"""The interval of a mean difference: against SciPy's bootstrap, formulas, and what it decides of simulated farms."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from deploy.farm.statistics import difference, is_fall, units_of
from edgeseg.golden import SMALL
from edgeseg.golden.dataset import load

F64 = npt.NDArray[np.float64]
Noise = Callable[[np.random.Generator, int], F64]

REAL_SD = 0.0065
"""Of the differences of IoU between a tier in FP32 and in INT8, picture by picture (selfie-landscape-144x256 on the
shared sets: 0.0063 and 0.0067, with tails longer than the normal's and longer below than above)."""


def _normal(rng: np.random.Generator, n: int) -> F64:
    return rng.normal(0, REAL_SD, n)


def _long_tails(rng: np.random.Generator, n: int) -> F64:
    return rng.standard_t(3, n) / np.sqrt(3) * REAL_SD


def _longer_below(rng: np.random.Generator, n: int) -> F64:
    return (2.0 - rng.gamma(2.0, 1.0, n)) / np.sqrt(2) * REAL_SD


NOISES = {"normal": _normal, "long tails": _long_tails, "longer below": _longer_below}


def _scores(values: F64) -> dict[str, float]:
    return {f"images/{n:03}.jpg": float(value) for n, value in enumerate(values)}


def _alarms(noise: Noise, n: int, runs: int, seed: int) -> int:
    """How often a fall is called where nothing fell, without any tolerance."""
    rng = np.random.default_rng(seed)
    base = _scores(np.full(n, 0.94))
    alarms = 0
    for _ in range(runs):
        changed = _scores(0.94 + noise(rng, n))
        alarms += difference(base, changed, resamples=499).is_fall(0.0)
    return alarms


@pytest.mark.parametrize("n", [2, 3, 5, 12, 40])
@pytest.mark.parametrize("noise", NOISES.values(), ids=NOISES)
def test_noise_alone_gives_no_more_alarms_than_stated(noise: Noise, n: int) -> None:
    """At 95 % a fall is called by chance in one of 40; 400 runs, and what chance allows of them."""
    runs = 400
    allowed = int(stats.binom.ppf(0.999, runs, 0.025))
    assert _alarms(noise, n, runs, seed=n) <= allowed


def test_the_tolerance_holds_alarms_where_rare_gains_hide_small_falls() -> None:
    rng = np.random.default_rng(8)
    base = _scores(np.full(40, 0.94))
    changed = [_scores(0.94 - _longer_below(rng, 40)) for _ in range(300)]
    assert sum(difference(base, now, resamples=499).is_fall(0.002) for now in changed) == 0


@pytest.mark.parametrize("noise", NOISES.values(), ids=NOISES)
def test_a_fall_of_a_point_on_forty_pictures_is_found_and_half_of_what_is_tolerated_is_not(noise: Noise) -> None:
    rng = np.random.default_rng(11)
    base = _scores(np.clip(rng.normal(0.94, 0.04, 40), 0, 1))
    found = missed = 0
    for _ in range(50):
        change = noise(rng, 40)
        fallen = {item: score - 0.010 + change[n] for n, (item, score) in enumerate(base.items())}
        slightly = {item: score - 0.0025 + change[n] for n, (item, score) in enumerate(base.items())}
        found += difference(base, fallen, resamples=499).is_fall(0.005)
        missed += difference(base, slightly, resamples=499).is_fall(0.005)
    assert found >= 45
    assert missed == 0


def test_frames_of_a_sequence_are_one_witness() -> None:
    """Six sequences of 20 frames, each with an error of its own: taken as 120 pictures they cry wolf."""
    rng = np.random.default_rng(5)
    base = _scores(np.full(120, 0.94))
    units = {item: f"s{n // 20}" for n, item in enumerate(base)}
    as_units = as_pictures = 0
    for _ in range(300):
        change = np.repeat(rng.normal(0, REAL_SD, 6), 20) + rng.normal(0, 0.001, 120)
        now = _scores(0.94 + change)
        as_units += difference(base, now, units, resamples=499).is_fall(0.0)
        as_pictures += difference(base, now, resamples=499).is_fall(0.0)
    assert as_units <= stats.binom.ppf(0.999, 300, 0.025)
    assert as_pictures > 60


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("sign", [-1, 1])
def test_its_bootstrap_is_scipys(seed: int, sign: int) -> None:
    """Skewed differences, so that the bootstrap's end on their long side is the wider one."""
    rng = np.random.default_rng(seed)
    change = sign * rng.gamma(0.1, 0.2, 60)
    base = _scores(np.full(60, 0.9))
    found = difference(base, _scores(0.9 + change), resamples=20_000, seed=seed)
    options = {"method": "percentile", "n_resamples": 20_000, "confidence_level": 0.95}
    theirs = stats.bootstrap((change,), np.mean, random_state=np.random.default_rng(seed), **options)
    t = stats.t.interval(0.95, 59, change.mean(), stats.sem(change))
    near = {"abs": 6e-4}  # two draws of 20000
    assert found.low == pytest.approx(min(theirs.confidence_interval.low, t[0]), **near)
    assert found.high == pytest.approx(max(theirs.confidence_interval.high, t[1]), **near)
    ends = theirs.confidence_interval
    assert (ends.low < t[0] - 1e-3) if sign < 0 else (ends.high > t[1] + 1e-3)


def test_units_are_scipys_ratio_of_sums() -> None:
    rng = np.random.default_rng(2)
    sizes = np.array([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 4, 9, 6, 12])
    change = np.repeat(rng.exponential(0.02, len(sizes)), sizes) + rng.normal(0, 0.001, sizes.sum())
    names = np.repeat([f"s{n}" for n in range(len(sizes))], sizes)
    base = _scores(np.full(len(change), 0.5))
    units = dict(zip(base, names, strict=True))
    found = difference(base, _scores(0.5 + change), units, resamples=20_000)
    sums = np.array([change[names == f"s{n}"].sum() for n in range(len(sizes))])
    theirs = stats.bootstrap(
        (sums, sizes),
        lambda s, n, axis=-1: s.sum(axis) / n.sum(axis),
        paired=True,
        method="percentile",
        n_resamples=20_000,
        random_state=np.random.default_rng(0),
    ).confidence_interval
    assert (found.n, found.units) == (sizes.sum(), len(sizes))
    assert found.mean == pytest.approx(change.mean())
    assert found.low is not None
    assert found.high is not None
    assert found.low <= theirs.low + 3e-4
    assert found.high >= theirs.high - 3e-4
    # Units of one picture each are plain Student's t.
    alone = difference(base, _scores(0.5 + change), dict.fromkeys([]), resamples=1)
    t = stats.t.interval(0.95, len(change) - 1, change.mean(), stats.sem(change))
    assert (alone.low, alone.high) == pytest.approx(t)


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=12), st.randoms())
def test_it_holds_its_mean_and_does_not_depend_on_the_order(pairs: list[tuple[float, float]], shuffle: object) -> None:
    base = {f"i{n}": a for n, (a, _) in enumerate(pairs)}
    now = {f"i{n}": b for n, (_, b) in enumerate(pairs)}
    found = difference(base, now, resamples=99)
    assert found.low is not None
    assert found.high is not None
    assert found.low - 1e-12 <= found.mean <= found.high + 1e-12
    assert found.mean == pytest.approx(np.mean([b - a for a, b in pairs]))
    items = list(now)
    shuffle.shuffle(items)  # type: ignore[attr-defined]
    assert difference(base, {item: now[item] for item in items}, resamples=99) == found


def test_sums_in_a_unit_do_not_depend_on_the_order_either() -> None:
    """0.1 + 0.2 + 0.3 is another number than 0.3 + 0.2 + 0.1."""
    base = dict.fromkeys("abcd", 0.0)
    now = {"a": 0.1, "b": 0.2, "c": 0.3, "d": 0.0}
    units = dict.fromkeys("abc", "s")
    assert difference(base, now, units) == difference(base, dict(reversed(now.items())), units)


def test_what_has_not_changed_at_all_has_an_interval_of_nothing() -> None:
    same = _scores(np.linspace(0.8, 1.0, 30))
    found = difference(same, same)
    assert (found.low, found.mean, found.high) == (0, 0, 0)
    assert not found.is_fall(0.0)
    assert str(found) == "+0.00 points (+0.00 to +0.00 at 95%, 30 pictures)"


def test_one_picture_or_one_sequence_says_nothing_of_the_true_fall() -> None:
    base, now = {"a": 0.9, "b": 0.9}, {"a": 0.1, "b": 0.2}
    found = difference(base, now, {"a": "s", "b": "s"})
    assert (found.low, found.high, found.units) == (None, None, 1)
    assert not found.is_fall(0.0)
    assert str(found) == "-75.00 points (one unit only, which has no interval, 2 pictures in 1 units)"


@pytest.mark.parametrize(
    ("baseline", "now", "said"),
    [
        ({}, {}, "there is no picture to compare"),
        ({"a": 1.0}, {"a": 1.0, "b": 1.0}, "the baseline has no score of b"),
        ({"a": 1.0}, {"a": float("nan")}, "the scores of a are 1.0 and nan"),
    ],
)
def test_what_cannot_be_compared_is_refused(baseline: dict[str, float], now: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        difference(baseline, now)
    with pytest.raises(ValueError, match="confidence is 1; it must lie between 0 and 1"):
        difference({"a": 1.0}, {"a": 1.0}, confidence=1)


def test_fewer_pictures_than_the_baseline_has_are_compared_with_theirs() -> None:
    found = difference({"a": 0.9, "b": 0.8, "c": 0.1}, {"a": 0.8, "b": 0.7})
    assert (found.n, found.mean) == (2, pytest.approx(-0.1))


def test_in_one_word() -> None:
    base = _scores(np.linspace(0.8, 1.0, 40))
    fallen = {item: score - 0.01 for item, score in base.items()}
    assert is_fall(base, fallen, 0.005)
    assert not is_fall(base, fallen, 0.02)
    assert not is_fall(fallen, base, 0.0)


def test_units_of_a_set_are_its_sequences(shared) -> None:
    assert units_of(load(SMALL)) == {}
    found = units_of(load(shared / "golden/webcam"))
    assert found["images/cam0_000.jpg"] == "cam0"
