from __future__ import annotations

from benchmarks.idle import measure
from edgeseg.frames import Size
from edgeseg.tiers.catalogue import DEFAULT_TIER


def test_it_measures_waking_and_resting() -> None:
    figures = measure(1, 0.2, DEFAULT_TIER, Size(320, 180))
    assert 0 < figures["first_frame_ms"]["median"] <= figures["first_mask_ms"]["median"]
    assert figures["idle_percent_of_a_core"] < figures["awake_percent_of_a_core"]
