"""What tiers are made from: the families of models and the passes that make their FP32 graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from edgeseg.tiers.catalogue import Fit
from quantize.graph.flatbuffer import read
from quantize.graph.graph import Graph
from quantize.graph.passes.activations import fuse_activations
from quantize.graph.passes.commute import conv_before_resize
from quantize.graph.passes.constants import fold_fp16
from quantize.graph.passes.resize import pool_edges, resize
from quantize.graph.passes.tidy import drop_orphans, keep_outputs, mask_as_probability
from quantize.graph.passes.transpose_conv import builtin_transpose_conv, depth_to_space
from quantize.graph.validate import validate

Pass = Callable[[Graph], None]


@dataclass(frozen=True, slots=True)
class Family:
    """A pinned model whose weights several tiers share.

    asset: of `edgeseg.assets`. outputs: which of the model's outputs stay, tensor name -> name in the signature; the
    mask first. fit: see `edgeseg.ports.ModelIO`. stride: the sides of every tier are multiples of it. sizes: (height,
    width) of the candidates; which of them become tiers is decided by measuring.
    """

    name: str
    asset: str
    outputs: dict[str, str]
    fit: Fit
    stride: int
    sizes: tuple[tuple[int, int], ...]


FAMILIES = {
    family.name: family
    for family in (
        Family(
            "selfie-landscape",
            "selfie-landscape",
            {"segment_back": "mask"},
            "stretch",
            16,
            ((96, 160), (112, 192), (128, 224), (144, 256), (160, 288), (192, 320)),
        ),
        Family(
            "selfie",
            "selfie",
            {"activation_10": "mask"},
            "stretch",
            16,
            ((128, 128), (160, 160), (192, 192), (224, 224), (256, 256), (288, 288), (320, 320)),
        ),
        Family(
            "body",
            "body",
            {"Identity_2": "mask", "Identity_1": "presence"},
            "letterbox",
            32,
            ((160, 160), (192, 192), (224, 224), (256, 256)),
        ),
    )
}


def passes(family: Family, height: int, width: int) -> Iterator[tuple[str, Pass]]:
    """(name, pass) in the order in which they make the family's FP32 graph of that size."""
    yield "fold_fp16", fold_fp16
    yield "keep_outputs", lambda graph: keep_outputs(graph, family.outputs)
    yield "drop_orphans", drop_orphans
    yield "mask_as_probability", mask_as_probability
    yield "builtin_transpose_conv", builtin_transpose_conv
    yield "fuse_activations", fuse_activations
    yield "pool_edges", pool_edges
    yield "resize", lambda graph: resize(graph, height, width)
    yield "conv_before_resize", conv_before_resize
    yield "depth_to_space", depth_to_space


def fp32_graph(family: Family, source: bytes, height: int, width: int) -> Graph:
    """The family's model of that size with FP32 weights. source: the bytes of its asset."""
    graph = read(source)
    validate(graph)
    for _, step in passes(family, height, width):
        step(graph)
        validate(graph)
    return graph
