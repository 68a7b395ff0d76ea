"""The shapes that operations give which move, cut, join and add up; otherwise as `shapes.py`."""

from __future__ import annotations

from typing import Any

import numpy as np

from quantize.graph.graph import Op
from quantize.graph.shapes import MAX_SIDE, Shape, elements, integers, misfit, picture


def reshape(op: Op) -> list[Shape]:
    """RESHAPE, its shape a constant or in the options, where one side may be -1."""
    if len(op.inputs) > 1:
        asked = integers(op, 1)
    else:
        asked = _listed(op, op.options.newShape)
    total = elements(op.input(0).shape)
    if asked.count(-1) == 1:
        known = -elements(tuple(asked))
        asked[asked.index(-1)] = total // known if known > 0 else 0
    if any(side < 1 for side in asked) or elements(tuple(asked)) != total:
        raise misfit(op, f"cannot make {asked} of {list(op.input(0).shape)}")
    return [tuple(asked)]


def reduce(op: Op) -> list[Shape]:
    """MEAN, SUM, REDUCE_MAX and REDUCE_MIN along constant axes."""
    shape = op.input(0).shape
    axes = {_axis(op, axis, len(shape)) for axis in integers(op, 1)}
    if op.options.keepDims:
        return [tuple(1 if at in axes else side for at, side in enumerate(shape))]
    return [tuple(side for at, side in enumerate(shape) if at not in axes)]


def concatenation(op: Op) -> list[Shape]:
    """Tensors joined along one axis."""
    shape = op.input(0).shape
    axis = _axis(op, op.options.axis, len(shape))
    joined = 0
    for at in range(len(op.inputs)):
        other = op.input(at).shape
        if len(other) != len(shape) or other[:axis] != shape[:axis] or other[axis + 1 :] != shape[axis + 1 :]:
            raise misfit(op, f"cannot join {list(shape)} and {list(other)}")
        joined += other[axis]
    return [(*shape[:axis], joined, *shape[axis + 1 :])]


def pad(op: Op) -> list[Shape]:
    """PAD, PADV2 and MIRROR_PAD by constant amounts."""
    shape = op.input(0).shape
    if op.input(1).shape != (len(shape), 2) or len(shape) > 4:
        raise misfit(op, f"pads {list(shape)} by {list(op.input(1).shape)} amounts")
    amounts = integers(op, 1, 2 * len(shape))
    # What is mirrored must be there.
    most = [side - 1 if op.name == "MIRROR_PAD" else MAX_SIDE for side in shape for _ in range(2)]
    if any(not 0 <= amount <= limit for amount, limit in zip(amounts, most, strict=True)):
        raise misfit(op, f"pads {list(shape)} by {amounts}")
    return [
        tuple(side + before + after for side, before, after in zip(shape, amounts[::2], amounts[1::2], strict=True))
    ]


def cut(op: Op) -> list[Shape]:
    """SLICE: constant beginnings and sizes, where -1 takes what is left."""
    shape = op.input(0).shape
    begins, sizes = integers(op, 1, len(shape)), integers(op, 2, len(shape))
    made = tuple(side - b if size == -1 else size for side, b, size in zip(shape, begins, sizes, strict=True))
    if any(b < 0 or n < 1 or b + n > side for side, b, n in zip(shape, begins, made, strict=True)):
        raise misfit(op, f"cuts {list(made)} at {begins} out of {list(shape)}")
    return [made]


def strided_slice(op: Op) -> list[Shape]:
    """STRIDED_SLICE without new axes, as Python's slices."""
    shape, options = op.input(0).shape, op.options
    begins, ends, strides = (integers(op, at, len(shape)) for at in (1, 2, 3))
    if options.ellipsisMask or options.newAxisMask or options.offset or len(shape) > 4:
        raise misfit(op, "makes new axes, which is not treated")
    made = []
    for at, (side, begin, end, stride) in enumerate(zip(shape, begins, ends, strides, strict=True)):
        if stride < 1 or not (-side <= begin < side and -side <= end <= MAX_SIDE):
            raise misfit(op, f"goes from {begins} to {ends} by {strides} in {list(shape)}")
        first = None if options.beginMask >> at & 1 else begin
        last = None if options.endMask >> at & 1 else end
        if options.shrinkAxisMask >> at & 1:
            continue
        made.append(len(range(*slice(first, last, stride).indices(side))))
        if not made[-1]:
            raise misfit(op, f"leaves nothing of {list(shape)}")
    return [tuple(made)]


