"""A virtual machine with systemd, a camera and a virtual webcam, in which edgeseg is installed as the service it is.

    python -m tests.lab.service_guest DRILL.py [SECONDS]

A lean Debian 12 with the kernel's `vivid`, v4l2loopback, ffmpeg and GStreamer; `edgeseg.install` puts edgeseg into it
while it is booted in a container, where that takes a tenth of the time. Then it becomes a disk, built once (kept like
the other guest) and anew when edgeseg changes. Control groups, devices, out-of-memory and thermal zones are real there.
"""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.lab import container, guest, roots
from tests.system import wheels

TOOLS = {**guest.TOOLS, "systemd-nspawn": "systemd-container", "nsenter": "util-linux", "iasl": "acpica-tools"}
PACKAGES = (
    "systemd-sysv,dbus,udev,procps,python3-venv,ffmpeg,"
    "gstreamer1.0-tools,gstreamer1.0-plugins-base,gstreamer1.0-plugins-good"
)
PICTURE = "gst:videotestsrc is-live=true ! video/x-raw,width=640,height=360,framerate=30/1"
FIRST, SECOND = "0.1.100", "0.1.101"
_SITE = "usr/local/lib/python3.11/dist-packages"
_RUN = """\
#!/bin/sh
# The second disk is a tar with drill.py, whose standard output goes to the second serial port, then its exit code.
exec >/dev/ttyS0 2>&1 </dev/null
mkdir -p /run/drill && cd /run/drill && tar -xf /dev/vdb --no-same-owner
PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 python3 drill.py >/dev/ttyS1
printf '{"exit": %d}\\n' $? >/dev/ttyS1
systemctl poweroff --force --force
"""
_UNIT = """\
[Unit]
Description=the drill
[Service]
ExecStart=/usr/local/sbin/drill-run
[Install]
WantedBy=multi-user.target
"""
# An emulated machine makes a few masks a second: it may believe them for longer than a real one.
CONFIG = """\
source: camera:/dev/video0
sink: v4l2:/dev/video10
background: "color:#112233"
size: 320x180
fps: 2
idle: false
max_mask_age_ms: 20000
"""
_PATIENT = (
    "[Service]\nWatchdogSec=120\nTimeoutStartSec=900\n"  # Python and its packages alone may take a minute to load
)
# A die whose temperature is a byte of the clock chip's memory, which root may write; see ../shared/lab/ssdt.dsl.
_THERMAL = """
DefinitionBlock ("", "SSDT", 2, "EDGE", "THERMAL", 1) {
    Scope (\\_SB) {
        OperationRegion (TREG, SystemIO, 0x70, 0x02)
        Field (TREG, ByteAcc, NoLock, Preserve) { CIDX, 8, CDAT, 8 }
    }
    Scope (\\_TZ) {
        ThermalZone (CPUZ) {
            Method (_TMP, 0, Serialized) {
                \\_SB.CIDX = 0x6F
                Local0 = \\_SB.CDAT
                Return (2732 + (Local0 * 10))
            }
            Name (_HOT, 3882)
            Name (_CRT, 3982)
            Name (_TZP, 20)
        }
    }
}
"""


def missing() -> str | None:
    """Why there can be no such guest here, None if there can."""
    return roots.missing(TOOLS)


@functools.cache
def build() -> Path:
    """The folder with vmlinuz, initrd, thermal.aml and disk.img; takes some minutes the first time."""
    with tempfile.TemporaryDirectory() as scratch:
        wheel = wheels.build_wheel(Path(scratch))
        made = [wheels.other_version(wheel, version) for version in (FIRST, SECOND)]
        script, recipe = roots.HERE / "guest_root.sh", [PACKAGES, _RUN, _UNIT, _THERMAL, *roots.requirements()]
        with roots.cached("service-root", script, *recipe) as (folder, complete):
            if not complete:
                _root(folder / "root", script)
                for name in ("vmlinuz", "initrd"):
                    shutil.copy(next((folder / "root" / "boot").glob(f"{name}*")), folder / name)
                (folder / "thermal.dsl").write_text(_THERMAL)
                subprocess.run(["iasl", "-p", "thermal", "thermal.dsl"], cwd=folder, check=True, capture_output=True)
            plain = folder
        with roots.cached("service-guest", str(plain), CONFIG, _PATIENT, wheel) as (folder, complete):
            if not complete:
                root = folder / "root"
                subprocess.run(["cp", "--archive", str(plain / "root"), str(root)], check=True)
                _install(root, made)
                mkfs = [str(roots.find("mkfs.ext4")), "-q", "-d", str(root), str(folder / "disk.img"), "4G"]
                subprocess.run(mkfs, check=True, stdout=subprocess.DEVNULL)
                shutil.rmtree(root)
                for name in ("vmlinuz", "initrd", "thermal.aml"):
                    shutil.copy(plain / name, folder / name)
            return folder


def _root(root: Path, script: Path) -> None:
    subprocess.run(["sh", str(script), str(root), roots.debian_mirror(), f",{PACKAGES}"], check=True)
    roots.install_wheels(root / _SITE, "3.11", *roots.requirements())
    files = {"usr/local/sbin/drill-run": _RUN, "etc/systemd/system/drill.service": _UNIT, "etc/hostname": "guest\n"}
    files["etc/fstab"] = "/dev/vda / ext4 defaults 0 1\n"
    for name, text in files.items():
        (root / name).write_text(text)
    (root / "usr/local/sbin/drill-run").chmod(0o755)
    wants = root / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(exist_ok=True)
    (wants / "drill.service").symlink_to("/etc/systemd/system/drill.service")
    (root / "etc/systemd/system/serial-getty@ttyS0.service").symlink_to("/dev/null")


