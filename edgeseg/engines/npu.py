"""The `npu` engine: LiteRT's dispatch. A vendor's plug-in compiles the model, a vendor's library runs it.

    edgeseg run --engine npu --source camera:0                                  Intel, by OpenVINO, on x86-64
    edgeseg run --engine npu --engine-library /opt/vendors/qualcomm ...         another vendor's folder

Intel's needs `pip install 'edgeseg[npu-intel]'`. A vendor's folder has `dispatch/` with libLiteRtDispatch_*.so and,
for models that were not compiled beforehand, `compiler/` with libLiteRtCompilerPlugin_*.so.

Where a plug-in refuses the model LiteRT runs all of it on the CPU, without an error, and its `is_fully_accelerated()`
is true nevertheless. So it is believed only if plug-in and dispatch said what they took and are seen in memory.
"""

from __future__ import annotations

import ctypes
import importlib.util
import platform
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from edgeseg.engines import compiled, elf, evidence
from edgeseg.engines import dispatch_log as log
from edgeseg.engines.interpreter import said
from edgeseg.errors import CandidateError, FellBack, UsageError, did_you_mean
from edgeseg.ports import EngineReport, EngineWish, ModelIO

DISPATCH, COMPILER = "libLiteRtDispatch_", "libLiteRtCompilerPlugin_"
INTEL_DEVICES = ("NPU", "GPU", "CPU")
_INTEL_REMEDY = "pip install 'edgeseg[npu-intel]'"


class Vendor(NamedTuple):
    """Whose libraries are used. compiler: None where only models compiled beforehand can be run."""

    name: str
    dispatch: Path
    compiler: Path | None

    @property
    def is_intel(self) -> bool:
        """Whether OpenVINO is behind it."""
        return "openvino" in self.dispatch.name.lower()


class NpuEngine:
    """Runs a `.tflite` model on an NPU. An Engine, see `ports`.

    Of the wish it takes `library`, a vendor's folder, and `device`, for Intel NPU (the default), GPU or CPU.
    Raises CandidateError if LiteRT, the vendor's libraries or the device are missing, and if the NPU took nothing.
    """

    def __init__(self, model: bytes, io: ModelIO, wish: EngineWish = EngineWish()) -> None:
        litert = compiled.package("npu")
        vendor = vendor_of(wish.library)
        device = _device(vendor, wish.device)
        options = litert.Options(
            hardware_accelerators=litert.HardwareAccelerator.NPU | litert.HardwareAccelerator.CPU,
            cpu_options=litert.CpuOptions(num_threads=wish.threads),
        )
        if vendor.is_intel:
            backend = litert.IntelOpenVinoOptions.GRAPH_BACKEND[device or "NPU"]
            options.intel_openvino_options.graph_backend = backend
            _load_openvino()
        with evidence.Heard() as heard:
            try:
                environment = litert.Environment.create(
                    dispatch_library_path=str(vendor.dispatch.parent),
                    compiler_plugin_path=str(vendor.compiler.parent if vendor.compiler else vendor.dispatch.parent),
                )
                made = litert.CompiledModel.from_buffer(model, environment=environment, options=options)
                claims = bool(made.is_fully_accelerated())
            except (RuntimeError, ValueError) as error:
                raise CandidateError(
                    f"LiteRT cannot run this model by {vendor.name}: {log.why(heard.listen()) or said(error)}; choose"
                    " another tier or --engine cpu."
                ) from error
            self._compiled = compiled.Compiled("npu", made, model, io)
            failure = self._compiled.failure()
        self._io = io
        taken = log.taken_of(heard.text, self._compiled.layout.operations)
        if not taken.nodes or not evidence.loaded(DISPATCH):
            raise FellBack(_fell_back(heard.text, vendor, claims))
        if failure is not None:
            words = evidence.sentence(heard.text, r"Can't set") or evidence.sentence(heard.text, r"Check '") or failure
            raise CandidateError(
                f"{vendor.name} compiled the model, and its first inference fails: {words}; choose another tier or"
                " --engine cpu."
            )
        self._report = self._proof(heard.text, vendor, taken, wish.threads)

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

    def _proof(self, text: str, vendor: Vendor, taken: log.Taken, threads: int) -> EngineReport:
        said_lines = (log.PARTITIONED.pattern, log.APPLIED.pattern, log.DEVICE.pattern)
        seen = [f"LiteRT: {line}" for one in said_lines if (line := evidence.sentence(text, one))]
        for what, pattern in (("compiler", COMPILER), ("dispatch", DISPATCH), ("OpenVINO", r"libopenvino\.so")):
            if path := evidence.loaded(pattern):
                seen.append(f"{what} library in memory: {path}")
        adapter = f"OpenVINO {taken.device}" if taken.device else vendor.name
        software = taken.device == "CPU"
        return EngineReport(
            "npu",
            compiled.library(),
            threads,
            vendor.name,
            taken.nodes,
            taken.of,
            taken.partitions,
            adapter,
            software,
            tuple(seen),
        )


