"""Heat and power against what the profile allows, and whether that can be kept at all."""

from __future__ import annotations

from collections.abc import Iterator

from edgeseg.doctor.finding import Finding
from edgeseg.probe.capabilities import Capabilities
from edgeseg.probe.sensed import Zone

_NEAR_C = 5.0


def check(found: Capabilities, temp_c: float | None, power_w: float | None) -> list[Finding]:
    """temp_c, power_w: the profile's limits, None where there is none."""
    return [*_heat(found, temp_c), *_power(found, power_w)]


def hottest(found: Capabilities) -> Zone | None:
    """The zone that is hottest now."""
    zones = [zone for zone in found.thermal.zones if zone.temp_c is not None]
    return max(zones, key=lambda zone: zone.temp_c.value if zone.temp_c else 0.0, default=None)


def _heat(found: Capabilities, limit_c: float | None) -> Iterator[Finding]:
    zone = hottest(found)
    if zone is None or zone.temp_c is None:
        if limit_c is not None:
            what = f"Nothing measures a temperature here, so that the limit of {limit_c:g} C cannot be kept."
            remedy = "None without a sensor; limits.temp_c: null in config.yaml says that none is wanted."
            yield Finding("note", "heat", what, "/sys/class/thermal", remedy)
        return
    now, name = zone.temp_c.value, zone.type.value if zone.type else zone.name
    cool = "Cool it better, or lower the target: targets.fps or targets.size."
    if limit_c is not None and now >= limit_c:
        what = f"{name} is at {now:.1f} C, and the profile allows {limit_c:g}."
        yield Finding("warning", "heat", what, zone.temp_c.where, cool)
    elif limit_c is not None and now >= limit_c - _NEAR_C:
        what = f"{name} is at {now:.1f} C, near the profile's limit of {limit_c:g}."
        yield Finding("note", "heat", what, zone.temp_c.where, cool)
    for one in found.thermal.zones:
        yield from _trips(one)


def _trips(zone: Zone) -> Iterator[Finding]:
    """The highest trip that is reached: the kernel slows the processor down at a passive one. Fans are no matter."""
    if zone.temp_c is None:
        return
    reached = [trip for trip in zone.trips if trip.temp_c.value <= zone.temp_c.value]
    reached = [trip for trip in reached if trip.type and trip.type.value in ("passive", "hot", "critical")]
    if reached:
        trip = max(reached, key=lambda trip: trip.temp_c.value)
        kind, name = trip.type.value if trip.type else "trip", zone.type.value if zone.type else zone.name
        now, at = zone.temp_c.value, trip.temp_c.value
        what = f"{name} is at {now:.1f} C, past the {kind} trip at {at:.0f} C: the kernel acts against it."
        yield Finding("warning", "heat", what, trip.temp_c.where, "Cool it better: a heat sink, a fan, room for air.")


def _power(found: Capabilities, limit_w: float | None) -> Iterator[Finding]:
    power = found.power
    if power.board_w is not None:
        if limit_w is not None and power.board_w.value >= limit_w:
            what = f"The board draws {power.board_w.value:.2f} W, and the profile allows {limit_w:g}."
            yield Finding(
                "warning", "heat", what, power.board_w.where, "Lower the target: targets.fps or targets.size."
            )
        return
    readable = any(sensor.watts for sensor in power.sensors) or any(supply.watts for supply in power.supplies)
    if readable or any(rapl.energy_j for rapl in power.rapl):
        return
    kept = f"the limit of {limit_w:g} W cannot be kept" if limit_w is not None else "a limit of power cannot be kept"
    remedy = power.how or "None without a sensor: where it matters, measure at the plug."
    if power.rapl:
        remedy = "The processor has a counter of energy (RAPL), which only root may read."
    severity = "warning" if limit_w is not None else "note"
    what = f"Nothing that edgeseg may read measures this board's power, so that {kept}."
    yield Finding(severity, "heat", what, "/sys/class/hwmon, /sys/class/powercap", remedy)  # type: ignore[arg-type]
