"""Which board and which runtime a measurement is of, in two short strings.

`edgeseg run` asks at every start: so a handful of small files are read here, and the probe, whose import alone takes
longer, is not. Sources: as in `edgeseg.probe.board` and `edgeseg.probe.cpu`. No serial number is among them.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

RUNTIMES = (("ai-edge-litert", "ai_edge_litert"), ("tflite-runtime", "tflite_runtime"))  # as the engine cpu tries them
_MODELS = ("proc/device-tree/model", "sys/class/dmi/id/product_name")
_MOST = 64 * 1024


def board_identity(root: Path = Path("/"), cores: int | None = None) -> str:
    """The board's model, its processor and how many cores this process may use, which is what speed depends on."""
    names = [name for path in _MODELS if (name := _text(root / path).strip("\0 \n"))]
    fields = (line.partition(":") for line in _text(root / "proc/cpuinfo").splitlines())
    processor = next((value.strip() for key, _, value in fields if key.strip() in ("model name", "CPU part")), "")
    count = cores if cores is not None else len(os.sched_getaffinity(0))
    parts = [*names[:1], processor, os.uname().machine, f"{count} core{'s' if count > 1 else ''}"]
    return ", ".join("".join(c for c in part if c.isprintable())[:100] for part in parts if part)


def runtime_identity() -> str:
    """The installed runtime and its version, found without importing it; "none" if there is none."""
    for distribution, package in RUNTIMES:
        place = next((place for place in sys.path if os.path.isfile(f"{place}/{package}/__init__.py")), None)  # noqa: PTH113
        if place is not None:
            with os.scandir(place) as entries:
                names = sorted(entry.name for entry in entries if entry.name.startswith(f"{package}-"))
            versions = [name.removeprefix(f"{package}-").removesuffix(".dist-info") for name in names]
            return " ".join([distribution, *versions[:1]])
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
