"""Constants in FP16 behind DEQUANTIZE become constants in FP32."""

from __future__ import annotations

import numpy as np
from small_graphs import Graph, Op, Tensor, computed, conv, copied, names, numbers, options, run

from quantize.graph.graph import Quantization
from quantize.graph.passes.constants import fold_fp16


def _halved() -> Graph:
    """A convolution whose weights come from FP16."""
    x, y = computed("x", 1, 4, 6, 3), computed("y", 1, 4, 6, 5)
    op = conv(x, y, kernel=3)
    weights = op.input(1)
    half = Tensor.constant("w16", weights.value.astype(np.float16))
    weights.data = None
    return Graph([Op("DEQUANTIZE", [half], [weights]), op], [x], [y])


def test_the_constant_is_folded_and_the_numbers_stay() -> None:
    graph = _halved()
    before = run(copied(graph), numbers(1, 4, 6, 3))
    fold_fp16(graph)
    assert names(graph) == ["CONV_2D"]
    assert graph.ops[0].input(1).value.dtype == np.float32
    np.testing.assert_allclose(run(graph, numbers(1, 4, 6, 3))[0], before[0], atol=1e-6)


def test_one_constant_that_two_operations_take_is_folded_once_for_both() -> None:
    graph = _halved()
    again = computed("z", 1, 4, 6, 5)
    second = conv(graph.inputs[0], again, kernel=3)
    second.inputs[1] = graph.ops[1].input(1)
    graph.ops.append(second)
    graph.outputs.append(again)
    before = run(copied(graph), numbers(1, 4, 6, 3))
    fold_fp16(graph)
    assert graph.ops[0].input(1) is graph.ops[1].input(1)
    for a, b in zip(run(graph, numbers(1, 4, 6, 3)), before, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_integers_are_left_for_their_scales_say_what_they_mean() -> None:
    x, y = computed("x", 1, 4), computed("y", 1, 4)
    scales = Quantization(np.array([0.5], np.float32), np.array([3]))
    eight = Tensor("c8", (1, 4), np.dtype(np.int8), np.array([[1, 2, 3, 4]], np.int8), scales)
    wide = computed("c", 1, 4)
    adding = Op("ADD", [x, wide], [y], options("Add"))
    graph = Graph([Op("DEQUANTIZE", [eight], [wide]), adding], [x], [y])
    fold_fp16(graph)
    assert names(graph) == ["DEQUANTIZE", "ADD"]
    assert run(graph, np.zeros((1, 4), np.float32))[0].tolist() == [[-1.0, -0.5, 0.0, 0.5]]


def test_what_is_computed_stays_computed() -> None:
    x, y = Tensor("x", (1, 4), np.dtype(np.float16)), computed("y", 1, 4)
    graph = Graph([Op("DEQUANTIZE", [x], [y])], [x], [y])
    fold_fp16(graph)
    assert names(graph) == ["DEQUANTIZE"]
