"""Smaller models out of a `.tflite` file, by changing a few bytes of it and appending vectors.

No flatbuffer is written anew, so that this needs no library. The numbers of fields are those of the TFLite schema
(tflite/converter/schema/schema.fbs); how they are found is the flatbuffers wire format: an offset to the root table, a
table that begins with the (signed) way back to its vtable, a vtable of 16-bit offsets of the fields.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping

SUBGRAPHS, SIGNATURES = 2, 7  # of Model
TENSORS, INPUTS, OUTPUTS, OPERATORS = 0, 1, 2, 3  # of SubGraph
TYPE = 1  # of Tensor
TYPES = {"float32": 0, "float16": 1, "uint8": 3, "int8": 9}  # TensorType


class NotCut(Exception):
    """The model cannot be cut so."""


class Cut:
    """A model of one subgraph to be made smaller."""

    def __init__(self, model: bytes) -> None:
        self._data = bytearray(model)
        root = self._at("<I", 0)
        subgraphs = self._vector(root, SUBGRAPHS)
        if self._at("<I", subgraphs) != 1:
            raise NotCut("the model has several subgraphs")
        signatures = self._field(root, SIGNATURES)
        if signatures:  # they name the outputs of the whole
            self._put(signatures + self._at("<I", signatures), 0)
        self._graph = self._element(subgraphs, 0)

    def prefix(self, nodes: int, outputs: Iterable[int]) -> bytes:
        """The first so many nodes."""
        operators = self._vector(self._graph, OPERATORS)
        self._put(operators, nodes)
        self._replace(OUTPUTS, outputs)
        return bytes(self._data)

    def alone(
        self, node: int, inputs: Iterable[int], outputs: Iterable[int], types: Mapping[int, str] | None = None
    ) -> bytes:
        """One node, its varying inputs being the model's; `types` gives tensors another type."""
        operators = self._vector(self._graph, OPERATORS)
        self._put(operators + 4, self._element(operators, node) - (operators + 4))
        self._put(operators, 1)
        self._replace(INPUTS, inputs)
        self._replace(OUTPUTS, outputs)
        for tensor, dtype in (types or {}).items():
            place = self._field(self._element(self._vector(self._graph, TENSORS), tensor), TYPE)
            if not place:
                raise NotCut("a tensor of the default type has no place for another")
            self._put(place, TYPES[dtype], "<B")
        return bytes(self._data)

    def _replace(self, field: int, tensors: Iterable[int]) -> None:
        """Point a field of the subgraph to a vector of its own at the end of the file."""
        place = self._field(self._graph, field)
        if not place:
            raise NotCut("the model names no inputs or outputs")
        content = list(tensors)
        self._data += bytes(-len(self._data) % 4)
        self._put(place, len(self._data) - place)
        self._data += struct.pack(f"<I{len(content)}i", len(content), *content)

    def _at(self, kind: str, place: int) -> int:
        if not 0 <= place <= len(self._data) - struct.calcsize(kind):
            raise NotCut("the file is damaged")
        return int(struct.unpack_from(kind, self._data, place)[0])

    def _put(self, place: int, value: int, kind: str = "<I") -> None:
        self._at(kind, place)
        try:
            struct.pack_into(kind, self._data, place, value)
        except struct.error:
            raise NotCut("the file is damaged") from None

    def _field(self, table: int, number: int) -> int:
        """Where a field's value is, 0 if the table has none."""
        vtable = table - self._at("<i", table)
        entry = 4 + 2 * number
        offset = self._at("<H", vtable + entry) if entry < self._at("<H", vtable) else 0
        return table + offset if offset else 0

    def _vector(self, table: int, number: int) -> int:
        """Where a vector's count is; its elements follow."""
        place = self._field(table, number)
        if not place:
            raise NotCut("the model has no operations")
        return place + self._at("<I", place)

    def _element(self, vector: int, index: int) -> int:
        """The table that an element of a vector of tables points to."""
        place = vector + 4 + 4 * index
        return place + self._at("<I", place)
