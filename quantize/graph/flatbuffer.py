"""Read and write `.tflite` files with the schema that ai-edge-litert ships.

A file is not trusted: every count, offset and size is checked before it is followed, and anything that is not a model
of one subgraph with static shapes is refused with a ModelError.
"""

from __future__ import annotations

import struct
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from quantize.graph.graph import Graph, ModelError, Op, Quantization, Tensor

IDENTIFIER = b"TFL3"
MAX_ITEMS = 20_000  # operations, tensors, buffers: far more than any model for a small device
MAX_ELEMENTS = 1 << 28

_OPS: dict[int, str] = {v: k for k, v in vars(schema.BuiltinOperator).items() if k.isupper()}
_OP_CODES = {name: code for code, name in _OPS.items()}
_OPTIONS: dict[str, int] = {k: v for k, v in vars(schema.BuiltinOptions).items() if not k.startswith("_")}
_DTYPES: dict[int, np.dtype[Any]] = {
    schema.TensorType.FLOAT32: np.dtype(np.float32),
    schema.TensorType.FLOAT16: np.dtype(np.float16),
    schema.TensorType.INT32: np.dtype(np.int32),
    schema.TensorType.INT64: np.dtype(np.int64),
    schema.TensorType.INT16: np.dtype(np.int16),
    schema.TensorType.INT8: np.dtype(np.int8),
    schema.TensorType.UINT8: np.dtype(np.uint8),
    schema.TensorType.BOOL: np.dtype(np.bool_),
}
_TYPE_CODES = {dtype: code for code, dtype in _DTYPES.items()}
_TYPE_NAMES = {v: k for k, v in vars(schema.TensorType).items() if k.isupper()}


def read(data: bytes) -> Graph:
    """The model in a `.tflite` file; raises ModelError that says what is wrong with it."""
    if len(data) < 16 or data[4:8] != IDENTIFIER:
        raise ModelError("This is not a TFLite model: the file does not carry the mark TFL3.")
    try:
        return _graph(schema.Model.GetRootAs(data, 0))
    except ModelError:
        raise
    except (struct.error, IndexError, ValueError, TypeError, OverflowError, AttributeError, MemoryError) as error:
        raise ModelError(f"The model is broken or cut off: {' '.join(str(error).split())}.") from error


def write(graph: Graph) -> bytes:
    """The model as a `.tflite` file; equal graphs give equal bytes."""
    return _Writer(graph).bytes()


def _graph(model: Any) -> Graph:
    if model.Version() != 3:
        raise ModelError(f"The model has schema version {model.Version()}; only version 3 is read.")
    if model.SubgraphsLength() != 1:
        raise ModelError(f"The model has {model.SubgraphsLength()} subgraphs; only models of one are treated.")
    sub = model.Subgraphs(0)
    counts = {
        "tensors": sub.TensorsLength(),
        "operations": sub.OperatorsLength(),
        "buffers": model.BuffersLength(),
        "kinds of operation": model.OperatorCodesLength(),
        "inputs": sub.InputsLength(),
        "outputs": sub.OutputsLength(),
    }
    for what, count in counts.items():
        if not 0 <= count <= MAX_ITEMS:
            raise ModelError(f"The model claims to have {count} {what}; it is broken.")
    tensors = [_tensor(sub.Tensors(i), model, i) for i in range(counts["tensors"])]
    ops = [_op(sub.Operators(i), model, tensors, i) for i in range(counts["operations"])]
    graph = Graph(
        ops,
        [_at(tensors, i) for i in _ints(sub.InputsAsNumpy(), counts["inputs"])],
        [_at(tensors, i) for i in _ints(sub.OutputsAsNumpy(), counts["outputs"])],
        (model.Description() or b"").decode("utf-8", "replace"),
    )
    _read_signature(model, tensors, graph)
    return graph


def _read_signature(model: Any, tensors: list[Tensor], graph: Graph) -> None:
    if model.SignatureDefsLength() == 0:
        return
    signature = model.SignatureDefs(0)
    for side, length, at in (
        ("inputs", signature.InputsLength(), signature.Inputs),
        ("outputs", signature.OutputsLength(), signature.Outputs),
    ):
        if length > len(tensors):
            raise ModelError("The model's signature is broken.")
        named = [at(i) for i in range(length)]
        graph.signature[side] = {
            (m.Name() or b"").decode("utf-8", "replace"): _at(tensors, m.TensorIndex()) for m in named
        }


