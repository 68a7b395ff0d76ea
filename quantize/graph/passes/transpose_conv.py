"""Transposed convolutions: MediaPipe's custom one as the built-in, and what does not overlap as a plain convolution."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from quantize.graph.custom import DECONVOLUTION, deconvolution_options
from quantize.graph.graph import Graph, Op, Tensor


def builtin_transpose_conv(graph: Graph) -> None:
    """Custom `Convolution2DTransposeBias` -> TRANSPOSE_CONV version 3, whose fourth input is the bias.

    Raises ModelError if the custom operation's options are none.
    """
    for op in graph.ops:
        if not (op.custom and op.name == DECONVOLUTION):
            continue
        options = deconvolution_options(op)
        size = Tensor.constant(f"{op.output.name}_size", np.array(op.output.shape, np.int32))
        op.inputs = [size, op.input(1), op.input(0), op.input(2)]
        op.name, op.custom, op.options, op.version = "TRANSPOSE_CONV", False, options, 3


def depth_to_space(graph: Graph) -> None:
    """TRANSPOSE_CONV whose kernel is as large as its stride -> CONV_2D 1x1, then DEPTH_TO_SPACE.

    Without overlap each input pixel becomes a block of output pixels of its own: a 1x1 convolution with one
    channel for each place in the block, laid out by DEPTH_TO_SPACE. XNNPACK's deconvolution spends half of the selfie
    models' time on this one operation, for it computes output channels eight at a time and there is one. Only FP32
    with constant weights: those of integers have scales that would have to follow.
    """
    for op in list(graph.ops):
        if op.name != "TRANSPOSE_CONV" or not _is_blockwise(op):
            continue
        weights, x, out = op.input(1), op.input(2), op.output
        block = op.options.strideH
        channels, per_block = weights.shape[0], block * block
        # DEPTH_TO_SPACE reads channel (row * block + column) * channels + channel for each place in the block.
        mixed = weights.value.transpose(1, 2, 0, 3).reshape(per_block * channels, 1, 1, weights.shape[3])
        given = op.inputs[3] if len(op.inputs) > 3 else None
        bias = np.zeros(channels, np.float32) if given is None else given.value
        deep = Tensor(f"{out.name}_deep", (*x.shape[:3], per_block * channels), out.dtype)
        conv = schema.Conv2DOptionsT()
        conv.padding, conv.strideW, conv.strideH = schema.Padding.SAME, 1, 1
        spread = schema.DepthToSpaceOptionsT()
        spread.blockSize = block
        constants = [
            Tensor.constant(f"{weights.name}_deep", mixed),
            Tensor.constant(f"{out.name}_bias", np.tile(bias, per_block)),
        ]
        at = graph.ops.index(op)
        graph.ops[at : at + 1] = [
            Op("CONV_2D", [x, *constants], [deep], conv),
            Op("DEPTH_TO_SPACE", [deep], [out], spread),
        ]


def _is_blockwise(op: Op) -> bool:
    options, weights, x = op.options, op.input(1), op.input(2)
    block = options.strideH
    constants = [t for t in (weights, *op.inputs[3:]) if t is not None]
    return bool(
        options.strideW == block > 1
        and all(t.data is not None and t.dtype == np.float32 for t in constants)
        and x.dtype == np.float32
        and weights.shape[1:3] == (block, block)
        and op.output.shape[1:3] == (x.shape[1] * block, x.shape[2] * block)
        and options.fusedActivationFunction == schema.ActivationFunctionType.NONE
    )
