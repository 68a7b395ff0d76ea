"""What is a segmenter, and what is not."""

from __future__ import annotations

import numpy as np
import pytest
from small_graphs import Graph, Tensor, computed

from quantize.families import FAMILIES, Family
from quantize.graph.flatbuffer import read
from quantize.graph.graph import ModelError
from quantize.graph.segmenter import segmenter_of


def _model(image: tuple[int, ...], *outputs: tuple[int, ...], dtype: type = np.float32) -> Graph:
    """Only inputs and outputs are looked at."""
    tensors = [Tensor(f"out{i}", shape, np.dtype(dtype)) for i, shape in enumerate(outputs)]
    return Graph([], [Tensor("image", image, np.dtype(dtype))], tensors)


@pytest.mark.parametrize("channels", [1, 2, 21])
@pytest.mark.parametrize("mask", [(144, 256), (72, 128), (18, 32), (288, 512)])
@pytest.mark.parametrize("dtype", [np.float32, np.uint8, np.int8])
def test_a_map_of_the_same_aspect_is_a_mask(channels: int, mask: tuple[int, int], dtype: type) -> None:
    found = segmenter_of(_model((1, 144, 256, 3), (1, *mask, channels), dtype=dtype))
    assert (found.image.name, found.mask.name, found.channels) == ("image", "out0", channels)


def test_a_pixel_of_rounding_is_the_same_aspect() -> None:
    assert segmenter_of(_model((1, 257, 513, 3), (1, 33, 65, 21))).channels == 21
    assert segmenter_of(_model((1, 513, 513, 3), (1, 65, 65, 2))).channels == 2


@pytest.mark.parametrize(
    ("graph", "words"),
    [
        (_model((1, 224, 224, 3), (1, 1001)), r"it gives out0 \(float32 \[1, 1001\]\)"),
        (_model((1, 224, 224, 3), (1, 1, 1, 1001)), "is no segmenter"),
        (_model((1, 224, 224, 3), (2, 224, 224, 1)), "is no segmenter"),
        (_model((1, 224, 224, 3), (1, 224, 112, 1)), "is no segmenter"),
        (_model((1, 144, 256, 3), (1, 256, 144, 1)), "is no segmenter"),
        (_model((1, 224, 224, 3), (1, 112, 112, 4096)), "is no segmenter"),
        (_model((1, 224, 224, 1), (1, 224, 224, 1)), "not one picture of three channels"),
        (_model((1, 3, 224, 224), (1, 1, 224, 224)), "not one picture of three channels"),
        (_model((4, 224, 224, 3), (4, 224, 224, 1)), "not one picture of three channels"),
        (_model((224, 224, 3), (224, 224, 1)), "not one picture of three channels"),
        (_model((1, 224, 224, 3), (1, 224, 224, 1), dtype=np.int32), "not one picture of three channels"),
        (_model((1, 224, 224, 3), (1, 224, 224, 1), (1, 112, 112, 2)), "several outputs that could be the mask"),
        (Graph([], [], [computed("y", 1, 8, 8, 1)]), "takes 0 inputs"),
        (Graph([], [computed("a", 1, 8, 8, 3), computed("b", 1, 8, 8, 3)], []), "takes 2 inputs"),
    ],
)
def test_what_is_none(graph: Graph, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        segmenter_of(graph)


def test_the_mask_can_be_named_among_several() -> None:
    graph = _model((1, 224, 224, 3), (1, 224, 224, 1), (1, 112, 112, 2), (1, 5))
    assert segmenter_of(graph, "out1").mask.shape == (1, 112, 112, 2)
    with pytest.raises(ModelError, match="is no segmenter"):
        segmenter_of(graph, "out2")
    with pytest.raises(ModelError, match="has no output mask; it has out0, out1, out2"):
        segmenter_of(graph, "mask")


def test_the_sources_are_segmenters(family: Family, source: bytes) -> None:
    mask = next(iter(FAMILIES[family.name].outputs))
    assert segmenter_of(read(source), mask).channels == 1
