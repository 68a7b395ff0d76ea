"""What every `Sensors` must keep, the fake among them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

from edgeseg.clock import SystemClock
from edgeseg.ports import Sensors
from edgeseg.readings import Reading
from edgeseg.sensors.system import SystemSensors
from edgeseg.testing.sensors import FakeSensors

BOARDS = Path(__file__).parent.parent / "boards"
KINDS = ["fake", "fake that knows nothing", "this machine", "pi-5", "jetson-orin-nano-jp6", "no files"]


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Sensors]:
    kind: str = request.param

    def build() -> Sensors:
        clock = SystemClock()
        if kind == "fake":
            return FakeSensors(clock, temp_c=45.0, board_w=4.0, battery_percent=80.0, throttled=False)
        if kind == "fake that knows nothing":
            return FakeSensors(clock)
        if kind == "this machine":
            return SystemSensors(clock=clock)
        return SystemSensors(tmp_path if kind == "no files" else BOARDS / kind / "root", clock=clock)

    return build


def values(reading: Reading) -> dict[str, object]:
    return {field.name: getattr(reading, field.name) for field in fields(reading)}


def test_readings_are_whole_and_time_goes_on(make: Callable[[], Sensors]) -> None:
    sensors = make()
    readings = [sensors.read(slow) for slow in (True, False, False, True, False)]
    times = [reading.at_s for reading in readings]
    assert times == sorted(times)
    assert readings[0].slow_at_s == readings[2].slow_at_s == times[0]
    assert readings[4].slow_at_s == times[3]
    for reading in readings:
        assert all(isinstance(value, (type(None), bool, int, float, tuple)) for value in values(reading).values())
    sensors.close()


def test_values_are_in_range(make: Callable[[], Sensors]) -> None:
    sensors = make()
    sensors.read()
    reading = sensors.read()
    ranges = {"temp_c": (-40, 130), "board_w": (0.01, 1000), "package_w": (0.01, 1000), "battery_percent": (0, 100)}
    ranges |= {
        "pressure_some": (0, 100),
        "pressure_full": (0, 100),
        "busy_share": (0, 1),
        "cpu_throttled_share": (0, 1),
    }
    for name, (least, most) in ranges.items():
        value = getattr(reading, name)
        assert value is None or least <= value <= most, name
    hottest = [temp.temp_c for temp in reading.temps if temp.temp_c is not None]
    assert reading.temp_c is None or reading.temp_c in hottest
    sensors.close()


def test_values_that_change_slowly_are_those_of_the_last_slow_reading(make: Callable[[], Sensors]) -> None:
    sensors = make()
    first = sensors.read()
    if isinstance(sensors, FakeSensors):
        sensors.set(battery_percent=10.0)
    second = sensors.read(slow=False)
    assert (second.battery_percent, second.on_battery) == (first.battery_percent, first.on_battery)
    sensors.close()


def test_before_any_slow_reading_those_are_not_known(make: Callable[[], Sensors]) -> None:
    sensors = make()
    reading = sensors.read(slow=False)
    assert reading.slow_at_s is None
    assert reading.battery_percent is None
    assert reading.clock_share is None
    sensors.close()


def test_after_close_nothing_is_known(make: Callable[[], Sensors]) -> None:
    sensors = make()
    sensors.read()
    sensors.close()
    sensors.close()
    reading = sensors.read()
    assert reading == Reading(reading.at_s)
