"""Pooling that leaves nothing over is the same with SAME, which fits other sizes too."""

from __future__ import annotations

import numpy as np
import pytest
from small_graphs import SAME, VALID, Graph, computed, copied, numbers, pool, run

from quantize.graph.passes.resize import pool_edges


def _graph(name: str, window: tuple[int, int], stride: tuple[int, int], side: int = 12) -> Graph:
    x = computed("x", 1, side, 12, 3)
    sides = [(s - k) // by + 1 for s, k, by in zip((side, 12), window, stride, strict=True)]
    out = computed("out", 1, *sides, 3)
    return Graph([pool(name, x, out, window, stride, padding=VALID)], [x], [out])


@pytest.mark.parametrize("name", ["MAX_POOL_2D", "AVERAGE_POOL_2D"])
@pytest.mark.parametrize("window", [(2, 2), (3, 3), (4, 2)])
def test_the_numbers_stay(name: str, window: tuple[int, int]) -> None:
    graph = _graph(name, window, window)
    x = numbers(1, 12, 12, 3)
    before = run(copied(graph), x)
    pool_edges(graph)
    assert graph.ops[0].options.padding == SAME
    np.testing.assert_allclose(run(graph, x)[0], before[0], atol=1e-6)


@pytest.mark.parametrize(
    ("window", "stride", "side"),
    [((3, 3), (2, 2), 12), ((1, 1), (2, 2), 12), ((2, 2), (2, 2), 13), ((5, 2), (5, 2), 12)],
)
def test_not_where_something_is_left_over(window: tuple[int, int], stride: tuple[int, int], side: int) -> None:
    graph = _graph("MAX_POOL_2D", window, stride, side)
    pool_edges(graph)
    assert graph.ops[0].options.padding == VALID


def test_not_another_operation() -> None:
    graph = _graph("MAX_POOL_2D", (2, 2), (2, 2))
    graph.ops[0].name = "CONV_2D"
    pool_edges(graph)
    assert graph.ops[0].options.padding == VALID