def split(op: Op) -> list[Shape]:
    """SPLIT into equal parts; the axis is the first input."""
    shape, parts = op.input(1).shape, op.options.numSplits
    axis = _axis(op, integers(op, 0, 1)[0], len(shape))
    if not 1 <= parts <= shape[axis] or shape[axis] % parts or parts != len(op.outputs):
        raise misfit(op, f"cannot make {parts} parts of {list(shape)}")
    return [(*shape[:axis], shape[axis] // parts, *shape[axis + 1 :])] * parts


def transpose(op: Op) -> list[Shape]:
    """TRANSPOSE by a constant order of the axes."""
    shape = op.input(0).shape
    order = integers(op, 1, len(shape))
    if sorted(order) != list(range(len(shape))):
        raise misfit(op, f"orders {list(shape)} as {order}")
    return [tuple(shape[axis] for axis in order)]


def squeeze(op: Op) -> list[Shape]:
    """SQUEEZE: the axes of one that are named, or all of them."""
    shape = op.input(0).shape
    axes = {_axis(op, axis, len(shape)) for axis in _listed(op, op.options.squeezeDims)}
    if any(shape[axis] != 1 for axis in axes):
        raise misfit(op, f"cannot squeeze the axes {sorted(axes)} of {list(shape)}")
    return [tuple(side for at, side in enumerate(shape) if (at not in axes if axes else side != 1))]


def expand_dims(op: Op) -> list[Shape]:
    """EXPAND_DIMS at a constant axis."""
    shape = op.input(0).shape
    axis = _axis(op, integers(op, 1, 1)[0], len(shape) + 1)
    return [(*shape[:axis], 1, *shape[axis:])]


def space_to_batch(op: Op) -> list[Shape]:
    """SPACE_TO_BATCH_ND of pictures, as dilated convolutions are written."""
    n, h, w, c = picture(op, 0).shape
    (rows, columns), (top, bottom, left, right) = _blocks(op)
    high, wide = h + top + bottom, w + left + right
    if high % rows or wide % columns:
        raise misfit(op, f"cannot cut {high}x{wide} into blocks of {rows}x{columns}")
    return [(n * rows * columns, high // rows, wide // columns, c)]


def batch_to_space(op: Op) -> list[Shape]:
    """BATCH_TO_SPACE_ND of pictures, the way back."""
    n, h, w, c = picture(op, 0).shape
    (rows, columns), (top, bottom, left, right) = _blocks(op)
    high, wide = h * rows - top - bottom, w * columns - left - right
    if n % (rows * columns) or min(high, wide) < 1:
        raise misfit(op, f"cannot lay out {n} pictures in blocks of {rows}x{columns}")
    return [(n // (rows * columns), high, wide, c)]


def _blocks(op: Op) -> tuple[list[int], list[int]]:
    blocks, edges = integers(op, 1, 2), integers(op, 2, 4)
    if min(blocks) < 1 or min(edges) < 0 or max(blocks + edges) > MAX_SIDE or op.input(2).shape != (2, 2):
        raise misfit(op, f"has blocks of {blocks} and edges of {edges}")
    return blocks, edges


def _listed(op: Op, numbers: Any) -> list[int]:
    """A vector among the options: a list, or an array of the type as which it is written."""
    if isinstance(numbers, np.ndarray) and numbers.dtype != np.int32:
        raise misfit(op, f"has options of {numbers.dtype} where int32 is written")
    return [] if numbers is None else [int(i) for i in numbers]


def _axis(op: Op, axis: int, rank: int) -> int:
    if not -rank <= axis < rank:
        raise misfit(op, f"goes along axis {axis} of {rank}")
    return axis % rank
