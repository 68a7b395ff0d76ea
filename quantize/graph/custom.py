"""MediaPipe's own operation for a transposed convolution with a bias.

Source: mediapipe/util/tflite/operations/transpose_conv_bias.cc: inputs are data, weights (out, h, w, in) and bias; the
options are a TfLiteTransposeConvParams: padding, stride width, stride height, 32 bits each.
"""

from __future__ import annotations

import struct
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from quantize.graph.graph import ModelError, Op

DECONVOLUTION = "Convolution2DTransposeBias"
# TfLitePaddingType (builtin_op_data.h) -> Padding (schema.fbs); the two count differently.
_PADDING = {1: schema.Padding.SAME, 2: schema.Padding.VALID}


def deconvolution_options(op: Op) -> Any:
    """Its options as those of the built-in TRANSPOSE_CONV; raises ModelError if they are none."""
    try:
        padding, stride_w, stride_h = struct.unpack_from("<iii", op.options)
    except struct.error:
        raise ModelError(f"An operation {op.name} has options of {len(op.options)} bytes and not 12.") from None
    if padding not in _PADDING:
        raise ModelError(f"An operation {op.name} has padding {padding}, which is neither SAME nor VALID.")
    options = schema.TransposeConvOptionsT()
    options.padding, options.strideW, options.strideH = _PADDING[padding], stride_w, stride_h
    return options
