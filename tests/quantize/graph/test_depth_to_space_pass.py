"""A transposed convolution without overlap becomes a 1x1 convolution and DEPTH_TO_SPACE."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from small_graphs import RELU, SAME, VALID, Graph, Op, computed, copied, names, numbers, run, transpose_conv

from quantize.graph.passes.transpose_conv import depth_to_space

X = numbers(1, 3, 5, 7)


def _graph(stride: int = 2, channels: int = 1, size: tuple[int, int] | None = None, **more: Any) -> Graph:
    x = computed("x", 1, 3, 5, 7)
    rows, columns = size or (3 * stride, 5 * stride)
    out = computed("out", 1, rows, columns, channels)
    more.setdefault("kernel", stride)
    return Graph([transpose_conv(x, out, stride=stride, **more)], [x], [out])


@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize("stride", [2, 3])
@pytest.mark.parametrize("padding", [SAME, VALID])
def test_the_numbers_stay(channels: int, stride: int, padding: int) -> None:
    graph = _graph(stride, channels, padding=padding)
    before = run(copied(graph), X)
    depth_to_space(graph)
    assert names(graph) == ["CONV_2D", "DEPTH_TO_SPACE"]
    np.testing.assert_allclose(run(graph, X)[0], before[0], atol=1e-5)


@pytest.mark.parametrize("bias", ["none", "left out"])
def test_it_does_without_a_bias(bias: str) -> None:
    graph = _graph(channels=2, bias=None)
    if bias == "none":
        graph.ops[0].inputs.append(None)
        graph.ops[0].version = 3
    before = run(copied(graph), X)
    depth_to_space(graph)
    assert names(graph) == ["CONV_2D", "DEPTH_TO_SPACE"]
    np.testing.assert_allclose(run(graph, X)[0], before[0], atol=1e-5)


def _unchanged(graph: Graph) -> None:
    before = run(copied(graph), X)
    were = names(graph)
    depth_to_space(graph)
    assert names(graph) == were
    np.testing.assert_allclose(run(graph, X)[0], before[0], atol=1e-6)


@pytest.mark.parametrize(
    "more",
    [
        {"kernel": 3},  # overlaps
        {"kernel": 4},
        {"kernel": 1},  # leaves holes
        {"size": (5, 9)},  # cuts the last blocks off
        {"activation": RELU},
        {"stride": 1},  # nothing to lay out
        {"strideW": 1, "size": (6, 5)},  # not as wide as high
    ],
    ids=str,
)
def test_not_another_kind(more: dict[str, Any]) -> None:
    _unchanged(_graph(**more))


@pytest.mark.parametrize("which", [1, 3])
def test_not_with_weights_or_a_bias_that_are_computed(which: int) -> None:
    graph = _graph()
    tensor = graph.ops[0].input(which)
    half = type(tensor).constant("half", tensor.value.astype(np.float16))
    tensor.data = None
    graph.ops.insert(0, Op("DEQUANTIZE", [half], [tensor]))
    _unchanged(graph)
