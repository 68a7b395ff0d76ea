"""Which candidates become tiers."""

from __future__ import annotations

import dataclasses
import types
from pathlib import Path

import pytest

from edgeseg.errors import GoldenError, UsageError
from edgeseg.tiers.catalogue import FILE, catalogue, parse
from quantize import admit as admitting
from quantize.catalogue import Candidate, choose_sizes, gate, gate_all, rows

TIER = next(iter(catalogue().values()))


def candidate(
    name: str, ms: float, stills: float, webcam: float, precision: str = "fp32", **framings: float
) -> Candidate:
    tier = dataclasses.replace(TIER, name=name, precision=precision)
    cards = {
        "stills": types.SimpleNamespace(miou=stills, by_framing=framings),
        "webcam": types.SimpleNamespace(miou=webcam, by_framing={}),
    }
    return Candidate(tier, b"", ms, cards)  # type: ignore[arg-type]


def admitted(*candidates: Candidate) -> set[str]:
    choose_sizes(list(candidates))
    return {c.tier.name for c in candidates if not c.refused}


def test_a_slower_size_that_scores_no_more_is_refused_and_told_by_which() -> None:
    small, large = candidate("small", 1, 0.93, 0.94), candidate("large", 2, 0.93, 0.94)
    assert admitted(small, large) == {"small"}
    assert large.refused == "off the front: small is as fast and as good"


def test_a_size_that_is_better_on_one_set_stays() -> None:
    assert admitted(candidate("a", 1, 0.93, 0.94), candidate("b", 2, 0.90, 0.95)) == {"a", "b"}


def test_less_than_a_twentieth_of_a_point_is_no_difference() -> None:
    assert admitted(candidate("a", 1, 0.93, 0.94), candidate("b", 2, 0.9304, 0.94)) == {"a"}
    assert admitted(candidate("a", 1, 0.93, 0.94), candidate("b", 2, 0.9306, 0.94)) == {"a", "b"}


def test_times_within_three_percent_are_equal() -> None:
    assert admitted(candidate("a", 1.02, 0.93, 0.94), candidate("b", 1.0, 0.92, 0.94)) == {"a"}


def test_what_is_clearly_better_at_one_framing_stays() -> None:
    quick = candidate("quick", 1, 0.93, 0.94, full=0.90)
    assert admitted(quick, candidate("body", 9, 0.87, 0.6, full=0.92)) == {"quick", "body"}
    assert admitted(quick, candidate("body", 9, 0.87, 0.6, full=0.904)) == {"quick"}


@pytest.mark.parametrize(("precision", "most"), [("fp16", 0.001), ("int8", 0.003)])
def test_a_precision_that_loses_more_than_it_may_closes_the_gate(precision: str, most: float) -> None:
    fp32 = candidate("x-fp32", 1, 0.94, 0.95)
    for lost, refused in ((most - 1e-6, False), (most + 1e-6, True)):
        one = candidate("x", 1, 0.94, 0.95 - lost, precision)
        gate(one, fp32)
        assert bool(one.refused) == refused
    with pytest.raises(GoldenError, match=r"(?s)gate is closed.*x loses .* points of mIoU on webcam"):
        gate_all([fp32, one])


def test_a_size_off_the_front_does_not_close_the_gate() -> None:
    small, large = candidate("small", 1, 0.93, 0.94), candidate("large", 2, 0.93, 0.94)
    choose_sizes([small, large])
    gate_all([small, large])


def test_rows_are_read_back_as_they_were() -> None:
    known = catalogue()
    text = rows(known.values())
    assert parse(text, FILE) == known
    assert text == FILE.read_bytes()


def test_a_closed_gate_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = candidate("x", 1, 0.9, 0.9, "int8")
    lost.refused = "loses 5 points"
    monkeypatch.setattr(admitting, "measured", lambda *_: [lost])
    monkeypatch.setattr(admitting, "golden_sets", lambda _: {})
    output = tmp_path / "catalogue.yaml"
    output.write_bytes(b"old")
    with pytest.raises(GoldenError):
        list(admitting.admit(tmp_path, output, None, lambda *_: None))
    assert output.read_bytes() == b"old"


def test_no_golden_sets_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no golden set in"):
        admitting.golden_sets(tmp_path)
