"""The ends of a foreign model: fed with RGB in [0, 1], read as the probability of a person."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from quantize.graph.graph import Graph, ModelError, Op, Quantization, Tensor

# What a model means by black and white, by the words of `python -m quantize import`.
RANGES = {"unit": (0.0, 1.0), "signed": (-1.0, 1.0), "bytes": (0.0, 255.0)}


def feed_unit_rgb(graph: Graph, low: float, high: float) -> None:
    """Let the model take RGB in [0, 1] where it took [low, high]; a quantized input gets a QUANTIZE before it."""
    old = graph.inputs[0]
    image = Tensor("image", old.shape, np.dtype(np.float32))
    ops: list[Op] = []
    last = image
    if (low, high) != (0.0, 1.0):
        last = _appended(
            ops, Op("MUL", [last, _scalar("white", high - low)], [_like(last, "scaled")], schema.MulOptionsT())
        )
    if low:
        last = _appended(ops, Op("ADD", [last, _scalar("black", low)], [_like(last, "shifted")], schema.AddOptionsT()))
    if old.quantization is not None:
        ops.append(Op("QUANTIZE", [last], [old], schema.QuantizeOptionsT()))
    elif ops:
        ops[-1].outputs = [old]
    else:
        return
    graph.inputs = [image]
    graph.ops = ops + graph.ops


def read_probability(graph: Graph, mask: Tensor, channel: int | None, kind: str) -> None:
    """One output: the probability of a person, in FP32 and at the input's size.

    mask: one of the outputs, (1, h, w, channels). channel: the person's, None to keep them all. kind: "probability", or
    "logit" (a sigmoid of one channel, a softmax over several).
    """
    last = mask
    if mask.quantization is not None:
        real = Tensor(f"{mask.name}_real", mask.shape, np.dtype(np.float32))
        last = _appended(graph.ops, Op("DEQUANTIZE", [last], [real], schema.DequantizeOptionsT()))
    channels = mask.shape[3]
    if kind == "logit" and channels > 1:
        options = schema.SoftmaxOptionsT()
        options.beta = 1.0
        last = _appended(graph.ops, Op("SOFTMAX", [last], [_like(last, f"{mask.name}_softmax")], options))
    if channels > 1 and channel is not None:
        last = _appended(graph.ops, _pick(last, channel, f"{mask.name}_person"))
    if kind == "logit" and channels == 1:
        last = _appended(graph.ops, Op("LOGISTIC", [last], [_like(last, f"{mask.name}_probability")]))
    height, width = graph.inputs[0].shape[1:3]
    if last.shape[1:3] != (height, width):
        options = schema.ResizeBilinearOptionsT()
        options.halfPixelCenters = True
        size = Tensor.constant("mask_size", np.array([height, width], np.int32))
        full = Tensor(f"{mask.name}_full", (1, height, width, last.shape[3]), np.dtype(np.float32))
        last = _appended(graph.ops, Op("RESIZE_BILINEAR", [last, size], [full], options, 3))
    graph.outputs = [last]


def is_quantized_unit(tensor: Tensor) -> tuple[float, float]:
    """(low, high) that the 256 steps of a quantized input span; raises ModelError if that is none of `RANGES`."""
    assert tensor.quantization is not None
    span = _span(tensor.quantization, np.dtype(tensor.dtype))
    for low, high in RANGES.values():
        if np.allclose(span, (low, high), atol=0.03 * (high - low)):
            return low, high
    raise ModelError(
        f"The model's input spans {span[0]:g} to {span[1]:g}; only [0, 1], [-1, 1] and [0, 255] are understood."
    )


def _span(quantization: Quantization, dtype: np.dtype[np.generic]) -> tuple[float, float]:
    info = np.iinfo(dtype.str)
    scale, zero = float(quantization.scale[0]), int(quantization.zero_point[0])
    return (int(info.min) - zero) * scale, (int(info.max) - zero) * scale


def _pick(tensor: Tensor, channel: int, name: str) -> Op:
    """SLICE of one channel."""
    shape = (*tensor.shape[:3], 1)
    begin = Tensor.constant(f"{name}_begin", np.array([0, 0, 0, channel], np.int32))
    size = Tensor.constant(f"{name}_size", np.array(shape, np.int32))
    return Op("SLICE", [tensor, begin, size], [Tensor(name, shape, tensor.dtype)], schema.SliceOptionsT())


def _appended(ops: list[Op], op: Op) -> Tensor:
    ops.append(op)
    return op.output


def _like(tensor: Tensor, name: str) -> Tensor:
    return Tensor(name, tensor.shape, tensor.dtype)


def _scalar(name: str, value: float) -> Tensor:
    return Tensor.constant(name, np.array([value], np.float32))