def _install(root: Path, made: list[Path]) -> None:
    """edgeseg by its own installer, on a test picture; then the config is the camera's."""
    for wheel in made:
        shutil.copy(wheel, root / "srv")
    (root / "etc/systemd/system/multi-user.target.wants/drill.service").unlink()
    one = container.Container(root, {})
    one.boot()
    try:
        install = ["python3", "-m", "edgeseg.install", "--camera", PICTURE, "--sink", "null"]
        install += ["--wheelhouse", "/srv", "--os-packages", "--no-calibrate"]
        one.run(*install, timeout_s=900, PYTHONPATH=f"/srv/{made[0].name}", PYTHONDONTWRITEBYTECODE="1")
        one.run("systemctl", "stop", "edgeseg@camera")
        one.run("sync")
    finally:
        one.cut()
    (root / "etc/systemd/system/multi-user.target.wants/drill.service").symlink_to("/etc/systemd/system/drill.service")
    (root / "etc/edgeseg/camera.yaml").write_text(CONFIG)
    drop_in = root / "etc/systemd/system/edgeseg@.service.d"
    drop_in.mkdir(exist_ok=True)
    (drop_in / "emulated.conf").write_text(_PATIENT)
    for place in ("modprobe.d", "modules-load.d"):
        shutil.copy(roots.PROJECT / "systemd" / place / "edgeseg.conf", root / "etc" / place / "edgeseg.conf")
    (root / "etc/modules-load.d/camera.conf").write_text("vivid\n")
    (root / "etc/modprobe.d/camera.conf").write_text(
        "options vivid n_devs=1 node_types=0x1 num_inputs=1 input_types=0\n"
    )


class Machine:
    """A boot of it. disk: written to; None: what is written goes with it. files: for its /run/drill, by name.

    deadline: of `steps`, by CLOCK_MONOTONIC.
    """

    def __init__(self, scratch: Path, files: dict[str, Path], timeout_s: float, disk: Path | None = None) -> None:
        self.deadline = time.monotonic() + timeout_s
        made, code = build(), scratch / "code.tar"
        self._console, self._said = scratch / "console", scratch / "said"
        for old in (self._console, self._said):
            old.unlink(missing_ok=True)
        with tarfile.open(code, "w") as tar:
            for name, path in files.items():
                tar.add(path, name)
        append = "console=ttyS0 root=/dev/vda rw panic=-1 mitigations=off quiet systemd.show_status=0"
        qemu = ["qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-M", "q35", "-m", "2048", "-smp", "1"]
        qemu += ["-display", "none", "-nic", "none", "-no-reboot", "-monitor", "none"]
        qemu += ["-acpitable", f"file={made / 'thermal.aml'}"]
        qemu += ["-kernel", str(made / "vmlinuz"), "-initrd", str(made / "initrd"), "-append", append]
        system = f"file={disk or made / 'disk.img'},snapshot={'off' if disk else 'on'}"
        for image in (system, f"file={code}"):
            qemu += ["-drive", f"{image},format=raw,if=virtio,cache=unsafe"]
        qemu += ["-serial", f"file:{self._console}", "-serial", f"file:{self._said}"]
        keeper = ["setpriv", "--pdeathsig", "KILL", "--"]
        self._qemu = subprocess.Popen([*keeper, *qemu], stdin=subprocess.DEVNULL)
        self._read = 0

    def steps(self) -> Iterator[dict[str, Any]]:
        """The JSON objects that the drill prints, as they come, until it ends or the deadline, which may be moved."""
        while True:
            ended = self._qemu.poll() is not None
            lines = self._said.read_text(errors="replace").split("\n") if self._said.exists() else [""]
            for line in lines[self._read : -1]:
                self._read += 1
                if line.strip().startswith("{"):
                    yield json.loads(line)
            if ended or time.monotonic() > self.deadline:
                return
            time.sleep(0.2)

    def cut(self) -> None:
        """As if the power went."""
        self._qemu.kill()
        self._qemu.wait()

    @property
    def console(self) -> str:
        """What the kernel and systemd said."""
        return self._console.read_text(errors="replace") if self._console.exists() else ""


def run(drill: Path, timeout_s: float = 3600, chosen: str = "") -> tuple[list[dict[str, Any]], str]:
    """Boot, run the drill, and give what it printed and the console; nothing outlives the call.

    chosen: parts of the drill, by name; all of it if none.
    """
    with tempfile.TemporaryDirectory() as scratch:
        files = {"drill.py": drill}
        if chosen:
            files["chosen"] = Path(scratch, "chosen")
            files["chosen"].write_text(chosen, encoding="ascii")
        machine = Machine(Path(scratch), files, timeout_s)
        try:
            steps = []
            for step in machine.steps():
                print(json.dumps(step), flush=True)
                steps.append(step)
            return steps, machine.console
        finally:
            machine.cut()


def main() -> int:
    """Run one drill; its exit code, 1 if the guest was stopped before it ended."""
    if len(sys.argv) not in (2, 3):
        print(__doc__, file=sys.stderr)
        return 2
    if reason := missing():
        print(f"No guest here: {reason}.", file=sys.stderr)
        return 8
    steps, console = run(Path(sys.argv[1]), *map(float, sys.argv[2:]))
    print(console, file=sys.stderr)
    return int(steps[-1].get("exit", 1)) if steps else 1


if __name__ == "__main__":
    sys.exit(main())
