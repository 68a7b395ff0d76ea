"""Which board and which runtime a measurement is of, in two short strings.

`edgeseg run` asks at every start: so a handful of small files are read here, and the probe, whose import alone takes
longer, is not. Sources: as in `edgeseg.probe.board` and `edgeseg.probe.cpu`. No serial number is among them.
"""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path

RUNTIMES = (("ai-edge-litert", "ai_edge_litert"), ("tflite-runtime", "tflite_runtime"))  # as the engine cpu tries them
_MODELS = ("proc/device-tree/model", "sys/class/dmi/id/product_name")
_MOST = 64 * 1024


def board_identity(root: Path = Path("/"), cores: int | None = None) -> str:
    """The board's model, its processor and how many cores this process may use, which is what speed depends on."""
    names = [name for path in _MODELS if (name := _text(root / path).strip("\0 \n"))]
    known = re.search(r"(?m)^(?:model name|CPU part)\s*:\s*(.+?)\s*$", _text(root / "proc/cpuinfo"))
    count = cores if cores is not None else len(os.sched_getaffinity(0))
    parts = [*names[:1], known[1] if known else "", os.uname().machine, f"{count} core{'s' if count > 1 else ''}"]
    return ", ".join("".join(c for c in part if c.isprintable())[:100] for part in parts if part)


def runtime_identity() -> str:
    """The installed runtime and its version, found without importing it; "none" if there is none."""
    for distribution, package in RUNTIMES:
        try:
            spec = importlib.util.find_spec(package)
        except (ImportError, ValueError):
            continue
        if spec is None:
            continue
        for place in spec.submodule_search_locations or ():
            for info in sorted(Path(place).parent.glob(f"{package}-*.dist-info")):
                return f"{distribution} {info.name.removeprefix(f'{package}-').removesuffix('.dist-info')}"
        return distribution
    return "none"


def _text(path: Path) -> str:
    """The beginning of a small file; nothing where there is none to be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return ""
    try:
        return os.read(descriptor, _MOST).decode("utf-8", "replace")
    except OSError:
        return ""
    finally:
        os.close(descriptor)
