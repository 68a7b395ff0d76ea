"""What nothing takes goes, outputs are chosen by name, and the signature names what is left."""

from __future__ import annotations

import numpy as np
import pytest
from small_graphs import Graph, computed, conv, copied, names, numbers, relu, run

from quantize.graph.flatbuffer import read
from quantize.graph.graph import ModelError
from quantize.graph.passes.tidy import add_signature, drop_orphans, keep_outputs
from quantize.graph.writer import write

X = numbers(1, 4, 6, 3)


def _graph() -> Graph:
    """Three outputs of one picture: a, b (of a) and c."""
    x, a, b, c = (computed(name, 1, 4, 6, 3) for name in "xabc")
    return Graph([conv(x, a), relu(a, b), conv(x, c, kernel=3)], [x], [a, b, c])


def test_outputs_are_kept_in_the_order_asked_and_the_others_go() -> None:
    graph = _graph()
    a, _, c = run(copied(graph), X)
    keep_outputs(graph, {"c": "mask", "a": "presence"})
    drop_orphans(graph)
    assert names(graph) == ["CONV_2D", "CONV_2D"]
    assert list(graph.signature["outputs"]) == ["mask", "presence"]
    assert list(graph.signature["inputs"]) == ["image"]
    for got, was in zip(run(graph, X), (c, a), strict=True):
        np.testing.assert_allclose(got, was, atol=1e-6)


def test_what_a_kept_output_needs_stays() -> None:
    graph = _graph()
    b = run(copied(graph), X)[1]
    keep_outputs(graph, {"b": "mask"})
    drop_orphans(graph)
    assert names(graph) == ["CONV_2D", "RELU"]
    np.testing.assert_allclose(run(graph, X)[0], b, atol=1e-6)


def test_orphans_go_with_all_that_only_they_took() -> None:
    graph = _graph()
    graph.outputs = graph.outputs[2:]
    before = run(copied(graph), X)
    drop_orphans(graph)
    assert names(graph) == ["CONV_2D"]
    assert "a_w" not in {t.name for t in graph.tensors()}
    np.testing.assert_allclose(run(graph, X)[0], before[0], atol=1e-6)


def test_a_graph_without_orphans_stays_as_it_is() -> None:
    graph = _graph()
    ops = list(graph.ops)
    drop_orphans(graph)
    assert graph.ops == ops


def test_an_output_that_is_not_there_is_an_error_that_names_those_that_are() -> None:
    with pytest.raises(ModelError, match="has no output mask; it has a, b, c"):
        keep_outputs(_graph(), {"mask": "mask"})


def test_outputs_of_one_name_cannot_be_told_apart() -> None:
    graph = _graph()
    graph.outputs[1].name = "a"
    with pytest.raises(ModelError, match="Two outputs of the model have the same name"):
        keep_outputs(graph, {"a": "mask"})


def test_two_outputs_cannot_have_one_name_in_the_signature() -> None:
    with pytest.raises(ModelError, match="the same name"):
        keep_outputs(_graph(), {"a": "mask", "b": "mask"})


def test_the_runtime_finds_inputs_and_outputs_by_the_signature() -> None:
    from ai_edge_litert.interpreter import Interpreter

    graph = _graph()
    before = run(copied(graph), X)
    add_signature(graph)
    runner = Interpreter(model_content=write(graph)).get_signature_runner("serving_default")
    given = runner(image=X)
    for name, was in zip(("mask", "output_1", "output_2"), before, strict=True):
        np.testing.assert_allclose(given[name], was, atol=1e-6)
    assert list(read(write(graph)).signature["outputs"]) == ["mask", "output_1", "output_2"]
