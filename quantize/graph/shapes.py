"""The shapes that operations on pictures give, and whether what they take fits them.

Each rule takes an operation and returns the shapes of its results; it raises ModelError if its inputs or options do not
fit together. Sources: the kernels' Prepare functions in tensorflow/lite/kernels; the numbers are limited where
those count in 32 bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from quantize.graph.custom import DECONVOLUTION, deconvolution_options
from quantize.graph.graph import ModelError, Op, Tensor

Shape = tuple[int, ...]
MAX_SIDE = 1 << 14  # of a picture; also of a stride or a window
_SAME, _VALID = schema.Padding.SAME, schema.Padding.VALID


def misfit(op: Op, what: str) -> ModelError:
    """The error that says what is wrong with an operation."""
    made = f" that makes {op.outputs[0].name}" if op.outputs else ""
    return ModelError(f"The operation {op.name}{made} {what}.")


def picture(op: Op, at: int) -> Tensor:
    """The input at a place, which is of four dimensions."""
    tensor = op.input(at)
    if len(tensor.shape) != 4:
        raise misfit(op, f"takes {list(tensor.shape)} where four dimensions are expected")
    return tensor


def integers(op: Op, at: int, count: int | None = None) -> list[int]:
    """The whole numbers of a constant input; count: how many there must be."""
    tensor = op.input(at)
    if tensor.data is None or tensor.dtype not in (np.int32, np.int64):
        raise misfit(op, f"takes {tensor.name} where fixed whole numbers are expected")
    if tensor.data.size > 16 or count not in (None, tensor.data.size):
        raise misfit(op, f"takes {tensor.data.size} numbers in {tensor.name}, which do not fit")
    return [int(i) for i in tensor.data.flat]


def same(op: Op) -> list[Shape]:
    """Each element by itself."""
    return [op.input(0).shape]


def softmax(op: Op) -> list[Shape]:
    """Along the last dimension."""
    if not op.input(0).shape or not np.isfinite(op.options.beta):
        raise misfit(op, "has nothing to go along")
    return same(op)


def broadcast(op: Op) -> list[Shape]:
    """Two tensors, one of which may be repeated."""
    a, b = op.input(0).shape, op.input(1).shape
    try:
        shape = np.broadcast_shapes(a, b)
    except ValueError:
        raise misfit(op, f"meets {list(a)} and {list(b)}") from None
    if len(shape) > 4 and a != b:
        raise misfit(op, f"meets {list(a)} and {list(b)}, which is too many dimensions")
    return [shape]


def prelu(op: Op) -> list[Shape]:
    """A slope for each channel."""
    (shape,) = broadcast(op)
    if shape != op.input(0).shape:
        raise misfit(op, f"has slopes of {list(op.input(1).shape)} for {list(op.input(0).shape)}")
    return [shape]


def convolution(op: Op) -> list[Shape]:
    """CONV_2D and DEPTHWISE_CONV_2D."""
    x, weights, options = picture(op, 0), picture(op, 1), op.options
    channels, taken = x.shape[3], weights.shape[3]
    if op.name == "CONV_2D":
        made = weights.shape[0]
        fits = channels % taken == 0 and made % (channels // taken) == 0
    else:
        made = taken
        fits = weights.shape[0] == 1 and made == channels * options.depthMultiplier
    if not fits:
        raise misfit(op, f"has weights of {list(weights.shape)} for {list(x.shape)}")
    if None in op.inputs:
        raise misfit(op, "has no bias, which LiteRT does not take")
    _bias(op, 2, made)
    dilations = _sides(op, options.dilationHFactor, options.dilationWFactor)
    return [(x.shape[0], *_slid(op, x, weights.shape[1:3], dilations), made)]


def pool(op: Op) -> list[Shape]:
    """AVERAGE_POOL_2D and MAX_POOL_2D."""
    x = picture(op, 0)
    window = _sides(op, op.options.filterHeight, op.options.filterWidth)
    return [(x.shape[0], *_slid(op, x, window, (1, 1)), x.shape[3])]


def transpose_conv(op: Op) -> list[Shape]:
    """TRANSPOSE_CONV: the shape is a constant, and must be one that a convolution back would make the input of."""
    return _transposed(op, tuple(integers(op, 0, 4)), picture(op, 2), 3)


def custom_transpose_conv(op: Op) -> list[Shape]:
    """MediaPipe's: as the built-in, with the shape left to the tensor and the bias third."""
    if op.input(2).shape != (op.input(1).shape or (0,))[:1]:
        raise misfit(op, "has a bias that does not fit")
    return _transposed(op, op.output.shape, picture(op, 0), 2)


