"""A Debian 12 whose systemd is booted in a container (systemd-nspawn), with edgeseg installed in /opt/edgeseg.

    python -m tests.lab.booted_root COMMAND...

builds the root once (kept like the guest), boots it and runs the command in it. What the container writes is in memory
and goes with it. The system's control groups limit nothing there; devices and memory are the guest's matter.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.lab import roots

TOOLS = {"mmdebstrap": "mmdebstrap", "systemd-nspawn": "systemd-container", "nsenter": "util-linux"}
PACKAGES = "systemd,systemd-sysv,dbus,procps,python3,gstreamer1.0-tools,gstreamer1.0-plugins-base"
LEAN = ("doc", "man", "locale", "fonts", "icons")
# Of the plugins-good one file is wanted, and not the many libraries of the others.
Y4M = """
cd /tmp && apt-get download -qq gstreamer1.0-plugins-good && dpkg -x gstreamer1.0-plugins-good_*.deb good
cp good/usr/lib/*/gstreamer-1.0/libgsty4menc.so /usr/lib/*-linux-gnu/gstreamer-1.0/
rm -r good gstreamer1.0-plugins-good_*.deb
"""
RELEASE = "opt/edgeseg/releases/lab"
SITE = f"{RELEASE}/lib/python3.11/site-packages"
_BOOT_S = 60


def missing() -> str | None:
    """Why nothing can be booted here, None if it can."""
    return roots.missing(TOOLS)


def build() -> Path:
    """The root's folder, without edgeseg itself; takes about two minutes the first time."""
    wheels = roots.requirements()
    with roots.cached("booted", PACKAGES, Y4M, *wheels) as (folder, complete):
        root = folder / "root"
        if complete:
            return root
        lean = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in LEAN]
        install = ["mmdebstrap", "--mode=root", "--variant=apt", "--quiet", f"--include={PACKAGES}", *lean]
        install += [f"--customize-hook=chroot \"$1\" sh -euc '{Y4M}'"]
        subprocess.run([*install, "bookworm", str(root), roots.debian_mirror()], check=True)
        roots.install_wheels(root / SITE, "3.11", *wheels)
        return root


def edgeseg_into(root: Path) -> None:
    """Put this checkout's edgeseg into the root, as its wheel would be in a venv, and its units where install puts them."""
    venv, site, package = root / RELEASE, root / SITE, roots.PROJECT / "edgeseg"
    shutil.copytree(package, site / "edgeseg", ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    for data in ("device_profiles", "systemd"):
        shutil.copytree(roots.PROJECT / data, site / "edgeseg" / "_data" / data, dirs_exist_ok=True)
    (venv / "bin").mkdir(parents=True, exist_ok=True)
    (venv / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = false\n", encoding="utf-8")
    python, program = venv / "bin" / "python", venv / "bin" / "edgeseg"
    python.unlink(missing_ok=True)
    python.symlink_to("/usr/bin/python3")
    program.write_text(
        "#!/opt/edgeseg/current/bin/python\nfrom edgeseg.__main__ import main\nmain()\n", encoding="utf-8"
    )
    program.chmod(0o755)
    current = root / "opt" / "edgeseg" / "current"
    current.unlink(missing_ok=True)
    current.symlink_to("releases/lab")
    units = roots.PROJECT / "systemd"
    for name in ("edgeseg@.service", "edgeseg-calibrate.service"):
        shutil.copy(units / name, root / "etc" / "systemd" / "system" / name)
    for folder in ("sysusers.d", "tmpfiles.d"):
        (root / "etc" / folder).mkdir(exist_ok=True)
        shutil.copy(units / folder / "edgeseg.conf", root / "etc" / folder / "edgeseg.conf")
    (root / "etc" / "edgeseg").mkdir(exist_ok=True)


class Booted:
    """A container that runs."""

    def __init__(self, leader: int) -> None:
        self._enter = ["nsenter", f"--target={leader}", "--mount", "--pid", "--uts", "--ipc", "--net"]

    def run(self, *command: str, timeout_s: float = 60, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command in it as root. Raises RuntimeError if it fails and `check`."""
        inside = ["env", "-i", "HOME=/root", "LANG=C.UTF-8", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
        done = subprocess.run(
            [*self._enter, *inside, *command],
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


@contextlib.contextmanager
def booted() -> Iterator[Booted]:
    """Boot it; it is gone after the block."""
    upper = build().parent / f"upper-{os.getpid()}"
    with _overlay(build(), upper) as root:
        edgeseg_into(root)
        argv = [
            "systemd-nspawn",
            "-D",
            str(root),
            "--boot",
            "--register=no",
            "--keep-unit",
            f"--machine=edgeseg{os.getpid()}",
        ]
        argv += ["--private-network", "--console=pipe", "--quiet"]
        nspawn = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield _wait_for(nspawn)
        finally:
            nspawn.send_signal(signal.SIGTERM)  # asks its systemd to power off
            try:
                nspawn.wait(20)
            except subprocess.TimeoutExpired:
                nspawn.kill()
                nspawn.wait()


@contextlib.contextmanager
def _overlay(lower: Path, upper: Path) -> Iterator[Path]:
    """The root with all that is written to it in memory."""
    upper.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "none", str(upper)], check=True)
    try:
        for name in ("upper", "work", "root"):
            (upper / name).mkdir()
        layers = f"lowerdir={lower},upperdir={upper}/upper,workdir={upper}/work"
        subprocess.run(["mount", "-t", "overlay", "none", "-o", layers, str(upper / "root")], check=True)
        try:
            yield upper / "root"
        finally:
            subprocess.run(["umount", "--lazy", str(upper / "root")], check=True)
    finally:
        subprocess.run(["umount", "--lazy", str(upper)], check=True)
        upper.rmdir()


def _wait_for(nspawn: subprocess.Popen[bytes]) -> Booted:
    until = time.monotonic() + _BOOT_S
    while time.monotonic() < until and nspawn.poll() is None:
        children = Path(f"/proc/{nspawn.pid}/task/{nspawn.pid}/children").read_text(encoding="ascii").split()
        if children:
            machine = Booted(int(children[0]))
            state = machine.run("systemctl", "is-system-running", check=False).stdout.strip()
            if state in ("running", "degraded"):
                return machine
        time.sleep(0.2)
    raise RuntimeError(f"The container did not boot within {_BOOT_S} s (exit code {nspawn.poll()}).")


def main() -> int:
    """Run one command; its exit code."""
    if reason := missing():
        print(f"Nothing can be booted here: {reason}.", file=sys.stderr)
        return 8
    with booted() as machine:
        done = machine.run(*(sys.argv[1:] or ["systemctl", "--no-pager", "status"]), timeout_s=600, check=False)
    print(done.stdout, end="")
    print(done.stderr, end="", file=sys.stderr)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
