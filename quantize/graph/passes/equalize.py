"""Scales per channel, moved through what is linear: one 8-bit range then suits every channel of a tensor.

A convolution's result may be multiplied by any positive vector if whoever takes it divides its weights by that
vector; RELU does not mind, nor does RELU6 where a channel stays below six; nor do MEAN, PAD, pooling, interpolation,
residual additions (all tensors around them share one vector) and the gates of squeeze-and-excitation. Tensors that
share a vector are a group. Source: Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias
Correction", ICCV 2019, here over whole groups.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from quantize.graph.graph import Graph, ModelError, Op, Tensor

F32 = npt.NDArray[np.float32]

_POSITIVE = (
    schema.ActivationFunctionType.NONE,
    schema.ActivationFunctionType.RELU,
    schema.ActivationFunctionType.RELU6,
)
_CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")
_TIED = ("MEAN", "RESIZE_BILINEAR", "MAX_POOL_2D", "AVERAGE_POOL_2D", "PAD")


@dataclass(frozen=True, slots=True)
class Group:
    """Tensors that can only be scaled together.

    name: of the first of them. channels: how long the vector is. capped: those that RELU6 cuts off at six, so that a
    channel's factor must be at least one, and leave the channel below six wherever it was before.
    """

    name: str
    channels: int
    tensors: tuple[Tensor, ...]
    capped: tuple[Tensor, ...] = ()


def groups(graph: Graph) -> list[Group]:
    """The groups that may be scaled, in the order of their first tensors."""
    ties = _Ties()
    for tensor in [*graph.inputs, *graph.outputs]:
        ties.fix(tensor)
    for op in graph.ops:
        _tie(op, ties)
    found: dict[int, list[Tensor]] = {}
    for op in graph.ops:
        for tensor in op.outputs:
            if not ties.is_fixed(tensor):
                found.setdefault(ties.root(tensor), []).append(tensor)
    capped = {id(op.outputs[0]) for op in graph.ops if _activation(op) == schema.ActivationFunctionType.RELU6}
    return [
        Group(ts[0].name, ts[0].shape[-1], tuple(ts), tuple(t for t in ts if id(t) in capped)) for ts in found.values()
    ]


def rescale(graph: Graph, factors: Mapping[str, F32]) -> None:
    """Multiply the tensors of each named group by its factors, positive, one for each channel; results stay equal.

    Raises ModelError for a group that is not there or another number of factors.
    """
    known = {group.name: group for group in groups(graph)}
    scale: dict[int, F32] = {}
    for name, values in factors.items():
        if name not in known:
            raise ModelError(f"The model has no group of tensors {name} that could be scaled; calibrate it again.")
        if values.shape != (known[name].channels,):
            raise ModelError(f"The group {name} has {known[name].channels} channels and not {values.size} factors.")
        scale.update((id(t), values) for t in known[name].tensors)
    for op in graph.ops:
        if op.name in _CONVOLUTIONS:
            _rescale_convolution(op, scale)
        elif _is_by_constant(op) and id(op.output) in scale:
            constant = op.input(1)
            op.inputs[1] = Tensor.constant(constant.name, _squeezed(constant.value * scale[id(op.output)]))


def untie(graph: Graph, sums: Collection[str]) -> None:
    """Let the ADDs that make these tensors take what skips to them through a scale per channel of its own.

    What skips is the operand that something else takes too. A depthwise convolution of 1x1 ones is put before the ADD,
    which costs little; the two sides of it are different groups then. Raises ModelError if there is no such ADD.
    """
    left = set(sums)
    for op in list(graph.ops):
        if op.name != "ADD" or op.outputs[0].name not in left:
            continue
        left.remove(op.outputs[0].name)
        at = skipping(graph, op)
        if at is None:
            raise ModelError(f"Nothing skips to the sum {op.outputs[0].name}; calibrate it again.")
        x = op.input(at)
        name = f"{op.outputs[0].name}_skip"
        ones = np.ones((1, 1, 1, x.shape[-1]), np.float32)
        options = schema.DepthwiseConv2DOptionsT()
        options.padding, options.strideW, options.strideH = schema.Padding.SAME, 1, 1
        options.depthMultiplier, options.dilationWFactor, options.dilationHFactor = 1, 1, 1
        constants = [
            Tensor.constant(f"{name}_scale", ones),
            Tensor.constant(f"{name}_bias", np.zeros(x.shape[-1], np.float32)),
        ]
        op.inputs[at] = Tensor(name, x.shape, x.dtype)
        graph.ops.insert(graph.ops.index(op), Op("DEPTHWISE_CONV_2D", [x, *constants], [op.input(at)], options))
    if left:
        raise ModelError(f"The model has no sum {min(left)}; calibrate it again.")


def skipping(graph: Graph, op: Op) -> int | None:
    """Which operand of a sum of two is taken by something else too; None if none is."""
    computed = [t for t in op.inputs if t is not None and t.data is None]
    if len(computed) != 2 or computed[0].shape != computed[1].shape:
        return None
    return next((at for at, t in enumerate(computed) if len(graph.consumers(t)) > 1), None)


def push_scalars(graph: Graph) -> None:
    """MUL by one number goes where all that take its result can have the number in their own weights instead.

    Of `expand_hard_swish`'s three operations two are left then.
    """
    inverse = {op.output.name: 1 / op.input(1).value for op in graph.ops if _is_by_constant(op)}
    factors = {}
    for group in groups(graph):
        numbers = {float(inverse[t.name][0]) for t in group.tensors if t.name in inverse and inverse[t.name].size == 1}
        if len(numbers) == 1:
            factors[group.name] = np.full(group.channels, numbers.pop(), np.float32)
    rescale(graph, factors)
    drop_mul_by_one(graph)


def drop_mul_by_one(graph: Graph) -> None:
    """MUL by a constant of ones goes: `rescale` moved its factor into the convolutions around it."""
    for op in list(graph.ops):
        if _is_by_constant(op) and np.all(op.input(1).value == 1):
            graph.ops.remove(op)
            graph.redirect(op.output, op.input(0))


def _is_by_constant(op: Op) -> bool:
    return op.name == "MUL" and op.input(1).data is not None


def _rescale_convolution(op: Op, scale: Mapping[int, F32]) -> None:
    x, y = scale.get(id(op.input(0))), scale.get(id(op.output))
    weights, bias = op.input(1).value, op.inputs[2] if len(op.inputs) > 2 else None
    if x is not None:
        weights = weights / x  # the last axis of both kinds is the input's channels
    if y is not None:
        weights = weights * (y if op.name == "DEPTHWISE_CONV_2D" else y[:, None, None, None])
        if bias is not None:
            op.inputs[2] = Tensor.constant(bias.name, bias.value * y)
    op.inputs[1] = Tensor.constant(op.input(1).name, weights.astype(np.float32))


def _squeezed(values: F32) -> F32:
    """One number where all are equal."""
    return values[:1] if np.all(values == values[0]) else values


class _Ties:
    """Which tensors share their factors, and which must keep theirs at one."""

    def __init__(self) -> None:
        self._parent: dict[int, int] = {}
        self._fixed: set[int] = set()

    def root(self, tensor: Tensor) -> int:
        at = id(tensor)
        while (above := self._parent.get(at, at)) != at:
            at = above
        return at

    def tie(self, a: Tensor, b: Tensor) -> None:
        old, new = self.root(b), self.root(a)
        self._parent[old] = new
        if old in self._fixed:
            self._fixed.add(new)

    def fix(self, tensor: Tensor) -> None:
        self._fixed.add(self.root(tensor))

    def is_fixed(self, tensor: Tensor) -> bool:
        return self.root(tensor) in self._fixed


def _activation(op: Op) -> int:
    return int(getattr(op.options, "fusedActivationFunction", schema.ActivationFunctionType.NONE))


def _tie(op: Op, ties: _Ties) -> None:
    """What one operation says about its tensors' factors."""
    activation = _activation(op)
    computed = [t for t in op.inputs if t is not None and t.data is None]
    same = all(t.shape[-1:] == op.output.shape[-1:] for t in computed)
    if op.name in _CONVOLUTIONS and activation in _POSITIVE:
        # A depthwise convolution that makes several channels of one has no factor for each output of its own.
        if op.name == "DEPTHWISE_CONV_2D" and op.input(0).shape[-1] != op.output.shape[-1]:
            ties.fix(op.input(0))
        return
    if op.name in _TIED and same and len(op.output.shape) == 4:
        ties.tie(computed[0], op.output)
    elif op.name == "ADD" and len(computed) == 2 and same and activation in _POSITIVE:
        ties.tie(computed[0], op.output)
        ties.tie(computed[1], op.output)
    elif _is_by_constant(op) and len(computed) == 1 and op.input(1).value.size == 1 and activation in _POSITIVE:
        return  # its constant takes the factor
    elif op.name == "MUL" and len(computed) == 2 and same and activation in _POSITIVE:
        gate, gated = _gate_first(computed, ties)
        ties.fix(gate)
        ties.tie(gated, op.output)
    elif op.name in _CONVOLUTIONS:
        ties.fix(op.output)
    else:
        for tensor in [*computed, *op.outputs]:
            ties.fix(tensor)


def _gate_first(pair: list[Tensor], ties: _Ties) -> list[Tensor]:
    """Of a product's two factors the one that is fixed anyway, or the smaller, comes first."""
    return sorted(pair, key=lambda t: (not ties.is_fixed(t), int(np.prod(t.shape))))
