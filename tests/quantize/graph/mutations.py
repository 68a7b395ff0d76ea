"""Broken files: real ones with bytes changed where the structure is."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from hypothesis import strategies as st
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

from quantize.graph.graph import Quantization
from quantize.graph.passes.tidy import add_signature
from quantize.graph.writer import write

EXTREMES = (0, 1, 2, 4, 8, 16, 127, 128, 255, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)


@dataclass(frozen=True)
class Edit:
    """kind: flip, byte, short, word, cut, copy. at, other: of the structural places, taken modulo their number."""

    kind: str
    at: int
    value: int
    other: int


EDITS = st.lists(
    st.builds(
        Edit,
        st.sampled_from(["flip", "byte", "short", "word", "word", "cut", "copy"]),
        st.integers(0, 1 << 20),
        st.one_of(st.sampled_from(EXTREMES), st.integers(0, 0xFFFFFFFF), st.integers(0, 64)),
        st.integers(0, 1 << 20),
    ),
    min_size=1,
    max_size=6,
)


def structure(content: bytes) -> np.ndarray:
    """The places that are not within a constant's data, where a change would only be another number."""
    free = np.ones(len(content), bool)
    start = np.frombuffer(content, np.uint8).__array_interface__["data"][0]
    model = schema.Model.GetRootAs(content, 0)
    for i in range(model.BuffersLength()):
        data = model.Buffers(i).DataAsNumpy()
        if isinstance(data, np.ndarray) and data.size > 64:
            at = data.__array_interface__["data"][0] - start
            free[at : at + data.size] = False
    return np.flatnonzero(free)


def mutated(content: bytes, places: np.ndarray, edits: list[Edit]) -> bytes:
    """The file with every edit made."""
    data = bytearray(content)
    for edit in edits:
        at = int(places[edit.at % len(places)])
        if edit.kind == "flip":
            data[at] ^= 1 << edit.value % 8
        elif edit.kind == "byte":
            data[at] = edit.value & 0xFF
        elif edit.kind == "short":
            data[at // 2 * 2 : at // 2 * 2 + 2] = struct.pack("<H", edit.value & 0xFFFF)
        elif edit.kind == "word":
            data[at // 4 * 4 : at // 4 * 4 + 4] = struct.pack("<I", edit.value)
        elif edit.kind == "copy":
            other, size = int(places[edit.other % len(places)]), 1 + edit.value % 64
            data[at : at + size] = data[other : other + size]
        elif edit.other % 16 == 0:  # cut: seldom, for little is left to look at then
            del data[at:]
        if len(data) < len(content):
            data += bytes(len(content) - len(data)) if edit.kind != "cut" else b""
            if edit.kind == "cut":
                break
    return bytes(data)


def small_float() -> bytes:
    """A small segmenter with most kinds of operation."""
    x, half, mean, gate = (computed(n, *s) for n, s in zip("xhmg", _SIZES, strict=True))
    low, up, dw, d2s = (
        computed("low", 1, 4, 6, 4),
        computed("up", 1, 8, 12, 4),
        computed("dw", 1, 8, 12, 4),
        computed("d2s", 1, 16, 24, 1),
    )
    tc, both, out = computed("tc", 1, 16, 24, 1), computed("both", 1, 16, 24, 2), computed("out", 1, 16, 24, 2)
    pads = whole("pads", [0, 0], [1, 1], [1, 1], [0, 0])
    padded, thin, custom = computed("padded", 1, 10, 14, 4), computed("thin", 1, 8, 12, 4), computed("cu", 1, 16, 24, 1)
    weights = constant("weights", 3, 1, 1, 2)
    loose = computed("loose", 3, 1, 1, 2)
    last, order, moved = computed("last", 1, 16, 24, 3), whole("order", 0, 2, 1, 3), computed("moved", 1, 24, 16, 3)
    flat, soft = computed("flat", 384, 3), computed("soft", 384, 3)
    ops = [
        conv(x, half, kernel=3, stride=2),
        Op("MEAN", [half, whole("axes", 1, 2)], [mean], options("Reducer", keepDims=True)),
        binary("MUL", half, mean, gate),
        pool("MAX_POOL_2D", gate, low, (2, 2), (2, 2)),
        resize_bilinear(low, up),
        Op("PAD", [up, pads], [padded]),
        conv(padded, thin, kernel=3, padding=VALID),
        depthwise(thin, dw),
        Op("DEPTH_TO_SPACE", [dw], [d2s], options("DepthToSpace", blockSize=2)),
        transpose_conv(dw, tc),
        deconvolution(dw, custom, 2, 2),
        Op("CONCATENATION", [d2s, tc], [both], options("Concatenation", axis=3)),
        relu(both, out),
        Op("DEQUANTIZE", [Tensor.constant("w16", weights.value.astype(np.float16))], [loose]),
        Op("CONV_2D", [out, loose, constant("b", 3)], [last], options("Conv2D", strideH=1, strideW=1)),
        Op("TRANSPOSE", [last, order], [moved]),
        Op("RESHAPE", [moved, whole("shape", 384, 3)], [flat], options("Reshape", newShape=[384, 3])),
        Op("SOFTMAX", [flat], [soft], options("Softmax", beta=1.0)),
    ]
    graph = Graph(ops, [x], [soft, custom])
    add_signature(graph)
    return write(graph)


_SIZES = ((1, 16, 24, 3), (1, 8, 12, 4), (1, 1, 1, 4), (1, 8, 12, 4))


def small_int8() -> bytes:
    """A few operations of whole numbers with their scales."""

    def eight(name: str, *shape: int, data: np.ndarray | None = None, scales: int = 1, axis: int = 0) -> Tensor:
        q = Quantization(np.full(scales, 0.05, np.float32), np.zeros(scales, np.int64), axis)
        return Tensor(name, shape, np.dtype(np.int8), data, q)

    def bias(name: str, size: int) -> Tensor:
        q = Quantization(np.full(size, 0.0025, np.float32), np.zeros(size, np.int64))
        return Tensor(name, (size,), np.dtype(np.int32), np.arange(size, dtype=np.int32), q)

    rng = np.random.default_rng(0)
    x, a, b, c, d, y = (eight(n, 1, 8, 12, 3) for n in "xabcdy")
    w = eight("w", 3, 3, 3, 3, data=rng.integers(-99, 99, (3, 3, 3, 3)).astype(np.int8), scales=3)
    dw = eight("dw", 1, 3, 3, 3, data=rng.integers(-99, 99, (1, 3, 3, 3)).astype(np.int8), scales=3, axis=3)
    deep = options("DepthwiseConv2D", strideW=1, strideH=1, depthMultiplier=1)
    y.quantization = Quantization(np.array([1 / 256], np.float32), np.array([-128]))
    z = computed("z", 1, 8, 12, 3)
    low, up = eight("low", 1, 4, 6, 3), eight("up", 1, 8, 12, 3)
    ops = [
        Op("CONV_2D", [x, w, bias("wb", 3)], [a], options("Conv2D", strideH=1, strideW=1)),
        Op("DEPTHWISE_CONV_2D", [a, dw, bias("db", 3)], [b], deep),
        pool("AVERAGE_POOL_2D", b, low, (2, 2), (2, 2)),
        resize_bilinear(low, up),
        binary("ADD", b, up, c),
        binary("MUL", a, c, d),
        Op("LOGISTIC", [d], [y]),
        Op("DEQUANTIZE", [y], [z]),
    ]
    return write(Graph(ops, [x], [z, y]))
