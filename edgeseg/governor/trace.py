"""Traces: what the governor was given and what it decided, as lines of JSON that replay to the same decisions.

The first line says what it is and holds the policy, the ladder and the first rung; each further one holds a look and
its decision. Lines are made and read here; whoever has the file writes and reads it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import MISSING, asdict, dataclass, fields
from enum import Enum
from typing import Any, TypeVar

from edgeseg.errors import UsageError
from edgeseg.governor.decide import decide, start
from edgeseg.governor.decision import Decision, Expectation, Reason
from edgeseg.governor.observation import Observation
from edgeseg.governor.policy import Policy
from edgeseg.governor.rung import Kind, Ladder, Rung

VERSION = 1
Parsed = TypeVar("Parsed", Policy, Rung, Observation, Decision, Expectation)


@dataclass(frozen=True, slots=True)
class Look:
    """One look and what was decided on it."""

    seen: Observation
    decision: Decision


@dataclass(frozen=True, slots=True)
class Trace:
    """A whole trace."""

    policy: Policy
    ladder: Ladder
    rung: str | None
    looks: tuple[Look, ...]


def first_line(policy: Policy, ladder: Ladder, rung: str | None) -> str:
    """The line that a trace begins with; rung: what `start` chose or was told."""
    head = {"edgeseg_governor_trace": VERSION, "policy": asdict(policy), "rung": rung}
    return json.dumps({**head, "ladder": [asdict(one) for one in ladder]}, default=_enum)


def look_line(seen: Observation, decision: Decision) -> str:
    """The line of one look."""
    return json.dumps({"seen": asdict(seen), "decision": asdict(decision)}, default=_enum)


def read(lines: Iterable[str], name: str) -> Trace:
    """The trace of these lines; name: of the file, for complaints.

    Raises UsageError if it is no trace, is of another version, was cut off, or holds what no trace holds.
    """
    numbered = enumerate(lines, 1)
    head = _object(next(numbered, (1, ""))[1], 1, name, is_first=True)
    version = head.get("edgeseg_governor_trace")
    if version is None:
        raise UsageError(
            f"{name} is no trace of the governor: its first line does not say so; give what --trace wrote."
        )
    if version != VERSION:
        raise UsageError(
            f"{name} is a trace of version {version!r}, and this edgeseg reads {VERSION}: replay it with its own."
        )
    policy = _parsed(Policy, head.get("policy"), 1, name)
    rungs = head.get("ladder")
    if not isinstance(rungs, list):
        raise UsageError(f"{name}:1: the ladder is missing.")
    ladder = tuple(_parsed(Rung, rung, 1, name) for rung in rungs)
    return Trace(policy, ladder, head.get("rung"), tuple(_looks(numbered, name)))


def _looks(numbered: Iterator[tuple[int, str]], name: str) -> Iterator[Look]:
    for number, line in numbered:
        row = _object(line, number, name)
        seen = _parsed(Observation, row.get("seen"), number, name)
        if not math.isfinite(seen.now_s):
            raise UsageError(f"{name}:{number}: the observation's now_s is {seen.now_s}.")
        yield Look(seen, _parsed(Decision, row.get("decision"), number, name))


def replayed(trace: Trace) -> Iterator[tuple[Look, Decision]]:
    """Each look, and what is decided on it now."""
    state = start(trace.policy, trace.ladder, trace.rung)
    for look in trace.looks:
        state, decision = decide(trace.policy, state, look.seen)
        yield look, decision


def _enum(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    raise TypeError(f"{value!r} cannot be written")


def _object(line: str, number: int, name: str, is_first: bool = False) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError:
        row = None
    if isinstance(row, dict):
        return row
    if is_first and not line:
        raise UsageError(f"{name} is empty: the governor never looked, or it is no trace.")
    if is_first:
        raise UsageError(
            f"{name} is no trace of the governor, or was cut off in its first line, which is no JSON object;"
            " give what --trace wrote."
        )
    if not line.endswith("\n"):
        raise UsageError(
            f"{name} was cut off in line {number}; remove that line to replay the {number - 2} looks before it."
        )
    raise UsageError(f"{name}:{number}: this is no JSON object; the trace was damaged.")


def _parsed(kind: type[Parsed], given: Any, number: int, name: str) -> Parsed:
    """A dataclass of what JSON gave, every value of the type that its field says."""
    what = kind.__name__.lower()
    if not isinstance(given, dict):
        raise UsageError(f"{name}:{number}: the {what} is missing or is no JSON object.")
    known = {field.name: field for field in fields(kind)}
    for key in given:
        if key not in known:
            raise UsageError(f"{name}:{number}: {key!r} is no part of any {what}; another version wrote it.")
    values: dict[str, Any] = {}
    for key, field in known.items():
        if key not in given:
            if field.default is MISSING:
                raise UsageError(f"{name}:{number}: the {what}'s {key} is missing.")
            continue
        try:
            values[key] = READERS[str(field.type)](given[key], number, name)
        except (ValueError, TypeError, OverflowError):
            raise UsageError(f"{name}:{number}: the {what}'s {key} is {given[key]!r:.60}.") from None
    return kind(**values)


def _number(given: Any) -> float:
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        raise TypeError
    return float(given)


def _integer(given: Any) -> int:
    if isinstance(given, bool) or not isinstance(given, int):
        raise TypeError
    return given


def _text(given: Any) -> str:
    if not isinstance(given, str):
        raise TypeError
    return given


def _truth(given: Any) -> bool:
    if not isinstance(given, bool):
        raise TypeError
    return given


def _expectation(given: Any, number: int, name: str) -> Expectation | None:
    return None if given is None else _parsed(Expectation, given, number, name)


def _plain(read_one: Callable[[Any], Any], optional: bool = False) -> Callable[[Any, int, str], Any]:
    return lambda given, number, name: None if optional and given is None else read_one(given)


READERS: dict[str, Callable[[Any, int, str], Any]] = {
    "float": _plain(_number),
    "float | None": _plain(_number, optional=True),
    "int": _plain(_integer),
    "bool": _plain(_truth),
    "bool | None": _plain(_truth, optional=True),
    "str": _plain(_text),
    "str | None": _plain(_text, optional=True),
    "tuple[float, ...]": _plain(lambda given: tuple(map(_number, given))),
    "tuple[str, ...]": _plain(lambda given: tuple(map(_text, given))),
    "Kind": _plain(Kind),
    "Reason": _plain(Reason),
    "Expectation | None": _expectation,
}
