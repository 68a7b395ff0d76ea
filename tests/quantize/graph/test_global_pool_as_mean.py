"""Pooling over the whole picture becomes MEAN."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from small_graphs import RELU, SAME, VALID, Graph, Tensor, computed, copied, names, numbers, pool, run

from quantize.graph.graph import Quantization
from quantize.graph.passes.resize import global_pool_as_mean

X = numbers(1, 4, 6, 5)


def _graph(
    name: str = "AVERAGE_POOL_2D", window: tuple[int, int] = (4, 6), stride: tuple[int, int] = (4, 6), **more: Any
) -> Graph:
    more.setdefault("padding", VALID)
    x = computed("x", 1, 4, 6, 5)
    sides = [-(-side // s) for side, s in zip((4, 6), stride, strict=True)]
    if more["padding"] == VALID:
        sides = [(side - k) // s + 1 for side, k, s in zip((4, 6), window, stride, strict=True)]
    out = computed("out", 1, *sides, 5)
    return Graph([pool(name, x, out, window, stride, **more)], [x], [out])


@pytest.mark.parametrize("padding", [SAME, VALID])
def test_the_numbers_stay(padding: int) -> None:
    graph = _graph(padding=padding)
    before = run(copied(graph), X)
    global_pool_as_mean(graph)
    assert names(graph) == ["MEAN"]
    assert graph.outputs[0].shape == (1, 1, 1, 5)
    np.testing.assert_allclose(run(graph, X)[0], before[0], atol=1e-6)


@pytest.mark.parametrize(
    "more",
    [
        {"name": "MAX_POOL_2D"},
        {"window": (2, 3), "stride": (2, 3)},  # not of the whole picture
        {"window": (3, 6)},  # one result, of a part
        {"window": (7, 11), "padding": SAME},  # more than the picture
        {"fusedActivationFunction": RELU},
    ],
    ids=str,
)
def test_not_another_kind(more: dict[str, Any]) -> None:
    graph = _graph(**more)
    before, were = run(copied(graph), X), names(graph)
    global_pool_as_mean(graph)
    assert names(graph) == were
    np.testing.assert_allclose(run(graph, X)[0], before[0], atol=1e-6)


def test_not_with_integers_which_round_otherwise() -> None:
    graph = _graph()
    for tensor in (graph.inputs[0], graph.outputs[0]):
        tensor.dtype = np.dtype(np.int8)
        tensor.quantization = Quantization(np.array([0.1], np.float32), np.array([0]))
    global_pool_as_mean(graph)
    assert names(graph) == ["AVERAGE_POOL_2D"]
    assert isinstance(graph.outputs[0], Tensor)
