"""Small machines in a folder, and small wheels for them."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

from edgeseg.install.machine import Machine
from edgeseg.install.session import Session
from edgeseg.install.where import Where
from edgeseg.install.wish import Wish
from edgeseg.testing.release_tools import FakeTools
from edgeseg.testing.systemd import FakeSystemd

UNIT = "edgeseg@camera.service"
UNITS = {
    "edgeseg@.service": "[Service]\nExecStart=/opt/edgeseg/current/bin/edgeseg service run --instance %i\n"
    "[Install]\nWantedBy=multi-user.target\n",
    "edgeseg-calibrate.service": "[Service]\nType=oneshot\n",
    "edgeseg-settle.service": "[Service]\nType=oneshot\n",
    "sysusers.d/edgeseg.conf": "u edgeseg -\n",
    "tmpfiles.d/edgeseg.conf": "",
    "udev/70-edgeseg.rules": "# rules\n",
    "modprobe.d/edgeseg.conf": "options v4l2loopback\n",
    "dropins/network.conf": "[Service]\nSocketBindAllow=tcp:8080\n",
    "dropins/jetson.conf": "[Service]\n",
    "user/edgeseg@.service": "[Service]\n",
    "README.md": "For people.\n",
}
MACHINE = Machine(
    os_name="Debian GNU/Linux 12 (bookworm)",
    os_id="debian",
    os_version="12",
    kernel="6.1.0",
    glibc=(2, 36),
    python=(3, 11),
    has_venv=True,
    is_root=True,
    has_systemd=True,
    free_mb=5000,
    root_fs="ext4",
    read_only=False,
    loopback="0.12.7",
    loopback_installed=True,
    cameras=("/dev/video0",),
    has_picamera2=False,
)


class HandClock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self._now = 0.0

    def now(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds


def make_wheel(folder: Path, version: str = "1.0.0", **more: str) -> Path:
    """A wheel with units whose text has the version in it; `more`: further members."""
    path = folder / f"edgeseg-{version}-py3-none-any.whl"
    files = {f"edgeseg/_data/systemd/{name}": f"# {version}\n{text}" for name, text in UNITS.items()}
    files |= {"edgeseg/__init__.py": f'__version__ = "{version}"\n', **more}
    info = f"edgeseg-{version}.dist-info"
    rows = [f"{name},sha256={_digest(text)},{len(text)}" for name, text in files.items()]
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        archive.writestr(f"{info}/RECORD", "\n".join([*rows, f"{info}/RECORD,,"]) + "\n")
    return path


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def machine_folder(root: Path) -> Path:
    """The least that a Debian machine has where an install looks."""
    for folder in (
        "etc/systemd/system/multi-user.target.wants",
        "etc/udev/rules.d",
        "usr/local/bin",
        "var/lib",
        "run",
        "opt",
        "sys/module",
    ):
        (root / folder).mkdir(parents=True)
    (root / "sys/module/v4l2loopback").mkdir()
    (root / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    (root / "opt/other").write_text("of somebody else\n")
    return root


class Bench:
    """A machine in a folder with fakes behind the ports."""

    def __init__(self, root: Path, wheels: Path) -> None:
        self.where = Where(root)
        self.wheels = wheels
        self.systemd = FakeSystemd(self.where)
        self.tools = FakeTools()
        self.said: list[str] = []
        self.session = self._session()

    def _session(self) -> Session:
        return Session(
            self.where, self.systemd, self.tools, HandClock(), self.said.append, lambda: "2026-01-02T03:04:05"
        )

    def reboot(self) -> None:
        """The machine as it comes up after a loss of power, up to where its own settling has run."""
        self.systemd = FakeSystemd(self.where, behaves=self.systemd.behaves)
        self.session = self._session()
        if (self.where.base / "trial.json").exists():
            assert (self.where.previous / "bin" / "edgeseg").exists(), "what settles is of the release before"
            self.session.settle(at_boot=True)
        self.systemd.boot()

    def wheel(self, version: str) -> Path:
        path = self.wheels / f"edgeseg-{version}-py3-none-any.whl"
        return path if path.exists() else make_wheel(self.wheels, version)

    def install(self, version: str = "1.0.0", machine: Machine = MACHINE, dry_run: bool = False, **wish) -> list[str]:
        return self.session.install(Wish(wheel=self.wheel(version), **wish), dry_run, machine)

    def upgrade(self, version: str, watch_s: float = 30, keep: int = 3):
        return self.session.upgrade(self.wheel(version), None, watch_s, keep)

    @property
    def current(self) -> str | None:
        return self.where.current.readlink().name if self.where.current.is_symlink() else None

    def machine(self, **change) -> Machine:
        return replace(MACHINE, **change)


def snapshot(root: Path) -> dict[str, tuple[int, bytes | str]]:
    """Every file, folder and link below a folder, with mode and content."""
    found = {}
    for path in sorted(root.rglob("*")):
        mode = path.lstat().st_mode
        content = str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        found[str(path.relative_to(root))] = (mode, content)
    return found
