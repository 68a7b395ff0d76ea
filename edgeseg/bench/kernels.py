"""Which node of the model a kernel of XNNPACK belongs to.

XNNPACK tells its kernels' names and their order, not the nodes. Both lists are in the order of execution, so they
are laid side by side: every kernel must be one that can serve the next node, and only nodes that are fused into another
or done beforehand may be left without. If that fails anywhere, nothing is said of the partition's nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edgeseg.bench.graph import Node

# Kernel, before the bracket of its name -> the ops that it serves.
SERVES = {
    "Add": ("ADD",),
    "Average Pooling": ("AVERAGE_POOL_2D", "MEAN"),
    "Clamp": ("RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1"),
    "Concatenate": ("CONCATENATION",),
    "Constant Pad": ("PAD", "PADV2"),
    "Convert": ("QUANTIZE", "DEQUANTIZE", "CAST"),
    "Convolution": ("CONV_2D", "DEPTHWISE_CONV_2D"),
    "Copy": ("RESHAPE", "EXPAND_DIMS", "SQUEEZE", "CONCATENATION", "SPLIT", "SLICE", "STRIDED_SLICE"),
    "Deconvolution": ("TRANSPOSE_CONV", "Convolution2DTransposeBias"),
    "Depth To Space": ("DEPTH_TO_SPACE",),
    "Divide": ("DIV",),
    "Fully Connected": ("FULLY_CONNECTED", "CONV_2D"),
    "HardSwish": ("HARD_SWISH",),
    "Leaky ReLU": ("LEAKY_RELU",),
    "Max Pooling": ("MAX_POOL_2D",),
    "Maximum": ("MAXIMUM",),
    "Mean": ("MEAN",),
    "Minimum": ("MINIMUM",),
    "Multiply": ("MUL",),
    "PReLU": ("PRELU",),
    "Resize Bilinear": ("RESIZE_BILINEAR",),
    "Sigmoid": ("LOGISTIC",),
    "Softmax": ("SOFTMAX",),
    "Space To Depth": ("SPACE_TO_DEPTH",),
    "Static Reshape": ("RESHAPE", "EXPAND_DIMS", "SQUEEZE"),
    "Subtract": ("SUB",),
    "Sum": ("SUM",),
    "Tanh": ("TANH",),
    "Transpose": ("TRANSPOSE",),
}
# One look-up in a table of 256 entries, which XNNPACK has no name for -> the 8-bit ops in a row that it is for: a hard
# swish spelled out.
TABLE, TABLED = "Invalid Unary Op", ("ADD", "MUL")
NEEDS_NO_KERNEL = {*SERVES["Clamp"], *SERVES["Convert"], "RESHAPE", "EXPAND_DIMS", "SQUEEZE", "PAD"}
NEEDS_NO_NODE = ("Convert", "Copy", "Transpose", "Constant Pad")  # XNNPACK puts them in between


def nodes_of(kernels: Sequence[str], nodes: Sequence[Node]) -> list[Node | None]:
    """The node of each kernel, the last one if it serves several; all None if the two do not go together."""
    waiting = [node for node in nodes if not node.constant]
    found: list[Node | None] = []
    at = 0
    for kernel in kernels:
        kind = kernel.split(" (")[0]
        serves = SERVES.get(kind, ())
        ahead = at
        while ahead < len(waiting) and waiting[ahead].op not in serves and waiting[ahead].op in NEEDS_NO_KERNEL:
            ahead += 1
        if kind == TABLE and tuple(node.op for node in waiting[at : at + len(TABLED)]) == TABLED:
            at += len(TABLED)
            found.append(replace(waiting[at - 1], op="+".join(TABLED)))
        elif ahead < len(waiting) and waiting[ahead].op in serves:
            found.append(waiting[ahead])
            at = ahead + 1
        elif kind == "Clamp" and found:  # the activation that the op before has in itself
            found.append(found[-1])
        elif kind in NEEDS_NO_NODE:
            found.append(None)
        else:
            return [None] * len(kernels)
    if any(node.op not in NEEDS_NO_KERNEL for node in waiting[at:]):
        return [None] * len(kernels)
    return found
