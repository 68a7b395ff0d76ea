"""RELU and RELU6 go into the operation before them, where nothing else takes what that gives."""

from __future__ import annotations

import numpy as np
import pytest
from small_graphs import (
    NONE,
    RELU,
    RELU6,
    Graph,
    Tensor,
    binary,
    computed,
    constant,
    conv,
    copied,
    depthwise,
    names,
    numbers,
    relu,
    run,
    transpose_conv,
)

from quantize.graph.passes.activations import fuse_activations

X, SHAPE = numbers(1, 4, 6, 3) * 9, (1, 4, 6, 3)


def _graph(maker: str, activation: str, fused: int = NONE) -> Graph:
    x, y, z = (computed(name, *SHAPE) for name in "xyz")
    op = {
        "CONV_2D": lambda: conv(x, y, activation=fused),
        "DEPTHWISE_CONV_2D": lambda: depthwise(x, y, fusedActivationFunction=fused),
        "ADD": lambda: binary("ADD", x, x, y, fused),
        "MUL": lambda: binary("MUL", x, constant("c", *SHAPE), y, fused),
    }[maker]()
    return Graph([op, relu(y, z, activation)], [x], [z])


@pytest.mark.parametrize("maker", ["CONV_2D", "DEPTHWISE_CONV_2D", "ADD", "MUL"])
@pytest.mark.parametrize(("activation", "code"), [("RELU", RELU), ("RELU6", RELU6)])
def test_it_is_fused_and_the_numbers_stay(maker: str, activation: str, code: int) -> None:
    graph = _graph(maker, activation)
    (before,) = run(copied(graph), X)
    assert before.min() == 0  # the activation has work to do
    fuse_activations(graph)
    assert names(graph) == [maker]
    assert graph.ops[0].options.fusedActivationFunction == code
    assert graph.outputs[0].name == "z"
    np.testing.assert_allclose(run(graph, X)[0], before, atol=1e-6)


def _unchanged(graph: Graph) -> None:
    before, were = run(copied(graph), X), names(graph)
    fuse_activations(graph)
    assert names(graph) == were
    for a, b in zip(run(graph, X), before, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_not_where_another_operation_takes_the_same_result() -> None:
    graph = _graph("CONV_2D", "RELU")
    other = computed("other", *SHAPE)
    graph.ops.append(binary("ADD", graph.ops[0].output, graph.inputs[0], other))
    graph.outputs.append(other)
    _unchanged(graph)


def test_not_where_the_result_is_an_output_too() -> None:
    graph = _graph("CONV_2D", "RELU")
    graph.outputs.append(graph.ops[0].output)
    _unchanged(graph)


def test_not_over_another_activation() -> None:
    _unchanged(_graph("CONV_2D", "RELU6", fused=RELU))


def test_not_into_an_operation_without_one() -> None:
    x, y, z = computed("x", *SHAPE), computed("y", 1, 8, 12, 3), computed("z", 1, 8, 12, 3)
    _unchanged(Graph([transpose_conv(x, y), relu(y, z)], [x], [z]))


def test_not_of_the_input_itself() -> None:
    x, z = computed("x", *SHAPE), computed("z", *SHAPE)
    _unchanged(Graph([relu(x, z)], [x], [z]))


def test_two_activations_of_one_result_stay() -> None:
    graph = _graph("CONV_2D", "RELU")
    six = Tensor("six", SHAPE, np.dtype(np.float32))
    graph.ops.append(relu(graph.ops[0].output, six, "RELU6"))
    graph.outputs.append(six)
    _unchanged(graph)
