from __future__ import annotations

import itertools

import pytest

from edgeseg.simulation.scenarios import scenarios

NEEDED = {
    "calm": set(),
    "load-x2": {"load"},
    "load-x4": {"load"},
    "load-pulses": {"load"},
    "closed-box": {"ambient_c"},
    "fan-fails": {"cooling"},
    "sun": {"ambient_c"},
    "power-cap": {"load_w"},
    "battery": set(),
    "memory-squeeze": {"memory_limit_mb"},
    "camera-fps": {"camera_fps"},
    "sensor-drops-out": {"ambient_c"},
    "sensor-stuck": {"ambient_c"},
    "a-rung-lies": {"load"},
    "everything-at-once": {"load", "load_w", "ambient_c", "cooling", "memory_limit_mb", "camera_fps"},
}


def test_all_that_were_asked_for_are_there() -> None:
    known = scenarios()
    for name, changing in NEEDED.items():
        assert {change.what for change in known[name].changes} == changing, name


@pytest.mark.parametrize("name", scenarios())
def test_each_is_long_and_its_steps_are_apart(name: str) -> None:
    scenario = scenarios()[name]
    assert scenario.seconds >= 300
    steps = sorted({change.at_s for change in scenario.changes if change.until_s is None})
    ends = [0.0, *steps, float(scenario.seconds)]
    assert all(later - earlier >= 75 for earlier, later in itertools.pairwise(ends))
    assert (scenario.noise.times, scenario.noise.outlier_share, scenario.noise.outlier_times) == (0.10, 0.01, 5)


def test_values_step_and_ramp() -> None:
    box, steps = scenarios()["closed-box"], scenarios()["load-x2"]
    assert [box.value("ambient_c", at_s) for at_s in (0, 60, 180, 300, 399)] == [18, 18, 22, 26, 26]
    assert [steps.value("load", at_s) for at_s in (0, 99.9, 100, 199.9, 200)] == [1, 1, 2, 2, 1]
    assert steps.steps() == [(100, -1), (200, 1)]
    assert scenarios()["camera-fps"].steps() == [(80, 1), (160, -1), (240, 1)]
    assert scenarios()["load-x4"].value("camera_fps", 0) == 60
