"""How much to even out the channels of a group: as much as lowers the noise that 8 bits are expected to add."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quantize.graph.graph import Graph, Op, Tensor
from quantize.graph.passes.equalize import Group, groups, skipping

F64 = npt.NDArray[np.float64]

EXPECTED_LARGEST = 0.9  # of the pictures' largest values in a channel, the one that its range is taken from
MOST_FACTOR = 64.0
BELOW_CAP = 1.1  # how much room is left between a channel's largest value and RELU6's six
WORTH_UNTYING = 0.05  # of a convolution's power
STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True, slots=True)
class Extent:
    """The least, the most and the mean square of each channel of a tensor in each picture, (pictures, channels)."""

    least: F64
    most: F64
    power: F64

    @property
    def largest(self) -> F64:
        """The largest magnitude."""
        return np.maximum(-self.least, self.most)

    def scaled(self, factors: F64) -> Extent:
        """The same of the tensor multiplied by a factor for each channel."""
        return Extent(self.least * factors, self.most * factors, self.power * factors**2)


def factors(graph: Graph, group: Group, extents: Mapping[str, Extent]) -> F64:
    """One for each channel: the inverse of its share of the range, to the power that adds the least noise."""
    share = _shares(group, extents)
    room = np.full(group.channels, MOST_FACTOR)
    for tensor in group.capped:
        room = np.minimum(room, 6 / np.maximum(extents[tensor.name].most.max(0) * BELOW_CAP, 1e-9))
    tried = [np.clip(share**-strength, 1, np.maximum(room, 1)) for strength in STRENGTHS]
    noise = [_noise(graph, group, extents, each) for each in tried]
    return tried[int(np.argmin(noise))]


def hard_swish_gates(graph: Graph) -> list[Op]:
    """The sums RELU6(x + 3)."""
    return [op for op in graph.ops if op.name == "ADD" and op.input(1).data is not None]


def to_untie(graph: Graph, extents: Mapping[str, Extent]) -> tuple[str, ...]:
    """The sums whose operands share factors so badly that `equalize.untie` pays: names of their results.

    A channel that is faint on its way to a convolution with large weights is lost if it must share a scale with a
    strong one of the sum.
    """
    found = []
    tied = {t.name: factors(graph, group, extents) for group in groups(graph) for t in group.tensors}
    for op in graph.ops:
        at = skipping(graph, op) if op.name == "ADD" else None
        if at is None or op.input(at).name not in tied:
            continue
        alone = Group("", op.input(at).shape[-1], (op.input(at),))
        now = _noise(graph, alone, extents, tied[op.input(at).name])
        then = min(_noise(graph, alone, extents, _shares(alone, extents) ** -strength) for strength in STRENGTHS)
        if now > WORTH_UNTYING and now > 10 * then:
            found.append(op.outputs[0].name)
    return tuple(found)


def is_one_pixel(tensor: Tensor) -> bool:
    """Whether it holds one value for each channel."""
    return len(tensor.shape) < 4 or tensor.shape[1:3] == (1, 1)


def _shares(group: Group, extents: Mapping[str, Extent]) -> F64:
    """The range of each channel as a share of the widest, the largest such share over the group's tensors.

    Where there are pixels the mean over them needs no say; where there is but one, no picture may be cut off.
    """
    pixels = [tensor for tensor in group.tensors if not is_one_pixel(tensor)]
    share = np.full(group.channels, 1 / MOST_FACTOR)
    for tensor in pixels or group.tensors:
        reach = np.quantile(extents[tensor.name].largest, EXPECTED_LARGEST if pixels else 1.0, axis=0)
        share = np.maximum(share, reach / max(float(reach.max()), 1e-9))
    return share


def _noise(graph: Graph, group: Group, extents: Mapping[str, Extent], scale: F64) -> float:
    """Power of the errors behind every convolution that takes one of the tensors, as shares of its result's power."""
    total = 0.0
    for tensor in group.tensors:
        for op in graph.consumers(tensor):
            if op.name in ("CONV_2D", "DEPTHWISE_CONV_2D"):
                behind = extents[op.outputs[0].name].power.mean()
                total += _noise_behind(op, extents[tensor.name], scale) / max(float(behind), 1e-9)
    return total


def _noise_behind(op: Op, extent: Extent, scale: F64) -> float:
    """Mean power over one convolution's channels: of rounding what it takes, and of rounding its weights."""
    weights = np.abs(op.input(1).value.astype(np.float64)) / scale
    step = float((extent.largest * scale).max(1).mean()) / 255
    power = extent.power.mean(0) * scale**2
    squares = weights**2
    if op.name == "DEPTHWISE_CONV_2D":  # a scale for each channel: its weights' errors stay what they are
        return float(squares.sum((0, 1, 2)).mean() * step**2)
    taken = squares.sum((1, 2, 3)).mean() * step**2
    taps = weights.shape[1] * weights.shape[2]
    kept = ((weights.max((1, 2, 3)) / 127) ** 2).mean() * power.sum() * taps
    return float(taken + kept)
