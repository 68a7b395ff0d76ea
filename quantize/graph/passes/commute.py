"""The same sums in an order that costs less."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from quantize.graph.graph import Graph, Op, Tensor


def conv_before_resize(graph: Graph) -> None:
    """CONV_2D 1x1 (RESIZE_BILINEAR(x)) -> RESIZE_BILINEAR(CONV_2D 1x1 (x)).

    A 1x1 convolution mixes channels and an interpolation mixes places, with weights that sum to one, so they commute,
    bias and all. Before the enlargement the convolution has a quarter of the pixels. Only in FP32: with integers each
    of the two rounds, and what is between them has scales of its own.
    """
    for conv in list(graph.ops):
        resize = graph.producer(conv.input(0)) if _is_pointwise(conv) else None
        if resize is None or resize.name != "RESIZE_BILINEAR" or graph.only_consumer(conv.input(0)) is not conv:
            continue
        small, large, out = resize.input(0), resize.output, conv.output
        if small.shape[1] * small.shape[2] >= large.shape[1] * large.shape[2]:
            continue
        mixed = Tensor(f"{out.name}_small", (*small.shape[:3], out.shape[3]), out.dtype)
        conv.inputs[0], conv.outputs = small, [mixed]
        resize.inputs[0], resize.outputs = mixed, [out]
        at = graph.ops.index(resize)
        graph.ops.remove(conv)
        graph.ops.insert(at, conv)


def _is_pointwise(op: Op) -> bool:
    if op.name != "CONV_2D":
        return False
    weights, options = op.input(1), op.options
    # It moves to where the enlargement was, and what is computed between the two is not there yet.
    constant = all(t.data is not None and t.dtype == np.float32 for t in op.inputs[1:] if t is not None)
    return (
        constant
        and op.input(0).dtype == np.float32
        and weights.shape[1:3] == (1, 1)
        and (options.strideW, options.strideH) == (1, 1)
        and options.fusedActivationFunction == schema.ActivationFunctionType.NONE
    )
