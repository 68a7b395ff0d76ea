from __future__ import annotations

from pathlib import Path

from benchmarks.sensors_cost import measure


def test_it_measures_readings_the_sampler_and_both_ways_to_read() -> None:
    figures = measure(Path("/"), 0.2)
    assert figures["reading"]["slow_us"] > 0
    assert figures["reading"]["fast_us"] > 0
    assert figures["files"]
    assert all(costs["pread_us"] > 0 for costs in figures["files"].values())
