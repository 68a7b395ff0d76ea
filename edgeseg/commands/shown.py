"""Values and tables as lines of plain text, for people and for pipes alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from edgeseg.errors import one_line
from edgeseg.frames import Size


def value(one: Any) -> str:
    """A value in the words of a config file."""
    if one is None or isinstance(one, bool):
        return {None: "null", True: "true", False: "false"}[one]
    if isinstance(one, (list, tuple)) and not isinstance(one, Size):
        return f"[{', '.join(map(str, one))}]"
    return f"{one:g}" if isinstance(one, float) else str(one)


def columns(rows: Iterable[Sequence[str]]) -> list[str]:
    """Rows as lines, their columns below each other."""
    table = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]


def words(many: Sequence[str]) -> str:
    """As in a sentence: a, b or c."""
    return " or ".join([", ".join(many[:-1]), many[-1]] if len(many) > 1 else many)
