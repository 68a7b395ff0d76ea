"""Every rule of shapes against what LiteRT makes of the same operation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from small_graphs import (
    SAME,
    VALID,
    Graph,
    Op,
    Tensor,
    binary,
    computed,
    constant,
    conv,
    deconvolution,
    depthwise,
    options,
    pool,
    relu,
    resize_bilinear,
    transpose_conv,
    whole,
)

from quantize.graph.graph import Quantization
from quantize.graph.kinds import CUSTOM_KINDS, KINDS, kind_of
from quantize.graph.validate import validate
from quantize.graph.writer import write

X = (1, 5, 8, 12)
UNARY = [name for name, kind in KINDS.items() if kind.rule.__name__ == "same" and not kind.options]


def _x(*shape: int) -> Tensor:
    return computed("x", *(shape or X))


def _y(*shape: int) -> Tensor:
    return computed("y", *shape)


def _weights(at: int, op: Op, *shape: int) -> Op:
    op.inputs[at] = constant("w", *shape)
    return op


def _unary(name: str) -> Op:
    x = Tensor("x", X, np.dtype(np.float16)) if name == "DEQUANTIZE" else _x()
    y = _y(*X)
    if name == "QUANTIZE":
        y = Tensor("y", X, np.dtype(np.int8), None, Quantization(np.array([0.1], np.float32), np.array([0])))
    return Op(name, [x], [y])


def _reduce(name: str, keep: bool, *axes: int, shape: tuple[int, ...]) -> Op:
    return Op(name, [_x(), whole("axes", *axes)], [_y(*shape)], options("Reducer", keepDims=keep))


def _strided(begins: list[int], ends: list[int], strides: list[int], shape: tuple[int, ...], **masks: int) -> Op:
    numbers = [whole("b", *begins), whole("e", *ends), whole("s", *strides)]
    return Op("STRIDED_SLICE", [_x(), *numbers], [_y(*shape)], options("StridedSlice", **masks))


def _dilated(rate: int, out: Tensor, padding: int) -> Op:
    op = conv(_x(), out, kernel=3, padding=padding)
    op.options.dilationHFactor = op.options.dilationWFactor = rate
    return op


def _split(axis: int, parts: int, *shape: int) -> Op:
    outs = [computed(f"y{i}", *shape) for i in range(parts)]
    return Op("SPLIT", [whole("axis", axis), _x()], outs, options("Split", numSplits=parts))


OPS: list[Op] = [
    *(_unary(name) for name in UNARY),
    *(binary(name, _x(), constant("c", 8, 1), _y(*X)) for name in ("ADD", "SUB", "MUL", "DIV")),
    *(Op(n, [constant("c", 12), _x()], [_y(*X)]) for n in ("MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE")),
    Op("PRELU", [_x(), constant("slopes", 1, 1, 12)], [_y(*X)]),
    Op("LEAKY_RELU", [_x()], [_y(*X)], options("LeakyRelu", alpha=0.1)),
    Op("GELU", [_x()], [_y(*X)], options("Gelu")),
    Op("SOFTMAX", [_x()], [_y(*X)], options("Softmax", beta=1.0)),
    _reduce("MEAN", True, 1, 2, shape=(1, 1, 1, 12)),
    _reduce("MEAN", False, -1, shape=(1, 5, 8)),
    _reduce("SUM", False, 1, 1, -3, shape=(1, 8, 12)),
    _reduce("REDUCE_MAX", True, 3, shape=(1, 5, 8, 1)),
    _reduce("REDUCE_MIN", False, 0, 2, shape=(5, 12)),
    conv(_x(), _y(1, 3, 4, 7), kernel=3, stride=2, padding=SAME),
    conv(_x(), _y(1, 2, 3, 7), kernel=3, stride=2, padding=VALID),
    _dilated(2, _y(1, 5, 8, 7), SAME),
    _dilated(2, _y(1, 1, 4, 7), VALID),
    _weights(1, conv(_x(), _y(1, 5, 8, 6)), 6, 1, 1, 4),  # three groups
    depthwise(_x(), _y(*X)),
    transpose_conv(_x(), _y(1, 10, 16, 2), kernel=3, padding=SAME),
    transpose_conv(_x(), _y(1, 9, 15, 2), kernel=3, padding=SAME),
    transpose_conv(_x(), _y(1, 11, 17, 2), kernel=3, padding=VALID),
    deconvolution(_x(), _y(1, 11, 17, 2), 3, 2, 2),
    Op("FULLY_CONNECTED", [_x(), constant("w", 3, 96), None], [_y(5, 3)], options("FullyConnected")),
    Op("FULLY_CONNECTED", [_x(), constant("w", 3, 12)], [_y(1, 5, 8, 3)], options("FullyConnected", keepNumDims=True)),
    pool("AVERAGE_POOL_2D", _x(), _y(1, 3, 3, 12), (2, 3), (2, 3), padding=SAME),
    pool("MAX_POOL_2D", _x(), _y(1, 2, 2, 12), (2, 3), (2, 3), padding=VALID),
    resize_bilinear(_x(), _y(1, 7, 3, 12)),
    Op("RESIZE_NEAREST_NEIGHBOR", [_x(), whole("s", 9, 9)], [_y(1, 9, 9, 12)], options("ResizeNearestNeighbor")),
    Op("DEPTH_TO_SPACE", [_x()], [_y(1, 10, 16, 3)], options("DepthToSpace", blockSize=2)),
    Op("SPACE_TO_DEPTH", [_x(1, 4, 8, 3)], [_y(1, 2, 4, 12)], options("SpaceToDepth", blockSize=2)),
    Op("RESHAPE", [_x(), whole("s", 8, -1)], [_y(8, 60)], options("Reshape")),
    Op("RESHAPE", [_x()], [_y(480)], options("Reshape", newShape=[-1])),
    Op("CONCATENATION", [_x(), constant("c", 1, 5, 8, 3)], [_y(1, 5, 8, 15)], options("Concatenation", axis=-1)),
    Op("PAD", [_x(), whole("p", [0, 0], [1, 2], [0, 3], [4, 0])], [_y(1, 8, 11, 16)]),
    Op("PADV2", [_x(), whole("p", [0, 0], [1, 2], [0, 3], [4, 0]), constant("v", 1)], [_y(1, 8, 11, 16)]),
    Op("MIRROR_PAD", [_x(), whole("p", [0, 0], [4, 1], [0, 3], [0, 0])], [_y(1, 10, 11, 12)], options("MirrorPad")),
    Op("SLICE", [_x(), whole("b", 0, 1, 2, 0), whole("n", 1, 3, -1, 12)], [_y(1, 3, 6, 12)]),
    _strided([0, 0, 1, 0], [1, 5, 8, 12], [1, 2, 3, 1], (1, 3, 3, 12)),
    _strided([0, -2, 1, 3], [1, 1, -1, 9], [1, 1, 1, 1], (2, 6, 6), endMask=2, shrinkAxisMask=1),
    _split(3, 3, 1, 5, 8, 4),
    _split(-2, 2, 1, 5, 4, 12),
    Op("TRANSPOSE", [_x(), whole("o", 0, 3, 1, 2)], [_y(1, 12, 5, 8)]),
    Op("SQUEEZE", [_x(1, 5, 1, 12)], [_y(5, 12)], options("Squeeze", squeezeDims=[])),
    Op("SQUEEZE", [_x(1, 5, 1, 12)], [_y(1, 5, 12)], options("Squeeze", squeezeDims=[-2])),
    Op("EXPAND_DIMS", [_x(5, 8, 12), whole("axis", -2)], [_y(5, 8, 1, 12)]),
    Op("SPACE_TO_BATCH_ND", [_x(), whole("b", 2, 2), whole("p", [0, 1], [0, 0])], [_y(4, 3, 4, 12)]),
    Op("BATCH_TO_SPACE_ND", [_x(4, 5, 8, 3), whole("b", 2, 2), whole("p", [1, 0], [0, 2])], [_y(1, 9, 14, 3)]),
]


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_the_runtime_computes_the_shape_that_the_rule_says(op: Op) -> None:
    given = next(t for t in op.inputs if t is not None and t.data is None)
    kind = kind_of(op)
    assert kind is not None
    assert kind.rule(op) == [out.shape for out in op.outputs]
    graph = Graph([op], [given], list(op.outputs))
    validate(graph)
    interpreter: Any = Interpreter(model_content=write(graph), num_threads=1)
    interpreter.allocate_tensors()
    details = interpreter.get_input_details()[0]
    interpreter.set_tensor(details["index"], np.ones(details["shape"], details["dtype"]))
    interpreter.invoke()
    made = [interpreter.get_tensor(one["index"]) for one in interpreter.get_output_details()]
    assert [one.shape for one in made] == [out.shape for out in op.outputs]


def test_no_kind_of_operation_is_without_a_test() -> None:
    assert {op.name for op in OPS} == {*KINDS, *CUSTOM_KINDS}


def test_a_rule_of_elements_takes_any_shape() -> None:
    for shape in ((), (3,), (2, 3), (1, 2, 3, 4, 5)):
        x, y = computed("x", *shape), computed("y", *shape)
        validate(Graph([relu(x, y)], [x], [y]))
