"""Logits get a LOGISTIC; what is a probability already stays."""

from __future__ import annotations

import numpy as np
import pytest
from small_graphs import (
    Graph,
    Op,
    computed,
    constant,
    conv,
    copied,
    names,
    numbers,
    options,
    relu,
    resize_bilinear,
    run,
    whole,
)

from quantize.graph.graph import ModelError
from quantize.graph.passes.tidy import add_signature, mask_as_probability

X = numbers(1, 4, 6, 3)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-x.astype(np.float64))))


def _logits(channels: int = 1) -> Graph:
    x, y = computed("x", 1, 4, 6, 3), computed("y", 1, 4, 6, channels)
    return Graph([conv(x, y)], [x], [y])


def test_logits_become_probabilities() -> None:
    graph = _logits()
    (before,) = run(copied(graph), X)
    mask_as_probability(graph)
    assert names(graph) == ["CONV_2D", "LOGISTIC"]
    np.testing.assert_allclose(run(graph, X)[0], _sigmoid(before), atol=1e-6)


def test_the_signature_names_the_probabilities() -> None:
    graph = _logits()
    add_signature(graph)
    mask_as_probability(graph)
    assert graph.signature["outputs"]["mask"] is graph.outputs[0]
    assert graph.signature["inputs"]["image"] is graph.inputs[0]


def test_what_else_takes_the_logits_goes_on_with_the_logits() -> None:
    graph = _logits()
    other = computed("other", 1, 4, 6, 1)
    graph.ops.append(relu(graph.outputs[0], other))
    graph.outputs.append(other)
    before = run(copied(graph), X)
    mask_as_probability(graph)
    mask, rest = run(graph, X)
    np.testing.assert_allclose(mask, _sigmoid(before[0]), atol=1e-6)
    np.testing.assert_allclose(rest, before[1], atol=1e-6)


@pytest.mark.parametrize("after", ["", "RESIZE_BILINEAR", "RESHAPE"])
def test_probabilities_stay(after: str) -> None:
    graph = _logits()
    mask_as_probability(graph)
    p = graph.outputs[0]
    if after == "RESIZE_BILINEAR":
        graph.outputs = [computed("large", 1, 8, 12, 1)]
        graph.ops.append(resize_bilinear(p, graph.outputs[0]))
    elif after:
        graph.outputs = [computed("flat", 1, 6, 4, 1)]
        graph.ops.append(Op("RESHAPE", [p, whole("shape", 1, 6, 4, 1)], graph.outputs, options("Reshape")))
    before, were = run(copied(graph), X), names(graph)
    mask_as_probability(graph)
    assert names(graph) == were
    np.testing.assert_allclose(run(graph, X)[0], before[0], atol=1e-6)


def test_two_channels_are_an_error_for_they_are_read_otherwise() -> None:
    with pytest.raises(ModelError, match=r"The output y, float32 \[1, 4, 6, 2\], is no mask of logits"):
        mask_as_probability(_logits(2))


def test_integers_are_an_error_for_their_logits_have_scales() -> None:
    graph = _logits()
    graph.outputs[0].dtype = np.dtype(np.int8)
    with pytest.raises(ModelError, match="int8"):
        mask_as_probability(graph)


def test_a_second_output_stays_as_it_is() -> None:
    graph = _logits()
    other = computed("other", 1, 4, 6, 3)
    graph.ops.append(Op("ADD", [graph.inputs[0], constant("c", 3)], [other], options("Add")))
    graph.outputs.append(other)
    mask_as_probability(graph)
    assert graph.outputs[1] is other
