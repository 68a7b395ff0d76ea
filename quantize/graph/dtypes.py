"""Which types of numbers operations take and give, and the scales that small ones need."""

from __future__ import annotations

import numpy as np

from quantize.graph.graph import ModelError, Op, Tensor
from quantize.graph.kinds import kind_of
from quantize.graph.shapes import misfit

_SMALL = tuple(np.dtype(kind) for kind in (np.int8, np.uint8, np.int16))
_FLOAT, _HALF = np.dtype(np.float32), np.dtype(np.float16)
# Kernels abort the process where a ratio of scales leaves what their multipliers can hold: an ADD at 2 ** 19, one of
# int16 at 2 ** 14. Source: add.cc and quantization_util.cc in tensorflow/lite/kernels.
_SCALES = (1e-12, 1e6)
_RATIO = 1 << 13
_FLOAT_ONLY = ("SQUARED_DIFFERENCE",)  # its scales are squared: LiteRT aborts at ratios that others can hold
# name -> places of data, weights and bias; along which axis of the weights there may be a scale for each slice
_WEIGHTED = {
    "CONV_2D": (0, 1, 2, 0),
    "DEPTHWISE_CONV_2D": (0, 1, 2, 3),
    "FULLY_CONNECTED": (0, 1, 2, 0),
    "TRANSPOSE_CONV": (2, 1, 3, 0),
}


def check_dtypes(op: Op) -> None:
    """Raises ModelError if an operation's inputs and outputs are of types that no kernel takes together."""
    if op.name == "CAST":
        return
    if op.name in ("QUANTIZE", "DEQUANTIZE"):
        _check_conversion(op)
        return
    out = op.outputs[0]
    if out.dtype != _FLOAT and (out.dtype not in _SMALL or op.name in _FLOAT_ONLY):
        raise misfit(op, f"gives {out.dtype}, which is not treated")
    kind = kind_of(op)
    skipped = kind.parameters if kind else ()
    if op.name in _WEIGHTED:
        skipped = (*skipped, *_WEIGHTED[op.name][1:3])
        _check_weights(op)
    data = [t for at, t in enumerate(op.inputs) if t is not None and at not in skipped] + op.outputs
    for tensor in data:
        if tensor.dtype != out.dtype:
            raise misfit(op, f"mixes {out.dtype} with {tensor.dtype} in {tensor.name}")
        _check_scaled(op, tensor)
    scales = [float(t.quantization.scale[0]) for t in data if t.quantization is not None and t.dtype in _SMALL]
    if scales and max(scales) > _RATIO * min(scales):
        raise misfit(op, f"meets scales of {min(scales):g} and {max(scales):g}")


def check_quantization(tensor: Tensor) -> None:
    """Raises ModelError if a tensor's scales do not fit it."""
    q = tensor.quantization
    if q is None:
        return
    if q.scale.ndim != 1 or q.scale.shape != q.zero_point.shape or not q.scale.size:
        raise ModelError(f"The tensor {tensor.name} has scales and zero points that do not belong together.")
    if q.scale.size > 1 and (not 0 <= q.axis < len(tensor.shape) or tensor.shape[q.axis] != q.scale.size):
        raise ModelError(f"The tensor {tensor.name} of {list(tensor.shape)} has {q.scale.size} scales.")
    if tensor.dtype.kind not in "iu":
        return  # nothing reads them
    low, high = _SCALES
    if not ((q.scale >= low) & (q.scale <= high)).all():
        raise ModelError(f"The tensor {tensor.name} has a scale that cannot be.")
    limits = np.iinfo(tensor.dtype)
    if ((q.zero_point < limits.min) | (q.zero_point > limits.max)).any():
        raise ModelError(f"The tensor {tensor.name} has a zero point that {tensor.dtype} cannot hold.")


def _check_conversion(op: Op) -> None:
    source, out = op.input(0), op.output
    if op.name == "QUANTIZE":
        fits = (source.dtype == _FLOAT or source.dtype in _SMALL) and out.dtype in _SMALL
    else:
        fits = (source.dtype == _HALF or source.dtype in _SMALL) and out.dtype == _FLOAT
    if not fits:
        raise misfit(op, f"turns {source.dtype} into {out.dtype}, which is not treated")
    along = op.name == "DEQUANTIZE" and source.data is not None
    _check_scaled(op, source, along)
    _check_scaled(op, out)


def _check_weights(op: Op) -> None:
    at, weights_at, bias_at, axis = _WEIGHTED[op.name]
    data, weights = op.input(at), op.input(weights_at)
    bias = op.inputs[bias_at] if bias_at < len(op.inputs) else None
    if data.dtype == _FLOAT:
        fits = weights.dtype in (_FLOAT, np.int8)  # int8: weights alone are quantized
        sums: tuple[type, ...] = (np.float32,)
    else:
        fits = weights.dtype == (np.uint8 if data.dtype == np.uint8 else np.int8)
        sums = (np.int32, np.int64) if data.dtype == np.int16 else (np.int32,)
    if not fits or (bias is not None and bias.dtype not in sums):
        made = weights.dtype if bias is None else f"{weights.dtype} and {bias.dtype}"
        raise misfit(op, f"meets {data.dtype} with weights of {made}")
    _check_scaled(op, weights, along=weights.data is not None)
    q = weights.quantization
    if q is not None and q.scale.size > 1 and q.axis != axis:
        raise misfit(op, f"has weights with scales along axis {q.axis}")
    for tensor in (weights, bias):
        scales = tensor.quantization if tensor is not None and tensor.dtype != np.uint8 else None
        if tensor is not None and scales is not None and scales.zero_point.any():
            raise misfit(op, f"has {tensor.name} around another point than zero")


def _check_scaled(op: Op, tensor: Tensor, along: bool = False) -> None:
    """A small type needs a scale; one for each slice only where `along`."""
    if tensor.dtype not in _SMALL:
        return
    if tensor.quantization is None:
        raise misfit(op, f"meets {tensor.dtype} without a scale in {tensor.name}")
    if tensor.quantization.scale.size > 1 and not along:
        raise misfit(op, f"meets many scales in {tensor.name}")
