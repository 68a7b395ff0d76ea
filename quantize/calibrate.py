"""Learn from pictures what INT8 must know: ranges, factors that even out channels, corrections of biases.

In this order, each on what the one before it made: (1) the range of every channel of every tensor in FP32; (2) from
these the factors of each group of tensors; (3) the range of every tensor, kept within what the next operation looks
at; (4) convolution by convolution in the order of the graph, the mean that 8-bit arithmetic shifts each channel by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeseg.errors import GoldenError
from edgeseg.frames import U8
from quantize.calibrated import Calibration, rounded
from quantize.families import Family, fp32_graph
from quantize.graph.graph import Graph, Op, Tensor
from quantize.graph.passes.equalize import Group, groups
from quantize.int8 import equalize, prepare, quantized
from quantize.pictures import Labelled, model_inputs, varied
from quantize.probe import Probe

Progress = Callable[[str], None]
"""Told each step that was done."""
F64 = npt.NDArray[np.float64]

FEWEST = 16  # pictures
EXPECTED_LARGEST = 0.9  # of the pictures' largest values in a channel, the one that its range is taken from
MOST_FACTOR = 64.0
SIGMOID_SEES = 8.0  # 1 / (1 + e^8) is 0.0003, a thirteenth of an 8-bit step
HARD_SWISH_SEES = -3.0
BIAS_EVERY = 6  # every how many pictures one is used for the biases, which take longest

_CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")


@dataclass(frozen=True, slots=True)
class Extent:
    """The least and most of each channel of a tensor in each picture, (pictures, channels)."""

    least: F64
    most: F64

    @property
    def largest(self) -> F64:
        """The largest magnitude."""
        return np.maximum(-self.least, self.most)

    def scaled(self, factors: F64) -> Extent:
        """The same of the tensor multiplied by a factor for each channel."""
        return Extent(self.least * factors, self.most * factors)


def calibrate(
    family: Family,
    source: bytes,
    height: int,
    width: int,
    pictures: Sequence[Labelled],
    progress: Progress | None = None,
) -> Calibration:
    """What INT8 of a family at one size must know. source: the bytes of its asset; pictures: see `pictures`.

    Raises GoldenError for too few pictures.
    """
    if len(pictures) < FEWEST:
        raise GoldenError(f"There are {len(pictures)} labelled pictures; at least {FEWEST} are needed to calibrate.")
    told = progress or (lambda step: None)
    inputs = list(model_inputs(varied(pictures), family.fit, height, width))
    made = Calibration(family.name, height, width)

    def graph() -> Graph:
        fresh = fp32_graph(family, source, height, width)
        prepare(fresh)
        equalize(fresh, made)
        return fresh

    prepared = graph()
    extents = _extents(prepared, inputs)
    told("extents")
    for group in groups(prepared):
        factors = _factors(group, extents)
        made.factors[group.name] = tuple(map(rounded, factors))
        for tensor in group.tensors:
            extents[tensor.name] = extents[tensor.name].scaled(np.array(made.factors[group.name]))
    made.ranges = {
        tensor.name: _range(prepared, tensor, extents.get(tensor.name))
        for tensor in prepared.tensors()
        if tensor.data is None
    }
    told("ranges")
    made.bias = _bias(graph(), quantized(graph(), made), made, inputs[::BIAS_EVERY])
    told("biases")
    return made


def _extents(graph: Graph, inputs: Iterable[U8]) -> dict[str, Extent]:
    """Of every computed tensor."""
    probe = Probe(graph, [op.outputs[0] for op in graph.ops])
    least: dict[str, list[F64]] = {}
    most: dict[str, list[F64]] = {}
    for rgb in inputs:
        for name, values in probe(rgb).items():
            flat = values.reshape(-1, values.shape[-1])
            least.setdefault(name, []).append(flat.min(0).astype(np.float64))
            most.setdefault(name, []).append(flat.max(0).astype(np.float64))
    return {name: Extent(np.array(least[name]), np.array(most[name])) for name in least}


def _factors(group: Group, extents: dict[str, Extent]) -> F64:
    """One over the range of each channel, as a share of the tensor's widest, the largest share over its tensors.

    Where there are pixels the mean over them needs no say; where there is but one, no picture may be cut off.
    """
    pixels = [tensor for tensor in group.tensors if not _is_one_pixel(tensor)]
    share = np.zeros(group.channels)
    for tensor in pixels or group.tensors:
        largest = extents[tensor.name].largest
        reach = np.quantile(largest, EXPECTED_LARGEST if pixels else 1.0, axis=0)
        share = np.maximum(share, reach / max(float(reach.max()), 1e-9))
    return np.asarray(1 / np.maximum(share, 1 / MOST_FACTOR))


def _range(graph: Graph, tensor: Tensor, extent: Extent | None) -> tuple[float, float]:
    """What 8 bits must span. A value now and then may be cut off, but none of those few that gate whole channels."""
    maker, users = graph.producer(tensor), graph.consumers(tensor)
    if maker is None or extent is None:
        return 0.0, 1.0  # the picture
    if maker.name == "LOGISTIC":
        return 0.0, rounded(255 / 256)
    least, most = extent.least.min(1), extent.most.max(1)
    low, high = (least.min(), most.max()) if _is_one_pixel(tensor) else (least.mean(), most.mean())
    low, high = min(float(low), 0.0), max(float(high), 0.0)
    if users and all(op.name == "LOGISTIC" for op in users):
        low, high = max(low, -SIGMOID_SEES), min(high, SIGMOID_SEES)
    if any(_is_hard_swish_gate(op) for op in users):
        low = max(low, HARD_SWISH_SEES)
    if _is_hard_swish_gate(maker):
        low, high = 0.0, 6.0
    return rounded(low), rounded(high if high > low else low + 1e-3)


def _bias(graph: Graph, integer: Graph, made: Calibration, inputs: list[U8]) -> dict[str, tuple[float, ...]]:
    """Corrections by convolution, each measured with those before it in place. graph: in FP32; integer: in INT8."""
    convolutions = [op.outputs[0] for op in graph.ops if op.name in _CONVOLUTIONS]
    probe = Probe(graph, convolutions)
    wanted: dict[str, F64] = {}
    for rgb in inputs:
        for name, values in probe(rgb).items():
            # What the range cuts off is meant to be cut off.
            seen = np.clip(values.reshape(-1, values.shape[-1]), *made.ranges[name]).mean(0, dtype=np.float64)
            wanted[name] = wanted.get(name, np.zeros(seen.shape)) + seen / len(inputs)
    found = {}
    for op in integer.ops:
        if op.name not in _CONVOLUTIONS:
            continue
        name = op.outputs[0].name
        one = Probe(integer, [op.outputs[0]])
        got = sum(one(rgb)[name].reshape(-1, wanted[name].size).mean(0, dtype=np.float64) for rgb in inputs)
        found[name] = tuple(map(rounded, wanted[name] - got / len(inputs)))
        _add_to_integer_bias(op, np.array(found[name]))
    return found


def _add_to_integer_bias(op: Op, values: F64) -> None:
    bias = op.input(2)
    if bias.quantization is not None:
        steps = np.rint(bias.value + values / bias.quantization.scale)
        op.inputs[2] = Tensor(bias.name, bias.shape, bias.dtype, steps.astype(np.int32), bias.quantization)


def _is_one_pixel(tensor: Tensor) -> bool:
    return len(tensor.shape) < 4 or tensor.shape[1:3] == (1, 1)


def _is_hard_swish_gate(op: Op) -> bool:
    """ADD of a constant, which here is 3, with RELU6."""
    return op.name == "ADD" and op.input(1).data is not None
