"""Accelerators without hardware: SwiftShader, a GPU in software, and OpenVINO, whose CPU backend passes for an NPU.

    python -m tests.lab.accelerators gpu edgeseg bench --engine gpu --allow-software-gpu
    python -m tests.lab.accelerators npu edgeseg bench --engine npu --engine-device CPU

runs a command with it. SwiftShader comes with Debian's chromium-common, and so does Vulkan's loader, which a PC without
a desktop lacks: tests/lab/setup.sh installs it. OpenVINO's wheel is 57 MB, 176 MB unpacked.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

from tests.lab import roots

OPENVINO = "openvino==2026.3.1"  # what the plug-in of ai-edge-litert 2.3.0 was built against
SWIFTSHADER = Path("/usr/lib/chromium/vk_swiftshader_icd.json")


def missing(kind: str) -> str | None:
    """Why it cannot be had here, None if it can; the network is tried by `npu`."""
    if platform.machine() != "x86_64":
        return f"it is taken for x86_64, and this is {platform.machine()}"
    if kind == "gpu" and not SWIFTSHADER.is_file():
        return "chromium-common, which has SwiftShader, is not installed: run tests/lab/setup.sh"
    return None


def gpu() -> dict[str, str]:
    """The environment in which Vulkan has SwiftShader and nothing else."""
    folder = str(SWIFTSHADER.parent)
    return {"VK_DRIVER_FILES": str(SWIFTSHADER), "LD_LIBRARY_PATH": folder, "XDG_RUNTIME_DIR": "/tmp"}


def npu() -> Path:
    """A folder for Python's search path with OpenVINO in it. Raises Unreachable."""
    python = ".".join(map(str, sys.version_info[:2]))
    with roots.cached("openvino", OPENVINO, python) as (folder, complete):
        if not complete:
            roots.install_wheels(folder / "site", python, "--no-deps", OPENVINO)
        return folder / "site"


def main() -> int:
    """Run one command; its exit code."""
    kind, *command = sys.argv[1:]
    if reason := missing(kind):
        print(f"There is no {kind} here: {reason}.", file=sys.stderr)
        return 8
    added = gpu() if kind == "gpu" else {"PYTHONPATH": str(npu())}
    return subprocess.run(command, env=os.environ | added, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
