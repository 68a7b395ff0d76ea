"""What a graph must hold to be whole, each rule broken once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from small_graphs import (
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

from quantize.graph.graph import ModelError, Quantization
from quantize.graph.passes.tidy import add_signature
from quantize.graph.validate import validate


def _graph() -> Graph:
    """A convolution, an activation and a convolution: x, a, b, y."""
    x, a, b, y = (computed(name, 1, 4, 6, 3) for name in "xaby")
    graph = Graph([conv(x, a), relu(a, b), conv(b, y, kernel=3)], [x], [y])
    add_signature(graph)
    return graph


def _refused(graph: Graph, words: str) -> None:
    with pytest.raises(ModelError, match=words) as caught:
        validate(graph)
    text = str(caught.value)
    assert text.endswith(".")
    assert "\n" not in text


def test_a_whole_graph_passes() -> None:
    validate(_graph())


# Wiring


def test_what_nothing_made_before() -> None:
    graph = _graph()
    graph.ops[0], graph.ops[1] = graph.ops[1], graph.ops[0]
    _refused(graph, "RELU that makes b takes a, which nothing made before it")


def test_an_operation_that_takes_its_own_result() -> None:
    graph = _graph()
    graph.ops[1].inputs = [graph.ops[1].output]
    _refused(graph, "takes b, which nothing made before it")


def test_operations_that_take_from_each_other() -> None:
    x, a, b = (computed(name, 1, 4) for name in "xab")
    _refused(Graph([binary("ADD", x, b, a), relu(a, b)], [x], [b]), "ADD that makes a takes b")


def test_a_tensor_made_twice() -> None:
    graph = _graph()
    graph.ops.append(relu(graph.inputs[0], graph.ops[0].output))
    _refused(graph, "makes a, which was there already")


def test_an_input_that_is_computed_too() -> None:
    graph = _graph()
    graph.ops.append(relu(graph.outputs[0], graph.inputs[0]))
    _refused(graph, "makes x, which was there already")


def test_a_constant_that_is_computed_too() -> None:
    graph = _graph()
    graph.ops[0].output.data = np.zeros((1, 4, 6, 3), np.float32)
    _refused(graph, "makes a, which was there already")


def _change(**fields: Any) -> Callable[[Graph], None]:
    def change(graph: Graph) -> None:
        for name, value in fields.items():
            setattr(graph, name, value)

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_change(outputs=[], signature={}), "no input or no output"),
        (_change(inputs=[], signature={}), "no input or no output"),
        (lambda g: g.outputs.append(computed("ghost", 1)), "output ghost is not computed"),
        (lambda g: g.outputs.append(g.inputs[0]), "output x is not computed"),
        (lambda g: g.outputs.append(g.outputs[0]), "lists an output twice"),
        (lambda g: g.inputs.append(g.inputs[0]), "input x is listed twice"),
        (lambda g: g.inputs.append(constant("c", 2)), "input c is listed twice or is a constant"),
        (lambda g: g.signature["outputs"].clear(), "signature does not name its outputs"),
        (lambda g: g.signature["inputs"].update(image=computed("ghost", 1)), "signature does not name its inputs"),
        (lambda g: g.signature.pop("inputs"), "signature does not name its inputs"),
        (lambda g: g.signature["outputs"].update(again=g.outputs[0]), "signature does not name its outputs"),
    ],
)
def test_inputs_outputs_and_signature(change: Callable[[Graph], None], words: str) -> None:
    graph = _graph()
    change(graph)
    _refused(graph, words)


# Tensors


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_weights_that_are_no_numbers(value: float, dtype: type) -> None:
    graph = _graph()
    half = Tensor.constant("half", np.full((3, 1, 1, 3), 1, dtype))
    half.value[1, 0, 0, 2] = value
    if dtype is np.float16:
        weights = computed("w", 3, 1, 1, 3)
        graph.ops.insert(0, Op("DEQUANTIZE", [half], [weights]))
        graph.ops[1].inputs[1] = weights
    else:
        graph.ops[0].inputs[1] = half
    _refused(graph, r"The weights half hold values that are no numbers \(NaN\) or infinite")


@pytest.mark.parametrize(
    ("tensor", "words"),
    [
        (Tensor("w", (3, 1, 1, 3), np.dtype(np.float64), np.zeros((3, 1, 1, 3))), "type float64, which is not treated"),
        (Tensor("w", (3, 1, 1, 3), np.dtype(np.float32), np.zeros((3, 3), np.float32)), "holds float32"),
        (Tensor("w", (3, 1, 1, 3), np.dtype(np.float32), np.zeros((3, 1, 1, 3), np.float16)), "holds float16"),
        (Tensor("w", (3, 0, 1, 3), np.dtype(np.float32), np.zeros((3, 0, 1, 3), np.float32)), "shape that cannot be"),
    ],
)
def test_constants_that_are_not_what_they_say(tensor: Tensor, words: str) -> None:
    graph = _graph()
    graph.ops[0].inputs[1] = tensor
    _refused(graph, words)


@pytest.mark.parametrize("shape", [(1, 0, 6, 3), (1, -4, 6, 3), (1, 1 << 20, 1, 3), (1 << 20, 1 << 20)])
def test_shapes_that_cannot_be(shape: tuple[int, ...]) -> None:
    x, y = computed("x", *shape), computed("y", *shape)
    _refused(Graph([relu(x, y)], [x], [y]), "shape that cannot be|too large")


def _eight(scale: list[float], zero: list[int], axis: int = 0, dtype: type = np.int8) -> Graph:
    q = Quantization(np.array(scale, np.float32), np.array(zero, np.int64), axis)
    x, y = (Tensor(name, (1, 4, 6, 3), np.dtype(dtype), None, q) for name in "xy")
    return Graph([relu(x, y)], [x], [y])


def test_eight_bits_with_a_scale_pass() -> None:
    validate(_eight([0.1], [-128]))


@pytest.mark.parametrize(
    ("graph", "words"),
    [
        (_eight([0.0], [0]), "scale that cannot be"),
        (_eight([-0.5], [0]), "scale that cannot be"),
        (_eight([np.nan], [0]), "scale that cannot be"),
        (_eight([np.inf], [0]), "scale that cannot be"),
        (_eight([1e-40], [0]), "scale that cannot be"),
        (_eight([1e9], [0]), "scale that cannot be"),
        (_eight([0.1], [128]), "zero point that int8 cannot hold"),
        (_eight([0.1], [-1], dtype=np.uint8), "zero point that uint8 cannot hold"),
        (_eight([0.1, 0.1], [0]), "do not belong together"),
        (_eight([], []), "do not belong together"),
        (_eight([0.1] * 2, [0] * 2, 3), "has 2 scales"),
        (_eight([0.1] * 3, [0] * 3, 4), "has 3 scales"),
        (_eight([0.1] * 3, [0] * 3, -1), "has 3 scales"),
        (_eight([0.1] * 3, [0] * 3, 3), "meets many scales in x"),
    ],
)
def test_scales_that_do_not_fit(graph: Graph, words: str) -> None:
    _refused(graph, words)


def test_eight_bits_without_a_scale() -> None:
    graph = _eight([0.1], [0])
    graph.outputs[0].quantization = None
    _refused(graph, "meets int8 without a scale in y")


def test_scales_whose_ratio_makes_the_runtime_abort() -> None:
    graph = _eight([0.1], [0])
    graph.outputs[0].quantization = Quantization(np.array([1e-6], np.float32), np.array([0]))
    _refused(graph, "RELU that makes y meets scales of 1e-06 and 0.1")


def test_an_operation_that_squares_scales_is_taken_in_float_alone() -> None:
    graph = _eight([0.1], [0])
    graph.ops = [Op("SQUARED_DIFFERENCE", [graph.inputs[0], graph.inputs[0]], graph.outputs)]
    _refused(graph, "SQUARED_DIFFERENCE that makes y gives int8, which is not treated")


def test_weights_of_eight_bits_lie_around_zero() -> None:
    graph = _eight([0.1], [0])
    x, y = graph.inputs[0], graph.outputs[0]
    op = conv(x, y)
    scales = Quantization(np.full(3, 0.1, np.float32), np.array([0, 0, 5]))
    op.inputs[1] = Tensor("w", (3, 1, 1, 3), np.dtype(np.int8), np.ones((3, 1, 1, 3), np.int8), scales)
    op.inputs[2] = Tensor.constant("b", np.zeros(3, np.int32))
    graph.ops = [op]
    _refused(graph, "has w around another point than zero")
    scales.zero_point[:] = 0
    validate(graph)
    scales.axis = 3
    _refused(graph, "has weights with scales along axis 3")


# Operations


def _one(op: Op) -> Graph:
    given = [t for t in op.inputs if t is not None and t.data is None]
    return Graph([op], given or [computed("unused", 1)], list(op.outputs))


def _set(op: Op, **values: Any) -> Op:
    for name, value in values.items():
        assert hasattr(op.options, name)
        setattr(op.options, name, value)
    return op


def _with(op: Op, at: int, tensor: Tensor | None) -> Op:
    op.inputs[at] = tensor
    return op


X = (1, 4, 6, 3)
BIG = 0x7FFFFFFF


def _x() -> Tensor:
    return computed("x", *X)


def _y(*shape: int) -> Tensor:
    return computed("y", *(shape or X))


@pytest.mark.parametrize(
    ("op", "words"),
    [
        (Op("LSTM", [_x()], [_y()]), "an operation LSTM, which is not treated"),
        (Op("MaxUnpooling2D", [_x()], [_y()], b"", custom=True), "an operation MaxUnpooling2D, which is not treated"),
        (Op("CONV_2D", [_x(), _x(), _x()], [_y()], b"", custom=True), "an operation CONV_2D, which is not treated"),
        (Op("RELU", [_x(), _x()], [_y()]), "has 2 inputs"),
        (Op("RELU", [_x()], []), "0 outputs"),
        (Op("RELU", [_x()], [_y(), computed("z", *X)]), "has 2 outputs and computes 1"),
        (Op("RELU", [None], [_y()]), "has no input 0"),
        (Op("ADD", [_x(), constant("c", 3)], [_y()]), "has no AddOptions"),
        (Op("ADD", [_x(), constant("c", 3)], [_y()], options("Mul")), "has no AddOptions"),
        (_set(conv(_x(), _y()), fusedActivationFunction=77), "activation 77"),
        (_with(conv(_x(), _y()), 1, constant("w", 3, 1, 1, 4)), r"weights of \[3, 1, 1, 4\] for"),
        (_with(conv(_x(), _y()), 1, constant("w", 3, 1, 3)), "four dimensions"),
        (_with(conv(_x(), _y()), 1, constant("w", 4, 1, 1, 3)), "bias of"),
        (_with(conv(_x(), _y()), 1, Tensor.constant("w", np.ones((3, 1, 1, 3), np.int32))), "with weights of int32"),
        (_with(conv(_x(), _y()), 2, constant("b", 4)), r"bias of \[4\] for 3 channels"),
        (_with(conv(_x(), _y()), 2, Tensor.constant("b", np.ones(3, np.float16))), "float32 and float16"),
        (_with(conv(_x(), _y()), 2, None), "has no bias"),
        (Op("CONV_2D", conv(_x(), _y()).inputs[:2], [_y()], options("Conv2D")), "has 2 inputs"),
        (_set(conv(_x(), _y()), strideW=0), "as a stride"),
        (_set(conv(_x(), _y()), strideH=BIG), "as a stride"),
        (_set(conv(_x(), _y()), dilationHFactor=-1), "as a stride, a window or a dilation"),
        (_set(conv(_x(), _y()), padding=7), "padding 7"),
        (conv(_x(), _y(), kernel=5, padding=VALID), "window of 5"),
        (conv(_x(), _y(1, 4, 6, 3), stride=2), r"computes \[1, 2, 3, 3\], and y is declared as \[1, 4, 6, 3\]"),
        (_set(depthwise(_x(), _y()), depthMultiplier=2), "weights of"),
        (_with(depthwise(_x(), _y()), 1, constant("w", 2, 3, 3, 3)), "weights of"),
        (binary("ADD", _x(), constant("c", 4), _y()), r"meets \[1, 4, 6, 3\] and \[4\]"),
        (binary("ADD", _x(), whole("c", 3), _y()), "mixes float32 with int32 in c"),
        (binary("ADD", computed("x", 1, 1, 4, 6, 3), constant("c", 3), _y(1, 1, 4, 6, 3)), "too many dimensions"),
        (Op("RELU", [Tensor("x", X, np.dtype(np.float16))], [Tensor("y", X, np.dtype(np.float16))]), "gives float16"),
        (Op("DEQUANTIZE", [_x()], [_y()]), "turns float32 into float32"),
        (Op("QUANTIZE", [_x()], [_y()]), "turns float32 into float32"),
        (pool("MAX_POOL_2D", _x(), _y(), (0, 2), (1, 1)), "as a stride, a window"),
        (pool("MAX_POOL_2D", _x(), _y(), (2, 2), (0, 1)), "as a stride, a window"),
        (pool("MAX_POOL_2D", computed("x", 4, 6), _y(), (2, 2), (2, 2)), "four dimensions"),
        (_with(resize_bilinear(_x(), _y()), 1, whole("s", 0, 6)), "makes a picture of"),
        (_with(resize_bilinear(_x(), _y()), 1, whole("s", 4, -1)), "makes a picture of"),
        (_with(resize_bilinear(_x(), _y()), 1, whole("s", 4, BIG)), "makes a picture of"),
        (_with(resize_bilinear(_x(), _y()), 1, whole("s", 4)), "takes 1 numbers in s"),
        (_with(resize_bilinear(_x(), _y()), 1, constant("s", 2)), "fixed whole numbers"),
        (_with(resize_bilinear(_x(), _y()), 1, Tensor("s", (2,), np.dtype(np.int32))), "fixed whole numbers"),
        (resize_bilinear(_x(), _y(), True, True), "aligns corners and centres"),
        (transpose_conv(_x(), _y(1, 9, 12, 3)), r"cannot make \[1, 9, 12, 3\] of \[1, 4, 6, 3\]"),
        (_with(transpose_conv(_x(), _y(1, 8, 12, 3)), 0, whole("s", 1, 8, 12, 4)), "has weights of"),
        (_set(transpose_conv(_x(), _y(1, 8, 12, 3)), strideH=0), "as a stride"),
        (_with(transpose_conv(_x(), _y(1, 8, 12, 3)), 3, constant("b", 4)), "bias of"),
        (deconvolution(_x(), _y(1, 9, 13, 3), 2, 2), "cannot make"),
        (_with(deconvolution(_x(), _y(1, 8, 12, 3), 2, 2), 2, constant("b", 4)), "bias that does not fit"),
        (Op("RESHAPE", [_x(), whole("s", 1, 71)], [_y()], options("Reshape")), r"cannot make \[1, 71\]"),
        (Op("RESHAPE", [_x(), whole("s", -1, -1)], [_y()], options("Reshape")), "cannot make"),
        (Op("RESHAPE", [_x(), whole("s", 0, -1)], [_y()], options("Reshape")), "cannot make"),
        (Op("RESHAPE", [_x()], [_y()], options("Reshape")), "cannot make"),
        (Op("RESHAPE", [_x()], [_y()], options("Reshape", newShape=np.array(X, np.int64))), "options of int64"),
        (Op("MEAN", [_x(), whole("a", 4)], [_y()], options("Reducer")), "along axis 4 of 4"),
        (Op("MEAN", [_x(), whole("a", -5)], [_y()], options("Reducer")), "along axis -5"),
        (Op("CONCATENATION", [_x(), constant("c", 1, 5, 6, 3)], [_y()], options("Concatenation", axis=3)), "join"),
        (Op("CONCATENATION", [_x()], [_y()], options("Concatenation", axis=9)), "along axis 9"),
        (Op("PAD", [_x(), whole("p", [0, 0], [1, -1], [0, 0], [0, 0])], [_y()]), "pads"),
        (Op("PAD", [_x(), whole("p", [0, 0], [1, 1])], [_y()]), "pads"),
        (Op("PAD", [_x(), whole("p", [0, 0], [BIG, BIG], [0, 0], [0, 0])], [_y()]), "pads"),
        (
            Op(
                "MIRROR_PAD", [_x(), whole("p", [1, 0], [0, 0], [0, 0], [0, 0])], [_y(2, 4, 6, 3)], options("MirrorPad")
            ),
            "pads",
        ),
        (Op("DEPTH_TO_SPACE", [_x()], [_y()], options("DepthToSpace", blockSize=2)), "blocks of 2 out of 3"),
        (Op("DEPTH_TO_SPACE", [_x()], [_y()], options("DepthToSpace", blockSize=0)), "blocks of 0"),
        (Op("SPACE_TO_DEPTH", [_x()], [_y()], options("SpaceToDepth", blockSize=4)), "cannot cut 4x6"),
        (Op("SLICE", [_x(), whole("b", 0, 0, 0, 0), whole("n", 1, 5, 6, 3)], [_y()]), "cuts"),
        (Op("SLICE", [_x(), whole("b", 0, -1, 0, 0), whole("n", 1, 4, 6, 3)], [_y()]), "cuts"),
        (
            Op(
                "STRIDED_SLICE",
                [_x(), whole("b", 0, 0, 0, 0), whole("e", 1, 4, 6, 3), whole("s", 1, 0, 1, 1)],
                [_y()],
                options("StridedSlice"),
            ),
            "goes from",
        ),
        (Op("SPLIT", [whole("a", 3), _x()], [_y()], options("Split", numSplits=0)), "cannot make 0 parts"),
        (Op("TRANSPOSE", [_x(), whole("p", 0, 1, 1, 3)], [_y()]), "orders"),
        (Op("TRANSPOSE", [_x(), whole("p", 0, 1, 2, 4)], [_y()]), "orders"),
        (Op("SQUEEZE", [_x()], [_y()], options("Squeeze", squeezeDims=[1])), "cannot squeeze"),
        (Op("EXPAND_DIMS", [_x(), whole("a", 7)], [_y()]), "along axis 7"),
        (Op("SPACE_TO_BATCH_ND", [_x(), whole("b", 0, 2), whole("c", [0, 0], [0, 0])], [_y()]), "has blocks"),
        (Op("BATCH_TO_SPACE_ND", [_x(), whole("b", 2, 2), whole("c", [0, 0], [0, 0])], [_y()]), "cannot lay out"),
        (Op("SOFTMAX", [_x()], [_y()], options("Softmax", beta=np.inf)), "nothing to go along"),
        (Op("PRELU", [constant("x", 3), _x()], [_y()]), "has slopes of"),
        (
            Op("FULLY_CONNECTED", [_x(), constant("w", 5, 7)], [_y()], options("FullyConnected")),
            r"weights of \[5, 7\] for",
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Op) else None,
)
def test_operations_that_do_not_fit(op: Op, words: str) -> None:
    _refused(_one(op), words)


def test_a_model_that_would_take_hours_is_refused() -> None:
    x, y = computed("x", 1, 4096, 4096, 1), computed("y", 1, 4096, 4096, 1)
    op = pool("AVERAGE_POOL_2D", x, y, (4096, 4096), (1, 1))
    _refused(Graph([op], [x], [y]), "far too large for any small device")
