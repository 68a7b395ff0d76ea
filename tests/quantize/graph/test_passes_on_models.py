"""The pipeline on the real models: after every pass the graph is whole, runs, and says what it said before."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import scipy.special
from ai_edge_litert.interpreter import Interpreter
from small_graphs import run, run_file

from quantize.families import FAMILIES, Family, fp32_graph, passes
from quantize.graph.flatbuffer import read
from quantize.graph.graph import Graph
from quantize.graph.passes.constants import weights_fp16
from quantize.graph.segmenter import segmenter_of
from quantize.graph.validate import validate
from quantize.graph.writer import write

U8 = npt.NDArray[np.uint8]
EXACT = 1e-5
# What is 115 is the original's 246 without the 110 constants, 22 fused activations, and one split in two.
OPERATIONS = {"selfie-landscape": 115, "selfie": 115, "body": 136}


def _fed(pictures: list[U8], graph: Graph) -> list[npt.NDArray[np.float32]]:
    _, height, width, _ = graph.inputs[0].shape
    sized = [cv2.resize(p, (width, height), interpolation=cv2.INTER_AREA) for p in pictures]
    return [(p[np.newaxis] / 255).astype(np.float32) for p in sized]


def _sizes(family: Family) -> list[tuple[int, int]]:
    own = {"selfie-landscape": (144, 256), "selfie": (256, 256), "body": (256, 256)}[family.name]
    return [own, family.sizes[0]]


@pytest.mark.parametrize("which", ["its own size", "another size"])
def test_after_every_pass_the_outputs_are_those_before(
    family: Family, source: bytes, pictures: list[U8], which: str
) -> None:
    height, width = _sizes(family)[which == "another size"]
    graph = read(source)
    fed = _fed(pictures, graph)
    was = {t.name: i for i, t in enumerate(graph.outputs)}
    before = [run_file(source, x) for x in fed]
    changed = []
    for name, step in passes(family, height, width):
        step(graph)
        validate(graph)
        if name == "keep_outputs":
            kept = [was[t.name] for t in graph.outputs]
            before = [[out[i] for i in kept] for out in before]
        elif name == "mask_as_probability" and family.name == "body":
            before = [[scipy.special.expit(mask), *rest] for mask, *rest in before]
        elif name == "resize" and which == "another size":
            fed = _fed(pictures, graph)  # judged by its score, not here
            before = [run(graph, x) for x in fed]
        after = [run(graph, x) for x in fed]
        for a, b in zip(after, before, strict=True):
            for one, other in zip(a, b, strict=True):
                assert one.shape == other.shape, name
                np.testing.assert_allclose(one, other, rtol=EXACT, atol=EXACT, err_msg=f"after {name}")
        before = after
        changed.append(name)
    assert graph.outputs[0].shape == (1, height, width, 1)
    assert max(np.ptp(out[0]) for out in before) > 0.9  # there are people in these pictures: it did say something
    assert {"resize", "depth_to_space", "conv_before_resize"} <= set(changed)


def test_the_pipeline_ends_with_so_many_operations_in_one_partition(family: Family, source: bytes) -> None:
    height, width = _sizes(family)[0]
    graph = fp32_graph(family, source, height, width)
    assert len(graph.ops) == OPERATIONS[family.name]
    for op in graph.ops:
        assert not op.custom
    half = read(write(graph))
    weights_fp16(half)
    for one in (graph, half):
        interpreter = Interpreter(model_content=write(one), num_threads=1)
        interpreter.allocate_tensors()
        nodes = [node["op_name"] for node in interpreter._get_ops_details()]
        assert nodes.count("DELEGATE") == 1
        delegate = next(n for n in interpreter._get_ops_details() if n["op_name"] == "DELEGATE")
        assert set(delegate["outputs"]) == {d["index"] for d in interpreter.get_output_details()}
        assert set(delegate["inputs"]) >= {d["index"] for d in interpreter.get_input_details()}


def test_reading_what_was_written_gives_the_same_bytes(family: Family, source: bytes) -> None:
    for graph in (read(source), fp32_graph(family, source, *_sizes(family)[0])):
        content = write(graph)
        assert write(graph) == content
        assert write(read(content)) == content


def test_every_size_of_the_family_is_whole_and_a_segmenter(family: Family, source: bytes) -> None:
    for height, width in family.sizes:
        graph = fp32_graph(family, source, height, width)
        found = segmenter_of(graph)
        assert found.image.shape == (1, height, width, 3)
        assert found.mask.shape == (1, height, width, 1)


def test_a_size_off_the_stride_is_refused_or_whole(family: Family, source: bytes) -> None:
    from quantize.graph.graph import ModelError

    with pytest.raises(ModelError, match=r"At this size|cannot"):
        fp32_graph(family, source, family.sizes[0][0] + 5, family.sizes[0][1])


def test_the_families_are_those_that_are_counted() -> None:
    assert set(OPERATIONS) == set(FAMILIES)
