"""What Coral asks of single operations: each limit takes an operation and says what is wrong, "" if nothing is.

In the order of Coral's table, see `supported.py`. Numbers in parentheses are issues of google-coral/edgetpu on GitHub.
"""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from quantize.graph.graph import Op
from quantize.graph.shapes import elements

MOST_SOFTMAX = 16_000  # elements
# The largest enlargement that is known to map (31): 64x64x32 to 128x128x32; 256x256 of a U-Net did not (187).
_KNOWN_SIDE = 128
_BROKEN_MEAN = 256 * 256  # pixels: compiler 14.1 crashed (183)
_LARGE_RESHAPE = 1 << 16  # elements; a guess, for Coral speaks of large ones and gives no number


def no_activation(op: Op) -> str:
    """Pooling and concatenation without a fused activation."""
    fused = op.options.fusedActivationFunction != schema.ActivationFunctionType.NONE
    return "has a fused activation" if fused else ""


def pads_with_zeros(op: Op) -> str:
    """A concatenation with a constant is taken as padding: of two tensors, the constant all zeros."""
    constants = [t for t in op.inputs if t is not None and t.data is not None]
    if not constants:
        return ""
    if len(op.inputs) != 2:
        return f"joins a constant to {len(op.inputs) - 1} tensors, and only one is taken"
    q = constants[0].quantization
    zero = 0 if q is None else q.zero_point[0]
    return "joins a constant that is not all zeros" if np.any(constants[0].value != zero) else ""


def equal_dilation(op: Op) -> str:
    """Convolutions dilated alike in both directions."""
    across, down = op.options.dilationWFactor, op.options.dilationHFactor
    return f"is dilated by {down} down and {across} across, which must be equal" if across != down else ""


def plain_weights(op: Op) -> str:
    """A fully connected layer with weights in the default layout and one row out."""
    if op.options.weightsFormat != schema.FullyConnectedOptionsWeightsFormat.DEFAULT:
        return "has shuffled weights"
    return "" if elements(op.output.shape[:-1]) == 1 else f"gives {list(op.output.shape)}, and only one row is taken"


def keeps_batch(op: Op) -> str:
    """Reductions leave the batch as it is."""
    return "reduces the batch" if 0 in _axes(op) else ""


def depth_by_four(op: Op) -> str:
    """A mean over channels has a multiple of four of them."""
    shape = op.input(0).shape
    over = len(shape) - 1 in _axes(op)
    return f"takes the mean over {shape[-1]} channels, no multiple of 4" if over and shape[-1] % 4 else ""


def pads_no_batch(op: Op) -> str:
    """Padding leaves the batch as it is."""
    paddings = op.input(1).value
    return "pads the batch" if len(op.input(0).shape) == len(paddings) == 4 and paddings[0].any() else ""


def one_slope_a_channel(op: Op) -> str:
    """PRELU with slopes of one dimension."""
    slopes = op.input(1).shape
    return f"has slopes of {list(slopes)}, and one for each channel is taken" if elements(slopes[:-1]) > 1 else ""


def one_row(op: Op) -> str:
    """SOFTMAX of one row that is not too long."""
    shape = op.input(0).shape
    if elements(shape[:-1]) > 1:
        return f"takes {list(shape)}, and only one row is taken"
    return f"takes {shape[-1]} elements, more than {MOST_SOFTMAX}" if shape[-1] > MOST_SOFTMAX else ""


def splits_no_batch(op: Op) -> str:
    """SPLIT leaves the batch as it is."""
    return "splits the batch" if op.input(0).value.item() in (0, -len(op.input(1).shape)) else ""


def whole_slices(op: Op) -> str:
    """STRIDED_SLICE that steps by one and adds no dimension."""
    if (op.input(3).value != 1).any():
        return f"steps by {op.input(3).value.tolist()}, and only 1 is taken"
    return "has an ellipsis or a new axis" if op.options.ellipsisMask or op.options.newAxisMask else ""


def may_be_too_large(op: Op) -> str:
    """Doubt: interpolations from some size on are left to the CPU, for precision; the size is not published."""
    height, width = op.output.shape[1:3]
    large = max(height, width) > _KNOWN_SIDE
    return f"enlarges to {height}x{width}, and up to {_KNOWN_SIDE} is known to map" if large else ""


def may_be_off_centre(op: Op) -> str:
    """Doubt: compilers 14.1 and 15 refused version 3, for half-pixel centres (396); 16 minds but the size (597)."""
    return "has half-pixel centres, which compilers before 16 refused" if op.options.halfPixelCenters else ""


def may_crash(op: Op) -> str:
    """Doubt: a mean over a picture of 256x256x32 was too much for the compiler (183)."""
    shape = op.input(0).shape
    large = len(shape) == 4 and shape[1] * shape[2] >= _BROKEN_MEAN
    return f"takes the mean of {list(shape)}, on which a compiler crashed" if large else ""


def may_be_left(op: Op) -> str:
    """Doubt: some transposed convolutions stayed on the CPU, and why is not published (509, 684, 686)."""
    return "some were left to the CPU, and why is not published"


def may_be_reshaped_elsewhere(op: Op) -> str:
    """Doubt: large ones might not be mapped."""
    return "large ones might be left to the CPU" if elements(op.output.shape) > _LARGE_RESHAPE else ""


def _axes(op: Op) -> set[int]:
    return {int(axis) % len(op.input(0).shape) for axis in op.input(1).value.flat}
