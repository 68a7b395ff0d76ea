"""Why a node was left to the runtime's own kernels, as far as it can be shown here and now.

A delegate does not say why it refused a node. So the node is cut out and tried alone, with its own types and then in
float32. What these trials do not show is called not known.
"""

from __future__ import annotations

from edgeseg.bench.cut import Cut, NotCut
from edgeseg.bench.graph import Graph, Node, graph_of
from edgeseg.errors import CandidateError

QUANTIZED = ("int8", "uint8")


class Refusals:
    """The reasons for one model; nodes of the same op and types are tried once."""

    def __init__(self, model: bytes, graph: Graph, threads: int) -> None:
        self._model, self._graph, self._threads = model, graph, threads
        self._tensors = {int(one["index"]): one for one in graph.interpreter.get_tensor_details()}
        self._known: dict[tuple[str, ...], str] = {}

    def why(self, node: Node) -> str:
        """One sentence without its full stop."""
        if node.constant:
            return "it is computed once, when the model is loaded"
        inputs = [tensor for tensor in node.inputs if tensor >= 0 and tensor not in self._graph.constants]
        kinds = (node.op, *(self._dtype(tensor) for tensor in (*inputs, *node.outputs)))
        key = (*kinds, str(len(node.inputs)), str(self._is_dynamic(node)))
        if key not in self._known:
            self._known[key] = self._tried(node, inputs)
        return self._known[key]

    def _tried(self, node: Node, inputs: list[int]) -> str:
        dtype = self._dtype(inputs[0]) if inputs else node.dtype
        try:
            if self._is_taken(node, inputs, {}):
                return "not known: alone, the delegate takes it"
        except (NotCut, CandidateError) as error:
            return f"not known: it cannot be tried alone ({str(error).rstrip('.')})"
        refused = f"the delegate does not take this {node.op} of {dtype}, not even alone"
        if self._is_dynamic(node):
            return f"not known: {refused}; its shape is not fixed, which may or may not be the cause"
        if dtype in QUANTIZED and not any(self._graph.nodes[taken].dtype == dtype for taken in self._graph.delegated):
            return f"the delegate of {self._graph.library} takes no {dtype} node of this model"
        if dtype in QUANTIZED:
            varying = [tensor for tensor in (*inputs, *node.outputs) if self._dtype(tensor) in QUANTIZED]
            if self._is_taken_in_float(node, inputs, varying):
                return f"the delegate takes {node.op} of float32 and not of {dtype} (each tried alone)"
        return f"not known: {refused}"

    def _is_taken_in_float(self, node: Node, inputs: list[int], varying: list[int]) -> bool:
        if any(tensor in self._graph.constants and self._dtype(tensor) in QUANTIZED for tensor in node.inputs):
            return False  # its weights would have to be turned into floats too
        try:
            return self._is_taken(node, inputs, dict.fromkeys(varying, "float32"))
        except (NotCut, CandidateError):
            return False

    def _is_taken(self, node: Node, inputs: list[int], types: dict[int, str]) -> bool:
        alone = Cut(self._model).alone(node.index, inputs, node.outputs, types)
        return bool(graph_of(alone, self._threads).partitions)

    def _dtype(self, tensor: int) -> str:
        details = self._tensors.get(tensor)
        return details["dtype"].__name__ if details else ""

    def _is_dynamic(self, node: Node) -> bool:
        ends = (self._tensors.get(tensor, {}) for tensor in (*node.inputs, *node.outputs))
        return any(side < 0 for details in ends for side in details.get("shape_signature", ()))
