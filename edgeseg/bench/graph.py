"""What the runtime made of a model: its nodes, and the partitions of them that a delegate took over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from edgeseg.engines import interpreter as tflite
from edgeseg.errors import CandidateError


@dataclass(frozen=True, slots=True)
class Node:
    """One operation of the model.

    index: in the model's list of operations. inputs, outputs: tensors; an absent input is negative.
    shape, dtype: of the first output. constant: computed from constants alone, so once and not in every inference.
    """

    index: int
    op: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    shape: tuple[int, ...]
    dtype: str
    constant: bool

    @property
    def name(self) -> str:
        """For people: the op, and what it gives without the batch."""
        return f"{self.op} {'x'.join(str(side) for side in self.shape[1:] or self.shape)}"


@dataclass(frozen=True, slots=True)
class Graph:
    """library: the runtime and its version. partitions: the indexes of the nodes in each, in the delegate's order.

    constants: tensors whose value is in the model or follows from it. interpreter: with its memory planned.
    """

    library: str
    interpreter: Any
    nodes: tuple[Node, ...]
    partitions: tuple[tuple[int, ...], ...]
    constants: frozenset[int]

    @property
    def delegated(self) -> frozenset[int]:
        """The indexes of all nodes that a delegate took over."""
        return frozenset(index for partition in self.partitions for index in partition)


def graph_of(model: bytes, threads: int) -> Graph:
    """Load the model; raises CandidateError if it cannot be run, or the runtime does not tell its nodes."""
    library, interpreter_class = tflite.runtime()
    interpreter = tflite.allocated(interpreter_class, model, threads, library)
    try:
        own, partitions = tflite.nodes_and_partitions(interpreter)
    except (AttributeError, RuntimeError, ValueError) as error:
        raise CandidateError(
            f"{library} does not tell the nodes of a model ({error}); time it without --per-op."
        ) from None
    details = {int(tensor["index"]): tensor for tensor in interpreter.get_tensor_details()}
    varying = {int(tensor["index"]) for tensor in interpreter.get_input_details()}
    nodes = []
    for index, node in enumerate(own):
        inputs, outputs = (tuple(int(tensor) for tensor in node[end]) for end in ("inputs", "outputs"))
        constant = not varying.intersection(inputs)
        if not constant:
            varying.update(outputs)
        first = details.get(outputs[0]) if outputs else None
        shape = tuple(int(side) for side in first["shape"]) if first else ()
        dtype = str(np.dtype(first["dtype"])) if first else ""
        nodes.append(Node(index, str(node["op_name"]), inputs, outputs, shape, dtype, constant))
    constants = frozenset(tensor for node in nodes for tensor in node.inputs if tensor not in varying)
    return Graph(library, interpreter, tuple(nodes), tuple(map(tuple, partitions)), constants)


def fill_inputs(interpreter: Any) -> None:
    """Noise for every input: floats in [0, 1), and the whole range of other types."""
    rng = np.random.default_rng(0)
    for tensor in interpreter.get_input_details():
        dtype = np.dtype(tensor["dtype"])
        shape = tuple(int(side) for side in tensor["shape"])
        if dtype.kind == "f":
            value = rng.random(shape, np.float32).astype(dtype)
        else:
            value = np.frombuffer(rng.bytes(int(np.prod(shape)) * dtype.itemsize), dtype).reshape(shape)
        interpreter.set_tensor(tensor["index"], value)
