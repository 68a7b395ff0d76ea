"""Quantities as people write them, on the command line and in files: sizes, rates, and keys that end in a unit."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from edgeseg.frames import Size

SIZE_HELP = "write WIDTHxHEIGHT, such as 1280x720"
RATE_HELP = "write a number from 0.001 to 1000, such as 30 or 30000/1001"

_UNITS = {
    "c": "degrees Celsius",
    "w": "watts",
    "mb": "megabytes (10^6 bytes)",
    "ms": "milliseconds",
    "s": "seconds",
}


def size_of(text: str) -> Size | None:
    """The size that "1280x720" is; None if it is none."""
    width, _, height = text.lower().partition("x")
    digits = all(side.isascii() and side.isdecimal() and len(side) <= 5 for side in (width, height))
    if not (digits and 0 < int(width) <= 16384 and 0 < int(height) <= 16384):
        return None
    return Size(int(width), int(height))


def rate_of(text: str) -> Fraction | None:
    """Frames a second, from "30", "29.97" or "30000/1001"; None if it is none."""
    try:
        # What a container's header can hold; an exponent could make a number that fills the memory.
        fps = Fraction(text if len(text) <= 32 and "e" not in text.lower() else "0").limit_denominator(100_000)
    except (ValueError, ZeroDivisionError):
        return None
    return fps if Fraction(1, 1000) <= fps <= 1000 else None


def unit_of(key: str) -> str | None:
    """The unit that a key's name ends in, in words: "degrees Celsius" of temp_c."""
    return _UNITS.get(key.rpartition("_")[2]) if "_" in key else None


def same_in_another_unit(key: str, known: Iterable[str]) -> str | None:
    """The known key that differs from `key` in nothing but the unit: temp_c of temp_f and of temp."""
    stem = key.rpartition("_")[0]
    return next((one for one in known if unit_of(one) and one.rpartition("_")[0] in (key, stem)), None)


def plain(one: Any) -> Any:
    """A value as JSON has it: sizes and broken rates as the words of a config file."""
    if isinstance(one, Size):
        return str(one)
    if isinstance(one, Fraction):
        return int(one) if one.denominator == 1 else str(one)
    return one
