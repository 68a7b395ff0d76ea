"""A value with its evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar, final

T_co = TypeVar("T_co", covariant=True)


@final
@dataclass(frozen=True, slots=True)
class Fact(Generic[T_co]):
    """A value and the files it was read from, or the call that gave it."""

    value: T_co
    where: str


@dataclass(frozen=True, slots=True)
class Note:
    """Why something that was there was not believed, or could not be read."""

    where: str
    why: str
