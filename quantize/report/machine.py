"""Where and with what a report was measured."""

from __future__ import annotations

import os
import platform
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.report import commit, cpu

PACKAGES = ("ai-edge-litert", "ai-edge-quantizer", "numpy", "opencv-python-headless")


def made_by() -> str:
    """One line for a caption."""
    packages = ", ".join(f"{name} {found}" for name in PACKAGES if (found := _version(name)))
    cores = len(os.sched_getaffinity(0))
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    at = commit(Path(__file__).parents[2])
    day = datetime.now(timezone.utc).date().isoformat()
    return f"{cpu()}, {cores} cores, one thread, {system}; {packages}; edgeseg at {at}; {day}."


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
