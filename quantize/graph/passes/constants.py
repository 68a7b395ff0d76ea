"""FP16 constants: folded into FP32 for the passes, and made again for a file of half the bytes."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from quantize.graph.graph import Graph, ModelError, Op, Tensor

_WORTH = 64  # values


def fold_fp16(graph: Graph) -> None:
    """DEQUANTIZE of an FP16 constant -> an FP32 constant of the same values."""
    kept = []
    for op in graph.ops:
        source = op.inputs[0] if op.name == "DEQUANTIZE" else None
        if source is not None and source.data is not None and source.dtype == np.float16:
            out = op.output
            out.data = source.data.astype(np.float32)
        else:
            kept.append(op)
    graph.ops = kept


def weights_fp16(graph: Graph) -> None:
    """FP32 constants -> FP16 behind DEQUANTIZE, as TFLite keeps them; arithmetic stays FP32.

    Small ones stay: the operation and its tensor take more bytes than are saved. The FP16 tensors are nameless for the
    same reason. Raises ModelError if a weight does not fit FP16, whose largest value is 65504.
    """
    made = []
    for tensor in list(graph.tensors()):
        if tensor.data is None or tensor.dtype != np.float32 or tensor.data.size < _WORTH:
            continue
        if not np.abs(tensor.data).max(initial=0) <= np.finfo(np.float16).max:  # not: NaN is no less
            raise ModelError(f"The constant {tensor.name} holds values that FP16 cannot.")
        half = Tensor.constant("", tensor.data.astype(np.float16))
        tensor.data = None
        made.append(Op("DEQUANTIZE", [half], [tensor], schema.DequantizeOptionsT()))
    graph.ops = made + graph.ops
