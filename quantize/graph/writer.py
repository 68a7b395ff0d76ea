"""Writes a graph as a `.tflite` file."""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from quantize.graph.codes import IDENTIFIER, OP_CODES, OPTIONS, TYPE_CODES, VERSION
from quantize.graph.graph import Graph, Op, Tensor

_ALIGNMENT = 16  # bytes, of a constant's data. Source: `force_align` in schema.fbs.


def write(graph: Graph) -> bytes:
    """The model as a `.tflite` file; equal graphs give equal bytes. The graph is one that `validate` accepts."""
    return _Writer(graph).bytes()


class _Buffer(schema.BufferT):  # type: ignore[misc]  # the schema carries no types
    """The schema's object, its data aligned as the schema demands and the generated code does not."""

    def Pack(self, builder: Any) -> int:  # noqa: N802  the generated code calls it so
        data: npt.NDArray[np.uint8] | None = self.data
        if data is not None:
            builder.StartVector(1, data.size, _ALIGNMENT)
            builder.head -= data.size
            builder.Bytes[builder.head : builder.head + data.size] = data.tobytes()
            at = builder.EndVector()
        schema.BufferStart(builder)
        if data is not None:
            schema.BufferAddData(builder, at)
        return int(schema.BufferEnd(builder))


class _Writer:
    """Numbers what a graph points at and packs it."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._model = schema.ModelT()
        self._tensors: dict[int, int] = {}
        self._codes: dict[tuple[str, int, bool], int] = {}
        self._model.version = VERSION
        self._model.description = graph.description
        self._model.buffers = [_Buffer()]
        self._model.operatorCodes = []

    def bytes(self) -> bytes:
        sub = schema.SubGraphT()
        sub.name = "main"
        sub.tensors = [self._tensor(tensor) for tensor in self._graph.tensors()]
        sub.operators = [self._op(op) for op in self._graph.ops]
        sub.inputs = [self._tensors[id(t)] for t in self._graph.inputs]
        sub.outputs = [self._tensors[id(t)] for t in self._graph.outputs]
        self._model.subgraphs = [sub]
        if self._graph.signature:
            self._model.signatureDefs = [self._signature()]
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(self._model.Pack(builder), IDENTIFIER)
        return bytes(builder.Output())

    def _tensor(self, tensor: Tensor) -> Any:
        self._tensors[id(tensor)] = len(self._tensors)
        made = schema.TensorT()
        made.name, made.shape, made.type = tensor.name, list(tensor.shape), TYPE_CODES[np.dtype(tensor.dtype)]
        made.hasRank = True
        made.buffer = 0 if tensor.data is None else self._buffer(tensor.data)
        if tensor.quantization is not None:
            made.quantization = schema.QuantizationParametersT()
            made.quantization.scale = np.asarray(tensor.quantization.scale, np.float32)
            made.quantization.zeroPoint = np.asarray(tensor.quantization.zero_point, np.int64)
            made.quantization.quantizedDimension = tensor.quantization.axis
        return made

    def _buffer(self, data: np.ndarray[Any, Any]) -> int:
        buffer = _Buffer()
        buffer.data = np.frombuffer(data.astype(data.dtype.newbyteorder("<")).tobytes(), np.uint8)
        self._model.buffers.append(buffer)
        return len(self._model.buffers) - 1

    def _op(self, op: Op) -> Any:
        made = schema.OperatorT()
        made.opcodeIndex = self._code(op)
        made.inputs = [-1 if t is None else self._tensors[id(t)] for t in op.inputs]
        made.outputs = [self._tensors[id(t)] for t in op.outputs]
        if op.custom:
            made.customOptions = np.frombuffer(op.options, np.uint8)
        elif op.options is not None:
            made.builtinOptions = op.options
            made.builtinOptionsType = OPTIONS[type(op.options).__name__.removesuffix("T")]
        return made

    def _code(self, op: Op) -> int:
        key = (op.name, op.version, op.custom)
        if key not in self._codes:
            code = schema.OperatorCodeT()
            number = schema.BuiltinOperator.CUSTOM if op.custom else OP_CODES[op.name]
            code.builtinCode = number
            code.deprecatedBuiltinCode = min(number, 127)
            code.customCode = op.name if op.custom else None
            code.version = op.version
            self._codes[key] = len(self._codes)
            self._model.operatorCodes.append(code)
        return self._codes[key]

    def _signature(self) -> Any:
        made = schema.SignatureDefT()
        made.signatureKey, made.subgraphIndex = "serving_default", 0
        for side in ("inputs", "outputs"):
            maps = []
            for name, tensor in self._graph.signature[side].items():
                one = schema.TensorMapT()
                one.name, one.tensorIndex = name, self._tensors[id(tensor)]
                maps.append(one)
            setattr(made, side, maps)
        return made
