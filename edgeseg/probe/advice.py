"""What is in the way on a board, and the way out: one sentence each, out of what was found and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from edgeseg.probe.capabilities import Accelerator, Board, Soc, Software
from edgeseg.probe.sensed import Power, Thermal

_LEAST_PYTHON = (3, 10)
# The Python of each system: packages.debian.org/python3, packages.ubuntu.com/python3.
_PYTHON_OF = {
    **dict.fromkeys(("debian 10", "raspbian 10"), "3.7"),
    **dict.fromkeys(("debian 11", "raspbian 11"), "3.9"),
    **dict.fromkeys(("debian 12", "raspbian 12"), "3.11"),
    **dict.fromkeys(("debian 13", "raspbian 13"), "3.13"),
    **{"ubuntu 18.04": "3.6", "ubuntu 20.04": "3.8", "ubuntu 22.04": "3.10", "ubuntu 24.04": "3.12"},
}
_PYTHON_OF_JETPACK = {"4": "3.6", "5": "3.8", "6": "3.10"}


def advice(
    board: Board, soc: Soc, thermal: Thermal, power: Power, accelerators: tuple[Accelerator, ...], software: Software
) -> tuple[str, ...]:
    """The sentences, most important first."""
    return (
        *_python(board, software),
        *_userland(software),
        *_throttled(thermal),
        *_accelerators(accelerators),
        *_power(power),
    )


def newest_python(board: Board, software: Software) -> tuple[int, int] | None:
    """The newest Python that a saved board has; None if it is not known, and where the one that runs is a good one."""
    if software.python is not None:
        return None
    return max((_version(word) for word in _pythons(board, software)), default=None)


def _python(board: Board, software: Software) -> Iterator[str]:
    newest = newest_python(board, software)
    if newest is not None and newest < _LEAST_PYTHON:
        what = f"JetPack {board.jetpack.value}" if board.jetpack else "This system"
        way = "put a newer one beside it, such as with `uv python install 3.11`; the system's own stays as it is."
        if software.userland_bits and software.userland_bits.value == 32:
            way = "install a newer system, best one of 64 bits."
        yield f"{what} comes with Python {newest[0]}.{newest[1]} and edgeseg needs 3.10: {way}"


def _pythons(board: Board, software: Software) -> tuple[str, ...]:
    """Those that were found, or else the one that the system is known to bring."""
    if software.system_pythons:
        return software.system_pythons.value
    name = f"{software.os_id.value} {software.os_version.value}" if software.os_id and software.os_version else ""
    known = _PYTHON_OF.get(name) or _PYTHON_OF_JETPACK.get(board.jetpack.value if board.jetpack else "")
    return (known,) if known else ()


def _version(word: str) -> tuple[int, int]:
    major, _, minor = word.partition(".")
    return int(major), int(minor)


def _userland(software: Software) -> Iterator[str]:
    if software.userland_bits and software.userland_bits.value == 32:
        yield (
            "The programs here are of 32 bits, for which there is no LiteRT: edgeseg takes tflite-runtime, which needs"
            " Python 3.11 or older; a 64-bit system is faster on the same board."
        )


def _throttled(thermal: Thermal) -> Iterator[str]:
    flags = thermal.throttle.flags.value if thermal.throttle.flags else ()
    if "under-voltage" in flags or (thermal.throttle.under_voltage and thermal.throttle.under_voltage.value):
        yield "The supply's voltage is too low now, which slows the board down: use the maker's supply."
    if {"throttled", "frequency capped", "soft temperature limit"} & set(flags):
        yield "The board holds itself back now: better cooling makes it faster."


def _accelerators(accelerators: tuple[Accelerator, ...]) -> Iterator[str]:
    for one in accelerators:
        if one.engine is None and one.kind == "npu" and one.remark:
            yield f"The {one.name} {one.remark}; the CPU is used instead."
        if one.kind == "edgetpu" and one.bus == "pcie" and not one.nodes:
            yield (
                f"The {one.name} has no /dev/apex_0: install Google's gasket driver; on a Raspberry Pi 5 it wants the"
                " kernel with 4 kB pages (kernel=kernel8.img in config.txt)."
            )


def _power(power: Power) -> Iterator[str]:
    measured = any(sensor.watts for sensor in power.sensors) or any(supply.watts for supply in power.supplies)
    if measured or any(rapl.energy_j for rapl in power.rapl):
        return
    how = f" {power.how}" if power.how else ""
    if power.rapl:
        how = " The processor has a counter of energy (RAPL), which only root may read."
    yield f"Nothing that the probe may read measures this board's power, so that a limit of power cannot be kept.{how}"
