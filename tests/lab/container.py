"""A Debian 12 with systemd in a container (systemd-nspawn): boot it, run commands in it, cut its power."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgeseg.errors import Unreachable
from tests.lab.roots import cached, debian_mirror, find, missing

PACKAGES = "systemd,systemd-sysv,dbus,python3-venv"
TOOLS = {"systemd-nspawn": "systemd-container", "mmdebstrap": "mmdebstrap", "nsenter": "util-linux"}
_LEAN = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale")]
_BOOT_S = 120


def why_not() -> str | None:
    """Why there can be no container here; None if there can."""
    if reason := missing(TOOLS):
        return reason
    return None if Path("/sys/fs/cgroup").is_dir() else "there are no control groups here"


def root_folder() -> Path:
    """The root as Debian's packages make it, built once (a minute or two). Raises Unreachable."""
    with cached("systemd-root", PACKAGES, *_LEAN) as (folder, complete):
        root = folder / "root"
        if not complete:
            make = ["mmdebstrap", "--mode=root", "--variant=minbase", "--quiet", f"--include={PACKAGES}", *_LEAN]
            done = subprocess.run(
                [*make, "bookworm", str(root), debian_mirror()], capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise Unreachable(f"mmdebstrap could not build a root: {done.stderr[-500:]}")
    return root


class Container:
    """A machine in a folder. `binds`: folders of this machine that it sees, read-only, by their place there."""

    def __init__(self, root: Path, binds: Mapping[str, Path]) -> None:
        self.root = root
        self._binds = [f"--bind-ro={path}:{place}" for place, path in binds.items()]
        self._process: subprocess.Popen[bytes] | None = None
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - for the life of the container
        self._leader = 0

    def boot(self) -> None:
        """Start it and wait until systemd is done starting. Raises RuntimeError."""
        nspawn = [str(find("systemd-nspawn")), f"--directory={self.root}", "--boot", "--register=no", "--keep-unit"]
        nspawn += ["--private-network", "--console=pipe", f"--machine=edgeseg-{id(self):x}", *self._binds]
        self._process = subprocess.Popen(
            nspawn, stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.STDOUT, start_new_session=True
        )
        until = time.monotonic() + _BOOT_S
        while time.monotonic() < until and self._process.poll() is None:
            children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
            if children:
                self._leader = int(children[0])
                with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                    if self.run("systemctl", "is-system-running", check=False).stdout.strip() in (
                        "running",
                        "degraded",
                    ):
                        return
            time.sleep(0.3)
        self._log.seek(0)
        raise RuntimeError(f"The container did not start: {self._log.read()[-2000:].decode(errors='replace')}")

    def run(
        self, *argv: str, check: bool = True, timeout: float = 300, **more: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in it; with `check`, its failure is an AssertionError with what it said."""
        enter = ["nsenter", f"--target={self._leader}", "--mount", "--pid", "--uts", "--ipc", "--net", "--cgroup"]
        enter += ["env", "-i", "--chdir=/"]
        variables = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
        words = [*enter, *(f"{name}={value}" for name, value in {**variables, **more}.items()), *argv]
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False
        )
        assert not (check and done.returncode), f"{' '.join(argv)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def cut(self) -> None:
        """As if the power went; more than once does no harm."""
        if self._process is not None and self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                subprocess.run(["kill", "-KILL", str(self._leader)], check=False)  # with all that is in it
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def remove(self) -> None:
        """Cut it and take its folder away."""
        self.cut()
        self._log.close()
        shutil.rmtree(self.root)
