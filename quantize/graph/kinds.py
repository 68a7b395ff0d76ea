"""The operations that are treated: what they take, which options they carry and which shapes they give.

One row for each; what is not here is refused when a model is read. An operation comes in with its rule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from quantize.graph import layout, shapes
from quantize.graph.custom import DECONVOLUTION
from quantize.graph.graph import Op
from quantize.graph.shapes import Shape


@dataclass(frozen=True, slots=True)
class Kind:
    """rule: the shapes of its results. options: the schema's table for them, "" if it reads none. least, most: how
    many inputs. parameters: the places of inputs that are whole numbers and not data.
    """

    rule: Callable[[Op], list[Shape]]
    options: str = ""
    least: int = 1
    most: int = 1
    parameters: tuple[int, ...] = ()


_UNARY = ("RELU", "RELU6", "RELU_N1_TO_1", "LOGISTIC", "TANH", "HARD_SWISH", "ELU", "EXP", "SQRT", "RSQRT", "SQUARE")
_BINARY = {"ADD": "AddOptions", "SUB": "SubOptions", "MUL": "MulOptions", "DIV": "DivOptions"}
_PLAIN_BINARY = ("MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE")
_REDUCING = ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN")

KINDS: dict[str, Kind] = {
    **{name: Kind(shapes.same) for name in (*_UNARY, "ABS", "NEG", "QUANTIZE", "DEQUANTIZE", "CAST")},
    **{name: Kind(shapes.broadcast, options, 2, 2) for name, options in _BINARY.items()},
    **{name: Kind(shapes.broadcast, "", 2, 2) for name in _PLAIN_BINARY},
    **{name: Kind(layout.reduce, "ReducerOptions", 2, 2, (1,)) for name in _REDUCING},
    "PRELU": Kind(shapes.prelu, "", 2, 2),
    "LEAKY_RELU": Kind(shapes.same, "LeakyReluOptions"),
    "GELU": Kind(shapes.same, "GeluOptions"),
    "SOFTMAX": Kind(shapes.softmax, "SoftmaxOptions"),
    # Their bias may be missing by the schema; LiteRT 2.3 refuses the first then, and crashes on the second.
    "CONV_2D": Kind(shapes.convolution, "Conv2DOptions", 3, 3),
    "DEPTHWISE_CONV_2D": Kind(shapes.convolution, "DepthwiseConv2DOptions", 3, 3),
    "TRANSPOSE_CONV": Kind(shapes.transpose_conv, "TransposeConvOptions", 3, 4, (0,)),
    "FULLY_CONNECTED": Kind(shapes.fully_connected, "FullyConnectedOptions", 2, 3),
    "AVERAGE_POOL_2D": Kind(shapes.pool, "Pool2DOptions"),
    "MAX_POOL_2D": Kind(shapes.pool, "Pool2DOptions"),
    "RESIZE_BILINEAR": Kind(shapes.resized, "ResizeBilinearOptions", 2, 2, (1,)),
    "RESIZE_NEAREST_NEIGHBOR": Kind(shapes.resized, "ResizeNearestNeighborOptions", 2, 2, (1,)),
    "DEPTH_TO_SPACE": Kind(shapes.depth_to_space, "DepthToSpaceOptions"),
    "SPACE_TO_DEPTH": Kind(shapes.space_to_depth, "SpaceToDepthOptions"),
    "RESHAPE": Kind(layout.reshape, "ReshapeOptions", 1, 2, (1,)),
    "CONCATENATION": Kind(layout.concatenation, "ConcatenationOptions", 1, 64),
    "PAD": Kind(layout.pad, "", 2, 2, (1,)),
    "PADV2": Kind(layout.pad, "", 3, 3, (1,)),
    "MIRROR_PAD": Kind(layout.pad, "MirrorPadOptions", 2, 2, (1,)),
    "SLICE": Kind(layout.cut, "", 3, 3, (1, 2)),
    "STRIDED_SLICE": Kind(layout.strided_slice, "StridedSliceOptions", 4, 4, (1, 2, 3)),
    "SPLIT": Kind(layout.split, "SplitOptions", 2, 2, (0,)),
    "TRANSPOSE": Kind(layout.transpose, "", 2, 2, (1,)),
    "SQUEEZE": Kind(layout.squeeze, "SqueezeOptions"),
    "EXPAND_DIMS": Kind(layout.expand_dims, "", 2, 2, (1,)),
    "SPACE_TO_BATCH_ND": Kind(layout.space_to_batch, "", 3, 3, (1, 2)),
    "BATCH_TO_SPACE_ND": Kind(layout.batch_to_space, "", 3, 3, (1, 2)),
}
CUSTOM_KINDS: dict[str, Kind] = {DECONVOLUTION: Kind(shapes.custom_transpose_conv, "", 3, 3)}


def kind_of(op: Op) -> Kind | None:
    """The row of an operation, None if it is not treated."""
    return (CUSTOM_KINDS if op.custom else KINDS).get(op.name)
