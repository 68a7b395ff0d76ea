"""The same weights at another input size."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from quantize.graph.graph import Graph, ModelError, Op, Tensor
from quantize.graph.shapes import MAX_SIDE

_WINDOWED = ("CONV_2D", "DEPTHWISE_CONV_2D", "AVERAGE_POOL_2D", "MAX_POOL_2D")
_SAME_SHAPE = ("HARD_SWISH", "RELU", "RELU6", "LOGISTIC", "DEQUANTIZE")


def global_pool_as_mean(graph: Graph) -> None:
    """AVERAGE_POOL_2D over the whole picture -> MEAN over rows and columns, which fits every size. Only in FP32."""
    for op in graph.ops:
        if op.name != "AVERAGE_POOL_2D" or op.output.shape[1:3] != (1, 1) or op.output.dtype != np.float32:
            continue
        if op.options.fusedActivationFunction != schema.ActivationFunctionType.NONE:
            continue
        if (op.options.filterHeight, op.options.filterWidth) != op.input(0).shape[1:3]:
            continue
        options = schema.ReducerOptionsT()
        options.keepDims = True
        axes = Tensor.constant(f"{op.output.name}_axes", np.array([1, 2], np.int32))
        op.name, op.inputs, op.options, op.version = "MEAN", [op.input(0), axes], options, 1


def pool_edges(graph: Graph) -> None:
    """VALID pooling that leaves nothing over -> SAME, which is the same here and fits sizes where something is."""
    for op in graph.ops:
        if op.name not in ("AVERAGE_POOL_2D", "MAX_POOL_2D") or op.options.padding != schema.Padding.VALID:
            continue
        kernel = (op.options.filterHeight, op.options.filterWidth)
        strides = (op.options.strideH, op.options.strideW)
        whole = all(side % stride == 0 for side, stride in zip(op.input(0).shape[1:3], strides, strict=True))
        if kernel == strides and whole:
            op.options.padding = schema.Padding.SAME


def resize(graph: Graph, height: int, width: int) -> None:
    """Let the model take height x width pictures: every computed shape and every size in a constant follows.

    Raises ModelError if its operations do not fit together at that size, and leaves the graph half changed then; the
    sides must be multiples of the model's stride.
    """
    image = graph.inputs[0]
    if len(graph.inputs) != 1 or len(image.shape) != 4:
        raise ModelError("Only a model with one picture as its input can be resized.")
    if not (1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE):
        raise ModelError(f"A model cannot take pictures of {height}x{width}.")
    was = {id(t): t.shape for t in graph.tensors()}
    image.shape = (image.shape[0], height, width, image.shape[3])
    for op in graph.ops:
        _widen_global_pool(op, was)
        for out, shape in zip(op.outputs, _shapes(op, was), strict=True):
            out.shape = shape


def _widen_global_pool(op: Op, was: dict[int, tuple[int, ...]]) -> None:
    """A window over the whole picture stays one."""
    if op.name not in ("AVERAGE_POOL_2D", "MAX_POOL_2D") or was[id(op.output)][1:3] != (1, 1):
        return
    if (op.options.filterHeight, op.options.filterWidth) == was[id(op.input(0))][1:3]:
        op.options.filterHeight, op.options.filterWidth = op.input(0).shape[1:3]
        op.options.strideH, op.options.strideW = op.input(0).shape[1:3]


def _shapes(op: Op, was: dict[int, tuple[int, ...]]) -> list[tuple[int, ...]]:
    if op.name in _SAME_SHAPE:
        return [op.input(0).shape]
    if op.name in _WINDOWED:
        return [_windowed(op)]
    if op.name in ("ADD", "MUL"):
        try:
            return [np.broadcast_shapes(op.input(0).shape, op.input(1).shape)]
        except ValueError:
            shapes = f"{list(op.input(0).shape)} and {list(op.input(1).shape)}"
            raise ModelError(
                f"At this size an operation {op.name} would meet {shapes}; take multiples of 32."
            ) from None
    if op.name in ("MEAN", "RESHAPE") and was[id(op.output)][1:3] in ((1, 1), op.output.shape[1:]):
        return [op.output.shape]
    if op.name == "PAD":
        return [tuple(int(s + p.sum()) for s, p in zip(op.input(0).shape, op.input(1).value, strict=True))]
    if op.name == "DEPTH_TO_SPACE":
        n, h, w, c = op.input(0).shape
        block = op.options.blockSize
        return [(n, h * block, w * block, c // block**2)]
    if op.name in ("RESIZE_BILINEAR", "TRANSPOSE_CONV"):
        return [_enlarged(op, was)]
    raise ModelError(f"A model with the operation {op.name} cannot be resized.")


def _windowed(op: Op) -> tuple[int, ...]:
    options, x = op.options, op.input(0)
    if op.name in ("CONV_2D", "DEPTHWISE_CONV_2D"):
        kernel = op.input(1).shape[1:3]
        channels = op.input(1).shape[0 if op.name == "CONV_2D" else 3]
        if (options.dilationHFactor, options.dilationWFactor) != (1, 1):
            raise ModelError(f"A model with a dilated {op.name} cannot be resized.")
    else:
        kernel, channels = (options.filterHeight, options.filterWidth), x.shape[3]
    sides = []
    for side, size, stride in zip(x.shape[1:3], kernel, (options.strideH, options.strideW), strict=True):
        sides.append(-(-side // stride) if options.padding == schema.Padding.SAME else (side - size) // stride + 1)
    if min(sides) < 1:
        raise ModelError(f"At this size nothing would be left after an operation {op.name}; take a larger one.")
    return (x.shape[0], *sides, channels)


def _enlarged(op: Op, was: dict[int, tuple[int, ...]]) -> tuple[int, ...]:
    """What RESIZE_BILINEAR and TRANSPOSE_CONV give: as many times larger than what they take as before."""
    at, size_at = (0, 1) if op.name == "RESIZE_BILINEAR" else (2, 0)
    x, out = op.input(at), op.output
    before, after = was[id(x)][1:3], was[id(out)][1:3]
    sides = tuple(new * large // small for new, small, large in zip(x.shape[1:3], before, after, strict=True))
    shape = (x.shape[0], *sides, out.shape[3])
    old = op.input(size_at)
    value = np.array(sides if old.data is not None and old.value.size == 2 else shape, np.int32)
    op.inputs[size_at] = Tensor.constant(f"{out.name}_size", value)
    return shape
