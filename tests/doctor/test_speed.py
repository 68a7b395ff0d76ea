"""Why it may be slow: one row a reason, and nothing is said of a board of which nothing is known."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from made import board, fact, load, told

from edgeseg.doctor import limits, speed
from edgeseg.doctor.load import Load, Program
from edgeseg.probe import Capabilities
from edgeseg.probe.capabilities import Cluster
from edgeseg.probe.sensed import PowerMode, Rapl, Throttle, Trip, Zone


def cluster(**more: Any) -> Cluster:
    names = ("model", "min_mhz", "max_mhz", "now_mhz", "limit_mhz", "governor", "driver", "capacity")
    return Cluster(cores=(0, 1, 2, 3), **(dict.fromkeys(names) | more))


def clocks(**more: Any) -> dict[str, Any]:
    return {"cpu": {"clusters": (cluster(**more),)}}


def flags(*words: str, **more: Any) -> dict[str, Any]:
    values = {"flags": fact(words), "under_voltage": None, "core_count": None, "package_count": None}
    return {"thermal": {"throttle": Throttle(**(values | more))}}


SLOW: dict[str, tuple[dict[str, Any], Load | None, str, str]] = {
    "powersave": (
        clocks(governor=fact("powersave"), driver=fact("cpufreq-dt")),
        None,
        "warning: Cores 0 to 3 keep the lowest clock all the time: their governor is powersave.",
        "scaling_governor",
    ),
    "a limited clock": (
        clocks(max_mhz=fact(2400.0), limit_mhz=fact(1500.0)),
        None,
        "warning: Cores 0 to 3 are held to 1500 MHz of 2400.",
        "echo 2400000 | sudo tee",
    ),
    "a power mode": (
        clocks(max_mhz=fact(1510.0), limit_mhz=fact(729.6)) | {"power": {"mode": fact(PowerMode(1, "7W"))}},
        None,
        "warning: Cores 0 to 3 are held to 730 MHz of 1510.",
        "The power mode is 1 (7W): choose a greater one, sudo nvpmodel -m ID",
    ),
    "throttled": (
        flags("throttled", "frequency capped", "throttled before", "under-voltage before"),
        None,
        "warning: The board holds itself back now: throttled, frequency capped.",
        "Cool it better",
    ),
    "throttled before": (
        flags("throttled before"),
        None,
        "note: The board held itself back a while ago: throttled before.",
        "cool it better",
    ),
    "under-voltage": (flags("under-voltage"), None, "warning: The supply's voltage is too low now", "maker's supply"),
    "an alarm": (flags(under_voltage=fact(True)), None, "warning: The supply's voltage is too low now", "cable"),
    "counted": (flags(package_count=fact(7)), None, "note: The processor throttled 7 times", "If the number grows"),
    "a quota": (
        {"cpu": {"quota": fact(1.5), "cores": fact(4)}},
        None,
        "warning: The control group may use the time of 1.5 cores of 4.",
        "CPUQuota=",
    ),
    "few allowed": (
        {"cpu": {"allowed": fact(3), "cores": fact(8)}},
        None,
        "note: This process may use 3 cores of 8.",
        "CPUAffinity=",
    ),
    "two cores": ({"cpu": {"cores": fact(2)}}, None, "note: There are 2 cores", "--size 640x480"),
    "one core": ({"cpu": {"cores": fact(1)}}, None, "note: There is one core", "--size 640x480"),
    "busy": (
        {"cpu": {"cores": fact(4)}},
        load(busy=3.1, programs=(Program("ffmpeg", 12, 2.9),)),
        "warning: Other programs keep 3.1 of 4 cores busy: ffmpeg (pid 12) 2.9.",
        "Stop what is not needed.",
    ),
    "a little busy": ({"cpu": {"cores": fact(4)}}, load(busy=0.8), "note: Other programs keep 0.8 of 4", "Stop"),
    "stolen": ({"cpu": {"cores": fact(4)}}, load(stolen=1.0), "warning: The virtual machine's host took", "quieter"),
    "swapping": ({}, load(swapped_mb_s=4.2), "warning: Memory goes to and from swap, 4.2 MB a second.", "Stop"),
    "a memory limit": (
        {"memory": {"limit_mb": fact(200.0), "total_mb": fact(8000.0)}},
        None,
        "warning: The control group may use 200 MB of memory.",
        "MemoryMax=",
    ),
    "little memory": ({"memory": {"available_mb": fact(60.0)}}, None, "warning: Only 60 MB of memory", "smaller tier"),
    "no dot product": ({"cpu": {"features": fact(("neon",))}}, None, "note: The processor has no dot", "FP16"),
    "32 bits": ({"software": {"userland_bits": fact(32)}}, None, "warning: The programs here are of 32", "64-bit"),
}  # fmt: skip


@pytest.mark.parametrize(("parts", "seen", "what", "remedy"), SLOW.values(), ids=SLOW)
def test_each_reason_is_told_with_its_evidence_and_remedy(
    parts: dict[str, Any], seen: Load | None, what: str, remedy: str
) -> None:
    (one,) = [one for one in speed.check(board(**parts), seen) if f"{one.severity}: {one.what}".startswith(what)]
    assert one.where
    assert one.remedy is not None
    assert remedy in one.remedy


QUICK: dict[str, dict[str, Any]] = {
    "nothing known": {},
    "powersave of intel_pstate": clocks(governor=fact("powersave"), driver=fact("intel_pstate")),
    "the whole clock": clocks(max_mhz=fact(2400.0), limit_mhz=fact(2400.0), governor=fact("ondemand")),
    "no flags": flags(),
    "all of the quota": {"cpu": {"quota": fact(4.0), "cores": fact(4), "allowed": fact(4)}},
    "no limit": {"memory": {"limit_mb": fact(9000.0), "total_mb": fact(8000.0), "available_mb": fact(4000.0)}},
    "a dot product": {"cpu": {"features": fact(("asimddp",))}, "software": {"userland_bits": fact(64)}},
}


@pytest.mark.parametrize("parts", QUICK.values(), ids=QUICK)
def test_of_what_is_well_nothing_is_told(parts: dict[str, Any]) -> None:
    assert speed.check(board(**parts), load(busy=0.02)) == []


def test_programs_are_for_the_owner_only() -> None:
    seen = load(busy=2.0, programs=(Program("annas-tool", 12, 2.0),))
    (one,) = speed.check(board(cpu={"cores": fact(4)}), seen)
    assert "annas-tool (pid 12)" in one.what
    assert one.for_others().what == "Other programs keep 2.0 of 4 cores busy: a program 2.0."


def hot(now: float, *trips: tuple[str, float]) -> Capabilities:
    made = tuple(Trip(fact(kind), fact(temp)) for kind, temp in trips)
    zones = (Zone("thermal_zone0", fact("cpu-thermal"), fact(now), made), Zone("z", None, None, ()))
    return board(thermal={"zones": zones}, power={"board_w": fact(5.0)})


@pytest.mark.parametrize(
    ("found", "limit_c", "said"),
    [
        (hot(60.0), 78.0, []),
        (hot(75.0), 78.0, ["note: cpu-thermal is at 75.0 C, near the profile's limit of 78."]),
        (hot(81.5), 78.0, ["warning: cpu-thermal is at 81.5 C, and the profile allows 78."]),
        (hot(81.5), None, []),
        (hot(60.0, ("active", 50.0), ("passive", 80.0)), 78.0, []),
        (hot(86.0, ("passive", 85.0), ("critical", 110.0)), None, ["warning: cpu-thermal is at 86.0 C, past the pas"]),
        (board(power={"board_w": fact(5.0)}), None, []),
        (board(power={"board_w": fact(5.0)}), 78.0, ["note: Nothing measures a temperature here, so that the limit"]),
    ],
)
def test_heat_against_the_profile_and_the_kernel(found: Capabilities, limit_c: float | None, said: list[str]) -> None:
    lines = told(limits.check(found, limit_c, None))
    assert [line[: len(start)] for line, start in zip(lines, said, strict=True)] == said


def test_a_limit_of_power_that_nobody_can_keep_is_told_with_how_it_could_be() -> None:
    bare = board()
    (one,) = limits.check(bare, None, None)
    assert (one.severity, one.remedy) == ("note", "None without a sensor: where it matters, measure at the plug.")
    (one,) = limits.check(bare, None, 10.0)
    assert (one.severity, "the limit of 10 W cannot be kept" in one.what) == ("warning", True)
    (one,) = limits.check(board(power={"how": "Ask the chip."}), None, None)
    assert one.remedy == "Ask the chip."
    (one,) = limits.check(board(power={"rapl": (Rapl("package-0", None, None),)}), None, None)
    assert one.remedy is not None
    assert "only root may read" in one.remedy
    assert limits.check(board(power={"rapl": (Rapl("package-0", fact(1.0), None),)}), None, 5.0) == []
    (one,) = limits.check(board(power={"board_w": fact(12.0)}), None, 10.0)
    assert one.what == "The board draws 12.00 W, and the profile allows 10."


def test_the_hottest_zone_is_the_one_that_counts() -> None:
    found = hot(60.0)
    zones = (*found.thermal.zones, Zone("z2", fact("gpu-thermal"), fact(71.0), ()))
    found = dataclasses.replace(found, thermal=dataclasses.replace(found.thermal, zones=zones))
    zone = limits.hottest(found)
    assert zone is not None
    assert zone.name == "z2"
    assert limits.hottest(board()) is None
