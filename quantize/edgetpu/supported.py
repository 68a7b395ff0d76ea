"""Which operations an Edge TPU takes, as data.

Source: https://coral.ai/docs/edgetpu/models-intro/#supported-operations for compiler 16.0 and runtime 14, of 2021-07,
the last release; read on 2026-11-23 in stored copies: the rows up to RESIZE_BILINEAR as Axis reproduces them
(https://developer.axis.com/computer-vision/on-device/system-on-chip/artpec-7/supported-ops/), those after it in an
older copy of Coral's own page. Rows marked "recalled" are in neither copy and are as the author remembers the page;
TRANSPOSE and TRANSPOSE_CONV are confirmed by Coral's people in the issues 193 and 64 of google-coral/edgetpu.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from quantize.edgetpu import limits
from quantize.graph.graph import Op

COMPILER, RUNTIME = "16.0", 14
Limit = Callable[[Op], str]


@dataclass(frozen=True, slots=True)
class Row:
    """limits: what must hold. doubts: where the compiler is known to refuse without saying why. since: the first
    Edge TPU runtime that has it; 0: all.
    """

    limits: tuple[Limit, ...] = ()
    doubts: tuple[Limit, ...] = ()
    since: int = 0


_POOL = Row((limits.no_activation,))
_CONVOLUTION = Row((limits.equal_dilation,))
_RESIZE = Row(doubts=(limits.may_be_too_large, limits.may_be_off_centre))

SUPPORTED: dict[str, Row] = {
    "ADD": Row(),
    "AVERAGE_POOL_2D": _POOL,
    "CONCATENATION": Row((limits.no_activation, limits.pads_with_zeros)),
    "CONV_2D": _CONVOLUTION,
    "DEPTHWISE_CONV_2D": _CONVOLUTION,
    "EXPAND_DIMS": Row(since=13),
    "FULLY_CONNECTED": Row((limits.plain_weights,)),
    "L2_NORMALIZATION": Row(),
    "LOGISTIC": Row(),
    "LSTM": Row(since=14),
    "MAXIMUM": Row(),
    "MAX_POOL_2D": _POOL,
    "MEAN": Row((limits.keeps_batch, limits.depth_by_four), (limits.may_crash,)),
    "MINIMUM": Row(),
    "MUL": Row(),
    "PACK": Row(since=13),
    "PAD": Row((limits.pads_no_batch,)),
    "PRELU": Row((limits.one_slope_a_channel,), since=13),
    "QUANTIZE": Row(since=13),
    "REDUCE_MAX": Row((limits.keeps_batch,), since=14),
    "REDUCE_MIN": Row((limits.keeps_batch,), since=14),
    "RELU": Row(),
    "RELU6": Row(),
    "RELU_N1_TO_1": Row(),
    "RESHAPE": Row(doubts=(limits.may_be_reshaped_elsewhere,)),
    "RESIZE_BILINEAR": _RESIZE,
    "RESIZE_NEAREST_NEIGHBOR": _RESIZE,
    "RSQRT": Row(since=14),  # recalled
    "SLICE": Row(),
    "SOFTMAX": Row((limits.one_row,)),
    "SPACE_TO_DEPTH": Row(),
    "SPLIT": Row((limits.splits_no_batch,)),
    "SQUARED_DIFFERENCE": Row(since=14),  # recalled
    "SQUEEZE": Row(),
    "STRIDED_SLICE": Row((limits.whole_slices,)),
    "SUB": Row(),
    "SUM": Row((limits.keeps_batch,), since=13),  # recalled
    "TANH": Row(),
    "TRANSPOSE": Row(since=14),
    "TRANSPOSE_CONV": Row(doubts=(limits.may_be_left,), since=13),
}

# The highest version of an operation that the compiler can read; with a higher one it refuses the whole file. Source:
# tensorflow/lite/kernels/register.cc of early 2021, which agrees with what users of compiler 16.0 report: it does not
# know CONV_2D 6 (issue 631), QUANTIZE 3 (879), TRANSPOSE_CONV 4 (845), nor 15.0 DEPTH_TO_SPACE 2 (386).
# Operations that are not here are known in version 1.
VERSIONS: dict[str, int] = {
    **dict.fromkeys(("RELU", "RELU6", "ADD", "L2_NORMALIZATION", "PAD", "PADV2", "SPACE_TO_DEPTH", "MEAN"), 2),
    **dict.fromkeys(("DIV", "LEAKY_RELU", "MIRROR_PAD", "QUANTIZE", "REDUCE_MAX", "REDUCE_MIN", "SUM"), 2),
    **dict.fromkeys(("TANH", "LOGISTIC", "AVERAGE_POOL_2D", "MAX_POOL_2D", "SOFTMAX", "CONCATENATION", "SUB"), 3),
    **dict.fromkeys(("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "SLICE", "TRANSPOSE_CONV", "PACK", "LSTM"), 3),
    **dict.fromkeys(("BATCH_TO_SPACE_ND", "SPACE_TO_BATCH_ND"), 3),
    **dict.fromkeys(("CONV_2D", "MUL", "TRANSPOSE", "SPLIT", "STRIDED_SLICE", "DEQUANTIZE", "MAXIMUM", "MINIMUM"), 4),
    "DEPTHWISE_CONV_2D": 5,
    "FULLY_CONNECTED": 8,
}