def _transposed(op: Op, shape: Shape, x: Tensor, bias: int) -> list[Shape]:
    weights = picture(op, 1)
    if weights.shape[3] != x.shape[3] or len(shape) != 4 or (shape[0], shape[3]) != (x.shape[0], weights.shape[0]):
        raise misfit(op, f"has weights of {list(weights.shape)} for {list(x.shape)} and {list(shape)}")
    _bias(op, bias, weights.shape[0])
    large = Tensor("", shape, x.dtype)
    if min(shape) < 1 or max(shape) > MAX_SIDE or _slid(op, large, weights.shape[1:3], (1, 1)) != x.shape[1:3]:
        raise misfit(op, f"cannot make {list(shape)} of {list(x.shape)}")
    return [shape]


def fully_connected(op: Op) -> list[Shape]:
    """FULLY_CONNECTED, weights (out, in)."""
    x, weights = op.input(0), op.input(1)
    if len(weights.shape) != 2 or not x.shape or op.options.weightsFormat != 0:
        raise misfit(op, "has weights in a layout that is not treated")
    rows, rest = divmod(elements(x.shape), weights.shape[1])
    keep = op.options.keepNumDims
    if rest or (keep and x.shape[-1] != weights.shape[1]):
        raise misfit(op, f"has weights of {list(weights.shape)} for {list(x.shape)}")
    _bias(op, 2, weights.shape[0])
    return [(*(x.shape[:-1] if keep else (rows,)), weights.shape[0])]


def resized(op: Op) -> list[Shape]:
    """RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR."""
    x, size = picture(op, 0), integers(op, 1, 2)
    if min(size) < 1 or max(size) > MAX_SIDE:
        raise misfit(op, f"makes a picture of {size}")
    if op.options.alignCorners and op.options.halfPixelCenters:
        raise misfit(op, "aligns corners and centres at once")
    return [(x.shape[0], *size, x.shape[3])]


def depth_to_space(op: Op) -> list[Shape]:
    """Channels laid out as blocks of pixels."""
    (n, h, w, c), block = picture(op, 0).shape, op.options.blockSize
    if not 1 <= block <= MAX_SIDE or c % block**2:
        raise misfit(op, f"cannot make blocks of {block} out of {c} channels")
    return [(n, h * block, w * block, c // block**2)]


def space_to_depth(op: Op) -> list[Shape]:
    """Blocks of pixels as channels."""
    (n, h, w, c), block = picture(op, 0).shape, op.options.blockSize
    if not 1 <= block <= MAX_SIDE or h % block or w % block:
        raise misfit(op, f"cannot cut {h}x{w} into blocks of {block}")
    return [(n, h // block, w // block, c * block**2)]


def elements(shape: Shape) -> int:
    """How many elements a shape has, in numbers without a limit."""
    product = 1
    for side in shape:
        product *= side
    return product


def work(op: Op) -> int:
    """About how many multiplications the operation takes."""
    made = sum(elements(t.shape) for t in op.outputs)
    if op.name in ("CONV_2D", "DEPTHWISE_CONV_2D"):
        window = op.input(1).shape
        return made * elements(window[1:3] if op.name == "DEPTHWISE_CONV_2D" else window[1:])
    if op.name in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
        return int(made * op.options.filterHeight * op.options.filterWidth)
    if op.name == "FULLY_CONNECTED":
        return made * op.input(1).shape[1]
    if op.name in ("TRANSPOSE_CONV", DECONVOLUTION):
        taken = op.input(2 if op.name == "TRANSPOSE_CONV" else 0).shape
        return elements(taken[:3]) * elements(op.input(1).shape)
    return made + sum(elements(t.shape) for t in op.inputs if t is not None)


def _bias(op: Op, at: int, channels: int) -> None:
    bias = op.inputs[at] if at < len(op.inputs) else None
    if bias is not None and bias.shape != (channels,):
        raise misfit(op, f"has a bias of {list(bias.shape)} for {channels} channels")


def _sides(op: Op, height: int, width: int) -> tuple[int, int]:
    if not (1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE):
        raise misfit(op, f"has {height}x{width} as a stride, a window or a dilation")
    return height, width


def _slid(op: Op, x: Tensor, window: Shape, dilations: tuple[int, int]) -> tuple[int, ...]:
    """Rows and columns that a window sliding over `x` gives."""
    options: Any = deconvolution_options(op) if op.custom else op.options
    strides = _sides(op, options.strideH, options.strideW)
    if options.padding not in (_SAME, _VALID):
        raise misfit(op, f"has padding {options.padding}, which is neither SAME nor VALID")
    sides = []
    for side, size, stride, dilation in zip(x.shape[1:3], window, strides, dilations, strict=True):
        reach = (size - 1) * dilation
        sides.append(-(-(side if options.padding == _SAME else side - reach) // stride))
        if reach > MAX_SIDE or sides[-1] < 1:
            raise misfit(op, f"has a window of {reach + 1} on {list(x.shape)}")
    return tuple(sides)
