"""The `cpu` engine: LiteRT, or tflite-runtime where there is no LiteRT (32-bit Raspberry Pi OS)."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeseg.engines.interpreter import Tensors, allocated, counted, runtime
from edgeseg.errors import EngineFault
from edgeseg.ports import EngineReport, EngineWish, ModelIO


class CpuEngine:
    """Runs a `.tflite` model on CPU cores, by XNNPACK's kernels for every node that they cover.

    model: a path or the file's bytes. io: how it is fed and read; the model is checked against it. wish: its threads
    are XNNPACK's, the rest is for others. An Engine, see `ports`. `infer` releases the GIL while it computes. Raises
    CandidateError if no runtime is installed, or the model is broken, or does not fit `io`, or has an operation the
    runtime lacks.
    """

    def __init__(self, model: bytes | str | os.PathLike[str], io: ModelIO, wish: EngineWish = EngineWish()) -> None:
        self._io = io
        self._library, interpreter_class = runtime()
        self._interpreter: Any = allocated(interpreter_class, model, wish.threads, self._library)
        self._tensors = Tensors(self._interpreter, io)
        self._threads = wish.threads
        self._report: EngineReport | None = None

    @property
    def io(self) -> ModelIO:
        """See `ports.Engine`."""
        return self._io

    @property
    def report(self) -> EngineReport:
        """See `ports.Engine`; worked out when it is first asked for, which takes longer than an inference."""
        if self._report is None:
            delegated, nodes, partitions = counted(self._interpreter)
            delegate = "XNNPACK" if delegated else None
            self._report = EngineReport("cpu", self._library, self._threads, delegate, delegated, nodes, partitions)
        return self._report

    def infer(self, rgb: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """See `ports.Engine`."""
        if self._interpreter is None:
            raise EngineFault("The cpu engine was asked for a mask after it was closed.")
        return self._tensors.infer(self._interpreter, rgb, f"The cpu engine ({self._library})")

    def close(self) -> None:
        """See `ports.Engine`."""
        self._interpreter = None
