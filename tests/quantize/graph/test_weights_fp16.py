"""FP32 constants become FP16 behind DEQUANTIZE: half the bytes."""

from __future__ import annotations

import numpy as np
import pytest
from small_graphs import Graph, computed, conv, copied, names, numbers, resize_bilinear, run

from quantize.graph.graph import ModelError
from quantize.graph.passes.constants import fold_fp16, weights_fp16
from quantize.graph.writer import write


def _graph() -> Graph:
    x, y, z = computed("x", 1, 8, 8, 16), computed("y", 1, 8, 8, 32), computed("z", 1, 16, 16, 32)
    return Graph([conv(x, y, kernel=3), resize_bilinear(y, z)], [x], [z])


def test_the_file_is_half_as_large_and_the_numbers_are_those_of_fp16_weights() -> None:
    graph = _graph()
    rounded = copied(graph)
    for tensor in rounded.tensors():
        if tensor.data is not None and tensor.dtype == np.float32 and tensor.data.size >= 64:
            tensor.data = tensor.data.astype(np.float16).astype(np.float32)
    x = numbers(1, 8, 8, 16)
    full = len(write(graph))
    weights_fp16(graph)
    # The 32 values of the bias stay: DEQUANTIZE and a tensor take more bytes than they would save.
    assert names(graph) == ["DEQUANTIZE", "CONV_2D", "RESIZE_BILINEAR"]
    assert len(write(graph)) < 0.6 * full
    np.testing.assert_allclose(run(graph, x)[0], run(rounded, x)[0], atol=1e-5)


def test_folding_them_again_gives_the_rounded_weights() -> None:
    graph = _graph()
    weights = graph.ops[0].input(1).value
    weights_fp16(graph)
    fold_fp16(graph)
    assert names(graph) == ["CONV_2D", "RESIZE_BILINEAR"]
    assert np.array_equal(graph.ops[0].input(1).value, weights.astype(np.float16).astype(np.float32))


@pytest.mark.parametrize("value", [70_000.0, -1e30, np.inf, np.nan])
def test_a_weight_that_fp16_cannot_hold_is_an_error(value: float) -> None:
    graph = _graph()
    weights = graph.ops[0].input(1)
    weights.data = np.full_like(weights.value, value)
    with pytest.raises(ModelError, match="The constant y_w holds values that FP16 cannot"):
        weights_fp16(graph)
