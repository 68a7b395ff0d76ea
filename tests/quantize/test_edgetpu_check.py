"""What is expected of Coral's compiler, each limit on a graph of one operation that keeps it and one that breaks it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from quantize.edgetpu.check import Finding, check
from quantize.edgetpu.supported import SUPPORTED, VERSIONS
from quantize.graph.graph import Graph, Op, Quantization, Tensor
from quantize.graph.kinds import KINDS

RELU = schema.ActivationFunctionType.RELU
INT8 = np.dtype(np.int8)


def scaled(scale: float = 0.1, zero_point: int = 0) -> Quantization:
    return Quantization(np.array([scale], np.float32), np.array([zero_point], np.int64))


def small(name: str, *shape: int, dtype: Any = INT8) -> Tensor:
    """A computed tensor, of int8 with a scale."""
    return Tensor(name, shape, np.dtype(dtype), quantization=scaled() if np.dtype(dtype).kind in "iu" else None)


def constant(name: str, values: Any, dtype: Any = INT8) -> Tensor:
    made = Tensor.constant(name, np.array(values, dtype))
    made.quantization = scaled() if dtype is INT8 else None
    return made


def whole(*values: Any) -> Tensor:
    return constant("numbers", values, np.int32)


def options(kind: str, **values: Any) -> Any:
    made = getattr(schema, f"{kind}OptionsT")()
    for name, value in values.items():
        assert hasattr(made, name)
        setattr(made, name, value)
    return made


def one(name: str, inputs: list[Tensor], out: Tensor, said: Any = None, version: int = 1) -> Graph:
    """A graph of one operation."""
    given = [t for t in inputs if t.data is None]
    return Graph([Op(name, list(inputs), [out], said, version)], given, [out])


def judged(name: str, inputs: list[Tensor], out: Tensor, said: Any = None, version: int = 1) -> Finding:
    (finding,) = check(one(name, inputs, out, said, version))
    return finding


def chain(*names: str) -> Graph:
    """Operations of one input each, one after the other."""
    tensors = [small(f"t{at}", 1, 4, 4, 4) for at in range(len(names) + 1)]
    ops = [Op(name, [tensors[at]], [tensors[at + 1]]) for at, name in enumerate(names)]
    return Graph(ops, tensors[:1], tensors[-1:])


def convolution(down: int = 1, across: int = 1, weights: Tensor | None = None, version: int = 3) -> Finding:
    said = options("Conv2D", strideW=1, strideH=1, dilationHFactor=down, dilationWFactor=across)
    given = weights or constant("w", np.ones((4, 3, 3, 4)))
    return judged("CONV_2D", [small("x", 1, 8, 8, 4), given], small("y", 1, 8, 8, 4), said, version)


def pooled(activation: int = 0) -> Finding:
    said = options("Pool2D", filterHeight=2, filterWidth=2, strideH=2, strideW=2, fusedActivationFunction=activation)
    return judged("MAX_POOL_2D", [small("x", 1, 4, 4, 4)], small("y", 1, 2, 2, 4), said)


def joined(*inputs: Tensor, activation: int = 0) -> Finding:
    said = options("Concatenation", axis=3, fusedActivationFunction=activation)
    return judged("CONCATENATION", list(inputs), small("y", 1, 2, 2, 2 * len(inputs)), said)


def reduced(name: str, *axes: int, channels: int = 8) -> Finding:
    return judged(name, [small("x", 1, 4, 4, channels), whole(*axes)], small("y", 1, 1, 1, channels))


def padded(*paddings: tuple[int, int]) -> Finding:
    return judged("PAD", [small("x", 1, 4, 4, 1), whole(*paddings)], small("y", 1, 6, 6, 1))


def layer(rows: int = 1, layout: int = 0) -> Finding:
    said = options("FullyConnected", weightsFormat=layout)
    return judged("FULLY_CONNECTED", [small("x", rows, 4), constant("w", np.ones((3, 4)))], small("y", rows, 3), said)


def cut(*strides: int, new_axis: int = 0) -> Finding:
    said = options("StridedSlice", newAxisMask=new_axis)
    given = [small("x", 1, 4, 4, 1), whole(0, 0, 0, 0), whole(1, 4, 4, 1), whole(*strides)]
    return judged("STRIDED_SLICE", given, small("y", 1, 4, 4, 1), said)


def split(axis: int) -> Finding:
    return judged("SPLIT", [constant("axis", axis, np.int32), small("x", 2, 4)], small("y", 1, 4), options("Split"))


def enlarged(side: int, half: bool = False) -> Finding:
    said = options("ResizeBilinear", halfPixelCenters=half)
    given = [small("x", 1, side // 2, side // 2, 4), whole(side, side)]
    return judged("RESIZE_BILINEAR", given, small("y", 1, side, side, 4), said)


def sloped(*shape: int) -> Finding:
    return judged("PRELU", [small("x", 1, 4, 4, 4), constant("a", np.ones(shape))], small("y", 1, 4, 4, 4))


def row(*shape: int) -> Finding:
    return judged("SOFTMAX", [small("x", *shape)], small("y", *shape), options("Softmax"))


ZEROS, ONES = constant("zeros", np.zeros((1, 2, 2, 2))), constant("ones", np.ones((1, 2, 2, 2)))
A, B = small("a", 1, 2, 2, 2), small("b", 1, 2, 2, 2)
KEPT = [
    convolution(2, 2),
    pooled(),
    joined(A, B),
    joined(A, ZEROS),
    reduced("MEAN", 1, 2, channels=3),
    reduced("MEAN", 3),
    reduced("MEAN", -1),
    reduced("SUM", 1),
    padded((0, 0), (1, 1), (1, 1), (0, 0)),
    layer(),
    cut(1, 1, 1, 1),
    enlarged(128),
    sloped(1, 1, 4),
    row(1, 16_000),
]
BROKEN = [
    (convolution(1, 2), "is dilated by 1 down and 2 across, which must be equal"),
    (pooled(RELU), "has a fused activation"),
    (joined(A, B, activation=RELU), "has a fused activation"),
    (joined(A, ONES), "joins a constant that is not all zeros"),
    (joined(A, B, ZEROS), "joins a constant to 2 tensors, and only one is taken"),
    (reduced("MEAN", 0), "reduces the batch"),
    (reduced("MEAN", -4), "reduces the batch"),
    (reduced("MEAN", 3, channels=6), "takes the mean over 6 channels, no multiple of 4"),
    (reduced("SUM", 0), "reduces the batch"),
    (reduced("REDUCE_MAX", 0), "reduces the batch"),
    (padded((1, 0), (0, 0), (0, 0), (0, 0)), "pads the batch"),
    (layer(rows=2), "gives [2, 3], and only one row is taken"),
    (layer(layout=1), "has shuffled weights"),
    (cut(1, 2, 2, 1), "steps by [1, 2, 2, 1], and only 1 is taken"),
    (cut(1, 1, 1, 1, new_axis=1), "has an ellipsis or a new axis"),
    (split(0), "splits the batch"),
    (sloped(4, 4, 4), "has slopes of [4, 4, 4], and one for each channel is taken"),
    (row(2, 8), "takes [2, 8], and only one row is taken"),
    (row(1, 16_001), "takes 16001 elements, more than 16000"),
    (convolution(weights=small("computed", 4, 3, 3, 4)), "has parameters that are computed, computed"),
    (judged("LOGISTIC", [small("x", 2, 4, 4, 4)], small("y", 2, 4, 4, 4)), "meets [2, 4, 4, 4], and only the three"),
    (judged("LOGISTIC", [small("x", 4, dtype=np.float32)], small("y", 4)), "computes with float32, and only quantized"),
    (judged("LOGISTIC", [small("x", 4, dtype=np.int16)], small("y", 4)), "computes with int16, and only quantized"),
    (judged("LOGISTIC", [Tensor("x", (4,), INT8)], small("y", 4)), "computes with int8, and only quantized"),
    (judged("HARD_SWISH", [small("x", 4)], small("y", 4)), "is not on Coral's list"),
]


@pytest.mark.parametrize("finding", KEPT, ids=lambda f: f.op)
def test_what_keeps_the_limits_is_mapped(finding: Finding) -> None:
    assert finding.supported
    assert finding.mapped
    assert finding.surely
    assert not finding.doubt


@pytest.mark.parametrize(("finding", "reason"), BROKEN, ids=lambda v: v.op if isinstance(v, Finding) else "")
def test_what_breaks_a_limit_is_refused_with_the_reason(finding: Finding, reason: str) -> None:
    assert finding.refusal.startswith(reason)
    assert not finding.supported
    assert not finding.mapped
    assert not finding.surely


@pytest.mark.parametrize(
    ("finding", "reason"),
    [
        (enlarged(130), "enlarges to 130x130"),
        (enlarged(64, half=True), "has half-pixel centres"),
        (reduced("MEAN", 1), ""),
        (judged("MEAN", [small("x", 1, 256, 256, 4), whole(1, 2)], small("y", 1, 1, 1, 4)), "takes the mean of"),
        (judged("RESHAPE", [small("x", 1, 512, 512)], small("y", 1, 512 * 512)), "large ones might be left"),
    ],
)
def test_doubts_leave_it_to_the_compiler(finding: Finding, reason: str) -> None:
    assert finding.supported
    assert finding.mapped
    assert finding.doubt.startswith(reason)
    assert finding.surely == (not reason)


def test_an_unknown_version_makes_the_compiler_refuse_the_whole_file() -> None:
    graph = chain("LOGISTIC", "DEPTH_TO_SPACE", "TANH")
    assert [finding.mapped for finding in check(graph)] == [True, False, False]
    graph.ops[1].version = 2
    found = check(graph)
    assert [finding.mapped for finding in found] == [False, False, False]
    assert [finding.fatal for finding in found] == [False, True, False]
    assert (
        convolution(version=5).refusal == "is of version 5, and the compiler reads up to 4: it refuses the whole file"
    )


def test_custom_operations_are_not_on_the_list() -> None:
    graph = chain("LOGISTIC")
    graph.ops[0].custom, graph.ops[0].version = True, 9
    assert check(graph)[0].refusal == "is not on Coral's list"


class TestTheOnePart:
    def test_what_comes_after_a_refused_one_runs_on_the_cpu(self) -> None:
        found = check(chain("LOGISTIC", "TANH", "HARD_SWISH", "TANH", "RELU"))
        assert [f.mapped for f in found] == [True, True, False, False, False]
        assert [f.supported for f in found] == [True, True, False, True, True]

    def test_a_refused_one_at_the_head_costs_nothing_else(self) -> None:
        assert [f.mapped for f in check(chain("HARD_SWISH", "TANH", "RELU"))] == [False, True, True]

    def test_another_path_goes_on_until_the_two_meet(self) -> None:
        x, a, b, c, y = (small(name, 1, 4, 4, 4) for name in "xabcy")
        ops = [
            Op("HARD_SWISH", [x], [a]),
            Op("LOGISTIC", [x], [b]),
            Op("TANH", [b], [c]),
            Op("ADD", [a, c], [y], options("Add")),
        ]
        assert [f.mapped for f in check(Graph(ops, [x], [y]))] == [False, True, True, False]

    def test_doubts_cost_what_follows_at_worst(self) -> None:
        graph = chain("LOGISTIC", "TRANSPOSE_CONV", "TANH")
        x, y = graph.ops[1].inputs[0], graph.ops[1].output
        graph.ops[1].inputs = [whole(*y.shape), constant("w", np.ones((4, 1, 1, 4))), x]
        found = check(graph)
        assert [f.mapped for f in found] == [True, True, True]
        assert [f.surely for f in found] == [True, False, False]

    def test_nothing_supported_is_no_part(self) -> None:
        assert not any(f.mapped for f in check(chain("HARD_SWISH", "ELU")))


def test_the_list_names_operations_of_the_schema() -> None:
    assert set(VERSIONS) <= set(vars(schema.BuiltinOperator)) >= set(SUPPORTED)
    assert "DEPTH_TO_SPACE" not in SUPPORTED
    assert "HARD_SWISH" not in SUPPORTED
    assert {"CONV_2D", "MEAN", "TRANSPOSE_CONV"} <= set(SUPPORTED) & set(KINDS)
