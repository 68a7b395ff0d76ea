"""Activations: fused into the operation before them, and HARD_SWISH in terms that INT8 kernels know."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from quantize.graph.graph import Graph, Op, Tensor

_FUSED = {"RELU": schema.ActivationFunctionType.RELU, "RELU6": schema.ActivationFunctionType.RELU6}
_NONE = schema.ActivationFunctionType.NONE


def fuse_activations(graph: Graph) -> None:
    """RELU or RELU6 after an operation whose result nothing else takes -> that operation's fused activation."""
    for op in list(graph.ops):
        if op.name not in _FUSED:
            continue
        before = graph.producer(op.input(0))
        # TRANSPOSE_CONV has the field too, but older runtimes ignore it.
        fusable = before is not None and before.name in ("CONV_2D", "DEPTHWISE_CONV_2D", "ADD", "MUL")
        if not fusable or before is None or graph.only_consumer(op.input(0)) is not op:
            continue
        if before.options.fusedActivationFunction != _NONE:
            continue
        before.options.fusedActivationFunction = _FUSED[op.name]
        before.outputs = op.outputs
        graph.ops.remove(op)


def expand_hard_swish(graph: Graph) -> None:
    """HARD_SWISH(x) -> x * (RELU6(x + 3) * 1/6), for which XNNPACK has INT8 kernels.

    Where every consumer can take the sixth into its own weights, `equalize.push_scalars` does so and a MUL goes.
    """
    ops: list[Op] = []
    for op in graph.ops:
        if op.name != "HARD_SWISH":
            ops.append(op)
            continue
        x, y = op.input(0), op.output
        gate = Tensor(f"{y.name}_gate", x.shape, x.dtype)
        add = _binary("ADD", schema.AddOptionsT(), x, _scalar(f"{y.name}_three", 3.0), gate)
        add.options.fusedActivationFunction = schema.ActivationFunctionType.RELU6
        sixth = Tensor(f"{y.name}_sixth", x.shape, x.dtype)
        by = _binary("MUL", schema.MulOptionsT(), gate, _scalar(f"{y.name}_one_sixth", 1 / 6), sixth)
        ops += [add, by, _binary("MUL", schema.MulOptionsT(), x, sixth, y)]
    graph.ops = ops


def _binary(name: str, options: object, a: Tensor, b: Tensor, out: Tensor) -> Op:
    return Op(name, [a, b], [out], options)


def _scalar(name: str, value: float) -> Tensor:
    return Tensor.constant(name, np.array([value], np.float32))
