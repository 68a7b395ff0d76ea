"""The same weights at another size: every shape follows, and what cannot follow is an error."""

from __future__ import annotations

import numpy as np
import pytest
from small_graphs import (
    VALID,
    Graph,
    Op,
    binary,
    computed,
    conv,
    copied,
    depthwise,
    numbers,
    options,
    pool,
    relu,
    resize_bilinear,
    run,
    transpose_conv,
    whole,
)

from quantize.graph.graph import ModelError, Tensor
from quantize.graph.passes.resize import resize
from quantize.graph.validate import validate


def _hourglass() -> Graph:
    """Halves the picture twice, asks for its mean, and enlarges again: the shape of the real models."""
    x, half, mean = computed("x", 1, 16, 24, 3), computed("half", 1, 8, 12, 4), computed("mean", 1, 1, 1, 4)
    gate, low, up = computed("gate", 1, 8, 12, 4), computed("low", 1, 4, 6, 4), computed("up", 1, 8, 12, 4)
    padded, thin, both, out = (
        computed("padded", 1, 10, 14, 4),
        computed("thin", 1, 8, 12, 4),
        computed("both", 1, 8, 12, 4),
        computed("out", 1, 16, 24, 1),
    )
    ops = [
        conv(x, half, kernel=3, stride=2),
        Op("MEAN", [half, whole("axes", 1, 2)], [mean], options("Reducer", keepDims=True)),
        binary("MUL", half, mean, gate),
        pool("MAX_POOL_2D", gate, low, (2, 2), (2, 2)),
        resize_bilinear(low, up),
        Op("PAD", [up, whole("pads", [0, 0], [1, 1], [1, 1], [0, 0])], [padded]),
        conv(padded, thin, kernel=3, padding=VALID),
        depthwise(thin, both),
        transpose_conv(both, out, kernel=3),
    ]
    return Graph(ops, [x], [out])


@pytest.mark.parametrize(("height", "width"), [(16, 24), (32, 16), (64, 48), (8, 8)])
def test_every_shape_follows_and_it_runs(height: int, width: int) -> None:
    graph = _hourglass()
    resize(graph, height, width)
    assert graph.outputs[0].shape == (1, height, width, 1)
    (mask,) = run(graph, numbers(1, height, width, 3))
    assert mask.shape == (1, height, width, 1)


def test_at_its_own_size_nothing_changes() -> None:
    graph, x = _hourglass(), numbers(1, 16, 24, 3)
    before = run(copied(graph), x)
    resize(graph, 16, 24)
    assert np.array_equal(run(graph, x)[0], before[0])


def test_there_and_back_gives_the_same() -> None:
    graph, x = _hourglass(), numbers(1, 16, 24, 3)
    before = run(copied(graph), x)
    resize(graph, 64, 32)
    resize(graph, 16, 24)
    assert np.array_equal(run(graph, x)[0], before[0])


def test_away_from_the_edges_a_larger_picture_gives_what_a_part_of_it_gives() -> None:
    """Convolutions see only their neighbourhood: the meaning of the weights has not changed."""
    x, a, out = computed("x", 1, 8, 8, 3), computed("a", 1, 4, 4, 4), computed("out", 1, 8, 8, 4)
    graph = Graph([conv(x, a, kernel=2, stride=2), resize_bilinear(a, out)], [x], [out])
    data = numbers(1, 16, 16, 3)
    (small,) = run(copied(graph), data[:, :8, :8])
    resize(graph, 16, 16)
    (large,) = run(graph, data)
    np.testing.assert_allclose(large[:, :6, :6], small[:, :6, :6], atol=1e-5)


@pytest.mark.parametrize("name", ["AVERAGE_POOL_2D", "MAX_POOL_2D"])
@pytest.mark.parametrize("stride", [(1, 1), (8, 12)])
def test_a_window_over_the_whole_picture_stays_one(name: str, stride: tuple[int, int]) -> None:
    x, out = computed("x", 1, 8, 12, 3), computed("out", 1, 1, 1, 3)
    graph = Graph([pool(name, x, out, (8, 12), stride, padding=VALID)], [x], [out])
    resize(graph, 4, 20)
    data = numbers(1, 4, 20, 3)
    wanted = data.mean((1, 2)) if name == "AVERAGE_POOL_2D" else data.max((1, 2))
    np.testing.assert_allclose(run(graph, data)[0][:, 0, 0], wanted, atol=1e-6)


