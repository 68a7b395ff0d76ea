"""Looking inside a graph while it runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeseg.frames import U8
from quantize.graph.flatbuffer import write
from quantize.graph.graph import Graph, Tensor
from quantize.graph.passes.tidy import drop_orphans


class Probe:
    """Runs a graph up to the tensors asked for and gives their values by name, in float32 whatever they are kept in.

    All are made outputs, so that the delegate's kernels compute them: those that a device runs.
    """

    def __init__(self, graph: Graph, tensors: Iterable[Tensor]) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._tensors = list(tensors)
        outputs = {f"tensor_{i}": tensor for i, tensor in enumerate(self._tensors)}
        part = Graph(list(graph.ops), graph.inputs, self._tensors)
        part.signature = {"inputs": dict(graph.signature["inputs"]), "outputs": outputs}
        drop_orphans(part)
        self._interpreter: Any = Interpreter(model_content=write(part), num_threads=1)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]
        # Of one signature, whose outputs are numbered as they were given.
        self._outputs = self._interpreter.get_output_details()

    def __call__(self, rgb: U8) -> dict[str, npt.NDArray[np.float32]]:
        """The values for a picture, (h, w, 3) uint8 RGB."""
        fed = (rgb ^ 128).view(np.int8) if self._input["dtype"] is np.int8 else rgb * np.float32(1 / 255)
        self._interpreter.set_tensor(self._input["index"], fed[np.newaxis])
        self._interpreter.invoke()
        values = {}
        for tensor, detail in zip(self._tensors, self._outputs, strict=True):
            stored = self._interpreter.get_tensor(detail["index"])
            if tensor.quantization is not None:
                scale, zero = tensor.quantization.scale[0], np.float32(tensor.quantization.zero_point[0])
                stored = (stored.astype(np.float32) - zero) * scale
            values[tensor.name] = stored
        return values
