"""Why it may be slow: clocks, heat, memory, who else is there, and what the processor lacks."""

from __future__ import annotations

from collections.abc import Iterator

from edgeseg.doctor.finding import Finding
from edgeseg.doctor.load import Load
from edgeseg.probe.capabilities import Capabilities, Cluster

_DOT_PRODUCTS = frozenset(("asimddp", "i8mm", "avx512_vnni", "avx_vnni"))
# Of these drivers "powersave" is the name of a policy that raises the clock as it is needed.
_OWN_POLICY = ("intel_pstate", "amd-pstate-epp", "amd_pstate_epp")
_LEAST_FREE_MB = 150.0  # a run with the default tier takes about as much, see docs/benchmarks.md
_MUCH, _SOME = 0.5, 0.15  # a share of the cores that others keep busy


def check(found: Capabilities, load: Load | None) -> list[Finding]:
    """All of it."""
    return [
        *_clocks(found),
        *_held_back(found),
        *_cores(found, load),
        *_memory(found, load),
        *_instructions(found),
    ]


def _clocks(found: Capabilities) -> Iterator[Finding]:
    for cluster in found.cpu.clusters:
        cores, governor = _named(cluster), cluster.governor
        own = cluster.driver is not None and cluster.driver.value in _OWN_POLICY
        if governor and governor.value == "powersave" and not own:
            yield Finding(
                "warning",
                "speed",
                f"{cores} keep the lowest clock all the time: their governor is powersave.",
                governor.where,
                "Set another one: echo ondemand | sudo tee /sys/devices/system/cpu/cpufreq/policy*/scaling_governor",
            )
        high, limit = cluster.max_mhz, cluster.limit_mhz
        if high and limit and limit.value < high.value * 0.99:
            yield Finding(
                "warning",
                "speed",
                f"{cores} are held to {limit.value:.0f} MHz of {high.value:.0f}.",
                limit.where,
                _more_clock(found, high.value),
            )


def _named(cluster: Cluster) -> str:
    first, last = cluster.cores[0], cluster.cores[-1]
    return f"Cores {first} to {last}" if first != last else f"Core {first}"


def _more_clock(found: Capabilities, mhz: float) -> str:
    mode = found.power.mode
    if mode is not None:
        name = f" ({mode.value.name})" if mode.value.name else ""
        return f"The power mode is {mode.value.id}{name}: choose a greater one, sudo nvpmodel -m ID, if it stays cool."
    return (
        f"Cooling, a power mode or a user set it; undo it there, or: echo {mhz * 1000:.0f} | sudo tee"
        " /sys/devices/system/cpu/cpufreq/policy*/scaling_max_freq"
    )


def _held_back(found: Capabilities) -> Iterator[Finding]:
    throttle = found.thermal.throttle
    flags = throttle.flags.value if throttle.flags else ()
    where = throttle.flags.where if throttle.flags else ""
    alarm = throttle.under_voltage
    if "under-voltage" in flags or (alarm and alarm.value):
        place = where if "under-voltage" in flags or alarm is None else alarm.where
        what = "The supply's voltage is too low now, which slows the board down."
        yield Finding("warning", "speed", what, place, "Use the maker's supply and a short cable.")
    now = [flag for flag in ("throttled", "frequency capped", "soft temperature limit") if flag in flags]
    if now:
        what = f"The board holds itself back now: {', '.join(now)}."
        yield Finding("warning", "speed", what, where, "Cool it better: a heat sink, a fan, room for air.")
    before = [flag for flag in flags if flag.endswith(" before") and flag.removesuffix(" before") not in flags]
    if before:
        what = f"The board held itself back a while ago: {', '.join(before)}."
        remedy = "If it does so while edgeseg runs: cool it better, or use the maker's supply for under-voltage."
        yield Finding("note", "speed", what, where, remedy)
    counted = throttle.package_count or throttle.core_count
    if counted and counted.value:
        what = f"The processor throttled {counted.value} times since it started."
        yield Finding("note", "speed", what, counted.where, "If the number grows while edgeseg runs: cool it better.")


