"""Weights rounded to 8 bits so that the errors within a filter cancel where the picture is even."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from quantize.graph.graph import Graph, Op, Tensor

PARTS = "_parts"  # how the names of sums that wait in two parts end
_LARGEST = 127  # of an 8-bit weight; -128 is not used, which kernels rely on


def weights_in_two_parts(graph: Graph) -> None:
    """CONV_2D larger than 1x1 with one output channel -> one with two channels, and a CONV_2D 1x1 that adds them.

    The second channel's weights are nought until `round_filters` puts there what 8 bits leave of the first's: 16-bit
    weights in all, for nothing but the addition, as kernels compute eight channels or more at a time. Such a
    convolution is a model's last, whose large weights would leave no steps for the small ones.
    """
    for op in list(graph.ops):
        weights, out = (op.input(1), op.outputs[0]) if op.name == "CONV_2D" else (None, None)
        if weights is None or out is None or weights.shape[0] != 1 or weights.shape[1:3] == (1, 1):
            continue
        if op.options.fusedActivationFunction != schema.ActivationFunctionType.NONE or len(op.inputs) < 3:
            continue
        bias = op.input(2)
        parts = Tensor(f"{out.name}{PARTS}", (*out.shape[:3], 2), out.dtype)
        op.inputs[1] = Tensor.constant(weights.name, np.concatenate([weights.value, 0 * weights.value]))
        op.inputs[2] = Tensor.constant(bias.name, np.concatenate([bias.value, 0 * bias.value]))
        op.outputs = [parts]
        options = schema.Conv2DOptionsT()
        options.padding, options.strideW, options.strideH = schema.Padding.SAME, 1, 1
        ones = Tensor.constant(f"{out.name}_both", np.ones((1, 1, 1, 2), np.float32))
        none = Tensor.constant(f"{out.name}_none", np.zeros(1, np.float32))
        graph.ops.insert(graph.ops.index(op) + 1, Op("CONV_2D", [parts, ones, none], [out], options))


def round_filters(graph: Graph) -> None:
    """Weights of filters larger than 1x1 -> the 8-bit values that they will be stored as, times their scale.

    Each is rounded to the nearest, but where the rounding errors of a filter's taps add up to more than half a step,
    those nearest to the middle go the other way. A filter whose taps nearly cancel, as an edge's do, would otherwise
    answer to brightness. The scale is the one that the quantizer finds again: the largest magnitude over 127.
    """
    for op in graph.ops:
        if op.name in ("CONV_2D", "DEPTHWISE_CONV_2D") and op.input(1).shape[1:3] != (1, 1):
            weights = op.input(1)
            values = weights.value
            if op.outputs[0].name.endswith(PARTS):
                values = _in_parts(values)
            op.inputs[1] = Tensor.constant(weights.name, _rounded(op, values))


def _in_parts(weights: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Both channels of a filter in two parts: the first to the nearest step, the second what is left of it."""
    whole = weights[:1] + weights[1:]
    scale = np.maximum(np.abs(whole).max() / np.float32(_LARGEST), np.float32(1e-12))
    first = (np.rint(whole / scale) * scale).astype(np.float32)
    return np.concatenate([first, whole - first])


def _rounded(op: Op, weights: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    axes = (1, 2, 3) if op.name == "CONV_2D" else (0, 1, 2)
    scale = np.maximum(np.abs(weights).max(axes, keepdims=True) / np.float32(_LARGEST), np.float32(1e-12))
    exact = weights / scale
    near = np.rint(exact)
    # (filters, taps): one row for each pair of output and input channel.
    order = (0, 3, 1, 2)
    rows, wanted = (a.transpose(order).reshape(-1, a.shape[1] * a.shape[2]) for a in (near, exact))
    for row, values in zip(rows, wanted, strict=True):
        _cancel(row, values)
    outs, height, width, ins = weights.shape
    steps = rows.reshape(outs, ins, height, width).transpose(0, 2, 3, 1)
    return np.asarray(steps * scale, np.float32)


def _cancel(steps: npt.NDArray[np.float32], exact: npt.NDArray[np.float32]) -> None:
    """Move single taps of one filter by a step until their errors add up to at most half of one."""
    total = 0.0
    for step, value in zip(steps.tolist(), exact.tolist(), strict=True):  # in this order on every CPU
        total += step - value
    while abs(total) > 0.5:
        sign = 1.0 if total > 0 else -1.0
        error = sign * (steps - exact)
        # The largest is the scale itself and stays.
        error[np.abs(exact) > _LARGEST - 0.5] = -np.inf
        at = int(np.argmax(error))
        if not np.isfinite(error[at]):
            return
        steps[at] -= sign
        total -= sign
