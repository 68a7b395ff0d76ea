"""A TFLite model as objects that point at each other, so that a pass is a few lines.

Tensors have no numbers here and buffers do not exist: what nothing points at is not written. `flatbuffer.py` reads and
writes these.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeseg.errors import CandidateError, one_line

Array = npt.NDArray[Any]
_LONGEST = 400  # of a message, in characters: names come out of the file and may be anything


class ModelError(CandidateError):
    """A model that cannot be read, or that a pass cannot treat. Its text is one line, whatever the file's names are."""

    def __init__(self, text: str) -> None:
        text = one_line(text)
        super().__init__(text if len(text) <= _LONGEST else f"{text[: _LONGEST - 100]} ... {text[-90:]}")


@dataclass(eq=False, slots=True)
class Quantization:
    """real = (stored - zero_point) * scale, one pair for the tensor or one for each slice along `axis`."""

    scale: npt.NDArray[np.float32]
    zero_point: npt.NDArray[np.int64]
    axis: int = 0


@dataclass(eq=False, slots=True)
class Tensor:
    """A value between operations. data: of a constant, in `shape` and `dtype`; None for what is computed."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    data: Array | None = None
    quantization: Quantization | None = None

    @staticmethod
    def constant(name: str, data: Array) -> Tensor:
        """A constant that holds `data`."""
        return Tensor(name, data.shape, data.dtype, np.ascontiguousarray(data))

    @property
    def value(self) -> Array:
        """A constant's data; raises ModelError for a computed tensor."""
        if self.data is None:
            raise ModelError(f"The tensor {self.name} is computed where a constant is expected.")
        return self.data


@dataclass(eq=False, slots=True)
class Op:
    """One operation. name: as in the schema, such as CONV_2D, or the custom operation's own.

    options: the schema's object for it (Conv2DOptionsT ...), or the bytes of a custom operation; None if it has none.
    """

    name: str
    inputs: list[Tensor | None]
    outputs: list[Tensor]
    options: Any = None
    version: int = 1
    custom: bool = False

    @property
    def output(self) -> Tensor:
        """Its only output; raises ModelError if it has another number of them."""
        if len(self.outputs) != 1:
            raise ModelError(f"An operation {self.name} has {len(self.outputs)} outputs and not one.")
        return self.outputs[0]

    def input(self, at: int) -> Tensor:
        """The input at a place; raises ModelError if there is none."""
        tensor = self.inputs[at] if at < len(self.inputs) else None
        if tensor is None:
            raise ModelError(f"An operation {self.name} has no input {at}.")
        return tensor


@dataclass(eq=False, slots=True)
class Graph:
    """One model: its operations in an order in which they can be run."""

    ops: list[Op]
    inputs: list[Tensor]
    outputs: list[Tensor]
    description: str = ""
    signature: dict[str, dict[str, Tensor]] = field(default_factory=dict)  # "inputs", "outputs": name -> tensor

    def tensors(self) -> Iterator[Tensor]:
        """Every tensor once, in the order in which they are met."""
        seen: set[int] = set()
        for tensor in [*self.inputs, *(t for op in self.ops for t in [*op.inputs, *op.outputs] if t), *self.outputs]:
            if id(tensor) not in seen:
                seen.add(id(tensor))
                yield tensor

    def producer(self, tensor: Tensor) -> Op | None:
        """The operation that computes a tensor; None for inputs and constants."""
        return next((op for op in self.ops if any(out is tensor for out in op.outputs)), None)

    def consumers(self, tensor: Tensor) -> list[Op]:
        """The operations that take a tensor."""
        return [op for op in self.ops if any(t is tensor for t in op.inputs)]

    def is_output(self, tensor: Tensor) -> bool:
        """Whether it is one of the model's outputs."""
        return any(tensor is out for out in self.outputs)

    def only_consumer(self, tensor: Tensor) -> Op | None:
        """The one operation that takes a tensor which nothing else uses, None otherwise."""
        users = self.consumers(tensor)
        return users[0] if len(users) == 1 and not self.is_output(tensor) else None

    def redirect(self, old: Tensor, new: Tensor) -> None:
        """Let everything that takes `old` take `new`: operations, the outputs and their names in the signature."""
        for op in self.ops:
            op.inputs = [new if t is old else t for t in op.inputs]
        self.outputs = [new if t is old else t for t in self.outputs]
        names = self.signature.get("outputs", {})
        names.update({name: new for name, t in names.items() if t is old})
