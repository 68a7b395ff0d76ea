"""Read and write `.tflite` files with the schema that ai-edge-litert ships.

A file is not trusted: every count, offset and size is checked before it is followed, and anything that is not a model
of one subgraph with static shapes is refused with a ModelError. Offsets may make parts of a file overlap, so that few
bytes describe a great many: all that is taken out of a file is counted, see `_Work`.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from quantize.graph.codes import DTYPES, IDENTIFIER, OPS, OPTION_NAMES, OPTIONS, TYPE_NAMES, VERSION
from quantize.graph.graph import Graph, ModelError, Op, Quantization, Tensor
from quantize.graph.kinds import KINDS
from quantize.graph.writer import write

__all__ = ["MAX_ELEMENTS", "read", "write"]

# Far more than any model for a small device; passes look for an operation's neighbours among all of them.
_MOST = {
    "tensors": 12_000,
    "operations": 4_000,
    "buffers": 12_000,
    "kinds of operation": 1_000,
    "inputs": 64,
    "outputs": 64,
}
MAX_ELEMENTS = 1 << 26  # of one tensor
MAX_DIMENSIONS = 5
_LONGEST_NAME = 16_384  # converters join the names of what they fuse
# What cannot be followed ends in one of these. Source: flatbuffers' table.py and encode.py.
_BROKEN = (struct.error, IndexError, ValueError, TypeError, OverflowError, AttributeError, MemoryError)


def read(data: bytes) -> Graph:
    """The model in a `.tflite` file; raises ModelError that says what is wrong with it.

    What it says of itself is not checked for sense here: that is `validate`.
    """
    if len(data) < 16 or data[4:8] != IDENTIFIER:
        raise ModelError("This is not a TFLite model: the file does not carry the mark TFL3.")
    try:
        return _Reader(data).graph()
    except ModelError:
        raise
    except _BROKEN as error:
        raise ModelError(f"The model is broken or cut off: {str(error).rstrip('.')}.") from error


class _Work:
    """How many bytes may still be taken out of the file.

    Converters share constants that are equal, so that a whole file may give somewhat more than it holds.
    """

    def __init__(self, size: int) -> None:
        self._left = 4 * size + 65_536

    def take(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise ModelError("The model is broken: its parts overlap, so that it describes far more than it holds.")


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._file = data
        self._work = _Work(len(data))
        self._model = schema.Model.GetRootAs(data, 0)
        self._tensors: list[Tensor] = []

    def graph(self) -> Graph:
        model = self._model
        if model.Version() != VERSION:
            raise ModelError(f"The model has schema version {model.Version()}; only version {VERSION} is read.")
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
            if count > _MOST[what]:
                raise ModelError(f"The model claims to have {count} {what}, and at most {_MOST[what]} are treated.")
        self._tensors = [self._tensor(sub.Tensors(i), i) for i in range(counts["tensors"])]
        ops = [self._op(sub.Operators(i), i) for i in range(counts["operations"])]
        graph = Graph(
            ops,
            [self._at(i) for i in self._ints(sub.InputsAsNumpy(), counts["inputs"])],
            [self._at(i) for i in self._ints(sub.OutputsAsNumpy(), counts["outputs"])],
            self._text(model.Description()),
        )
        self._read_signature(graph)
        return graph

    def _read_signature(self, graph: Graph) -> None:
        if self._model.SignatureDefsLength() == 0:
            return
        signature = self._model.SignatureDefs(0)
        for side, length, at in (
            ("inputs", signature.InputsLength(), signature.Inputs),
            ("outputs", signature.OutputsLength(), signature.Outputs),
        ):
            if length > _MOST[side] or signature.SubgraphIndex() != 0:
                raise ModelError("The model's signature is broken.")
            named = [at(i) for i in range(length)]
            graph.signature[side] = {self._text(m.Name()): self._at(m.TensorIndex()) for m in named}
            if len(graph.signature[side]) != length:
                raise ModelError(f"The model's signature names two of its {side} alike.")

    def _tensor(self, raw: Any, index: int) -> Tensor:
        name = self._text(raw.Name()) or f"tensor_{index}"
        if raw.Type() not in DTYPES:
            kind = TYPE_NAMES.get(raw.Type(), raw.Type())
            raise ModelError(f"The tensor {name} is of type {kind}, which is not treated.")
        if raw.Sparsity() is not None or raw.IsVariable():
            raise ModelError(f"The tensor {name} is sparse or a variable, which is not treated.")
        shape = self._shape(raw, name)
        dtype = DTYPES[raw.Type()]
        return Tensor(name, shape, dtype, self._data(raw, name, shape, dtype), self._scales(raw.Quantization(), name))

    def _shape(self, raw: Any, name: str) -> tuple[int, ...]:
        dimensions = max(raw.ShapeLength(), raw.ShapeSignatureLength())
        if dimensions > MAX_DIMENSIONS:
            raise ModelError(f"The tensor {name} claims to have {dimensions} dimensions, which is not treated.")
        shape = tuple(self._ints(raw.ShapeAsNumpy(), raw.ShapeLength()))
        if any(side < 0 for side in (*shape, *self._ints(raw.ShapeSignatureAsNumpy(), raw.ShapeSignatureLength()))):
            raise ModelError(f"The tensor {name} has a shape that is not fixed; make the model with static shapes.")
        elements = 1
        for side in shape:
            elements *= side
        if elements > MAX_ELEMENTS:
            raise ModelError(f"The tensor {name} of shape {list(shape)} is too large for any small device.")
        return shape

    def _data(self, raw: Any, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
        if not 0 <= raw.Buffer() < self._model.BuffersLength():
            raise ModelError(f"The tensor {name} points at a buffer that is not there.")
        if raw.ExternalBuffer():
            raise ModelError(f"The tensor {name} keeps its data in another file, which is not treated.")
        content = self._content(self._model.Buffers(raw.Buffer()), name)
        if content is None:
            return None
        needed = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        if content.size != needed:
            raise ModelError(f"The tensor {name} holds {content.size} bytes and needs {needed}.")
        return content.view(dtype.newbyteorder("<")).astype(dtype).reshape(shape)

    def _content(self, buffer: Any, name: str) -> npt.NDArray[np.uint8] | None:
        """The bytes of a buffer: in its table, or behind all tables, as quantizers write them. None if it has none."""
        if buffer.Offset() <= 1:  # 0: not given; 1: to be filled in by a writer that did not. Source: schema.fbs.
            self._work.take(buffer.DataLength())
            return buffer.DataAsNumpy() if buffer.DataLength() else None
        start, end = buffer.Offset(), buffer.Offset() + buffer.Size()
        if end > len(self._file) or start == end or buffer.DataLength():
            raise ModelError(f"The tensor {name} has its data at {start} to {end} of {len(self._file)} bytes.")
        self._work.take(end - start)
        return np.frombuffer(self._file, np.uint8, end - start, start)

    def _scales(self, raw: Any, name: str) -> Quantization | None:
        if raw is None or raw.ScaleLength() == 0:
            return None
        if raw.DetailsType():
            raise ModelError(f"The tensor {name} is quantized in a way that is not treated.")
        if raw.ZeroPointLength() not in (0, raw.ScaleLength()):
            raise ModelError(
                f"The tensor {name} has {raw.ScaleLength()} scales and {raw.ZeroPointLength()} zero points."
            )
        self._work.take(12 * raw.ScaleLength())
        scale = raw.ScaleAsNumpy().astype(np.float32)
        points = raw.ZeroPointAsNumpy() if raw.ZeroPointLength() else np.zeros(scale.size)
        return Quantization(scale, points.astype(np.int64), raw.QuantizedDimension())

    def _op(self, raw: Any, index: int) -> Op:
        if not 0 <= raw.OpcodeIndex() < self._model.OperatorCodesLength():
            raise ModelError(f"Operation {index} is of a kind that is not listed.")
        code = self._model.OperatorCodes(raw.OpcodeIndex())
        # The first field is a byte that old readers know; newer kinds are in the second. Source: schema.fbs.
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        custom = number == schema.BuiltinOperator.CUSTOM
        name = self._text(code.CustomCode()) if custom else OPS.get(number, str(number))
        if not custom and name not in KINDS:
            raise ModelError(f"Operation {index} is of kind {name}, which is not treated.")
        return Op(
            name,
            [None if i == -1 else self._at(i) for i in self._ints(raw.InputsAsNumpy(), raw.InputsLength())],
            [self._at(i) for i in self._ints(raw.OutputsAsNumpy(), raw.OutputsLength())],
            self._custom_options(raw, name) if custom else self._options(raw, name),
            code.Version(),
            custom,
        )

    def _custom_options(self, raw: Any, name: str) -> bytes:
        if raw.LargeCustomOptionsOffset() > 1:
            raise ModelError(f"An operation {name} keeps its options outside the model's tables, which is not treated.")
        self._work.take(raw.CustomOptionsLength())
        return bytes(raw.CustomOptionsAsNumpy()) if raw.CustomOptionsLength() else b""

    def _options(self, raw: Any, name: str) -> Any:
        """Options that an operation reads; the runtime takes missing ones for zeros, and so does this."""
        wanted, kind = KINDS[name].options, raw.BuiltinOptionsType()
        if raw.BuiltinOptions2Type() or (kind and wanted and kind != OPTIONS[wanted]):
            what = OPTION_NAMES.get(kind, str(kind))
            raise ModelError(f"An operation {name} has options of kind {what}, which is not treated.")
        if not wanted:
            # Many have a table without a field, which says nothing but is kept.
            empty = getattr(schema, f"{OPTION_NAMES.get(kind)}T", None)
            return empty() if empty and not vars(empty()) else None
        made = schema.BuiltinOptionsCreator(kind, raw.BuiltinOptions()) if kind else None
        made = made or getattr(schema, f"{wanted}T")()
        for vector in ("newShape", "squeezeDims"):
            if len(() if getattr(made, vector, None) is None else getattr(made, vector)) > MAX_DIMENSIONS:
                raise ModelError(f"An operation {name} claims to have more than {MAX_DIMENSIONS} dimensions.")
        return made

    def _ints(self, array: Any, length: int) -> list[int]:
        self._work.take(4 * length)
        return [int(i) for i in array] if length else []

    def _at(self, index: int) -> Tensor:
        if not 0 <= index < len(self._tensors):
            raise ModelError(f"The model points at tensor {index}, and has {len(self._tensors)}.")
        return self._tensors[index]

    def _text(self, raw: bytes | None) -> str:
        self._work.take(len(raw or b""))
        if len(raw or b"") > _LONGEST_NAME:
            raise ModelError(f"The model has a name of {len(raw or b'')} bytes; it is broken.")
        return (raw or b"").decode("utf-8", "replace")