def test_two_enlargements_that_share_a_size_get_one_each() -> None:
    x, up, down, out = (
        computed("x", 1, 4, 4, 2),
        computed("up", 1, 8, 8, 2),
        computed("d", 1, 4, 4, 2),
        computed("o", 1, 8, 8, 2),
    )
    first, second = resize_bilinear(x, up), resize_bilinear(down, out)
    second.inputs[1] = first.inputs[1]
    graph = Graph([first, pool("MAX_POOL_2D", up, down, (2, 2), (2, 2)), second], [x], [out])
    resize(graph, 6, 10)
    validate(graph)
    assert first.input(1).value.tolist() == second.input(1).value.tolist() == [12, 20]


def test_sides_that_do_not_meet_again_are_an_error() -> None:
    x, low, up, out = (
        computed("x", 1, 8, 8, 2),
        computed("low", 1, 4, 4, 2),
        computed("up", 1, 8, 8, 2),
        computed("out", 1, 8, 8, 2),
    )
    ops = [conv(x, low, kernel=3, stride=2), resize_bilinear(low, up), binary("ADD", x, up, out)]
    graph = Graph(ops, [x], [out])
    with pytest.raises(
        ModelError, match=r"At this size an operation ADD would meet \[1, 9, 8, 2\] and \[1, 10, 8, 2\]"
    ):
        resize(graph, 9, 8)


def test_a_picture_smaller_than_a_window_is_an_error() -> None:
    x, out = computed("x", 1, 8, 8, 2), computed("out", 1, 4, 4, 2)
    graph = Graph([conv(x, out, kernel=5, padding=VALID)], [x], [out])
    with pytest.raises(ModelError, match="nothing would be left after an operation CONV_2D"):
        resize(graph, 4, 8)


@pytest.mark.parametrize(("height", "width"), [(0, 8), (8, -1), (1 << 20, 8)])
def test_a_size_that_cannot_be_is_an_error(height: int, width: int) -> None:
    with pytest.raises(ModelError, match=f"cannot take pictures of {height}x{width}"):
        resize(_hourglass(), height, width)


def test_an_operation_whose_shape_is_not_known_is_an_error() -> None:
    x, out = computed("x", 1, 4, 4, 8), computed("out", 1, 2, 2, 32)
    graph = Graph([Op("SPACE_TO_DEPTH", [x], [out], options("SpaceToDepth", blockSize=2))], [x], [out])
    with pytest.raises(ModelError, match="the operation SPACE_TO_DEPTH cannot be resized"):
        resize(graph, 8, 8)


def test_a_dilated_convolution_is_an_error() -> None:
    x, out = computed("x", 1, 8, 8, 2), computed("out", 1, 8, 8, 2)
    op = conv(x, out, kernel=3)
    op.options.dilationHFactor = op.options.dilationWFactor = 2
    with pytest.raises(ModelError, match="dilated CONV_2D cannot be resized"):
        resize(Graph([op], [x], [out]), 16, 16)


def test_a_picture_laid_flat_does_not_follow() -> None:
    """A RESHAPE that counts on the size: its shape stays, and the check of the graph says so."""
    x, flat = computed("x", 1, 4, 4, 2), computed("flat", 1, 32)
    graph = Graph([Op("RESHAPE", [x, whole("shape", 1, 32)], [flat], options("Reshape"))], [x], [flat])
    resize(graph, 8, 8)
    with pytest.raises(ModelError, match=r"RESHAPE that makes flat cannot make \[1, 32\] of \[1, 8, 8, 2\]"):
        validate(graph)


def test_a_model_of_two_inputs_is_an_error() -> None:
    x, y, out = computed("x", 1, 4, 4, 2), computed("y", 1, 4, 4, 2), computed("out", 1, 4, 4, 2)
    with pytest.raises(ModelError, match="Only a model with one picture"):
        resize(Graph([binary("ADD", x, y, out)], [x, y], [out]), 8, 8)
    flat: Tensor = computed("flat", 1, 8)
    with pytest.raises(ModelError, match="Only a model with one picture"):
        resize(Graph([relu(flat, out)], [flat], [out]), 8, 8)
