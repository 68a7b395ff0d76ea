"""MediaPipe's custom transposed convolution becomes the built-in one."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from small_graphs import VALID, Graph, computed, copied, deconvolution, names, numbers, run

from quantize.graph.graph import ModelError
from quantize.graph.passes.transpose_conv import builtin_transpose_conv

X = numbers(1, 4, 6, 5)


def _graph(kernel: int = 2, channels: int = 1, padding: int = 1) -> Graph:
    x = computed("x", 1, 4, 6, 5)
    extra = max(kernel - 2, 0) if padding == 2 else 0
    out = computed("out", 1, 8 + extra, 12 + extra, channels)
    return Graph([deconvolution(x, out, kernel, 2, padding)], [x], [out])


@pytest.mark.parametrize("kernel", [2, 3, 4])
@pytest.mark.parametrize("padding", [1, 2])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_numbers_stay(kernel: int, padding: int, channels: int) -> None:
    graph = _graph(kernel, channels, padding)
    before = run(copied(graph), X)
    builtin_transpose_conv(graph)
    op = graph.ops[0]
    assert (op.name, op.version, op.custom) == ("TRANSPOSE_CONV", 3, False)
    assert (op.options.padding == VALID) == (padding == 2)  # the two enumerations count differently
    np.testing.assert_allclose(run(graph, X)[0], before[0], atol=1e-5)


def test_height_and_width_have_strides_of_their_own() -> None:
    graph = _graph()
    graph.ops[0].options = struct.pack("<iii", 1, 3, 2)  # padding, width, height
    graph.outputs[0].shape = (1, 8, 18, 1)
    builtin_transpose_conv(graph)
    assert (graph.ops[0].options.strideW, graph.ops[0].options.strideH) == (3, 2)


def test_another_custom_operation_stays() -> None:
    graph = _graph()
    graph.ops[0].name = "MaxUnpooling2D"
    builtin_transpose_conv(graph)
    assert names(graph) == ["MaxUnpooling2D"]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"", "options of 0 bytes and not 12"),
        (bytes(11), "options of 11 bytes"),
        (struct.pack("<iii", 0, 2, 2), "padding 0, which is neither SAME nor VALID"),
        (struct.pack("<iii", -1, 2, 2), "padding -1"),
    ],
)
def test_options_that_are_none_are_an_error(said: bytes, words: str) -> None:
    graph = _graph()
    graph.ops[0].options = said
    with pytest.raises(ModelError, match=words):
        builtin_transpose_conv(graph)


def test_a_missing_bias_is_an_error() -> None:
    graph = _graph()
    del graph.ops[0].inputs[2]
    with pytest.raises(ModelError, match="has no input 2"):
        builtin_transpose_conv(graph)
