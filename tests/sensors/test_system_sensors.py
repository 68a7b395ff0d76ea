"""Boards made for a test: their files change, vanish and turn to garbage while they are read."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
import tracemalloc
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeseg.clock import SystemClock
from edgeseg.readings import Reading
from edgeseg.sensors.system import SystemSensors

ZONE = "/sys/class/thermal/thermal_zone0"
CPU_ZONE = {f"{ZONE}/type": "cpu-thermal\n", f"{ZONE}/temp": "45000\n"}
FLAGS = "/sys/devices/platform/soc/soc:firmware/get_throttled"
RAPL = "/sys/class/powercap/intel-rapl:0"
BATTERY, MAINS = "/sys/class/power_supply/BAT0", "/sys/class/power_supply/AC"
V2 = {
    "/proc/self/cgroup": "0::/system.slice/edgeseg.service\n",
    "/sys/fs/cgroup/cgroup.controllers": "cpu memory\n",
}
SERVICE = "/sys/fs/cgroup/system.slice/edgeseg.service"
SLICE = "/sys/fs/cgroup/system.slice"
PSI = "some avg10=12.50 avg60=1.00 avg300=0.10 total=5\nfull avg10=3.25 avg60=0.00 avg300=0.00 total=1\n"


def stat(busy: int, idle: int) -> str:
    return f"cpu  {busy} 0 0 {idle} 0 0 0 0 0 0\ncpu0 {busy} 0 0 {idle} 0 0 0 0 0 0\nintr 5\n"


def own_stat(user: int, system: int) -> str:
    return f"77 (a b) c) R 1 1 1 0 -1 0 0 0 0 0 {user} {system} 999 999 20 0 1 0 5 1 1\n"


def test_a_root_without_files_knows_nothing(board) -> None:
    reading = board.read()
    for field in fields(Reading):
        if field.name not in ("at_s", "slow_at_s"):
            assert getattr(reading, field.name) in (None, ()), field.name
    assert board.sentences == []


def test_a_zone_that_vanishes_is_none_is_told_and_comes_back(board) -> None:
    board.write(CPU_ZONE)
    assert board.read().temp_c == 45.0
    board.write({f"{ZONE}/temp": None})
    reading = board.read()
    assert (reading.temp_c, reading.temps[0].temp_c) == (None, None)
    board.read()
    assert board.sentences == ["cpu-thermal gives nothing any more"]
    board.write({f"{ZONE}/temp": "46000\n"})
    assert board.read().temp_c == 46.0
    assert board.sentences[1:] == ["cpu-thermal is there again"]


def test_a_chip_without_its_sensor_is_not_as_cool_as_the_room(board) -> None:
    room = "/sys/class/thermal/thermal_zone1"
    board.write({**CPU_ZONE, f"{room}/type": "acpitz\n", f"{room}/temp": "27800\n"})
    assert board.read().temp_c == 45.0
    board.write({f"{ZONE}/temp": None})
    assert board.read().temp_c is None
    for _ in range(60):  # long enough to look for files anew
        reading = board.read()
    assert reading.temp_c is None
    assert [temp.name for temp in reading.temps] == ["cpu-thermal", "acpitz"]


def test_a_driver_that_was_loaded_anew_is_found_at_its_new_place(board) -> None:
    hwmon = "/sys/class/hwmon/hwmon{}/{}"
    old = {hwmon.format(0, "name"): "k10temp\n", hwmon.format(0, "temp1_input"): "50000\n"}
    board.write(old)
    assert board.read().temp_c == 50.0
    board.write(dict.fromkeys(old))
    board.write({hwmon.format(7, "name"): "k10temp\n", hwmon.format(7, "temp1_input"): "51000\n"})
    assert board.read().temp_c is None
    for _ in range(40):
        reading = board.read()
    assert reading.temp_c == 51.0
    assert [temp.name for temp in reading.temps] == ["k10temp temp1"]
    assert board.sentences == ["k10temp temp1 gives nothing any more", "k10temp temp1 is there again"]


GARBAGE = [b"", b"\n", b"hot\n", b"\xff\xfe", b"1_000\n", b"4" * 5000, b"45.5\n", b"-274000\n", b"999999\n", b"0x1f\n"]


@pytest.mark.parametrize("garbage", GARBAGE)
def test_a_zone_that_turns_to_garbage_midway(board, garbage: bytes) -> None:
    board.write(CPU_ZONE)
    assert board.read().temp_c == 45.0
    board.write({f"{ZONE}/temp": garbage})
    for _ in range(5):
        assert board.read().temp_c is None
    assert len(board.sentences) == 1
    board.write({f"{ZONE}/temp": "44000\n"})
    for _ in range(8):
        reading = board.read()
    assert reading.temp_c == 44.0
    assert len(board.sentences) == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read all")
def test_a_zone_that_may_not_be_read_any_more(board) -> None:
    board.write(CPU_ZONE)
    assert board.read().temp_c == 45.0
    (board.root / ZONE[1:] / "temp").chmod(0)
    assert board.read().temp_c is None


def test_a_file_that_became_a_folder_or_a_pipe(board) -> None:
    board.write({**CPU_ZONE, "/proc/meminfo": "MemTotal: 1000 kB\nMemAvailable: 500 kB\n"})
    assert board.read().temp_c == 45.0
    temp, meminfo = board.root / ZONE[1:] / "temp", board.root / "proc/meminfo"
    temp.unlink()
    temp.mkdir()
    meminfo.unlink()
    os.mkfifo(meminfo)
    reading = board.read()
    assert (reading.temp_c, reading.memory_available_mb) == (None, None)


@pytest.mark.parametrize(
    ("bits", "throttled", "under_voltage"),
    [
        *(("0", False, False), ("1", False, True), ("2", True, False), ("4", True, False), ("8", True, False)),
        *(("f0000", False, False), ("50005", True, True), ("zz", None, None), ("", None, None), ("-1", None, None)),
    ],
)
def test_the_firmware_of_a_raspberry_pi(board, bits: str, throttled: bool | None, under_voltage: bool | None) -> None:
    board.write({FLAGS: "0\n"}).sensors  # noqa: B018
    board.write({FLAGS: f"{bits}\n"})
    reading = board.read()
    assert (reading.throttled, reading.under_voltage) == (throttled, under_voltage)
    assert (reading.throttle_flags is None) == (throttled is None)


def test_counters_and_coolers_of_other_boards(board) -> None:
    count = "/sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count"
    cooler = "/sys/class/thermal/cooling_device{}/{}"
    board.write({count: "7\n"})
    board.write({cooler.format(0, "type"): "pwm-fan\n", cooler.format(0, "cur_state"): "4\n"})
    board.write({cooler.format(1, "type"): "thermal-cpufreq-0\n", cooler.format(1, "cur_state"): "0\n"})
    assert board.read().throttled is False, "a fan is no brake"
    board.write({count: "8\n"})
    assert board.read().throttled is True
    assert board.read().throttled is False
    board.write({cooler.format(1, "cur_state"): "2\n"})
    assert board.read(slow=False).throttled is False, "of the last slow reading"
    assert board.read().throttled is True


def test_rapl_wraps_around(board) -> None:
    most = 262_143_328_850
    board.write({f"{RAPL}/name": "package-0\n", f"{RAPL}/max_energy_range_uj": f"{most}\n"})
    board.write({f"{RAPL}/energy_uj": f"{most - 4_000_000}\n"})
    mmio = "/sys/class/powercap/intel-rapl-mmio:0"
    board.write({f"{mmio}/name": "package-0\n", f"{mmio}/max_energy_range_uj": f"{most}\n", f"{mmio}/energy_uj": "5\n"})
    assert board.read().package_w is None, "the first reading has no difference"
    board.write({f"{RAPL}/energy_uj": "8000000\n"})
    reading = board.read(after_s=2.0)
    assert reading.package_w == reading.power_w == pytest.approx(6.0)
    board.write({f"{RAPL}/energy_uj": "9000000\n"})
    assert board.read(after_s=0.05).package_w == pytest.approx(6.0), "too soon after the last for a new one"
    board.write({f"{RAPL}/energy_uj": "18000000\n"})
    assert board.read(after_s=0.95).package_w == pytest.approx(10.0)
    board.write({f"{RAPL}/energy_uj": None})
    assert board.read().package_w is None
    board.write({f"{RAPL}/energy_uj": "30000000\n"})
    assert board.read().package_w is None, "nor has the first after a gap"


def test_a_counter_that_stands_still_is_no_power_of_zero(board) -> None:
    board.write({f"{RAPL}/name": "package-0\n", f"{RAPL}/max_energy_range_uj": "1000\n", f"{RAPL}/energy_uj": "0\n"})
    assert [board.read().package_w for _ in range(5)] == [None] * 5
    assert board.sentences == ["power of package-0 is not believed any more: it says 0 W, which cannot be"]


def test_a_battery_that_empties_and_is_plugged_in(board) -> None:
    board.write({f"{MAINS}/type": "Mains\n", f"{MAINS}/online": "0\n"})
    board.write({f"{BATTERY}/type": "Battery\n", f"{BATTERY}/status": "Discharging\n", f"{BATTERY}/capacity": "81\n"})
    board.write({f"{BATTERY}/voltage_now": "12000000\n", f"{BATTERY}/current_now": "-500000\n"})
    mouse = "/sys/class/power_supply/mouse"
    board.write({f"{mouse}/type": "Battery\n", f"{mouse}/scope": "Device\n", f"{mouse}/capacity": "3\n"})
    reading = board.read()
    assert (reading.battery_percent, reading.on_battery) == (81, True)
    assert reading.board_w == pytest.approx(6.0)
    board.write({f"{BATTERY}/capacity": "80\n"})
    assert board.read(slow=False).battery_percent == 81
    assert board.read().battery_percent == 80
    board.write({f"{MAINS}/online": "1\n", f"{BATTERY}/status": "Charging\n"})
    reading = board.read()
    assert (reading.on_battery, reading.board_w) == (False, None), (
        "what flows into a battery is not what the board takes"
    )
    board.write({f"{BATTERY}/capacity": "250\n"})
    assert board.read().battery_percent is None


def test_an_empty_battery_is_a_zero_that_is_true(board) -> None:
    board.write({f"{BATTERY}/type": "Battery\n", f"{BATTERY}/status": "Unknown\n", f"{BATTERY}/capacity": "0\n"})
    reading = board.read()
    assert (reading.battery_percent, reading.on_battery) == (0, None)


def test_two_chips_without_labels_are_two(board) -> None:
    for number, milliamps in ((0, 500), (1, 700)):
        chip = f"/sys/class/hwmon/hwmon{number}"
        board.write(
            {f"{chip}/name": "ina3221\n", f"{chip}/in1_input": "5000\n", f"{chip}/curr1_input": f"{milliamps}\n"}
        )
    reading = board.read()
    assert reading.rails == (("channel 1", 2.5), ("channel 1 (2)", 3.5))
    assert reading.board_w is None, "nothing says that they feed the whole board"
    board.write({"/sys/class/hwmon/hwmon1/curr1_input": "0\n"})
    assert board.read().rails[1].watts == 0.0, "a rail may carry nothing"


def test_core_voltage(board) -> None:
    regulator, hwmon = "/sys/class/regulator/regulator.3", "/sys/class/hwmon/hwmon0"
    board.write({f"{regulator}/name": "vdd_cpu_big0_s0\n", f"{regulator}/microvolts": "850000\n"})
    board.write({f"{hwmon}/name": "nct6775\n", f"{hwmon}/in0_label": "Vcore\n", f"{hwmon}/in0_input": "920\n"})
    assert board.read().core_volts == pytest.approx(0.85)
    board.write({f"{regulator}/microvolts": "0\n"})
    assert board.read().core_volts == pytest.approx(0.92)


def test_memory_and_its_pressure(board) -> None:
    board.write({"/proc/meminfo": "MemTotal:  4000000 kB\nMemFree: 5 kB\nMemAvailable:  1000000 kB\nBuffers: 1 kB\n"})
    board.write({"/proc/pressure/memory": PSI})
    reading = board.read()
    assert reading.memory_available_mb == pytest.approx(1024.0)
    assert reading.memory_total_mb == pytest.approx(4096.0)
    assert (reading.pressure_some, reading.pressure_full) == (12.5, 3.25)
    board.write({"/proc/meminfo": "MemTotal:  4000000 kB\nMemAvailable:  9000000 kB\n"})
    board.write({"/proc/pressure/memory": "some avg10=nan avg60=0\nfull avg10=1000.0\n"})
    for _ in range(3):
        reading = board.read()
        assert reading.memory_available_mb is None
        assert (reading.pressure_some, reading.pressure_full) == (None, None)
    assert board.sentences == [
        "available memory is not believed any more: it says 2.25 times of what there is, which cannot be"
    ]


def test_a_kernel_without_available_memory_or_pressure(board) -> None:
    board.write({"/proc/meminfo": "MemTotal:  4000000 kB\nMemFree: 5 kB\n"})
    reading = board.read()
    assert (reading.memory_available_mb, reading.pressure_some) == (None, None)
    assert reading.memory_total_mb is not None


def test_limits_of_control_groups_v2(board) -> None:
    board.write(V2)
    board.write({f"{SERVICE}/memory.max": "max\n", f"{SERVICE}/memory.current": "200000000\n"})
    board.write({f"{SERVICE}/memory.stat": "anon 5\ninactive_file 50000000\nactive_file 7\n"})
    board.write({f"{SERVICE}/memory.pressure": PSI.replace("12.50", "40.00"), "/proc/pressure/memory": PSI})
    board.write({f"{SLICE}/memory.max": "max\n", f"{SLICE}/memory.current": "900000000\n"})
    board.write({f"{SERVICE}/cpu.max": "max 100000\n", f"{SLICE}/cpu.max": "max 100000\n"})
    reading = board.read()
    assert (reading.cgroup_memory_mb, reading.cgroup_working_mb) == (200.0, 150.0)
    assert reading.cgroup_memory_limit_mb is None
    assert reading.cpu_quota is None
    assert reading.pressure_some == 40.0
    board.write({f"{SERVICE}/memory.max": "300000000\n", f"{SLICE}/memory.max": "950000000\n"})
    reading = board.read()
    assert (reading.cgroup_memory_mb, reading.cgroup_memory_limit_mb) == (900.0, 950.0), "the slice has less left"
    board.write({f"{SLICE}/memory.max": "max\n"})
    reading = board.read()
    assert (reading.cgroup_memory_mb, reading.cgroup_memory_limit_mb) == (200.0, 300.0)


def test_quota_of_control_groups_v2(board) -> None:
    board.write(V2)
    board.write({f"{SERVICE}/cpu.max": "70000 100000\n", f"{SLICE}/cpu.max": "150000 100000\n"})
    board.write({f"{SERVICE}/cpu.stat": "usage_usec 5\nnr_periods 100\nnr_throttled 10\nthrottled_usec 1000000\n"})
    reading = board.read()
    assert (reading.cpu_quota, reading.cpu_throttled_share) == (0.7, None)
    board.write({f"{SERVICE}/cpu.stat": "usage_usec 500005\nnr_periods 120\nnr_throttled 15\nthrottled_usec 1500000\n"})
    reading = board.read(after_s=2.0)
    assert reading.cpu_throttled_share == pytest.approx(0.25)
    assert reading.cpu_throttled_s_per_s == pytest.approx(0.25)
    assert reading.cgroup_cpu_cores == pytest.approx(0.25)
    board.write({f"{SERVICE}/cpu.stat": "nr_periods 1\nnr_throttled 0\nthrottled_usec 0\n"})
    assert board.read().cpu_throttled_share is None, "a group that was made anew"
    board.write({f"{SERVICE}/cpu.max": "35000 100000\n"})
    assert board.read(slow=False).cpu_quota == 0.35
    for bad in ("", "max\n", "70000\n", "70000 0\n", "-1 100000\n", "a b\n", "1 2 3\n"):
        board.write({f"{SERVICE}/cpu.max": bad})
        assert board.read().cpu_quota == 1.5, "of the slice above"


def test_control_groups_v1(board) -> None:
    memory, cpu = "/sys/fs/cgroup/memory/box", "/sys/fs/cgroup/cpu/box"
    board.write({"/proc/self/cgroup": "9:memory:/box\n4:cpu,cpuacct:/box\n1:name=systemd:/\n0::/\n"})
    board.write({f"{memory}/memory.limit_in_bytes": "400000000\n", f"{memory}/memory.usage_in_bytes": "300000000\n"})
    board.write({f"{memory}/memory.stat": "inactive_file 1\ntotal_inactive_file 100000000\n"})
    board.write({"/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"})
    board.write({"/sys/fs/cgroup/memory/memory.usage_in_bytes": "900000000\n"})
    board.write({f"{cpu}/cpu.cfs_quota_us": "5000\n", f"{cpu}/cpu.cfs_period_us": "10000\n"})
    board.write({f"{cpu}/cpu.stat": "nr_periods 10\nnr_throttled 0\nthrottled_time 0\n"})
    accounts = "/sys/fs/cgroup/cpuacct/box/cpuacct.usage"
    board.write({accounts: "7000000000\n"})
    board.read()
    board.write({accounts: "7900000000\n"})
    board.write({f"{cpu}/cpu.stat": "nr_periods 210\nnr_throttled 200\nthrottled_time 1000000000\n"})
    reading = board.read(after_s=2.0)
    assert (reading.cgroup_memory_mb, reading.cgroup_working_mb, reading.cgroup_memory_limit_mb) == (
        300.0,
        200.0,
        400.0,
    )
    assert (reading.cpu_quota, reading.cpu_throttled_share, reading.cpu_throttled_s_per_s) == (0.5, 1.0, 0.5)
    assert reading.cgroup_cpu_cores == pytest.approx(0.45)
    board.write({f"{cpu}/cpu.cfs_quota_us": "-1\n"})
    assert board.read().cpu_quota is None


def test_who_keeps_the_cores_busy(board) -> None:
    ticks = os.sysconf("SC_CLK_TCK")
    board.write(
        {"/proc/stat": stat(1000, 1000), "/proc/self/stat": own_stat(100, 10), "/proc/self/statm": "9 5 3 0 0\n"}
    )
    first = board.read()
    assert (first.own_cores, first.other_cores, first.busy_share) == (None, None, None)
    assert first.rss_mb == pytest.approx(5 * os.sysconf("SC_PAGE_SIZE") / 1e6)
    board.write(
        {"/proc/stat": stat(1000 + 3 * ticks, 1000 + ticks), "/proc/self/stat": own_stat(100 + ticks, 10 + ticks)}
    )
    reading = board.read(after_s=2.0)
    assert (reading.own_cores, reading.other_cores, reading.busy_share) == (1.0, 0.5, 0.75)
    board.write({"/proc/stat": stat(5, 5)})
    assert board.read().busy_share is None, "counters that went back"
    board.write({"/proc/self/stat": "77 (cut"})
    reading = board.read()
    assert (reading.own_cores, reading.other_cores) == (None, None)


def test_children_count_as_our_own(board) -> None:
    ticks = os.sysconf("SC_CLK_TCK")
    board.write({"/proc/stat": stat(0, 0), "/proc/self/stat": own_stat(0, 0), "/proc/self/statm": "9 5 3 0 0\n"})
    board.write(
        {"/proc/self/task/77/children": "80 81 ", "/proc/80/stat": own_stat(50, 0), "/proc/80/statm": "9 7 3\n"}
    )
    board.read()
    board.write({"/proc/stat": stat(2 * ticks, 2 * ticks), "/proc/80/stat": own_stat(50 + ticks, 0)})
    reading = board.read(after_s=2.0)
    assert (reading.own_cores, reading.other_cores) == (0.5, 0.5)
    assert reading.rss_mb == pytest.approx(12 * os.sysconf("SC_PAGE_SIZE") / 1e6)
    board.write({"/proc/self/task/77/children": "80 82\n", "/proc/82/stat": own_stat(500 * ticks, 0)})
    assert board.read().own_cores == 0.0, "what a child did before it was seen is not of this time"
    board.write({"/proc/self/task/77/children": "", "/proc/80/stat": None})
    assert board.read().own_cores == 0.0


def test_a_real_child_is_found_and_let_go() -> None:
    sensors = SystemSensors(clock=SystemClock())
    alone = sensors.read().rss_mb
    held = descriptors()
    big = "big = bytearray(b'1') * 60_000_000; print(len(big), flush=True); input()"
    child = subprocess.Popen([sys.executable, "-c", big], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    with_child = sensors.read().rss_mb
    child.communicate(b"\n")
    without = sensors.read().rss_mb
    assert alone is not None
    assert with_child is not None
    assert without is not None
    assert with_child - alone > 50
    assert with_child - without > 50
    assert descriptors() == held
    sensors.close()


def test_clocks_against_their_maximum(board) -> None:
    policy = "/sys/devices/system/cpu/cpufreq/policy{}/{}"
    for number, now, cap, most in ((0, 600, 1800, 1800), (4, 1200, 1600, 2400)):
        board.write({policy.format(number, "cpuinfo_max_freq"): f"{most}000\n"})
        board.write({policy.format(number, "scaling_cur_freq"): f"{now}000\n"})
        board.write({policy.format(number, "scaling_max_freq"): f"{cap}000\n"})
    reading = board.read()
    assert reading.clock_share == pytest.approx(0.5)
    assert reading.clock_cap_share == pytest.approx(2 / 3)
    board.write({policy.format(4, "scaling_cur_freq"): "<unknown>\n"})
    assert board.read().clock_share == pytest.approx(1 / 3)


PATHS = sorted(
    {f"{ZONE}/temp", f"{ZONE}/type", FLAGS, "/proc/meminfo", "/proc/stat", "/proc/self/stat", "/proc/self/statm"}
    | {"/proc/pressure/memory", f"{RAPL}/energy_uj", f"{BATTERY}/capacity", f"{BATTERY}/status", f"{SERVICE}/cpu.max"}
    | {f"{SERVICE}/memory.max", f"{SERVICE}/memory.current", f"{SERVICE}/memory.stat", f"{SERVICE}/cpu.stat"}
)
CONTENT = st.one_of(
    st.binary(max_size=40),
    st.text("0123456789-+_. aexk:\n", max_size=40).map(str.encode),
    st.sampled_from([b"45000\n", b"0\n", b"-1\n", b"max\n", b"Discharging\n", PSI.encode(), stat(5, 5).encode()]),
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(writes=st.lists(st.tuples(st.sampled_from(PATHS), CONTENT, st.floats(-5, 100)), min_size=1, max_size=12))
def test_no_content_of_any_file_raises(board, tmp_path_factory, writes: list[tuple[str, bytes, float]]) -> None:
    board = type(board)(tmp_path_factory.mktemp("garbage"))
    board.write({**CPU_ZONE, **V2, FLAGS: "0\n", f"{RAPL}/name": "package-0\n", f"{BATTERY}/type": "Battery\n"})
    board.write(dict.fromkeys(PATHS, "1\n"))
    for path, content, after_s in writes:
        board.write({path: content})
        reading = board.read(after_s)
        assert reading.temp_c is None or -40 <= reading.temp_c <= 130
        assert reading.package_w is None or reading.package_w > 0
        for name in ("own_cores", "other_cores", "memory_available_mb", "cgroup_memory_mb", "rss_mb"):
            value = getattr(reading, name)
            assert value is None or value >= 0, name


def test_after_close_all_is_none(board) -> None:
    board.write(CPU_ZONE)
    board.read()
    board.sensors.close()
    board.sensors.close()
    assert board.read() == Reading(board.clock.now_s)


def test_this_machine() -> None:
    sensors = SystemSensors(clock=SystemClock())
    sensors.read()
    for _ in range(20):  # a counter of the kernel's may go back once, and then nothing is known of that time
        until = time.process_time() + 0.3
        while time.process_time() < until:
            pass
        reading = sensors.read()
        if reading.own_cores and reading.busy_share:
            break
    assert reading.memory_available_mb is not None
    assert reading.memory_total_mb is not None
    assert 0 < reading.memory_available_mb < reading.memory_total_mb
    assert reading.rss_mb is not None
    assert 5 < reading.rss_mb < reading.memory_total_mb
    assert reading.own_cores is not None
    assert reading.own_cores > 0
    assert reading.busy_share is not None
    assert 0 < reading.busy_share <= 1
    sensors.close()


def descriptors() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def test_nothing_grows_and_no_descriptor_is_left() -> None:
    before = descriptors()
    sensors = SystemSensors(clock=SystemClock())
    for _ in range(50):
        sensors.read()
    held = len(descriptors())
    tracemalloc.start()
    try:
        for _ in range(20):
            sensors.read()
        gc.collect()  # also empties the interpreter's own lists of tuples to use again, which are bounded
        first = tracemalloc.get_traced_memory()[0]
        for _ in range(200):
            sensors.read()
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - first
    finally:
        tracemalloc.stop()
    assert grown < 4000, "200 readings hold no more than one"
    assert len(descriptors()) == held
    sensors.close()
    assert descriptors() == before


def test_a_control_group_that_is_removed_is_seen_behind_an_open_descriptor() -> None:
    """The kernel's own files, kept open: what ENODEV looks like."""
    from edgeseg.sensors.small_file import SmallFile

    for base, name in (("/sys/fs/cgroup/memory", "memory.usage_in_bytes"), ("/sys/fs/cgroup", "cgroup.type")):
        folder = Path(base) / f"edgeseg-test-{os.getpid()}"
        try:
            folder.mkdir()
        except OSError:
            continue
        if (folder / name).exists():
            break
        folder.rmdir()
    else:
        pytest.skip("no control group can be made here")
    file = SmallFile(str(folder / name), keep=True)
    assert file.read()
    folder.rmdir()
    assert file.read() is None
    assert file.is_lost
    folder.mkdir()
    assert file.read(), "and found again at the same place"
    assert not file.is_lost
    file.close()
    folder.rmdir()
