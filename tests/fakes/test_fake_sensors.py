from __future__ import annotations

import pytest

from edgeseg.clock import SystemClock
from edgeseg.testing.sensors import FakeSensors


def test_it_says_what_it_is_told_and_remembers_what_was_done() -> None:
    sensors = FakeSensors(SystemClock(), temp_c=50.0)
    assert sensors.read().temp_c == 50.0
    sensors.set(temp_c=None, battery_percent=30.0)
    reading = sensors.read(slow=False)
    assert (reading.temp_c, reading.temps[0].temp_c, reading.battery_percent) == (None, None, None)
    assert sensors.read().battery_percent == 30.0
    sensors.close()
    assert sensors.history == ["read slow", "read", "read slow", "close"]


def test_a_name_that_no_reading_has_is_refused() -> None:
    with pytest.raises(AssertionError, match=r"no such value: .'temperature'"):
        FakeSensors(SystemClock(), temperature=5)
