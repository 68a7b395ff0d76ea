"""A virtual machine with real V4L2 devices, on a machine that has none and no KVM.

    python -m tests.lab.guest DRILL.py [SECONDS]

builds a lean Debian 12 guest once (kept under $EDGESEG_LAB_CACHE, else ~/.cache/edgeseg-lab), boots it in qemu with
this checkout's edgeseg/ inside, runs DRILL.py there as root and prints what that printed. The guest has no network.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from tests.lab import roots

TOOLS = {"qemu-system-x86_64": "qemu-system-x86", "mmdebstrap": "mmdebstrap", "mkfs.ext4": "e2fsprogs"}
# LiteRT is large, and no drill runs a model in there.
LEFT_OUT = ("ai-edge-litert", "tflite-runtime")


class Outcome(NamedTuple):
    """What a drill printed, its exit code (None if the guest was stopped before), and the guest's console."""

    lines: list[str]
    exit_code: int | None
    console: str

    @property
    def steps(self) -> list[dict[str, Any]]:
        """The JSON objects among the lines."""
        return [json.loads(line) for line in self.lines if line.startswith("{") and line.endswith("}")]


def missing() -> str | None:
    """Why there can be no guest here, None if there can."""
    return roots.missing(TOOLS)


def build() -> Path:
    """The folder with the guest's vmlinuz, initrd and disk.img; takes about two minutes the first time."""
    wheels = roots.requirements(LEFT_OUT)
    packages, init = roots.HERE / "guest_root.sh", roots.HERE / "guest_init.sh"
    with roots.cached("guest", packages, init, *wheels) as (folder, complete):
        if complete:
            return folder
        root = folder / "root"
        subprocess.run(["sh", packages, root, roots.debian_mirror()], check=True)
        roots.install_wheels(root / "opt" / "site", "3.11", *wheels)
        shutil.copy(init, root / "sbin" / "drill-init")
        (root / "sbin" / "drill-init").chmod(0o755)
        for name in ("vmlinuz", "initrd"):
            shutil.copy(next((root / "boot").glob(f"{name}*")), folder / name)
        mkfs = str(roots.find("mkfs.ext4"))
        subprocess.run(
            [mkfs, "-q", "-d", str(root), str(folder / "disk.img"), "1500M"], check=True, stdout=subprocess.DEVNULL
        )
        shutil.rmtree(root)
        return folder


def pack(drill: Path, disk: Path) -> None:
    """The disk that carries the project's code and the drill into the guest: a tar."""

    def no_caches(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
        return None if "__pycache__" in entry.name else entry

    with tarfile.open(disk, "w") as tar:
        tar.add(roots.PROJECT / "edgeseg", "edgeseg", filter=no_caches)
        tar.add(drill, "drill.py")


def run(drill: Path, timeout_s: int = 400) -> Outcome:
    """Boot the guest, run the drill, and give what came of it; nothing outlives the call."""
    guest = build()
    with tempfile.TemporaryDirectory() as scratch:
        disk, console, said = (Path(scratch, name) for name in ("code.tar", "console", "said"))
        pack(drill, disk)
        append = "console=ttyS0 root=/dev/vda rw init=/sbin/drill-init panic=-1 mitigations=off quiet"
        qemu = ["qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-M", "q35", "-m", "1024", "-smp", "2"]
        qemu += ["-display", "none", "-nic", "none", "-no-reboot", "-snapshot"]
        qemu += ["-kernel", str(guest / "vmlinuz"), "-initrd", str(guest / "initrd"), "-append", append]
        for image in (guest / "disk.img", disk):
            qemu += ["-drive", f"file={image},format=raw,if=virtio,cache=unsafe"]
        qemu += ["-serial", f"file:{console}", "-serial", f"file:{said}"]
        subprocess.run(["timeout", "--kill-after=5", str(timeout_s), *qemu], stdin=subprocess.DEVNULL, check=False)
        lines, log = (
            path.read_text(errors="replace").splitlines() if path.exists() else [] for path in (said, console)
        )
    exit_code = None
    if lines and lines[-1].startswith('{"exit":'):
        exit_code = json.loads(lines.pop())["exit"]
    return Outcome(lines, exit_code, "\n".join(log))


def main() -> int:
    """Run one drill; its exit code, 1 if the guest was stopped before it ended."""
    if len(sys.argv) not in (2, 3):
        print(__doc__, file=sys.stderr)
        return 2
    if reason := missing():
        print(f"No guest here: {reason}.", file=sys.stderr)
        return 8
    outcome = run(Path(sys.argv[1]), *map(int, sys.argv[2:]))
    print(outcome.console, file=sys.stderr)
    print("\n".join(outcome.lines))
    return 1 if outcome.exit_code is None else outcome.exit_code


if __name__ == "__main__":
    sys.exit(main())