def vendor_of(wished: str | None) -> Vendor:
    """The vendor's libraries: in the folder that is wished for, else Intel's in LiteRT's own package.

    Raises CandidateError (NotPermitted) if they are not there or not for this machine.
    """
    if wished is None:
        folder = compiled.folder() / "vendors" / "intel_openvino"
        if platform.machine() not in ("x86_64", "AMD64") or not folder.is_dir():
            raise CandidateError(
                f"{compiled.library()} brings no NPU's libraries for this machine; name the folder of its vendor's by"
                " --engine-library, or choose --engine cpu."
            )
    else:
        folder = Path(wished)
    dispatch = _first(folder, "dispatch", DISPATCH)
    if dispatch is None:
        raise CandidateError(
            f"There is no {DISPATCH}*.so in {folder} or its dispatch/; name a vendor's folder by --engine-library."
        )
    compiler = _first(folder, "compiler", COMPILER)
    for library in (dispatch, compiler):
        if library is not None:
            elf.check(library, "The NPU vendor's library")
    return Vendor(dispatch.stem.removeprefix(DISPATCH), dispatch, compiler)


def _first(folder: Path, below: str, prefix: str) -> Path | None:
    for place in (folder / below, folder):
        try:
            found = sorted(place.glob(f"{prefix}*.so"))
        except OSError:
            continue
        if found:
            return found[0]
    return None


def _device(vendor: Vendor, wished: str | None) -> str | None:
    if wished is None:
        return None
    if not vendor.is_intel:
        raise UsageError(f"{vendor.name} has no choice of devices, and --engine-device is {wished!r}; leave it out.")
    if wished.upper() not in INTEL_DEVICES:
        raise UsageError(f"OpenVINO has no device {wished!r} here; {did_you_mean(wished.upper(), INTEL_DEVICES)}")
    return wished.upper()


def _load_openvino() -> None:
    """Load OpenVINO from its Python package, where the loader may not look; the plug-in finds it in memory then."""
    package = importlib.util.find_spec("openvino")
    places = [Path(place, "libs") for place in package.submodule_search_locations or ()] if package else []
    for name in ("libopenvino", "libopenvino_tensorflow_lite_frontend"):
        for library in [one for place in places for one in place.glob(f"{name}.so*")][:1]:
            try:
                ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
            except OSError as error:
                raise CandidateError(
                    f"OpenVINO cannot be loaded: {said(error)}; install it again: {_INTEL_REMEDY}."
                ) from error


def _fell_back(text: str, vendor: Vendor, claims: bool) -> str:
    """The sentence about a model of which the NPU took nothing."""
    lie = ", although LiteRT calls it fully accelerated" if claims else ""
    why = log.why(text)
    remedy = "choose another tier or --engine cpu"
    if "libopenvino.so" in text and "cannot open shared object" in text:
        why, remedy = "OpenVINO is not installed", f"{_INTEL_REMEDY}, or choose --engine cpu"
    elif "libopenvino_intel_npu_compiler" in text and vendor.is_intel:
        remedy = f"{_INTEL_REMEDY} fetches it from Intel, and an NPU and its driver are needed; or choose --engine cpu"
    elif vendor.compiler is None:
        why = "its folder has no compiler plug-in, and the model was not compiled for it beforehand"
    reason = f": {why}" if why else ""
    return (
        f"LiteRT fell back to the CPU in silence{lie}: {vendor.name} took none of the model's operations{reason};"
        f" {remedy}."
    )
