"""What runs on a device that has a Python (3.9 or newer) and nothing else: only the standard library is imported.

    python3 there.py facts FOLDER            what it is: machine, interpreter, libc, free bytes, clock
    python3 there.py want FOLDER             stdin {path: sha256}: which of these files are missing or others there
    python3 there.py unpack FOLDER SITE      stdin [wheel, ...]: these wheels of FOLDER as packages in SITE
    python3 there.py lock FOLDER             holds the folder against others who lock it, until stdin ends
    python3 there.py run FOLDER SECONDS ARGV...

prints one JSON object (`lock` once it has it), but for `run`, which is the command: its output and its exit code, 124
if it was killed for its time. `run` also kills it when its own stdin ends, which is how the other end lets go of it,
willingly or not.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import hashlib
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import sysconfig
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

LATE = 124
KEPT = 3
LIST = ".farm-files.json"
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of prctl(2)


def facts(folder: Path) -> dict[str, Any]:
    """What the device is. free: bytes where the folder is or will be, that its user may use."""
    there = folder.absolute()
    while not there.exists():
        there = there.parent
    return {
        "python": list(sys.version_info[:3]),
        "implementation": sys.implementation.name,
        "machine": _machine(),
        "libc": list(_libc()),
        "free": shutil.disk_usage(there).free,
        "writable": os.access(there, os.W_OK | os.X_OK),
        "folder": str(folder.absolute()),
        "at": str(there),
        "now": time.time(),
    }


def want(folder: Path, files: dict[str, str]) -> dict[str, Any]:
    """Which of the files must be sent. What an earlier call named and this one does not is removed."""
    try:
        known = json.loads((folder / LIST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = []
    for path in set(known) - set(files):
        with contextlib.suppress(OSError):
            (folder / path).unlink()
    missing = []
    for path, digest in files.items():
        if _sha256(folder / path) != digest:
            missing.append(path)
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / LIST).write_text(json.dumps(sorted(files)), encoding="utf-8")
    return {"missing": missing, "free": shutil.disk_usage(folder).free}


def unpack(wheels: list[Path], site: Path) -> dict[str, Any]:
    """Packages of wheels in a folder that gets its name when it is whole. Scripts of wheels are left out."""
    part = site.with_name(site.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            for entry in archive.infolist():
                place = _place(entry.filename)
                if place and not entry.is_dir():
                    entry.filename = place
                    archive.extract(entry, part)
    shutil.rmtree(site, ignore_errors=True)
    part.rename(site)
    _forget(site.parent)
    return {"packages": len(wheels)}


def lock(folder: Path) -> None:
    """Two farms, or two devices of one, may be setting up the same host."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_name(folder.name + ".lock"), "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        print("{}", flush=True)  # noqa: T201 - what is printed here is the answer
        while os.read(0, 4096):
            pass


def run(folder: Path, seconds: float, argv: list[str]) -> int:
    """Run a command in the folder; its exit code, as a shell gives it. Nothing that it started outlives it."""
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)  # what it leaves behind becomes a child of this process
    command = subprocess.Popen(argv, cwd=folder, stdin=subprocess.DEVNULL, start_new_session=True)
    late = threading.Event()

    def end_late() -> None:
        late.set()
        _kill_all(command.pid)

    def end_when_alone() -> None:
        while os.read(0, 4096):
            pass
        _kill_all(command.pid)

    timer = threading.Timer(seconds, end_late)
    timer.daemon = True
    timer.start()
    threading.Thread(target=end_when_alone, daemon=True).start()
    code = command.wait()
    timer.cancel()
    _kill_all(command.pid)
    return LATE if late.is_set() else code if code >= 0 else 128 - code


def _forget(newest: Path) -> None:
    """Keep the newest few of the folders that are named like it up to their hash: each is of an older farm file."""
    named = newest.name.rpartition("-")[0]
    alike = [one for one in newest.parent.glob(f"{named}-*") if named and one.is_dir()]
    for old in sorted(alike, key=lambda one: one.stat().st_mtime)[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)


def _kill_all(group: int) -> None:
    """Kill what is below this process, by /proc: children may have made groups of their own, and children again."""
    with contextlib.suppress(OSError):
        os.killpg(group, signal.SIGKILL)
    for _ in range(10):
        below = _below(os.getpid())
        if not below:
            return
        for pid in below:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def _below(top: int) -> list[int]:
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            state, parent = stat.read_text(errors="replace").rpartition(")")[2].split()[:2]
            if state != "Z":
                parents[int(stat.parent.name)] = int(parent)
    found = {top}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found - {top})


def _machine() -> str:
    """Of the interpreter, which on a 64-bit kernel may be a 32-bit one."""
    of_python = sysconfig.get_platform().partition("-")[2]
    return {"armv8l": "armv7l", "aarch64": "armv7l"}.get(of_python, of_python) if sys.maxsize < 2**32 else of_python


def _libc() -> tuple[str, str]:
    with contextlib.suppress(OSError, ValueError, AttributeError):
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
        if version:
            return name, version
    return platform.libc_ver() if platform.libc_ver()[0] else ("musl or another", "")


def _place(name: str) -> str | None:
    """Where a file of a wheel goes (PEP 427)."""
    top, _, rest = name.partition("/")
    if not top.endswith(".data"):
        return name
    scheme, _, inside = rest.partition("/")
    return inside if scheme in ("purelib", "platlib") else None


def _sha256(path: Path) -> str | None:
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
    except OSError:
        return None
    return digest.hexdigest()


def main(argv: list[str]) -> int:
    """One of the commands above. A fault of the device is {"error": name of the errno, "path": ...}."""
    command, folder = argv[0], Path(argv[1]).expanduser()
    if command == "run":
        return run(folder, float(argv[2]), argv[3:])
    if command == "lock":
        lock(folder)
        return 0
    try:
        if command == "facts":
            said = facts(folder)
        elif command == "want":
            said = want(folder, json.load(sys.stdin))
        else:
            said = unpack([folder / name for name in json.load(sys.stdin)], folder / argv[2])
    except OSError as error:
        said = {"error": errno.errorcode.get(error.errno or 0, "EIO"), "path": str(error.filename or folder)}
    print(json.dumps(said))  # noqa: T201 - what is printed here is the answer
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