def _tensor(raw: Any, model: Any, index: int) -> Tensor:
    name = (raw.Name() or b"").decode("utf-8", "replace") or f"tensor_{index}"
    kind = raw.Type()
    if kind not in _DTYPES:
        raise ModelError(f"The tensor {name} is of type {_TYPE_NAMES.get(kind, kind)}, which is not treated.")
    if raw.Sparsity() is not None or raw.IsVariable():
        raise ModelError(f"The tensor {name} is sparse or a variable, which is not treated.")
    dtype = _DTYPES[kind]
    if raw.ShapeLength() > 8:
        raise ModelError(f"The tensor {name} claims to have {raw.ShapeLength()} dimensions.")
    shape = tuple(_ints(raw.ShapeAsNumpy(), raw.ShapeLength()))
    dynamic = raw.ShapeSignatureLength() and any(side < 0 for side in _ints(raw.ShapeSignatureAsNumpy(), len(shape)))
    if dynamic or any(side < 0 for side in shape):
        raise ModelError(f"The tensor {name} has a shape that is not fixed; make the model with static shapes.")
    elements = 1
    for side in shape:
        elements *= side
    if elements > MAX_ELEMENTS:
        raise ModelError(f"The tensor {name} of shape {list(shape)} is too large for any small device.")
    if not 0 <= raw.Buffer() < model.BuffersLength():
        raise ModelError(f"The tensor {name} points at a buffer that is not there.")
    buffer = model.Buffers(raw.Buffer())
    data = None
    if buffer.DataLength():
        content = buffer.DataAsNumpy()
        if content.size != elements * dtype.itemsize:
            raise ModelError(f"The tensor {name} holds {content.size} bytes and needs {elements * dtype.itemsize}.")
        data = content.view(dtype.newbyteorder("<")).astype(dtype).reshape(shape)
    elif buffer.Offset() > 1:
        raise ModelError(f"The tensor {name} keeps its data outside the model's tables, which is not treated.")
    return Tensor(name, shape, dtype, data, _quantization(raw.Quantization(), name))


def _quantization(raw: Any, name: str) -> Quantization | None:
    if raw is None or raw.ScaleLength() == 0:
        return None
    if raw.DetailsType():
        raise ModelError(f"The tensor {name} is quantized in a way that is not treated.")
    scale, zero = raw.ScaleAsNumpy(), raw.ZeroPointAsNumpy()
    points = np.zeros(scale.size, np.int64) if raw.ZeroPointLength() == 0 else zero.astype(np.int64)
    if points.size != scale.size:
        raise ModelError(f"The tensor {name} has {scale.size} scales and {points.size} zero points.")
    return Quantization(scale.astype(np.float32), points, raw.QuantizedDimension())


def _op(raw: Any, model: Any, tensors: list[Tensor], index: int) -> Op:
    if not 0 <= raw.OpcodeIndex() < model.OperatorCodesLength():
        raise ModelError(f"Operation {index} is of a kind that is not listed.")
    code = model.OperatorCodes(raw.OpcodeIndex())
    # The first field is a byte that old readers know; newer kinds are in the second. Source: schema.fbs.
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    custom = number == schema.BuiltinOperator.CUSTOM
    name = (code.CustomCode() or b"").decode("utf-8", "replace") if custom else _OPS.get(number)
    if not name:
        raise ModelError(f"Operation {index} is of kind {number}, which this version does not know.")
    if raw.InputsLength() > MAX_ITEMS or raw.OutputsLength() > MAX_ITEMS:
        raise ModelError(f"Operation {index} ({name}) is broken.")
    return Op(
        name,
        [None if i == -1 else _at(tensors, i) for i in _ints(raw.InputsAsNumpy(), raw.InputsLength())],
        [_at(tensors, i) for i in _ints(raw.OutputsAsNumpy(), raw.OutputsLength())],
        _options(raw, custom, name),
        code.Version(),
        custom,
    )


def _options(raw: Any, custom: bool, name: str) -> Any:
    if custom:
        return raw.CustomOptionsAsNumpy().tobytes() if raw.CustomOptionsLength() else b""
    if raw.BuiltinOptions2Type():
        raise ModelError(f"An operation {name} has options that are not treated.")
    kind = raw.BuiltinOptionsType()
    if not kind or raw.BuiltinOptions() is None:
        return None
    if kind not in _OPTIONS.values():
        raise ModelError(f"An operation {name} has options of kind {kind}, which this version does not know.")
    return schema.BuiltinOptionsCreator(kind, raw.BuiltinOptions())


def _ints(array: Any, length: int) -> list[int]:
    return [int(i) for i in array] if length else []


def _at(tensors: list[Tensor], index: int) -> Tensor:
    if not 0 <= index < len(tensors):
        raise ModelError(f"The model points at tensor {index}, and has {len(tensors)}.")
    return tensors[index]


class _Writer:
    """Numbers what a graph points at and packs it."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._model = schema.ModelT()
        self._tensors: dict[int, int] = {}
        self._codes: dict[tuple[str, int, bool], int] = {}
        self._model.version = 3
        self._model.description = graph.description
        self._model.buffers = [schema.BufferT()]
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
        made.name, made.shape, made.type = tensor.name, list(tensor.shape), _TYPE_CODES[np.dtype(tensor.dtype)]
        made.hasRank = True
        made.buffer = 0 if tensor.data is None else self._buffer(tensor.data)
        if tensor.quantization is not None:
            made.quantization = schema.QuantizationParametersT()
            made.quantization.scale = np.asarray(tensor.quantization.scale, np.float32)
            made.quantization.zeroPoint = np.asarray(tensor.quantization.zero_point, np.int64)
            made.quantization.quantizedDimension = tensor.quantization.axis
        return made

    def _buffer(self, data: np.ndarray[Any, Any]) -> int:
        buffer = schema.BufferT()
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
            made.builtinOptionsType = _OPTIONS[type(op.options).__name__.removesuffix("T")]
        return made

    def _code(self, op: Op) -> int:
        key = (op.name, op.version, op.custom)
        if key not in self._codes:
            code = schema.OperatorCodeT()
            number = schema.BuiltinOperator.CUSTOM if op.custom else _OP_CODES[op.name]
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
