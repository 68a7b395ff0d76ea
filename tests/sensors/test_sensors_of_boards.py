"""What the sensors of saved boards say: tests/boards."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from edgeseg.readings import Reading
from edgeseg.sensors.system import SystemSensors

BOARDS = Path(__file__).parent.parent / "boards"
ALL = sorted(path.parent.name for path in BOARDS.glob("*/root"))


def read(clock: object, name: str) -> Reading:
    sensors = SystemSensors(BOARDS / name / "root", clock=clock)  # type: ignore[arg-type]
    sensors.read()
    clock.now_s += 2  # type: ignore[attr-defined]
    return sensors.read()


def test_a_raspberry_pi_5(board) -> None:
    reading = read(board.clock, "pi-5")
    assert reading.temp_c == 47.4
    assert [(temp.name, temp.of_chip) for temp in reading.temps] == [("cpu-thermal", True)], "hwmon0 is the same again"
    assert reading.memory_total_mb == pytest.approx(17007.9, abs=0.1)
    assert reading.core_volts is None, "the RP1's converter measures no core"
    assert reading.power_w is None


def test_a_raspberry_pi_that_holds_itself_back(board) -> None:
    reading = read(board.clock, "pi-3b-plus")
    assert reading.throttle_flags == ("soft temperature limit", "soft temperature limit before")
    assert reading.throttled is True
    assert reading.under_voltage is False


def test_the_alarm_of_a_raspberry_pi_4_says_nothing_of_heat(board) -> None:
    reading = read(board.clock, "pi-4b")
    assert (reading.throttled, reading.under_voltage, reading.temp_c) == (None, False, 74.01)


def test_an_orin_nano(board) -> None:
    reading = read(board.clock, "jetson-orin-nano-jp6")
    assert reading.board_w == reading.power_w == pytest.approx(4.9 * 1.05)
    assert [(rail.name, round(rail.watts or 0, 3)) for rail in reading.rails] == [
        ("VDD_IN", 5.145),
        ("VDD_CPU_GPU_CV", 0.743),
        ("VDD_SOC", 1.529),
    ]
    assert reading.temp_c == 51.4


def test_a_xavier_whose_rails_have_no_values(board) -> None:
    reading = read(board.clock, "jetson-xavier-nx-jp5")
    assert [(rail.name, rail.watts) for rail in reading.rails] == [("VDD_IN", None), ("VDD_CPU_GPU_CV", None)]
    assert reading.board_w is None


def test_a_jetson_nano_of_milliwatts_by_iio(board) -> None:
    reading = read(board.clock, "jetson-nano-jp4")
    assert reading.board_w == pytest.approx(2.132)
    assert "PMIC-Die" not in {temp.name for temp in reading.temps}, "which is no measurement"
    assert reading.temp_c == 39.0, "of the CPU, not the hotter zone that is always on"


def test_an_n100(board) -> None:
    reading = read(board.clock, "n100")
    assert reading.temp_c == 38.0, "of the package, not the room of ACPI"
    assert [temp.name for temp in reading.temps] == ["acpitz", "coretemp Package id 0"]
    assert reading.package_w is None, "its counter is not in the tree: it is for root"


@pytest.mark.parametrize("name", ALL)
def test_no_board_has_a_zero_where_there_is_no_file(board, name: str) -> None:
    reading = read(board.clock, name)
    zeros = {field.name for field in fields(reading) if getattr(reading, field.name) == 0}
    assert zeros <= {"throttled", "under_voltage"}, "these two are words"
    assert reading.doubted == ()
