"""What LiteRT writes of its dispatch: what an NPU took of a model, and what was against it.

Its Python package tells neither. The words are those of LiteRT 2.3.0.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from edgeseg.engines import evidence

COMPILED = "DISPATCH_OP"  # in place of what was compiled beforehand: kLiteRtDispatchOpCustomName of core/build_stamp.h
PARTITIONED = re.compile(r"Partitioned subgraph<\d+>, selected (\d+) ops, from a total of (\d+) ops\D+(\d+) partition")
APPLIED = re.compile(r"(\d+) compiler plugins were applied successfully")
DEVICE = re.compile(r"Using Intel OpenVINO device: (\w+)")
_REFUSED_OPERATION = re.compile(r"op type (\d+) is not supported")
_OPERATIONS = {32: "CUSTOM"}  # litert/c/litert_op_code.h; others are told by their number
_ERRORS = (
    r"Cannot load library",
    r"No available devices|[Dd]evice .*(not found|not registered|doesn't exist)",
    r"Exception in compil",
    r"Failed to load plugin|Could not load shared library",
    r"Plugin errs",
)


class Taken(NamedTuple):
    """What the runtime says the NPU took: operations, of how many, in how many parts, and on which device."""

    nodes: int
    of: int
    partitions: int
    device: str | None


def taken_of(text: str, operations: Sequence[str]) -> Taken:
    """What was taken, by the runtime's words. operations: the file's; those that a vendor compiled have one name."""
    found = DEVICE.findall(text)
    device = found[-1] if found else None
    beforehand = operations.count(COMPILED)
    if "DispatchDelegate::Initialize" not in text:
        return Taken(0, len(operations), 0, None)
    if beforehand:
        return Taken(beforehand, len(operations), beforehand, device)
    applied = APPLIED.search(text)
    parts = [tuple(map(int, one.groups())) for one in PARTITIONED.finditer(text)]
    if not parts or not applied or not int(applied[1]):
        return Taken(0, len(operations), 0, None)
    taken, of, partitions = (sum(column) for column in zip(*parts, strict=True))
    return Taken(taken, of, partitions, device)


def why(text: str) -> str | None:
    """What the runtime says against the model, shortest first: an operation, the device, the plug-in's own error."""
    refused = dict.fromkeys(_REFUSED_OPERATION.findall(text))
    known = [f"it does not know the operation {_OPERATIONS.get(int(number), number)}" for number in refused]
    for pattern in _ERRORS:
        if line := evidence.sentence(text, pattern):
            known.append(re.sub(r'"([^"]+)": \1', r"\1", line)[:300])
            break
    return "; ".join(known) or None
