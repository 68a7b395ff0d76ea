"""Exact rewritings of INT8 graphs for Coral's compiler: the same numbers come out, bit for bit."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from quantize.graph.graph import Graph, Quantization, Tensor

# Versions that TensorFlow's converter gives to INT8 operations, so that a file looks like those that the compiler is
# known to take. Source: tensorflow/lite/tools/versioning/op_version.cc.
_OF_INT8 = {
    **dict.fromkeys(("CONV_2D", "DEPTHWISE_CONV_2D"), 3),
    **dict.fromkeys(("ADD", "SUB", "MUL", "MEAN", "PAD", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"), 2),
    **dict.fromkeys(("LOGISTIC", "TANH", "RELU", "RELU6", "MAX_POOL_2D", "AVERAGE_POOL_2D", "CONCATENATION"), 2),
    "FULLY_CONNECTED": 4,
}


def integer_depth_to_space(graph: Graph) -> None:
    """DEQUANTIZE, DEPTH_TO_SPACE, QUANTIZE -> DEPTH_TO_SPACE of the integers, where all keep one scale.

    ai-edge-quantizer has no rule for DEPTH_TO_SPACE and leaves it in float, which no Edge TPU computes.
    """
    for op in list(graph.ops):
        if op.name != "DEPTH_TO_SPACE":
            continue
        before, after = graph.producer(op.input(0)), graph.only_consumer(op.output)
        if before is None or after is None or (before.name, after.name) != ("DEQUANTIZE", "QUANTIZE"):
            continue
        if not _is_equal(before.input(0), after.output):
            continue
        after.name, after.inputs, after.options = op.name, before.inputs, op.options
        graph.ops.remove(op)
        if not graph.consumers(before.output) and not graph.is_output(before.output):
            graph.ops.remove(before)


def depth_to_space_as_transpose_conv(graph: Graph) -> None:
    """DEPTH_TO_SPACE, which is not on Coral's list -> TRANSPOSE_CONV, which is.

    Each output pixel of a block takes one channel of its input pixel: a kernel as large as the stride with a single 1
    for each place and channel. With a scale of 1 the sum is multiplied by exactly 1, so nothing is rounded.
    """
    for op in graph.ops:
        if op.name != "DEPTH_TO_SPACE" or not _is_equal(op.input(0), op.output):
            continue
        x, out, block = op.input(0), op.output, op.options.blockSize
        deep, channels = x.shape[3], out.shape[3]
        # Channel (row * block + column) * channels + channel goes to that place. Weights are (out, h, w, in).
        ones = np.eye(deep, dtype=np.int8).reshape(block, block, channels, deep).transpose(2, 0, 1, 3)
        weights = Tensor.constant(f"{out.name}_places", ones)
        weights.quantization = Quantization(np.ones(channels, np.float32), np.zeros(channels, np.int64))
        size = Tensor.constant(f"{out.name}_size", np.array(out.shape, np.int32))
        options = schema.TransposeConvOptionsT()
        options.padding, options.strideH, options.strideW = schema.Padding.SAME, block, block
        op.name, op.inputs, op.options, op.version = "TRANSPOSE_CONV", [size, weights, x], options, 2


def converter_versions(graph: Graph) -> None:
    """The version of each INT8 operation as TensorFlow's converter writes it; higher ones stay."""
    for op in graph.ops:
        if op.name in _OF_INT8 and op.outputs[0].dtype == np.int8 and not op.custom:
            least = 3 if getattr(op.options, "halfPixelCenters", False) else _OF_INT8[op.name]
            op.version = max(op.version, least)


def _is_equal(a: Tensor, b: Tensor) -> bool:
    """Whether both are int8 and stand for the same real numbers."""
    p, q = a.quantization, b.quantization
    if p is None or q is None or a.dtype != np.int8 or b.dtype != np.int8:
        return False
    return np.array_equal(p.scale, q.scale) and np.array_equal(p.zero_point, q.zero_point)
