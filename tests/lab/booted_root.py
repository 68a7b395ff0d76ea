"""A Debian 12 whose systemd is booted in a container (systemd-nspawn), with edgeseg installed in /opt/edgeseg.

    python -m tests.lab.booted_root COMMAND...

builds the root once (kept like the guest), boots it and runs the command in it. What the container writes is in memory
and goes with it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.lab import container, roots
from tests.lab.container import Container as Booted
from tests.lab.container import missing

PACKAGES = "systemd,systemd-sysv,dbus,procps,python3,gstreamer1.0-tools,gstreamer1.0-plugins-base"
# Of the plugins-good one file is wanted, and not the many libraries of the others.
Y4M = """
cd /tmp && apt-get download -qq gstreamer1.0-plugins-good && dpkg -x gstreamer1.0-plugins-good_*.deb good
cp good/usr/lib/*/gstreamer-1.0/libgsty4menc.so /usr/lib/*-linux-gnu/gstreamer-1.0/
rm -r good gstreamer1.0-plugins-good_*.deb
"""
RELEASE = "opt/edgeseg/releases/lab"
SITE = f"{RELEASE}/lib/python3.11/site-packages"


def build() -> Path:
    """The root's folder, without edgeseg itself; takes about two minutes the first time."""
    root = container.debian("bookworm", PACKAGES, "service", f"{Y4M}\n# {' '.join(roots.requirements())}")
    if not (root / SITE / ".complete").exists():
        roots.install_wheels(root / SITE, "3.11", *roots.requirements())
        (root / SITE / ".complete").touch()
    return root


def edgeseg_into(root: Path) -> None:
    """Put this checkout's edgeseg into the root, as its wheel would be in a venv, and its units where they belong."""
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


@contextlib.contextmanager
def booted() -> Iterator[Booted]:
    """Boot it; it is gone after the block."""
    made = build()
    with container.layered(made, made.parent / f"upper-{os.getpid()}") as root:
        edgeseg_into(root)
        with Booted(root) as machine:
            yield machine


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
