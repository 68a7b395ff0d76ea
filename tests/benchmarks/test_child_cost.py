from __future__ import annotations

from pathlib import Path

from benchmarks.child_cost import measure
from edgeseg.tiers.catalogue import DEFAULT_TIER


def test_it_measures_both_and_compares_their_answers(tier_file: object) -> None:
    assert callable(tier_file)
    assert isinstance(tier_file(), Path)
    figures = measure(DEFAULT_TIER, 4)
    assert figures["pairs"] == 4
    assert 0 < figures["in_process_ms"] < 1e4
    assert 0 < figures["in_child_ms"] < 1e4
    assert figures["cost_ms"]["p25"] <= figures["cost_ms"]["p50"] <= figures["cost_ms"]["p75"]
