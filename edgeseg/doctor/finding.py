"""One thing that the doctor found."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["fault", "warning", "note", "fine"]
Area = Literal["engines", "choice", "speed", "heat", "cameras", "virtual camera", "permissions", "software", "config"]
ORDER: tuple[Severity, ...] = ("fault", "warning", "note", "fine")
"""fault: something that was asked for does not work. warning: it costs speed, or soon will. note: worth knowing."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found, a sentence; where, the file or call that shows it; remedy, a sentence or None.

    private: words of `what` that go nobody but the owner of the board something, such as programs' names.
    """

    severity: Severity
    area: Area
    what: str
    where: str = ""
    remedy: str | None = None
    private: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {name: value for name, value in dataclasses.asdict(self).items() if name != "private"}

    def for_others(self) -> Finding:
        """Without what is private."""
        what = self.what
        for word in sorted(self.private, key=len, reverse=True):
            what = what.replace(word, "a program")
        return dataclasses.replace(self, what=what, private=())


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Faults, warnings, notes, and what is fine; within these as they came, each once."""
    return sorted(dict.fromkeys(findings), key=lambda one: ORDER.index(one.severity))
