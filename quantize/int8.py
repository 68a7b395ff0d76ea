"""Full 8-bit integer tiers: a graph, and what was learned from pictures once, to a file. No picture is needed.

Everything here is done value by value (no sums whose order a CPU may choose), so that the bytes are the same anywhere.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from quantize.calibrated import Calibration
from quantize.graph.flatbuffer import read, write
from quantize.graph.graph import Graph, ModelError, Tensor
from quantize.graph.passes.activations import expand_hard_swish
from quantize.graph.passes.equalize import push_scalars, rescale, untie
from quantize.graph.passes.integer import (
    attach_depth_to_space,
    detach_depth_to_space,
    logistic_before_depth_to_space,
)
from quantize.graph.passes.resize import global_pool_as_mean
from quantize.graph.passes.rounding import round_filters, weights_in_two_parts
from quantize.graph.passes.tidy import drop_orphans

__all__ = ["INT8_PASSES", "Calibration", "int8_model", "prepare"]

_STEPS: tuple[Callable[[Graph], None], ...] = (
    global_pool_as_mean,  # XNNPACK has no INT8 average pooling; in FP32 its MEAN rounds worse than its pooling
    logistic_before_depth_to_space,
    expand_hard_swish,
    push_scalars,
    weights_in_two_parts,
    drop_orphans,
)
INT8_PASSES = (
    *(step.__name__ for step in _STEPS),
    "untie",
    "equalize",
    "round_filters",
    "correct_bias",
    "quantize_int8",
)

_WITH_BIAS = ("CONV_2D", "DEPTHWISE_CONV_2D")


def int8_model(graph: Graph, calibration: Calibration) -> bytes:
    """The model as an INT8 file: int8 in (a pixel minus 128, scale 1/255) and int8 out (scale 1/256, zero -128).

    graph: a family's FP32 graph, fresh; it is changed. Raises ModelError if the calibration is of another model.
    """
    prepare(graph, calibration)
    equalize(graph, calibration)
    round_filters(graph)
    correct_bias(graph, calibration)
    return write(quantized(graph, calibration))


def prepare(graph: Graph, calibration: Calibration) -> None:
    """The passes that change operations, not figures; the outputs stay as they are."""
    for step in _STEPS:
        step(graph)
    untie(graph, calibration.untied)


def equalize(graph: Graph, calibration: Calibration) -> None:
    """Give the channels of a tensor ranges that are alike; the outputs stay as they are."""
    rescale(graph, {name: np.array(values, np.float32) for name, values in calibration.factors.items()})


def correct_bias(graph: Graph, calibration: Calibration) -> None:
    """Add to each convolution's bias what 8-bit arithmetic was found to take from its mean, channel by channel."""
    left = dict(calibration.bias)
    for op in graph.ops:
        values = left.pop(op.outputs[0].name, None) if op.name in _WITH_BIAS else None
        if values is None:
            continue
        bias = op.input(2)
        if bias.shape != (len(values),):
            raise ModelError(f"The calibration has {len(values)} corrections for the {bias.shape[0]} of {bias.name}.")
        op.inputs[2] = Tensor.constant(bias.name, bias.value + np.array(values, np.float32))
    if left:
        raise ModelError(f"The calibration corrects {min(left)}, which the model does not have; calibrate it again.")


def quantized(graph: Graph, calibration: Calibration) -> Graph:
    """The graph in 8-bit integers, by ai-edge-quantizer: weights per channel, activations by the ranges given."""
    from ai_edge_quantizer import quantizer, recipe  # seconds to import

    spread = detach_depth_to_space(graph)
    ranges: dict[str, dict[str, Any]] = {}
    for tensor in graph.tensors():
        if tensor.data is None:
            low, high = calibration.range_of(tensor.name)
            ones = (1,) * len(tensor.shape)
            ranges[tensor.name] = {"min": np.full(ones, low, np.float32), "max": np.full(ones, high, np.float32)}
    try:
        # One of its progress bars cannot be switched off, and it warns of its own way to list the tensors.
        with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = quantizer.Quantizer(write(graph), recipe.static_wi8_ai8()).quantize(
                ranges, enable_progress_bar=False, enable_progress_report=False
            )
    except (ValueError, KeyError, RuntimeError) as error:
        raise ModelError(f"The model cannot be quantized: {' '.join(str(error).split())}.") from error
    made = read(bytes(result.quantized_model))
    attach_depth_to_space(made, spread)
    _expect_integers(made)
    return made


def _expect_integers(graph: Graph) -> None:
    """Raises ModelError if anything stayed in float, which would cut the graph into partitions."""
    for op in graph.ops:
        if any(t.dtype == np.float32 for t in [*op.inputs, *op.outputs] if t is not None):
            raise ModelError(f"The operation {op.name} that makes {op.outputs[0].name} has no 8-bit form here.")
