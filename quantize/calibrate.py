"""Learn from pictures what INT8 must know: ranges, factors that even out channels, corrections of biases.

In this order, each on what the one before it made: (1) the range of every channel of every tensor in FP32; (2) from
these the factors of each group of tensors; (3) the range of every tensor, kept within what the next operation looks
at; (4) convolution by convolution in the order of the graph, the mean that 8-bit arithmetic shifts each channel by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgeseg.assets import store
from edgeseg.errors import GoldenError
from edgeseg.frames import U8
from quantize.build import put_all
from quantize.calibrated import FOLDER, Calibration, rounded
from quantize.factors import Extent, factors, hard_swish_gates, is_one_pixel, to_untie
from quantize.families import Family, fp32_graph
from quantize.graph.graph import Graph, Op, Tensor
from quantize.graph.passes.equalize import groups
from quantize.graph.passes.rounding import PARTS, round_filters
from quantize.int8 import equalize, prepare, quantized
from quantize.pictures import Labelled, model_inputs, read_folder, varied
from quantize.probe import Probe

Progress = Callable[[str], None]
"""Told each step that was done."""
F64 = npt.NDArray[np.float64]

FEWEST = 16  # pictures
SIGMOID_SEES = 8.0  # 1 / (1 + e^8) is 0.0003, a thirteenth of an 8-bit step
HARD_SWISH_SEES = -3.0
BIAS_EVERY = 6  # every how many pictures one is used for the biases, which take longest

_CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")


def calibrate_all(
    families: Iterable[Family], folder: Path, asset_dir: str | None = None, progress: Progress | None = None
) -> None:
    """Calibrate every size of some families with a folder of labelled pictures; all files are put in place at the end.

    progress is told the name of each size. Raises GoldenError for pictures that will not do, OutputError, and what
    `assets.store.load` raises.
    """
    pictures = read_folder(folder)
    made = []
    for family in families:
        source = store.load(family.asset, asset_dir)
        for height, width in family.sizes:
            learned = calibrate(family, source, height, width, pictures)
            made.append((f"{family.name}-{height}x{width}.json", learned.to_json().encode()))
            if progress is not None:
                progress(f"{family.name}-{height}x{width}")
    put_all(FOLDER, made)


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
        prepare(fresh, made)
        equalize(fresh, made)
        return fresh

    prepared = graph()
    extents = _extents(prepared, inputs)
    made.untied = to_untie(prepared, extents)
    prepared = graph()
    for op in prepared.ops:  # what untying adds is equal to what it was made from
        if op.outputs[0].name not in extents:
            extents[op.outputs[0].name] = extents[op.input(0).name]
    told("extents")
    for group in groups(prepared):
        if group.name.endswith(PARTS):
            continue  # how the two compare is not known before they are rounded
        made.factors[group.name] = tuple(map(rounded, factors(prepared, group, extents)))
        for tensor in group.tensors:
            extents[tensor.name] = extents[tensor.name].scaled(np.array(made.factors[group.name]))
    made.ranges = {
        tensor.name: _range(prepared, tensor, extents.get(tensor.name))
        for tensor in prepared.tensors()
        if tensor.data is None
    }
    told("ranges")
    rounded_graph = graph()
    round_filters(rounded_graph)
    made.bias = _bias(graph(), quantized(rounded_graph, made), made, inputs[::BIAS_EVERY])
    told("biases")
    return made


def _extents(graph: Graph, inputs: Iterable[U8]) -> dict[str, Extent]:
    """Of every computed tensor."""
    probe = Probe(graph, [op.outputs[0] for op in graph.ops])
    least: dict[str, list[F64]] = {}
    most: dict[str, list[F64]] = {}
    power: dict[str, list[F64]] = {}
    for rgb in inputs:
        for name, values in probe(rgb).items():
            flat = values.reshape(-1, values.shape[-1])
            least.setdefault(name, []).append(flat.min(0).astype(np.float64))
            most.setdefault(name, []).append(flat.max(0).astype(np.float64))
            power.setdefault(name, []).append(np.square(flat).mean(0, dtype=np.float64))
    return {name: Extent(np.array(least[name]), np.array(most[name]), np.array(power[name])) for name in least}


def _range(graph: Graph, tensor: Tensor, extent: Extent | None) -> tuple[float, float]:
    """What 8 bits must span. A value now and then may be cut off, but none of those few that gate whole channels."""
    gates = hard_swish_gates(graph)
    maker, users = graph.producer(tensor), graph.consumers(tensor)
    if maker is None or extent is None:
        return 0.0, 1.0  # the picture
    if maker.name == "LOGISTIC":
        return 0.0, rounded(255 / 256)
    if tensor.name.endswith(PARTS):
        return -2 * SIGMOID_SEES, 2 * SIGMOID_SEES  # the second corrects the first
    least, most = extent.least.min(1), extent.most.max(1)
    low, high = (least.min(), most.max()) if is_one_pixel(tensor) else (least.mean(), most.mean())
    low, high = min(float(low), 0.0), max(float(high), 0.0)
    if users and all(op.name == "LOGISTIC" for op in users):
        low, high = max(low, -SIGMOID_SEES), min(high, SIGMOID_SEES)
    if any(op in gates for op in users):
        low = max(low, HARD_SWISH_SEES)
    if maker in gates:
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
        if op.name not in _CONVOLUTIONS or op.outputs[0].name.endswith(PARTS):
            continue  # the sum of the parts is corrected
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
