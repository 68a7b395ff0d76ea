"""What the lab's roots share: where they are kept, and where Debian's packages and the index's wheels come from."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.metadata
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeseg.errors import Unreachable

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]


def find(tool: str) -> str | None:
    """Where a program is, the folders of root's programs looked in too."""
    return shutil.which(tool, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")


def missing(tools: dict[str, str]) -> str | None:
    """Why a root cannot be built here (`tools`: program -> Debian package), None if it can."""
    if os.geteuid() != 0:
        return "building the lab's roots needs root"
    absent = [package for tool, package in tools.items() if not find(tool)]
    return f"{', '.join(absent)} not installed: run tests/lab/setup.sh" if absent else None


def debian_mirror() -> str:
    """The Debian mirror that this machine's own apt uses; raises Unreachable if it knows none."""
    asked = [
        "apt-get",
        "indextargets",
        "--format",
        "$(REPO_URI) $(CODENAME)",
        "Created-By: Packages",
        "Component: main",
    ]
    for line in subprocess.run(asked, check=True, capture_output=True, text=True).stdout.splitlines():
        uri, _, codename = line.partition(" ")
        if codename == "bookworm":
            return uri
    raise Unreachable("apt knows no mirror of Debian 12 (bookworm): run apt-get update on a Debian 12 machine.")


def cache() -> Path:
    """The folder of what the lab keeps from run to run."""
    folder = Path(os.environ.get("EDGESEG_LAB_CACHE") or Path.home() / ".cache" / "edgeseg-lab").absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def cached(name: str, *recipe: str | Path) -> Iterator[tuple[Path, bool]]:
    """A folder of the lab's cache that belongs to this recipe (words, files), and whether it is complete already.

    One process at a time holds it. It is complete once the block ended without an error; those of other recipes go.
    """
    kept = cache()
    parts = [part.read_bytes() if isinstance(part, Path) else part.encode() for part in recipe]
    folder = kept / f"{name}-{hashlib.sha256(b'|'.join(parts)).hexdigest()[:12]}"
    with open(kept / f"{name}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        complete = (folder / ".complete").exists()
        if not complete:
            for old in kept.glob(f"{name}-*"):
                shutil.rmtree(old)
            folder.mkdir()
        yield folder, complete
        (folder / ".complete").touch()


def requirements(leave_out: tuple[str, ...] = (), extra: str = "") -> list[str]:
    """What edgeseg needs from the Python index, as its installed metadata says; `extra`: and what that one adds."""
    wanted = []
    for one in importlib.metadata.requires("edgeseg") or []:
        name, _, of = one.partition("; extra == ")
        if "extra ==" not in name and of.strip("\"'") in ("", extra) and not one.startswith(leave_out):
            wanted.append(name)
    return wanted


def install_wheels(target: Path, python: str, *wanted: str, machine: str = "x86_64") -> None:
    """Put wheels for that CPython and machine into a folder, with this machine's pip.

    Raises Unreachable if the index does not answer.
    """
    platforms = [f"--platform=manylinux{glibc}_{machine}" for glibc in ("_2_34", "_2_28", "_2_27", "_2_17", "2014")]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--root-user-action=ignore", "--only-binary=:all:"]
    pip += [f"--target={target}", f"--python-version={python}", *platforms, *wanted]
    done = subprocess.run(pip, capture_output=True, text=True, check=False)
    if done.returncode:
        if "Retrying (" in done.stderr:
            raise Unreachable("The Python index does not answer pip.")
        raise RuntimeError(f"pip failed with exit code {done.returncode}: {done.stderr.strip()}")
