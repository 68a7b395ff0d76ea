"""What a board feels: heat and power. What is not known is None, never 0."""

from __future__ import annotations

from dataclasses import dataclass

from edgeseg.probe.fact import Fact


@dataclass(frozen=True, slots=True)
class Trip:
    """A temperature at which the kernel does something."""

    type: Fact[str] | None
    temp_c: Fact[float]


@dataclass(frozen=True, slots=True)
class Zone:
    """A thermal zone."""

    name: str
    type: Fact[str] | None
    temp_c: Fact[float] | None
    trips: tuple[Trip, ...]


@dataclass(frozen=True, slots=True)
class Cooler:
    """What the kernel can do against heat: a fan, a slower clock."""

    name: str
    type: Fact[str] | None
    state: Fact[int] | None
    max_state: Fact[int] | None


@dataclass(frozen=True, slots=True)
class Sensor:
    """A temperature that is no zone's."""

    chip: str
    label: str
    temp_c: Fact[float]


@dataclass(frozen=True, slots=True)
class Throttle:
    """Signs of a board that holds itself back.

    flags: of the Raspberry Pi's firmware. under_voltage: its alarm. core_count, package_count: how often an x86
    processor throttled since it started.
    """

    flags: Fact[tuple[str, ...]] | None
    under_voltage: Fact[bool] | None
    core_count: Fact[int] | None
    package_count: Fact[int] | None


@dataclass(frozen=True, slots=True)
class Thermal:
    """Heat."""

    zones: tuple[Zone, ...]
    sensors: tuple[Sensor, ...]
    coolers: tuple[Cooler, ...]
    throttle: Throttle


@dataclass(frozen=True, slots=True)
class PowerSensor:
    """One measured rail."""

    name: str
    chip: str
    volts: Fact[float] | None
    amps: Fact[float] | None
    watts: Fact[float] | None


@dataclass(frozen=True, slots=True)
class Supply:
    """A battery or a power supply, as the kernel sees it."""

    name: str
    type: Fact[str] | None
    online: Fact[bool] | None
    status: Fact[str] | None
    charge_percent: Fact[int] | None
    watts: Fact[float] | None


@dataclass(frozen=True, slots=True)
class Rapl:
    """A counter of energy in the processor; it wraps around. limit_w: the long-term limit."""

    name: str
    energy_j: Fact[float] | None
    limit_w: Fact[float] | None


@dataclass(frozen=True, slots=True)
class PowerMode:
    """A mode of NVIDIA's nvpmodel."""

    id: int
    name: str | None


@dataclass(frozen=True, slots=True)
class Power:
    """Power. board_w: of the rail that feeds the whole board; how: a way to measure that is not taken here."""

    board_w: Fact[float] | None
    sensors: tuple[PowerSensor, ...]
    supplies: tuple[Supply, ...]
    rapl: tuple[Rapl, ...]
    mode: Fact[PowerMode] | None
    default_mode: Fact[PowerMode] | None
    how: str | None
