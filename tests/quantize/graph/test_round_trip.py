"""Reading what was written gives the same graph, and the same graph gives the same bytes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from small_graphs import (
    Graph,
    Op,
    Tensor,
    binary,
    computed,
    constant,
    conv,
    copied,
    deconvolution,
    options,
    relu,
    whole,
)

from quantize.graph.flatbuffer import read, write
from quantize.graph.graph import ModelError, Quantization
from quantize.graph.passes.tidy import add_signature
from quantize.graph.validate import validate


def _graph() -> Graph:
    """Every kind of thing that a file holds: optional inputs, custom bytes, scales, types, a signature."""
    x, a, b, c = (computed(name, 1, 4, 6, 3) for name in "xabc")
    scales = Quantization(np.array([0.5, 0.25, 2], np.float32), np.array([0, -3, 7]), 3)
    eight = Tensor("w8", (1, 3, 3, 3), np.dtype(np.int8), np.arange(27, dtype=np.int8).reshape(1, 3, 3, 3), scales)
    odd = Tensor("w", (1, 3, 3, 3), np.dtype(np.float32))
    half = Tensor.constant("b16", np.ones(3, np.float16))
    bias = computed("b32", 3)
    set_to = options("DepthwiseConv2D", strideW=1, strideH=1, depthMultiplier=1)
    flat, dense = computed("flat", 1, 72), computed("dense", 1, 5)
    ops = [
        Op("DEQUANTIZE", [eight], [odd]),
        Op("DEQUANTIZE", [half], [bias]),
        Op("DEPTHWISE_CONV_2D", [x, odd, bias], [a], set_to),
        Op("HARD_SWISH", [a], [b]),
        deconvolution(b, c, 1, 1),
        Op("RESHAPE", [c, whole("shape", 1, 72)], [flat], options("Reshape", newShape=[1, 72])),
        Op("FULLY_CONNECTED", [flat, constant("fc", 5, 72), None], [dense], options("FullyConnected")),
    ]
    graph = Graph(ops, [x], [dense, c], "a description: ü")
    add_signature(graph)
    return graph


def test_all_of_it_comes_back() -> None:
    graph = _graph()
    validate(graph)
    again = read(write(graph))
    validate(again)
    assert again.description == graph.description
    assert [list(names) for names in again.signature.values()] == [["image"], ["mask", "output_1"]]
    for op, was in zip(again.ops, graph.ops, strict=True):
        assert (op.name, op.version, op.custom) == (was.name, was.version, was.custom)
        assert [t and t.name for t in op.inputs] == [t and t.name for t in was.inputs]
        assert [t.name for t in op.outputs] == [t.name for t in was.outputs]
    for tensor, was in zip(again.tensors(), graph.tensors(), strict=True):
        assert (tensor.name, tensor.shape, tensor.dtype) == (was.name, was.shape, was.dtype)
        assert (tensor.data is None) == (was.data is None)
        if tensor.data is not None:
            assert np.array_equal(tensor.data, was.value)
    q = again.ops[0].input(0).quantization
    assert q is not None
    assert (q.scale.tolist(), q.zero_point.tolist(), q.axis) == ([0.5, 0.25, 2], [0, -3, 7], 3)
    assert again.ops[4].options == graph.ops[4].options
    assert again.ops[6].inputs[2] is None


def test_options_without_a_field_are_kept_and_those_of_others_are_not() -> None:
    x, y = computed("x", 1, 4), computed("y", 1, 4)
    kept = read(write(Graph([Op("HARD_SWISH", [x], [y], options("HardSwish"))], [x], [y])))
    assert type(kept.ops[0].options).__name__ == "HardSwishOptionsT"
    other = read(write(Graph([Op("HARD_SWISH", [x], [y], options("Conv2D"))], [x], [y])))
    assert other.ops[0].options is None


def test_equal_graphs_give_equal_bytes() -> None:
    graph = _graph()
    content = write(graph)
    assert write(graph) == content
    assert write(copied(graph)) == content
    assert write(_graph()) == content
    assert write(read(content)) == content


def test_another_process_gives_the_same_bytes() -> None:
    code = "import sys, hashlib, test_round_trip as t; print(hashlib.sha256(t.write(t._graph())).hexdigest())"
    folders = [str(Path(__file__).parent), str(Path(__file__).parents[3])]
    hashes = {
        subprocess.run(
            [sys.executable, "-c", f"import sys; sys.path[:0] = {folders!r}; {code}"],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(hashes) == 1


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int32, np.int64, np.int16, np.int8, np.uint8, np.bool_])
def test_every_type_comes_back(dtype: type) -> None:
    data = np.array([[0, 1, 2], [3, 4, 100]]).astype(dtype)
    y = computed("y", 2, 3)
    graph = Graph([Op("CAST", [Tensor.constant("c", data)], [y], None)], [computed("x", 1)], [y])
    found = read(write(graph)).ops[0].input(0).value
    assert found.dtype == data.dtype
    assert np.array_equal(found, data)


def test_data_is_aligned_as_the_schema_demands() -> None:
    """Constants of one byte and odd lengths in front of constants of four."""
    y = computed("y", 1, 4)
    graph = Graph([], [computed("x", 1)], [y])
    for i in range(5):
        odd = Tensor.constant(f"odd{i}", np.ones(2 * i + 1, np.int8))
        graph.ops.append(Op("CAST", [odd], [computed(f"o{i}", 2 * i + 1)]))
        graph.ops.append(binary("ADD", constant(f"c{i}", i + 1), constant(f"d{i}", i + 1), computed(f"s{i}", i + 1)))
    content = write(graph)
    model = schema.Model.GetRootAs(content, 0)
    start = np.frombuffer(content, np.uint8).__array_interface__["data"][0]
    buffers = [model.Buffers(i) for i in range(1, model.BuffersLength())]
    assert len(buffers) == 15
    for buffer in buffers:
        assert (buffer.DataAsNumpy().__array_interface__["data"][0] - start) % 16 == 0


def test_tensors_and_buffers_that_nothing_takes_are_not_written() -> None:
    x, a, b = (computed(name, 1, 4, 6, 3) for name in "xab")
    graph = Graph([conv(x, a), relu(a, b)], [x], [a])
    graph.ops.pop()
    assert {t.name for t in read(write(graph)).tensors()} == {"x", "a", "a_w", "a_b"}


def test_a_name_in_an_error_is_one_line_and_short() -> None:
    name = "a\nb\x1b[31m" + "c" * 10_000
    error = ModelError(f"The tensor {name} is odd.")
    assert "\n" not in str(error)
    assert "\x1b" not in str(error)
    assert len(str(error)) < 500
    assert str(error).endswith("is odd.")


def test_redirecting_leaves_the_input_in_the_signature() -> None:
    x, a, y = (computed(name, 1, 4) for name in "xay")
    graph = Graph([relu(x, y)], [x], [y])
    add_signature(graph)
    graph.redirect(x, a)
    assert graph.signature["inputs"]["image"] is x
    assert graph.ops[0].inputs == [a]
