"""The `gpu` engine: LiteRT's WebGPU accelerator, which computes through Vulkan.

    edgeseg run --engine gpu --source camera:0

Which adapter serves is not to be had by a function: LiteRT's WebGPU layer writes "Selected adapter: NAME, ...,
adapterType=..." when it has chosen one. It is asked for the GPU alone, so that LiteRT itself refuses a model of which a
part would stay on the CPU.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from edgeseg.engines import compiled, evidence
from edgeseg.engines.interpreter import said
from edgeseg.errors import CandidateError, EdgesegError, NotPermitted
from edgeseg.ports import EngineReport, EngineWish, ModelIO

_SELECTED = re.compile(r"Selected adapter: (?P<name>.+?), arch=(?P<rest>.*)$", re.MULTILINE)
_REFUSED = re.compile(r"^(?!ERROR|WARNING)([A-Z][A-Z0-9_]*): .*not supported", re.MULTILINE)
_SOFTWARE = re.compile(r"swiftshader|llvmpipe|lavapipe|(?<![a-z])lvp(?![a-z])|softpipe|adapterType=CPU", re.IGNORECASE)
# Mesa's, NVIDIA's, Arm's and other drivers, by what their files are called; SwiftShader and lavapipe are software.
_DRIVER = r"libvk_|libvulkan_|libGLX_nvidia|libnvidia-vulkan|libmali|libVkLayer_driver|libpowervr|libVK_IMG"


class Adapter(NamedTuple):
    """A GPU, or what passes for one. name: its own. detail: what else the runtime said of it."""

    name: str
    detail: str
    software: bool


class GpuEngine:
    """Runs a `.tflite` model on a GPU. An Engine, see `ports`; of the wish it takes `software`.

    Raises CandidateError if LiteRT, Vulkan, its driver or a GPU is missing, if the model has an operation that stays on
    the CPU, if nobody can tell who computes, and for an adapter in software that was not wished for; NotPermitted if
    this user may open none of the GPU's device files.
    """

    def __init__(self, model: bytes, io: ModelIO, wish: EngineWish = EngineWish(), root: Path = Path("/")) -> None:
        litert = compiled.package("gpu")
        accelerator = compiled.folder() / "libLiteRtWebGpuAccelerator.so"
        if not accelerator.is_file():
            raise CandidateError(
                f"The gpu engine needs LiteRT's WebGPU accelerator, and {compiled.library()} has none for this machine;"
                " choose --engine cpu."
            )
        with evidence.Heard() as heard:
            try:
                options = litert.Options(hardware_accelerators=litert.HardwareAccelerator.GPU)
                made = litert.CompiledModel.from_buffer(model, options=options)
                failure: EdgesegError | None = None
            except (RuntimeError, ValueError) as error:
                failure = refusal(heard.listen(), error, root)
            if failure is None:
                self._compiled = compiled.Compiled("gpu", made, model, io)
                if words := self._compiled.failure():
                    failure = CandidateError(
                        f"The GPU takes the model, and its first inference fails: {words}; choose another tier or"
                        " --engine cpu."
                    )
        if failure is not None:
            raise failure
        self._io = io
        self._adapter = adapter_of(heard.text)
        if self._adapter.software and not wish.software:
            raise CandidateError(
                f"The only GPU here is {self._adapter.name}, which computes on the CPU, slower than the cpu engine;"
                " install the driver of a real GPU, choose --engine cpu, or ask for it by --allow-software-gpu."
            )
        self._report = self._proof(heard.text)

    @property
    def io(self) -> ModelIO:
        """See `ports.Engine`."""
        return self._io

    @property
    def report(self) -> EngineReport:
        """See `ports.Engine`."""
        return self._report

    def infer(self, rgb: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """See `ports.Engine`."""
        return self._compiled.infer(rgb)

    def close(self) -> None:
        """See `ports.Engine`."""
        self._compiled.close()

    def _proof(self, text: str) -> EngineReport:
        nodes = len(self._compiled.layout.operations)
        seen = [
            f"LiteRT's WebGPU layer: {evidence.sentence(text, 'Selected adapter')}"
            if self._adapter.detail
            else f"the only Vulkan driver in memory is {self._adapter.name}",
            f"LiteRT was asked for the GPU alone and took all {nodes} operations",
        ]
        for what, pattern in (("accelerator", "libLiteRtWebGpuAccelerator"), ("Vulkan driver", _DRIVER)):
            if path := evidence.loaded(pattern):
                seen.append(f"{what} in memory: {path}")
        return EngineReport(
            "gpu",
            compiled.library(),
            1,
            "WebGPU",
            nodes,
            nodes,
            1,
            self._adapter.name,
            self._adapter.software,
            tuple(seen),
        )


def adapter_of(text: str, maps: Path = Path("/proc/self/maps")) -> Adapter:
    """The adapter that serves, by the runtime's words; where it says none, by the one driver that is loaded.

    Raises CandidateError if neither tells.
    """
    chosen = list(_SELECTED.finditer(text))
    if chosen:
        line = chosen[-1]
        return Adapter(line["name"].strip(), line["rest"].strip(), _SOFTWARE.search(line[0]) is not None)
    drivers = [path for path in evidence.loaded_libraries(maps) if re.match(_DRIVER, Path(path).name)]
    if len(drivers) == 1:
        return Adapter(Path(drivers[0]).name, "", _SOFTWARE.search(Path(drivers[0]).name) is not None)
    raise CandidateError(
        f"The gpu engine runs, but {compiled.library()} does not say which GPU serves it; this version of LiteRT is not"
        " known to edgeseg: choose --engine cpu, or install another version."
    )


def refusal(text: str, error: Exception, root: Path) -> EdgesegError:
    """Why LiteRT made no model for a GPU, and what to do."""
    if "Couldn't load Vulkan" in text:
        return CandidateError(
            "The gpu engine needs Vulkan's loader, libvulkan.so.1, which cannot be loaded; install it (Debian:"
            " libvulkan1) and the GPU's driver (mesa-vulkan-drivers), or choose --engine cpu."
        )
    if "No adapters found" in text:
        nodes = sorted((root / "dev/dri").glob("renderD*"))
        if nodes and not any(os.access(node, os.R_OK | os.W_OK) for node in nodes):
            return NotPermitted(
                f"The GPU's device file {nodes[0]} may not be opened by this user; add the user to its group (render,"
                " on older systems video) and log in again."
            )
        return CandidateError(
            "LiteRT finds no GPU that it can use: Vulkan has no driver for one (or one in software that WebGPU does not"
            " take); install the GPU's driver (Debian: mesa-vulkan-drivers), or choose --engine cpu."
        )
    if "not accelerated" in f"{text}{error}":
        refused = ", ".join(_REFUSED.findall(text)) or "some"
        return CandidateError(
            f"The GPU does not take all of this model's operations ({refused} not), and LiteRT would run these on the"
            " CPU; choose another tier or --engine cpu."
        )
    words = evidence.sentence(text, r"(?i)\berror\b|^E\d{4}|failed") or said(error)
    return CandidateError(
        f"LiteRT cannot compile this model for the GPU: {words}; choose another tier or --engine cpu."
    )