def _cores(found: Capabilities, load: Load | None) -> Iterator[Finding]:
    cpu = found.cpu
    cores = cpu.allowed or cpu.cores
    if cpu.quota and cores and cpu.quota.value < cores.value:
        what = f"The control group may use the time of {cpu.quota.value:g} cores of {cores.value}."
        remedy = "Raise it where it is set: CPUQuota= of the service, --cpus of the container."
        yield Finding("warning", "speed", what, cpu.quota.where, remedy)
    if cpu.allowed and cpu.cores and cpu.allowed.value < cpu.cores.value:
        what = f"This process may use {cpu.allowed.value} cores of {cpu.cores.value}."
        remedy = "Allow more where it is set: CPUAffinity= of the service, --cpuset-cpus of the container, taskset."
        yield Finding("note", "speed", what, cpu.allowed.where, remedy)
    if cores and cores.value <= 2:
        what = "There is one core" if cores.value == 1 else f"There are {cores.value} cores"
        what += ": the camera, the picture and the model share them."
        yield Finding(
            "note", "speed", what, cores.where, "A smaller picture (--size 640x480) leaves more for the rest."
        )
    if load is not None:
        yield from _others(load, cores.value if cores else 1)


def _others(load: Load, cores: int) -> Iterator[Finding]:
    share = load.busy / cores
    if share >= _SOME:
        names = tuple(f"{one.name} (pid {one.pid})" for one in load.programs)
        told = ", ".join(f"{name} {one.cores:.1f}" for name, one in zip(names, load.programs, strict=True))
        what = f"Other programs keep {load.busy:.1f} of {cores} cores busy{': ' if told else ''}{told}."
        severity = "warning" if share >= _MUCH else "note"
        yield Finding(severity, "speed", what, "psutil, /proc/*/stat", "Stop what is not needed.", names)  # type: ignore[arg-type]
    if load.stolen / cores >= 0.05:
        what = f"The virtual machine's host took the time of {load.stolen:.1f} of {cores} cores for others."
        yield Finding("warning", "speed", what, "/proc/stat (steal)", "Ask for cores of its own, or a quieter host.")


def _memory(found: Capabilities, load: Load | None) -> Iterator[Finding]:
    memory = found.memory
    if load is not None and load.swapped_mb_s and load.swapped_mb_s >= 0.1:
        what = f"Memory goes to and from swap, {load.swapped_mb_s:.1f} MB a second."
        yield Finding("warning", "speed", what, "/proc/vmstat (pswpin, pswpout)", "Stop programs that take memory.")
    limit, total = memory.limit_mb, memory.total_mb
    if limit and (total is None or limit.value < total.value):
        severity = "warning" if limit.value < 2 * _LEAST_FREE_MB else "note"
        what = f"The control group may use {limit.value:.0f} MB of memory."
        remedy = "Raise it where it is set, if runs end there: MemoryMax= of the service, --memory of the container."
        yield Finding(severity, "speed", what, limit.where, remedy)  # type: ignore[arg-type]
    free = memory.available_mb
    if free and free.value < _LEAST_FREE_MB:
        what = f"Only {free.value:.0f} MB of memory are free."
        yield Finding("warning", "speed", what, free.where, "Stop programs that take memory, or take a smaller tier.")


def _instructions(found: Capabilities) -> Iterator[Finding]:
    features, software = found.cpu.features, found.software
    if features and not _DOT_PRODUCTS & set(features.value):
        what = "The processor has no dot product of 8-bit numbers, so INT8 tiers are hardly faster than others."
        yield Finding("note", "speed", what, features.where, "Take FP16 tiers; edgeseg calibrate measures both.")
    if software.userland_bits and software.userland_bits.value == 32:
        what = "The programs here are of 32 bits, for which there is no LiteRT: tflite-runtime takes its place."
        remedy = "Install a 64-bit system: it is faster on the same board. tflite-runtime needs Python 3.11 or older."
        yield Finding("warning", "speed", what, software.userland_bits.where, remedy)
