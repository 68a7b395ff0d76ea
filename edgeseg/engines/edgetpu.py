"""The `edgetpu` engine: Coral's library libedgetpu as a delegate of LiteRT or tflite-runtime.

    edgeseg run --engine edgetpu --tier selfie-landscape-144x256-int8-edgetpu --source camera:0

The model is one that Coral's compiler made (docs/edgetpu.md). Not proven on hardware: there was none. What the library
takes and how it registers is from tflite/edgetpu_delegate_for_custom_op*.cc of google-coral/libedgetpu.
"""

from __future__ import annotations

import importlib
import os
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeseg.engines import elf, evidence
from edgeseg.engines.interpreter import Tensors, allocated, counted, runtime, said
from edgeseg.errors import CandidateError, EngineFault, FellBack, NotPermitted
from edgeseg.ports import EngineReport, EngineWish, ModelIO

LIBRARY = "libedgetpu.so.1"
OPERATION = b"edgetpu-custom-op"
_USB = {("1a6e", "089a"), ("18d1", "9302")}  # a Coral before and after its firmware is loaded
_RULES = "install Coral's udev rules (package libedgetpu1-std, gasket-dkms for PCIe)"


class EdgeTpuEngine:
    """Runs a compiled `_edgetpu.tflite` model on a Coral Edge TPU. An Engine, see `ports`.

    Of the wish it takes `library`, the file, and `device`, in libedgetpu's words: "usb", "pci", "usb:0". Raises
    CandidateError if the library, the device or a compiled model is missing, and if the Edge TPU took nothing;
    NotPermitted if the device is there and may not be opened.
    """

    def __init__(self, model: bytes, io: ModelIO, wish: EngineWish = EngineWish(), root: Path = Path("/")) -> None:
        if OPERATION not in model:
            raise CandidateError(
                "The edgetpu engine runs tiers that Coral's compiler made, and this is none: see docs/edgetpu.md for"
                " how to make one, or choose --engine cpu."
            )
        self._io = io
        self._library, interpreter_class = runtime("edgetpu")
        path = library_of(wish.library)
        elf.check(path, "The Edge TPU's library")
        check_permission(root)
        with evidence.Heard() as heard:
            self._delegate = _delegate(self._library, path, wish.device, root, heard)
        self._interpreter: Any = allocated(interpreter_class, model, wish.threads, self._library, [self._delegate])
        self._tensors = Tensors(self._interpreter, io)
        taken, nodes, partitions = counted(self._interpreter)
        if not taken:
            raise FellBack(
                f"{path} was loaded and took none of the model's operations, which would run on the CPU in silence;"
                " install the libedgetpu that fits the compiled model."
            )
        seen = (f"delegate library in memory: {evidence.loaded(path.name.partition('.so')[0]) or path}",)
        self._report = EngineReport(
            "edgetpu",
            self._library,
            wish.threads,
            "Edge TPU",
            taken,
            nodes,
            partitions,
            wish.device or "Edge TPU",
            False,
            seen,
        )

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
        if self._interpreter is None:
            raise EngineFault("The edgetpu engine was asked for a mask after it was closed.")
        return self._tensors.infer(self._interpreter, rgb, f"The edgetpu engine ({self._library})")

    def close(self) -> None:
        """See `ports.Engine`."""
        self._interpreter = self._delegate = None  # in this order: the delegate must outlive what uses it


def library_of(wished: str | None) -> Path:
    """Where libedgetpu is; raises CandidateError if it is nowhere."""
    if wished is not None:
        return Path(wished)
    for folder in _folders():
        if (folder / LIBRARY).exists():
            return folder / LIBRARY
    raise CandidateError(
        f"The edgetpu engine needs Coral's library {LIBRARY}, which is not installed: install libedgetpu1-std from"
        " Coral's package archive, or name the file by --engine-library."
    )


def _folders() -> Iterator[Path]:
    yield from (Path(one) for one in os.environ.get("LD_LIBRARY_PATH", "").split(":") if one)
    multiarch = sysconfig.get_config_var("MULTIARCH")
    for base in ("/usr/local/lib", "/usr/lib", "/lib"):
        if multiarch:
            yield Path(base, str(multiarch))
        yield Path(base)


def check_permission(root: Path) -> None:
    """Raise NotPermitted if there are Edge TPUs, and this user may open none of them."""
    nodes = [*sorted((root / "dev").glob("apex_*")), *_usb_nodes(root)]
    if not nodes or any(os.access(node, os.R_OK | os.W_OK) for node in nodes):
        return
    group = "apex" if nodes[0].name.startswith("apex") else "plugdev"
    raise NotPermitted(
        f"The Edge TPU {nodes[0]} may not be opened by this user: {_RULES}, add the user to the group {group}, and"
        " log in again."
    )


def _usb_nodes(root: Path) -> Iterator[Path]:
    """/dev/bus/usb/BUS/DEVICE of each Coral on USB."""
    for device in sorted((root / "sys/bus/usb/devices").glob("*-*")):
        try:
            vendor, product, bus, number = (
                (device / name).read_text(encoding="ascii").strip()
                for name in ("idVendor", "idProduct", "busnum", "devnum")
            )
            if (vendor, product) in _USB:
                yield root / f"dev/bus/usb/{int(bus):03}/{int(number):03}"
        except (OSError, ValueError):
            continue


def _delegate(library: str, path: Path, device: str | None, root: Path, heard: evidence.Heard) -> Any:
    """The delegate of that library, which opens the device."""
    module = importlib.import_module(f"{'ai_edge_litert' if 'litert' in library else 'tflite_runtime'}.interpreter")
    options = {"device": device} if device else {}
    try:
        return module.load_delegate(str(path), options)
    except (ValueError, OSError, RuntimeError, AttributeError) as error:
        words = evidence.sentence(heard.listen(), r"\S")
        said_of_it = said(error) + (f" ({words})" if words else "")
        has_device = any((root / "dev").glob("apex_*")) or any(_usb_nodes(root))
        if has_device or "tflite_plugin" in said_of_it or "undefined symbol" in said_of_it:
            remedy = "install Coral's library again, or plug the device in anew"
        else:
            remedy = "no Edge TPU is seen on USB or PCIe: plug one in, or choose --engine cpu"
        raise CandidateError(f"The Edge TPU's library {path} does not start: {said_of_it}; {remedy}.") from error
