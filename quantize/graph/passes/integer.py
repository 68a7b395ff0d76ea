"""DEPTH_TO_SPACE, which ai-edge-quantizer would leave in float: to the end of the graph, off it, and on again."""

from __future__ import annotations

from collections.abc import Mapping

from quantize.graph.graph import Graph, ModelError, Op, Tensor


def logistic_before_depth_to_space(graph: Graph) -> None:
    """LOGISTIC (DEPTH_TO_SPACE (x)) -> DEPTH_TO_SPACE (LOGISTIC (x)): one works on values, the other on places."""
    for spread in list(graph.ops):
        after = graph.only_consumer(spread.output) if spread.name == "DEPTH_TO_SPACE" else None
        if after is None or after.name != "LOGISTIC":
            continue
        deep = spread.input(0)
        probability = Tensor(f"{after.output.name}_deep", deep.shape, deep.dtype)
        after.inputs, spread.inputs, spread.outputs, after.outputs = [deep], [probability], after.outputs, [probability]
        graph.ops.remove(after)
        graph.ops.insert(graph.ops.index(spread), after)


def detach_depth_to_space(graph: Graph) -> dict[str, Op]:
    """Take DEPTH_TO_SPACE off the model's outputs; the name of what is an output now -> the operation taken."""
    taken = {}
    for op in [op for op in graph.ops if op.name == "DEPTH_TO_SPACE" and graph.is_output(op.output)]:
        graph.ops.remove(op)
        graph.redirect(op.output, op.input(0))
        taken[op.input(0).name] = op
    return taken


def attach_depth_to_space(graph: Graph, taken: Mapping[str, Op]) -> None:
    """Put what `detach_depth_to_space` took behind the outputs of a quantized graph, on their 8-bit values."""
    by_name = {t.name: t for t in graph.outputs}
    for name, op in taken.items():
        if name not in by_name:
            raise ModelError(f"The quantized model has no output {name}.")
        deep = by_name[name]
        out = Tensor(op.output.name, op.output.shape, deep.dtype, None, deep.quantization)
        graph.redirect(deep, out)
        # Version 2 is the first with 8-bit values. Source: tensorflow/lite/core/kernels/register.cc.
        graph.ops.append(Op("DEPTH_TO_SPACE", [deep], [out], op.options, 2))
