"""What is in the way on a board, and the way out: one sentence each, out of what was found and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from edgeseg.probe.capabilities import Accelerator, Board, Power, Soc, Software, Thermal

_LEAST_PYTHON = (3, 10)


def advice(
    board: Board, soc: Soc, thermal: Thermal, power: Power, accelerators: tuple[Accelerator, ...], software: Software
) -> tuple[str, ...]:
    """The sentences, most important first."""
    return (
        *_python(board, software),
        *_userland(software),
        *_throttled(thermal),
        *_accelerators(accelerators),
        *_power(power, software),
    )


def _python(board: Board, software: Software) -> Iterator[str]:
    if software.python is not None:  # whoever asks runs a good one
        return
    pythons = software.system_pythons.value if software.system_pythons else ()
    newest = max((_version(word) for word in pythons), default=None)
    if newest is not None and newest < _LEAST_PYTHON:
        what = f"JetPack {board.jetpack.value}" if board.jetpack else "This system"
        yield (
            f"{what} comes with Python {newest[0]}.{newest[1]} and edgeseg needs 3.10: put a newer one beside it,"
            " such as with `uv python install 3.11`; the system's own stays as it is."
        )


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


def _power(power: Power, software: Software) -> Iterator[str]:
    measured = power.board_w or power.sensors or any(supply.watts for supply in power.supplies)
    if measured or any(rapl.energy_j for rapl in power.rapl):
        return
    how = f" {power.how}" if power.how else ""
    yield f"Nothing that the probe may read measures this board's power, so that a limit of power cannot be kept.{how}"
