"""A Debian with its systemd in a container (systemd-nspawn): built once, booted, given commands, cut off its power.

Control groups limit nothing there: devices and memory are the guest's matter.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from edgeseg.errors import Unreachable
from tests.lab import roots

TOOLS = {"mmdebstrap": "mmdebstrap", "systemd-nspawn": "systemd-container", "nsenter": "util-linux"}
PYTHONS = {"bookworm": "3.11", "trixie": "3.13"}
_LEAN = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale", "fonts", "icons")]
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_BOOT_S = 120


def missing() -> str | None:
    """Why nothing can be booted here, None if it can."""
    if reason := roots.missing(TOOLS):
        return reason
    return None if Path("/sys/fs/cgroup").is_dir() else "there are no control groups here"


def debian(suite: str, packages: str, name: str = "systemd", script: str = "") -> Path:
    """The root that Debian's packages make, built once (about two minutes). script: of a shell in it, at its end.

    Raises Unreachable where the mirror does not answer.
    """
    with roots.cached(f"{name}-{suite}", packages, script, *_LEAN) as (folder, complete):
        root = folder / "root"
        if not complete:
            make = ["mmdebstrap", "--mode=root", "--variant=apt", "--quiet", f"--include={packages}", *_LEAN]
            if script:
                make.append(f'--customize-hook=chroot "$1" sh -euc {shlex.quote(script)}')
            done = subprocess.run(
                [*make, suite, str(root), roots.debian_mirror()], capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise Unreachable(f"mmdebstrap could not build a root: {done.stderr[-500:]}")
    return root


@contextlib.contextmanager
def mounted(folder: Path, kind: str, options: str) -> Iterator[Path]:
    """Something mounted on a folder, which is made for it."""
    folder.mkdir()
    subprocess.run(["mount", "-t", kind, "-o", options, "none", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


@contextlib.contextmanager
def copied(made: Path, folder: Path, size: str = "6g") -> Iterator[Path]:
    """A copy of a root in memory: a plain file system, which an install takes; it takes no overlay."""
    with mounted(folder, "tmpfs", f"size={size},mode=755") as memory:
        subprocess.run(["cp", "--archive", made, memory / "root"], check=True)  # as files, devices would fill the disk
        yield memory / "root"


@contextlib.contextmanager
def layered(made: Path, folder: Path) -> Iterator[Path]:
    """The root with all that is written to it in memory: at once there."""
    with mounted(folder, "tmpfs", "mode=755") as memory:
        for name in ("upper", "work"):
            (memory / name).mkdir()
        layers = f"lowerdir={made},upperdir={memory}/upper,workdir={memory}/work"
        with mounted(memory / "root", "overlay", layers) as root:
            yield root


class Container:
    """A machine in a folder. binds: folders of this machine that it sees, read-only, by their place there."""

    def __init__(self, root: Path, binds: Mapping[str, Path] | None = None) -> None:
        self.root = root
        self.leader = 0
        self._binds = [f"--bind-ro={path}:{place}" for place, path in (binds or {}).items()]
        self._nspawn: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Container:
        self.boot()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()

    def boot(self) -> None:
        """Start it and wait until systemd is done starting. Raises RuntimeError."""
        argv = ["systemd-nspawn", f"--directory={self.root}", "--boot", "--register=no", "--keep-unit", "--quiet"]
        argv += ["--private-network", "--console=pipe", f"--machine=edgeseg-{os.getpid()}-{id(self):x}"]
        self._nspawn = subprocess.Popen(
            [*argv, *self._binds],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        until = time.monotonic() + _BOOT_S
        while time.monotonic() < until and self._nspawn.poll() is None:
            if children := _children(self._nspawn.pid):
                self.leader = children[0]
                state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
                if state in ("running", "degraded"):
                    return
            time.sleep(0.2)
        raise RuntimeError(f"The container did not boot within {_BOOT_S} s (exit code {self._nspawn.poll()}).")

    def cut(self) -> None:
        """As if the power went: all that is in it is killed at once. More than once does no harm."""
        if self._nspawn is None or self._nspawn.poll() is not None:
            return
        for leader in _children(self._nspawn.pid):
            os.kill(leader, signal.SIGKILL)  # nspawn alone would leave it running
        try:
            self._nspawn.wait(20)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.wait()

    def inside(self, *command: str, **variables: str) -> list[str]:
        """The command line that runs a command in it as root."""
        enter = ["nsenter", f"--target={self.leader}", "--mount", "--pid", "--uts", "--ipc", "--net", "--cgroup"]
        given = {"HOME": "/root", "LANG": "C.UTF-8", "PATH": _PATH, **variables}
        return [*enter, "env", "-i", "--chdir=/", *(f"{name}={value}" for name, value in given.items()), *command]

    def run(
        self, *command: str, timeout_s: float = 60, check: bool = True, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in it as root. Raises RuntimeError if it fails and `check`."""
        done = subprocess.run(
            self.inside(*command, **variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(command)}: exit code {done.returncode}: {done.stdout}{done.stderr}")
        return done

    def write(self, path: str, text: str, mode: str = "644") -> None:
        """Write a file in it."""
        self.run("sh", "-c", 'printf %s "$2" >"$1" && chmod "$3" "$1"', "sh", path, text, mode)


def _children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    except OSError:
        return []
