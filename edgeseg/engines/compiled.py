"""A model that LiteRT compiled for an accelerator (`CompiledModel`): what `gpu` and `npu` share."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeseg.engines.interpreter import Layout, layout, probabilities, said, version
from edgeseg.errors import CandidateError, EngineFault
from edgeseg.ports import ModelIO


def package(engine: str) -> Any:
    """The module ai_edge_litert.compiled_model; raises CandidateError if there is none that has accelerators."""
    try:
        return importlib.import_module("ai_edge_litert.compiled_model")
    except (ImportError, OSError, AttributeError) as error:
        raise CandidateError(
            f"The {engine} engine needs LiteRT 2 or newer, which this Python does not have ({said(error)}): pip install"
            " ai-edge-litert; on 32-bit Raspberry Pi OS there is none, take the 64-bit one."
        ) from error


def folder() -> Path:
    """Where LiteRT's libraries are, after `package`."""
    return Path(str(importlib.import_module("ai_edge_litert").__file__)).parent


def library() -> str:
    """LiteRT and its version, after `package`."""
    return f"ai-edge-litert {version(importlib.import_module('ai_edge_litert'), 'ai_edge_litert')}".rstrip()


class Compiled:
    """One picture in, one mask out; the model's buffers are made once."""

    def __init__(self, engine: str, compiled_model: Any, model: bytes, io: ModelIO) -> None:
        """compiled_model: LiteRT's. Raises CandidateError if the model is not what `io` says."""
        self._engine, self._io, self._library = engine, io, library()
        self.layout: Layout = layout(model, io)
        self._model = compiled_model
        try:
            self._inputs: list[Any] = compiled_model.create_input_buffers(0)
            self._outputs: list[Any] = compiled_model.create_output_buffers(0)
            shapes = [tuple(one.get_tensor_details()["shape"]) for one in self._outputs]
        except (RuntimeError, ValueError) as error:
            raise CandidateError(
                f"The {engine} engine ({self._library}) cannot share memory with this model: {said(error)};"
                " choose another tier or --engine."
            ) from error
        wanted = (1, io.height, io.width, 1)
        if len(self._inputs) != 1 or shapes.count(wanted) != 1:
            raise CandidateError(f"The model gives {shapes}, and the tier says a mask {list(wanted)}.")
        self._mask = self._outputs[shapes.index(wanted)]

    def failure(self) -> str | None:
        """Why the first inference fails, None if it does not: some accelerators take a model and cannot run it."""
        try:
            self.infer(np.zeros((self._io.height, self._io.width, 3), self._io.dtype))
        except EngineFault as fault:
            return str(fault).rstrip(".")
        return None

    def infer(self, rgb: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """See `ports.Engine`."""
        io = self._io
        if self._model is None:
            raise EngineFault(f"The {self._engine} engine was asked for a mask after it was closed.")
        if rgb.shape != (io.height, io.width, 3) or rgb.dtype != np.dtype(io.dtype):
            raise EngineFault(
                f"The {self._engine} engine takes {io.dtype} {(io.height, io.width, 3)}, not {rgb.dtype} {rgb.shape}."
            )
        try:
            self._inputs[0].write(rgb)
            self._model.run_by_index(0, self._inputs, self._outputs)
            answer: npt.NDArray[Any] = self._mask.read(io.height * io.width, self.layout.gives)
        except (RuntimeError, ValueError) as error:
            raise EngineFault(f"The {self._engine} engine ({self._library}) failed: {said(error)}.") from error
        answer = answer.reshape(io.height, io.width)
        return probabilities(answer, self.layout.scale, self.layout.zero_point) if self.layout.scale else answer

    def close(self) -> None:
        """See `ports.Engine`."""
        self._model = self._mask = None
        self._inputs, self._outputs = [], []
