"""Whatever is in a file: one ModelError of one sentence, and never another exception, a crash or a hang."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import HealthCheck, given, settings
from mutations import EDITS, Edit, mutated, small_float, small_int8, structure
from small_graphs import run_file

from quantize.families import FAMILIES, passes
from quantize.graph.flatbuffer import read, write
from quantize.graph.graph import Graph, ModelError
from quantize.graph.passes.activations import expand_hard_swish
from quantize.graph.passes.constants import weights_fp16
from quantize.graph.segmenter import segmenter_of
from quantize.graph.validate import validate

FLOAT, INT8 = small_float(), small_int8()
PLACES = {id(content): structure(content) for content in (FLOAT, INT8)}


def _sentence(error: ModelError) -> None:
    text = str(error)
    assert text[0].isupper()
    assert text.endswith(".")
    assert text.isprintable()
    assert len(text) <= 500


def _refused(content: bytes, words: str | None = None) -> None:
    with pytest.raises(ModelError, match=words) as caught:
        validate(read(content))
    _sentence(caught.value)


def _survives(content: bytes) -> Graph | None:
    """Read and check a file as an import does; None if it was refused with a sentence."""
    try:
        graph = read(content)
        held = sum(t.data.nbytes for t in graph.tensors() if t.data is not None)
        assert held <= 4 * len(content) + 65_536  # memory in proportion to the file, however its parts overlap
        validate(graph)
    except ModelError as error:
        _sentence(error)
        return None
    return graph


def _passes(graph: Graph) -> None:
    """What is done with a graph that was accepted: every pass treats it or says why not."""
    content = write(graph)
    assert write(read(content)) == content
    steps = [step for _, step in passes(FAMILIES["selfie"], 32, 64)]
    again = read(content)
    for step in (*steps, weights_fp16, expand_hard_swish):
        try:
            step(again)
            validate(again)
        except ModelError as error:
            _sentence(error)
            again = read(content)
    try:
        segmenter_of(graph)
    except ModelError as error:
        _sentence(error)


def test_the_files_that_are_broken_below_are_whole() -> None:
    assert [out.shape for out in run_file(FLOAT, np.zeros((1, 16, 24, 3), np.float32))] == [(384, 3), (1, 16, 24, 1)]
    assert [out.shape for out in run_file(INT8, np.zeros((1, 8, 12, 3), np.int8))] == [(1, 8, 12, 3)] * 2
    for content in (FLOAT, INT8):
        validate(read(content))


# By hand


@pytest.mark.parametrize(
    "content",
    [b"", b"TFL3", bytes(100), b"\x89PNG\r\n\x1a\n" + bytes(100), b"PK\x03\x04" + bytes(100), b"<html>" * 9],
    ids=["empty", "the mark alone", "zeros", "a picture", "an archive", "a page"],
)
def test_what_is_no_model(content: bytes) -> None:
    _refused(content, "This is not a TFLite model: the file does not carry the mark TFL3")


def test_the_mark_and_nothing_more() -> None:
    for rest in (bytes(100), b"\xff" * 100):
        _refused(rest[:4] + b"TFL3" + rest)


@pytest.mark.parametrize("content", [FLOAT, INT8], ids=["float", "int8"])
def test_cut_off_anywhere(content: bytes) -> None:
    for size in range(0, len(content), 7):
        graph = _survives(content[:size])
        assert graph is None or size > len(content) - 64  # the root lies in front: only a last name could be cut


def test_a_real_file_cut_off(asset: Callable[[str], Path]) -> None:
    content = asset("selfie-landscape").read_bytes()
    for size in np.linspace(0, len(content) - 1, 60).astype(int):
        _survives(content[:size])
    _refused(content[: len(content) // 2])


def _packed(model: Any) -> bytes:
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _edited(edit: Callable[[Any], None], content: bytes = FLOAT) -> bytes:
    model = schema.ModelT.InitFromPackedBuf(content)
    edit(model)
    return _packed(model)


def _sub(model: Any) -> Any:
    return model.subgraphs[0]


def _tensor(model: Any, name: str) -> Any:
    return next(t for t in _sub(model).tensors if t.name == name.encode())


def _set(path: Callable[[Any], Any], **values: Any) -> Callable[[Any], None]:
    def edit(model: Any) -> None:
        for name, value in values.items():
            assert hasattr(path(model), name)
            setattr(path(model), name, value)

    return edit


def _sparse() -> Any:
    sparsity = schema.SparsityParametersT()
    sparsity.traversalOrder = [0, 1]
    return sparsity


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (_set(lambda m: m, version=2), "schema version 2; only version 3"),
        (_set(lambda m: m, version=0), "schema version 0"),
        (_set(lambda m: m, subgraphs=[]), "has 0 subgraphs"),
        (lambda m: m.subgraphs.append(_sub(m)), "has 2 subgraphs"),
        (_set(_sub, operators=[]), "not computed by any operation"),
        (_set(_sub, tensors=[]), "points at tensor"),
        (_set(_sub, inputs=[]), "no input or no output|nothing made before"),
        (_set(_sub, outputs=[]), "no input or no output"),
        (_set(_sub, inputs=[9999]), "points at tensor 9999"),
        (_set(_sub, outputs=[-1]), "points at tensor -1"),
        (_set(_sub, inputs=[0] * 100), "claims to have 100 inputs"),
        (_set(lambda m: _tensor(m, "x"), shape=[1, -1, 24, 3]), "shape that is not fixed"),
        (_set(lambda m: _tensor(m, "x"), shapeSignature=[-1, 16, 24, 3]), "shape that is not fixed"),
        (_set(lambda m: _tensor(m, "x"), shape=[]), "four dimensions"),
        (_set(lambda m: _tensor(m, "x"), shape=[1] * 9), "claims to have 9 dimensions"),
        (_set(lambda m: _tensor(m, "x"), shape=[65536] * 4), "too large for any small device"),
        (_set(lambda m: _tensor(m, "x"), shape=[0, 2**31 - 1, 2**31 - 1, 3]), "shape that cannot be"),
        (_set(lambda m: _tensor(m, "x"), type=schema.TensorType.STRING), "of type STRING"),
        (_set(lambda m: _tensor(m, "x"), type=schema.TensorType.INT4), "of type INT4"),
        (_set(lambda m: _tensor(m, "x"), type=99), "of type 99"),
        (_set(lambda m: _tensor(m, "x"), type=schema.TensorType.INT32), "mixes|meets"),
        (_set(lambda m: _tensor(m, "x"), sparsity=_sparse()), "is sparse or a variable"),
        (_set(lambda m: _tensor(m, "x"), isVariable=True), "is sparse or a variable"),
        (_set(lambda m: _tensor(m, "h_w"), shape=[4, 3, 3, 4]), "holds 432 bytes and needs 576"),
        (_set(lambda m: _tensor(m, "h_w"), shape=[3, 3, 3, 4]), "has weights of"),
        (_set(lambda m: _tensor(m, "h_w"), buffer=77), "points at a buffer that is not there"),
        (_set(lambda m: _tensor(m, "h_w"), buffer=0), "takes h_w, which nothing made before it"),
        (_set(lambda m: _tensor(m, "h_w"), externalBuffer=3), "in another file"),
        (_set(lambda m: m.buffers[1], offset=64, size=432), "h_w has its data at 64 to 496 of"),
        (_set(lambda m: m.buffers[1], data=None, offset=1 << 33, size=432), "h_w has its data at 8589934592 to"),
        (_set(lambda m: m.buffers[1], data=None, offset=64, size=0), "h_w has its data at 64 to 64 of"),
        (_set(lambda m: m.buffers[1], data=None, offset=64, size=(1 << 64) - 1), "h_w has its data at 64 to"),
        (_set(lambda m: m.buffers[1], data=None, offset=64, size=12), "h_w holds 12 bytes and needs 432"),
        (_set(lambda m: m.buffers[1], data=None, offset=1, size=432), "takes h_w, which nothing made before it"),
        (_set(lambda m: _sub(m).operators[0], opcodeIndex=1000), "of a kind that is not listed"),
        (_set(lambda m: m.operatorCodes[0], builtinCode=44, deprecatedBuiltinCode=44), "which is not treated"),
        (_set(lambda m: m.operatorCodes[0], builtinCode=30_000), "of kind 30000, which is not treated"),
        (_set(lambda m: m.operatorCodes[0], builtinCode=32, customCode="Mine"), "operation Mine, which is not treated"),
        (_set(lambda m: m.operatorCodes[0], builtinCode=32, customCode="CONV_2D"), "CONV_2D, which is not treated"),
        (_set(lambda m: _sub(m).operators[0], inputs=[0, 1, 99]), "points at tensor 99"),
        (_set(lambda m: _sub(m).operators[0], builtinOptionsType=5), "options of kind Pool2DOptions"),
        (_set(lambda m: _sub(m).operators[0], builtinOptionsType=0), "as a stride"),
        (_set(lambda m: _sub(m).operators[0].builtinOptions, strideW=0), "as a stride"),
        (_set(lambda m: m.signatureDefs[0].inputs[0], tensorIndex=500), "points at tensor 500"),
        (_set(lambda m: m.signatureDefs[0].inputs[0], tensorIndex=3), "signature does not name its inputs"),
        (_set(lambda m: m.signatureDefs[0].outputs[0], name="output_1"), "names two of its outputs alike"),
        (_set(lambda m: m.signatureDefs[0], subgraphIndex=2), "signature is broken"),
        (_set(lambda m: _tensor(m, "x"), name="n" * 20_000), "a name of 20000 bytes"),
    ],
)
def test_a_file_that_is_whole_and_means_nonsense(edit: Callable[[Any], None], words: str) -> None:
    _refused(_edited(edit), words)


def test_data_behind_the_tables_is_found_where_it_is() -> None:
    """As ai-edge-quantizer writes larger models."""
    data = bytes(schema.ModelT.InitFromPackedBuf(FLOAT).buffers[1].data)

    def placed(at: int) -> bytes:
        return _edited(_set(lambda m: m.buffers[1], data=None, offset=at, size=len(data)))

    at = -(-len(placed(1 << 20)) // 16) * 16
    content = placed(at).ljust(at, b"\0") + data
    graph = read(content)
    validate(graph)
    x = np.ones((1, 16, 24, 3), np.float32)
    for a, b, c in zip(run_file(content, x), run_file(write(graph), x), run_file(FLOAT, x), strict=True):
        assert np.array_equal(a, b)
        assert np.array_equal(a, c)
    _refused(content[:-1], "has its data at")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers(value: float) -> None:
    graph = read(FLOAT)
    graph.ops[0].input(1).value[0, 0, 0, 0] = value
    _refused(write(graph), r"hold values that are no numbers \(NaN\) or infinite")


def test_operations_that_take_from_each_other() -> None:
    def edit(model: Any) -> None:
        first, second = _sub(model).operators[:2]
        first.inputs = [second.outputs[0], *first.inputs[1:]]

    _refused(_edited(edit), "which nothing made before it")


def test_an_operation_that_takes_its_own_result() -> None:
    def edit(model: Any) -> None:
        op = _sub(model).operators[2]
        op.inputs = [op.outputs[0], *op.inputs[1:]]

    _refused(_edited(edit), "takes g, which nothing made before it")


def test_scales_that_lie() -> None:
    def edit(model: Any) -> None:
        _tensor(model, "x").quantization.scale = np.ones(7, np.float32)

    _refused(_edited(edit, INT8), "has 7 scales and 1 zero points")


# What is shared: few bytes that describe a great many


def _repeated(count: int, each: Callable[[flatbuffers.Builder], int], big: int) -> bytes:
    """A model whose list of tensors names one table `count` times; `each` makes it. big: bytes in the buffer."""
    builder = flatbuffers.Builder(0)
    data = builder.CreateByteVector(bytes(big))
    schema.BufferStart(builder)
    schema.BufferAddData(builder, data)
    buffer = schema.BufferEnd(builder)
    table = each(builder)
    lists = []
    for items in ([buffer], [table] * count):
        builder.StartVector(4, len(items), 4)
        for item in items:
            builder.PrependUOffsetTRelative(item)
        lists.append(builder.EndVector())
    schema.SubGraphStart(builder)
    schema.SubGraphAddTensors(builder, lists[1])
    sub = schema.SubGraphEnd(builder)
    builder.StartVector(4, 1, 4)
    builder.PrependUOffsetTRelative(sub)
    subs = builder.EndVector()
    schema.ModelStart(builder)
    schema.ModelAddVersion(builder, 3)
    schema.ModelAddSubgraphs(builder, subs)
    schema.ModelAddBuffers(builder, lists[0])
    builder.Finish(schema.ModelEnd(builder), b"TFL3")
    return bytes(builder.Output())


def _shared_data(builder: flatbuffers.Builder) -> int:
    shape = builder.CreateNumpyVector(np.array([1 << 20], np.int32))
    schema.TensorStart(builder)
    schema.TensorAddShape(builder, shape)
    schema.TensorAddType(builder, schema.TensorType.UINT8)
    return int(schema.TensorEnd(builder))


def _shared_name(builder: flatbuffers.Builder) -> int:
    name = builder.CreateString("n" * 16_000)
    schema.TensorStart(builder)
    schema.TensorAddName(builder, name)
    return int(schema.TensorEnd(builder))


def _shared_scales(builder: flatbuffers.Builder) -> int:
    scale = builder.CreateNumpyVector(np.ones(1 << 18, np.float32))
    schema.QuantizationParametersStart(builder)
    schema.QuantizationParametersAddScale(builder, scale)
    quantization = schema.QuantizationParametersEnd(builder)
    schema.TensorStart(builder)
    schema.TensorAddQuantization(builder, quantization)
    schema.TensorAddBuffer(builder, 0)
    return int(schema.TensorEnd(builder))


def _long_signature(builder: flatbuffers.Builder) -> int:
    sides = builder.CreateNumpyVector(np.ones(1 << 18, np.int32))
    schema.TensorStart(builder)
    schema.TensorAddShapeSignature(builder, sides)
    return int(schema.TensorEnd(builder))


@pytest.mark.parametrize(
    ("each", "big", "words"),
    [
        (_shared_data, 1 << 20, "its parts overlap"),
        (_shared_name, 0, "its parts overlap"),
        (_shared_scales, 0, "its parts overlap"),
        (_long_signature, 0, "claims to have 262144 dimensions"),
    ],
)
def test_ten_thousand_tensors_of_one_table(each: Callable[[flatbuffers.Builder], int], big: int, words: str) -> None:
    _refused(_repeated(10_000, each, big), words)


def test_more_tensors_than_anybody_needs() -> None:
    _refused(_repeated(20_000, _shared_name, 0), "claims to have 20000 tensors, and at most 12000 are treated")


def test_operations_that_share_their_inputs() -> None:
    """4,000 operations whose inputs are one list of 50,000."""
    model = schema.ModelT.InitFromPackedBuf(FLOAT)
    _sub(model).operators[0].inputs = np.zeros(50_000, np.int32)
    content = bytearray(_packed(model))
    ops = schema.Model.GetRootAs(bytes(content), 0).Subgraphs(0)._tab
    at = ops.Vector(ops.Offset(10))  # SubGraph.operators: the fourth field
    first = at + struct.unpack_from("<I", content, at)[0]
    for i in range(1, ops.VectorLen(ops.Offset(10))):
        struct.pack_into("<I", content, at + 4 * i, first - (at + 4 * i))
    _refused(bytes(content), "its parts overlap")


@pytest.mark.parametrize("count", [0xFFFFFFFF, 60_000])
def test_every_vector_that_lies_about_its_length(count: int) -> None:
    """The length of each vector in turn: wherever a small number stands, a large one is put."""
    words = np.frombuffer(INT8[: len(INT8) // 4 * 4], "<u4")
    for at in np.flatnonzero((words > 0) & (words < 40)):
        content = bytearray(INT8)
        struct.pack_into("<I", content, 4 * int(at), count)
        _survives(bytes(content))


# By chance


@pytest.mark.parametrize("content", [FLOAT, INT8], ids=["float", "int8"])
def test_small_files_with_bytes_changed(content: bytes) -> None:
    accepted = 0

    @settings(max_examples=200, derandomize=True, deadline=None, database=None)
    @given(EDITS)
    def changed(edits: list[Edit]) -> None:
        nonlocal accepted
        graph = _survives(mutated(content, PLACES[id(content)], edits))
        if graph is not None:
            accepted += 1
            _passes(graph)

    changed()
    assert accepted > 5  # some changes are harmless: those graphs went through every pass


@pytest.mark.parametrize("name", ["selfie-landscape", "body"])
def test_real_files_with_bytes_changed(name: str, asset: Callable[[str], Path]) -> None:
    content = asset(name).read_bytes()
    places = structure(content)

    @settings(
        max_examples=25,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(EDITS)
    def changed(edits: list[Edit]) -> None:
        _survives(mutated(content, places, edits))

    changed()
