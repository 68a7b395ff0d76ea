"""A 1x1 convolution and an enlargement change places."""

from __future__ import annotations

import numpy as np
import pytest
from small_graphs import (
    RELU,
    VALID,
    Graph,
    Op,
    Tensor,
    binary,
    computed,
    conv,
    copied,
    names,
    numbers,
    resize_bilinear,
    run,
)

from quantize.graph.graph import Quantization
from quantize.graph.passes.commute import conv_before_resize

X = numbers(1, 4, 6, 8)
SWAPPED = ["CONV_2D", "RESIZE_BILINEAR"]


def _graph(large: tuple[int, int] = (8, 12), align: bool = False, half: bool = False, **of_conv: object) -> Graph:
    x, big = computed("x", 1, 4, 6, 8), computed("big", 1, *large, 8)
    stride = of_conv.get("stride", 1)
    assert isinstance(stride, int)
    out = computed("out", 1, -(-large[0] // stride), -(-large[1] // stride), 3)
    return Graph([resize_bilinear(x, big, align, half), conv(big, out, **of_conv)], [x], [out])  # type: ignore[arg-type]


@pytest.mark.parametrize(("align", "half"), [(False, False), (True, False), (False, True)])
@pytest.mark.parametrize("large", [(8, 12), (9, 17), (4, 30)])
def test_they_change_places_and_the_numbers_stay(large: tuple[int, int], align: bool, half: bool) -> None:
    graph = _graph(large, align, half)
    before = run(copied(graph), X)
    conv_before_resize(graph)
    assert names(graph) == SWAPPED
    assert graph.ops[0].output.shape == (1, 4, 6, 3)
    np.testing.assert_allclose(run(graph, X)[0], before[0], atol=1e-5)


def test_an_empty_bias_is_not_followed() -> None:
    """LiteRT does not run it, but a pass that comes before the check must not fall over it."""
    graph = _graph()
    graph.ops[1].inputs[2] = None
    conv_before_resize(graph)
    assert names(graph) == SWAPPED
    assert graph.ops[0].inputs[2] is None


def _unchanged(graph: Graph, *inputs: np.ndarray) -> None:
    before, were = run(copied(graph), *(inputs or (X,))), names(graph)
    conv_before_resize(graph)
    assert names(graph) == were
    for a, b in zip(run(graph, *(inputs or (X,))), before, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.parametrize("large", [(2, 3), (4, 6), (3, 8)])
def test_not_before_what_does_not_enlarge(large: tuple[int, int]) -> None:
    _unchanged(_graph(large))


@pytest.mark.parametrize(
    "of_conv", [{"kernel": 3}, {"stride": 2}, {"activation": RELU}, {"stride": 2, "padding": VALID}], ids=str
)
def test_not_a_convolution_that_minds_the_place(of_conv: dict[str, int]) -> None:
    _unchanged(_graph(**of_conv))


def test_not_where_another_takes_the_enlarged_too() -> None:
    graph = _graph()
    doubled = computed("doubled", 1, 8, 12, 8)
    graph.ops.append(binary("ADD", graph.ops[0].output, graph.ops[0].output, doubled))
    graph.outputs.append(doubled)
    _unchanged(graph)


def test_not_where_the_enlarged_is_an_output_too() -> None:
    graph = _graph()
    graph.outputs.append(graph.ops[0].output)
    _unchanged(graph)


def test_not_with_a_bias_that_is_computed_after_the_enlargement() -> None:
    graph = _graph()
    given = computed("given", 3)
    bias = computed("bias", 3)
    graph.ops[1].inputs[2] = bias
    graph.ops.insert(1, binary("ADD", given, given, bias))
    graph.inputs.append(given)
    _unchanged(graph, X, numbers(3))


def test_not_with_integers() -> None:
    graph = _graph()
    graph.ops[1].inputs[2] = Tensor.constant("bias8", np.array([1, 2, 3], np.int32))
    for tensor in graph.tensors():
        if tensor.dtype == np.float32:
            tensor.dtype = np.dtype(np.int8)
            tensor.quantization = Quantization(np.array([0.1], np.float32), np.array([0]))
            tensor.data = None if tensor.data is None else (tensor.data * 10).astype(np.int8)
    _unchanged(graph, (X * 10).astype(np.int8))


def test_every_pair_in_a_chain_changes_places() -> None:
    graph = _graph()
    small = graph.outputs[0]
    big, out = computed("bigger", 1, 16, 24, 3), computed("end", 1, 16, 24, 2)
    graph.ops += [resize_bilinear(small, big), conv(big, out)]
    graph.outputs = [out]
    before = run(copied(graph), X)
    conv_before_resize(graph)
    np.testing.assert_allclose(run(graph, X)[0], before[0], atol=1e-5)
    first: Op = graph.ops[0]
    assert first.name == "CONV_2D"
    assert names(graph).count("CONV_2D") == 2
