"""Accelerators without hardware: SwiftShader, a GPU in software, and OpenVINO, whose CPU backend passes for an NPU.

    python -m tests.lab.accelerators gpu edgeseg bench --engine gpu --allow-software-gpu
    python -m tests.lab.accelerators npu edgeseg bench --engine npu --engine-device CPU

runs a command with it. SwiftShader (6 MB) is taken out of Debian's chromium-common, whose 26 MB are fetched for that
and not installed; with it comes Vulkan's loader, which a PC without a desktop lacks. OpenVINO's wheel is 57 MB, 176 MB
unpacked.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from edgeseg.errors import Unreachable
from tests.lab import roots

OPENVINO = "openvino==2026.3.1"  # what the plug-in of ai-edge-litert 2.3.0 was built against
PACKAGE, INSIDE = "chromium-common", "./usr/lib/chromium"
FILES = ("libvk_swiftshader.so", "vk_swiftshader_icd.json", "libvulkan.so.1")


def missing(kind: str) -> str | None:
    """Why it cannot be had here, None if it can; the network is tried by `gpu` and `npu`."""
    if platform.machine() != "x86_64":
        return f"it is taken for x86_64, and this is {platform.machine()}"
    absent = [tool for tool in ("apt-get", "dpkg-deb") if not shutil.which(tool)] if kind == "gpu" else []
    return f"SwiftShader is taken from Debian, and there is no {absent[0]}" if absent else None


def gpu() -> dict[str, str]:
    """The environment in which Vulkan has SwiftShader and nothing else. Raises Unreachable."""
    with roots.cached("swiftshader", PACKAGE, *FILES) as (folder, complete):
        if not complete:
            _take_swiftshader(folder)
    return {"VK_DRIVER_FILES": str(folder / FILES[1]), "LD_LIBRARY_PATH": str(folder), "XDG_RUNTIME_DIR": str(folder)}


def npu() -> Path:
    """A folder for Python's search path with OpenVINO in it. Raises Unreachable."""
    python = ".".join(map(str, sys.version_info[:2]))
    with roots.cached("openvino", OPENVINO, python) as (folder, complete):
        if not complete:
            roots.install_wheels(folder / "site", python, "--no-deps", OPENVINO)
        return folder / "site"


def _take_swiftshader(folder: Path) -> None:
    """Raises Unreachable if Debian's archive does not answer."""
    got = subprocess.run(["apt-get", "download", PACKAGE], cwd=folder, capture_output=True, text=True, check=False)
    packages = sorted(folder.glob(f"{PACKAGE}_*.deb"))
    if got.returncode or not packages:
        raise Unreachable(f"apt-get cannot download {PACKAGE}: run apt-get update; it needs Debian's archive.")
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", packages[0]], stdout=subprocess.PIPE) as opened:
        tar = ["tar", "x", "-C", str(folder), f"--strip-components={INSIDE.count('/') + 1}"]
        subprocess.run([*tar, *(f"{INSIDE}/{name}" for name in FILES)], stdin=opened.stdout, check=True)
    packages[0].unlink()
    manifest = json.loads((folder / FILES[1]).read_text())
    assert (folder / manifest["ICD"]["library_path"]).is_file()


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
