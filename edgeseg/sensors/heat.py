"""Temperatures, and whether the board slows itself down."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from edgeseg.probe.thermal import flag_words
from edgeseg.readings import Temperature
from edgeseg.sensors.belief import CORE_VOLTS, TEMPERATURE, Beliefs
from edgeseg.sensors.found import Found
from edgeseg.sensors.small_file import Files

_UNDER_VOLTAGE, _SLOWED = 0b0001, 0b1110  # bits of get_throttled: now, and not "before"


class Throttling(NamedTuple):
    """See `Reading`."""

    throttled: bool | None
    flags: tuple[str, ...] | None
    under_voltage: bool | None


class Heat:
    """What is read of it."""

    def __init__(self, found: Found, files: Files) -> None:
        self._temps = [(temp.name, files.expected(temp.path), temp.of_chip) for temp in found.temps]
        self._flags = files.expected(found.flags) if found.flags else None
        self._alarm = files.expected(found.alarm) if found.alarm else None
        self._coolers = [files.expected(path) for path in found.coolers]
        self._counts = [files.expected(path) for path in found.throttle_counts]
        self._count: int | None = None
        self._volts = [(files.expected(path), divisor) for path, divisor in found.core_volts]
        self._slowed: bool | None = None

    def temperatures(self, beliefs: Beliefs, now_s: float, load: float | None) -> tuple[Temperature, ...]:
        """Each sensor, what is not believed as None."""
        return tuple(
            Temperature(name, beliefs.judge(name, TEMPERATURE, file.scaled(1000), now_s, load), of_chip)
            for name, file, of_chip in self._temps
        )

    def throttling(self, slow: bool) -> Throttling:
        """The firmware's word, and with `slow` the kernel's: cooling devices, and counters of an x86 processor."""
        if slow:
            self._slowed = _any((self._are_cooling(), self._counted_up()))
        bits = self._flags.number(16) if self._flags else None
        if bits is not None and not 0 <= bits <= 0xFFFFFFFF:
            bits = None
        alarm = self._alarm.number() if self._alarm else None
        under_voltage = alarm == 1 if alarm in (0, 1) else None
        if bits is None:
            return Throttling(self._slowed, None, under_voltage)
        slowed, weak = bool(bits & _SLOWED), bool(bits & _UNDER_VOLTAGE)
        return Throttling(_any((slowed, self._slowed)), flag_words(bits), _any((weak, under_voltage)))

    def core_volts(self, beliefs: Beliefs, now_s: float) -> float | None:
        """The lowest of the cores' supplies."""
        volts = (
            beliefs.judge(f"core voltage {number}", CORE_VOLTS, file.scaled(divisor), now_s, None)
            for number, (file, divisor) in enumerate(self._volts)
        )
        return min((value for value in volts if value is not None), default=None)

    def _are_cooling(self) -> bool | None:
        states = [state for file in self._coolers if (state := file.number()) is not None]
        return any(state > 0 for state in states) if states else None

    def _counted_up(self) -> bool | None:
        counts = [count for file in self._counts if (count := file.number()) is not None]
        before, self._count = self._count, sum(counts) if len(counts) == len(self._counts) and counts else None
        return None if before is None or self._count is None else self._count > before


def hottest(temps: tuple[Temperature, ...]) -> float | None:
    """The hottest of the chip; of the board only where the chip has no sensor at all."""
    has_chip = any(temp.of_chip for temp in temps)
    known = (temp.temp_c for temp in temps if temp.of_chip == has_chip)
    return max((temp_c for temp_c in known if temp_c is not None), default=None)


def _any(words: Iterable[bool | None]) -> bool | None:
    """True if one says so; None if none says anything."""
    known = [word for word in words if word is not None]
    return any(known) if known else None
