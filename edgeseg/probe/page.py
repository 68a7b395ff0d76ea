"""What the probe found, as lines for people: sections of rows, each with where it was read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from edgeseg.probe.capabilities import Capabilities, Cluster, Mode, VideoNode
from edgeseg.probe.fact import Fact
from edgeseg.probe.sensed import PowerSensor, Zone


class Row(NamedTuple):
    """One line: what, its value, and the evidence."""

    what: str
    value: str
    where: str


Section = tuple[str, list[Row]]


def page(found: Capabilities) -> list[Section]:
    """The sections that have something to say. What is absent is said only where people look for it."""
    sections = [
        ("board", [*_board(found)]),
        ("processor", [*_cpu(found)]),
        ("memory", [*_memory(found)]),
        ("heat", [*_heat(found)]),
        ("power", [*_power(found)]),
        ("accelerators", [*_accelerators(found)]),
        ("cameras", [*_cameras(found)]),
        ("software", [*_software(found)]),
    ]
    return [(title, rows) for title, rows in sections if rows]


def _row(what: str, fact: Fact[Any] | None, form: str = "{}") -> Iterator[Row]:
    if fact is not None:
        value = fact.value
        if isinstance(value, tuple):
            value = ", ".join(map(str, value)) or "none"
        elif isinstance(value, bool):
            value = "yes" if value else "no"
        yield Row(what, form.format(value), fact.where)


def _board(found: Capabilities) -> Iterator[Row]:
    board = found.board
    if board.model is None:
        yield Row("model", "not known", "")
    yield from _row("model", board.model)
    yield from _row("compatible", board.compatible)
    if board.pi:
        pi = board.pi.value
        parts = [pi.type and f"type {pi.type}", pi.pcb, pi.memory_mb and f"{pi.memory_mb} MiB", pi.soc, pi.maker]
        yield Row("revision", f"{pi.code}: {', '.join(str(part) for part in parts if part)}", board.pi.where)
    yield from _row("Jetson Linux", board.l4t)
    yield from _row("JetPack", board.jetpack)
    yield from _row("chip", found.soc.name)


def _cpu(found: Capabilities) -> Iterator[Row]:
    cpu = found.cpu
    yield from _row("model", cpu.model)
    yield from _row("architecture", cpu.architecture)
    yield from _row("cores", cpu.cores)
    if cpu.allowed and cpu.cores and cpu.allowed.value < cpu.cores.value:
        yield from _row("allowed cores", cpu.allowed)
    yield from _row("quota", cpu.quota, "{} cores")
    yield from _row("features", cpu.features)
    for cluster in cpu.clusters:
        text = _clocks(cluster)
        if text:
            shown = f"{cluster.cores[0]}-{cluster.cores[-1]}" if len(cluster.cores) > 1 else str(cluster.cores[0])
            yield Row(f"clock of {shown}", text, _evidence(cluster.max_mhz, cluster.now_mhz, cluster.governor))


def _clocks(cluster: Cluster) -> str:
    low, high, now, limit = cluster.min_mhz, cluster.max_mhz, cluster.now_mhz, cluster.limit_mhz
    parts = []
    if cluster.model:
        parts.append(cluster.model.value)
    if high:
        parts.append(f"{low.value:.0f} to {high.value:.0f} MHz" if low else f"up to {high.value:.0f} MHz")
    if now:
        parts.append(f"now {now.value:.0f}")
    if limit and high and limit.value < high.value:
        parts.append(f"limited to {limit.value:.0f}")
    if cluster.governor:
        parts.append(cluster.governor.value)
    return ", ".join(parts) if high or now or cluster.governor else ""


def _memory(found: Capabilities) -> Iterator[Row]:
    memory = found.memory
    yield from _row("total", memory.total_mb, "{:.0f} MB")
    yield from _row("available", memory.available_mb, "{:.0f} MB")
    yield from _row("limit", memory.limit_mb, "{:.0f} MB")
    yield from _row("swap", memory.swap_mb, "{:.0f} MB")
    yield from _row("for cameras (CMA)", memory.cma_mb, "{:.0f} MB")
    for zram in memory.zram:
        algorithm = f", {zram.algorithm.value}" if zram.algorithm else ""
        yield Row(zram.name, f"{zram.size_mb.value:.0f} MB{algorithm}", zram.size_mb.where)
    yield from _row("pressure is told of", memory.pressure)


def _heat(found: Capabilities) -> Iterator[Row]:
    thermal = found.thermal
    for zone in thermal.zones:
        yield Row(zone.type.value if zone.type else zone.name, _zone(zone), _evidence(zone.temp_c, zone.type))
    for sensor in thermal.sensors:
        yield Row(f"{sensor.chip} {sensor.label}", f"{sensor.temp_c.value:.1f} C", sensor.temp_c.where)
    for cooler in thermal.coolers:
        if cooler.type and cooler.state and cooler.max_state:
            yield Row(cooler.type.value, f"{cooler.state.value} of {cooler.max_state.value}", cooler.state.where)
    yield from _row("throttled", thermal.throttle.flags)
    yield from _row("voltage too low", thermal.throttle.under_voltage)
    yield from _row("times a core throttled", thermal.throttle.core_count)
    yield from _row("times the package throttled", thermal.throttle.package_count)
    if not (thermal.zones or thermal.sensors):
        yield Row("temperature", "no sensor", "")


def _zone(zone: Zone) -> str:
    now = f"{zone.temp_c.value:.1f} C" if zone.temp_c else "not known"
    trips = [f"{trip.type.value if trip.type else 'trip'} {trip.temp_c.value:.0f}" for trip in zone.trips]
    return f"{now} ({', '.join(trips)})" if trips else now


def _power(found: Capabilities) -> Iterator[Row]:
    power = found.power
    yield from _row("whole board", power.board_w, "{:.2f} W")
    for sensor in power.sensors:
        yield Row(f"{sensor.chip} {sensor.name}", _rail(sensor), _evidence(sensor.watts, sensor.volts))
    for supply in power.supplies:
        parts = [fact.value for fact in (supply.type, supply.status) if fact]
        parts += [f"{supply.charge_percent.value} %"] if supply.charge_percent else []
        parts += [f"{supply.watts.value:.2f} W"] if supply.watts else []
        yield Row(supply.name, ", ".join(parts), _evidence(supply.type, supply.status))
    for rapl in power.rapl:
        limit = f", limit {rapl.limit_w.value:.1f} W" if rapl.limit_w else ""
        counter = "energy counter" if rapl.energy_j else "no counter that this user may read"
        yield Row(f"RAPL {rapl.name}", f"{counter}{limit}", _evidence(rapl.energy_j, rapl.limit_w))
    if power.mode:
        yield Row("nvpmodel", f"{power.mode.value.id} {power.mode.value.name or ''}".strip(), power.mode.where)
    if not (power.sensors or power.supplies or power.rapl):
        yield Row("sensor", "none", "")


def _rail(sensor: PowerSensor) -> str:
    facts = ((sensor.watts, "W"), (sensor.volts, "V"), (sensor.amps, "A"))
    return ", ".join(f"{fact.value:.2f} {unit}" for fact, unit in facts if fact) or "not known"


def _accelerators(found: Capabilities) -> Iterator[Row]:
    for one in found.accelerators:
        nodes = f" at {', '.join(one.nodes)}" if one.nodes else ""
        remark = f": {one.remark}" if one.remark else ""
        yield Row(one.kind, f"{one.name}{nodes}{remark}", ", ".join(one.where))
    for driver in found.vulkan:
        software = " (software, on the CPU)" if driver.software else ""
        yield Row("Vulkan driver", f"{driver.library.value}{software}", driver.library.where)
    if not found.accelerators:
        yield Row("accelerator", "none", "")


def _cameras(found: Capabilities) -> Iterator[Row]:
    for sensor in found.cameras.sensors:
        yield Row("sensor", f"{sensor.value} (by libcamera)", sensor.where)
    for node in found.cameras.nodes:
        name = node.name.value if node.name else "?"
        yield Row(node.node, f"{node.kind}: {name}{_modes(node)}", _evidence(node.name, node.driver))
    if not (found.cameras.nodes or found.cameras.sensors):
        yield Row("camera", "none", "")


def _modes(node: VideoNode) -> str:
    """The best of each format."""
    best: dict[str, Mode] = {}
    for mode in node.modes.value if node.modes else ():
        other = best.get(mode.format)
        if other is None or mode.width * mode.height > other.width * other.height:
            best[mode.format] = mode
    rates = {name: f" at {mode.fps:g}" if mode.fps else "" for name, mode in best.items()}
    shown = [f"{name} to {mode.width}x{mode.height}{rates[name]}" for name, mode in best.items()]
    return f" ({', '.join(shown)})" if shown else ""


def _software(found: Capabilities) -> Iterator[Row]:
    software = found.software
    yield from _row("kernel", software.kernel)
    yield from _row("system", software.os)
    yield from _row("C library", software.libc)
    yield from _row("userland", software.userland_bits, "{} bits")
    yield from _row("page", software.page_kb, "{} kB")
    yield from _row("Python", software.python)
    yield from _row("system's Pythons", software.system_pythons)
    for name, version in software.packages.items():
        yield from _row(name, version)
    yield from _row("container", software.container)
    yield from _row("virtual machine", software.virtual)


def _evidence(*facts: Fact[Any] | None) -> str:
    return _first(fact.where for fact in facts if fact)


def _first(places: Iterable[str]) -> str:
    return next(iter(places), "")
