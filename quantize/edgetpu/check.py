"""What Coral's compiler would make of a graph.

It takes one connected part: the operations before the first that it refuses on each path. What follows runs on the CPU
even where it is supported ("More than one subgraph is not supported" in its log). A file with a version of an
operation that it does not know it does not read at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from quantize.edgetpu.supported import SUPPORTED, VERSIONS
from quantize.graph.graph import Graph, Op, Tensor
from quantize.graph.kinds import kind_of
from quantize.graph.shapes import elements

_SMALL = (np.dtype(np.int8), np.dtype(np.uint8))
_MOST_DIMENSIONS = 3  # that are longer than 1, the innermost ones
# Places of weights and biases, which must be known when the model is compiled.
_PARAMETERS = {
    "CONV_2D": (1, 2),
    "DEPTHWISE_CONV_2D": (1, 2),
    "FULLY_CONNECTED": (1, 2),
    "TRANSPOSE_CONV": (0, 1, 3),
    "PRELU": (1,),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What becomes of one operation. output: the name of what it makes.

    refusal: why it cannot run on an Edge TPU, "" if it can. doubt: why the compiler might refuse it nevertheless, ""
    if nothing speaks for that. fatal: the compiler refuses the whole file for it. mapped: it is in the one part that
    the Edge TPU takes, if all doubts are unfounded; surely: also if all of them are right.
    """

    op: str
    output: str
    refusal: str = ""
    doubt: str = ""
    fatal: bool = False
    mapped: bool = False
    surely: bool = False

    @property
    def supported(self) -> bool:
        """Whether Coral's list has it as it is."""
        return not self.refusal


def check(graph: Graph) -> list[Finding]:
    """One finding for each operation, in the graph's order."""
    found = [_judged(op) for op in graph.ops]
    if any(finding.fatal for finding in found):
        return found
    mapped = _first_part(graph, [finding.supported for finding in found])
    surely = _first_part(graph, [finding.supported and not finding.doubt for finding in found])
    return [
        replace(finding, mapped=at in mapped, surely=at in surely and at in mapped) for at, finding in enumerate(found)
    ]


def _judged(op: Op) -> Finding:
    name = op.outputs[0].name if op.outputs else ""
    known = VERSIONS.get(op.name, 1)
    if op.version > known and not op.custom:
        refusal = f"is of version {op.version}, and the compiler reads up to {known}: it refuses the whole file"
        return Finding(op.name, name, refusal, fatal=True)
    row = None if op.custom else SUPPORTED.get(op.name)
    if row is None:
        return Finding(op.name, name, "is not on Coral's list")
    refusal = _type(op) or _rank(op) or _parameters(op) or _first(limit(op) for limit in row.limits)
    doubt = "" if refusal else "; ".join(said for limit in row.doubts if (said := limit(op)))
    return Finding(op.name, name, refusal, doubt)


def _first(said: Iterable[str]) -> str:
    return next((text for text in said if text), "")


def _data(op: Op) -> list[Tensor]:
    """What is computed with: inputs that are neither parameters nor whole numbers, and the outputs."""
    kind = kind_of(op)
    skipped = {*(kind.parameters if kind else ()), *_PARAMETERS.get(op.name, ())}
    return [t for at, t in enumerate(op.inputs) if t is not None and at not in skipped] + op.outputs


def _type(op: Op) -> str:
    other = [t for t in _data(op) if t.dtype not in _SMALL or t.quantization is None]
    return f"computes with {other[0].dtype}, and only quantized int8 and uint8 are taken" if other else ""


def _rank(op: Op) -> str:
    far = [t for t in _data(op) if elements(t.shape[:-_MOST_DIMENSIONS]) > 1]
    return f"meets {list(far[0].shape)}, and only the three innermost dimensions may be longer than 1" if far else ""


def _parameters(op: Op) -> str:
    places = _PARAMETERS.get(op.name, ())
    given = [op.inputs[at] for at in places if at < len(op.inputs)]
    computed = [t for t in given if t is not None and t.data is None]
    return f"has parameters that are computed, {computed[0].name}" if computed else ""


def _first_part(graph: Graph, takes: list[bool]) -> set[int]:
    """The places of the operations in the first part that can be cut out whole.

    As TFLite's PartitionGraphIntoIndependentNodeSubsets cuts for a delegate: an operation is in a later part than what
    it waits for wherever the two run on different sides.
    """
    part: dict[int, tuple[int, bool]] = {}  # of a tensor: which part makes it, and whether an Edge TPU does
    parts = []
    for op, taken in zip(graph.ops, takes, strict=True):
        waits = [part[id(t)] for t in op.inputs if t is not None and id(t) in part]
        own = max((number + (side != taken) for number, side in waits), default=0)
        part.update((id(t), (own, taken)) for t in op.outputs)
        parts.append(own)
    first = min((number for number, taken in zip(parts, takes, strict=True) if taken), default=0)
    return {at for at, taken in enumerate(takes) if taken and parts[at] == first}
