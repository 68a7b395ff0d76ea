"""An arm64 Debian 12 userland on this machine: Python 3.11 with LiteRT's Arm wheels, run by qemu as a Pi's cores.

    python -m tests.lab.arm_root CPU COMMAND...

builds it once (kept like the guest) and runs the command in it, in /project, which is this checkout, read-only. CPU is
cortex-a53, cortex-a72 or cortex-a76: a Raspberry Pi 3, 4 or 5. The command shares this machine's network and devices.

What /proc/cpuinfo says there is the farm's: see `deploy.farm.emulated`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from deploy.farm import emulated
from edgeseg.assets import store
from edgeseg.errors import Unreachable
from tests.lab import roots

Cpu = Literal["cortex-a53", "cortex-a72", "cortex-a76"]

TOOLS = {"mmdebstrap": "mmdebstrap", "qemu-aarch64-static": "qemu-user-static", "unshare": "util-linux"}
BOARDS: dict[str, str] = {
    "cortex-a53": "raspberry-pi-3",
    "cortex-a72": "raspberry-pi-4",
    "cortex-a76": "raspberry-pi-5",
}
PACKAGES = "python3,libstdc++6"
PYTHON = "3.11"
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"

# Lets the kernel start Arm programs by qemu, as Debian's package would; kernels from 6.7 on forget it with the mount.
BINFMT = """
misc=/proc/sys/fs/binfmt_misc
[ -e $misc/status ] || mount -t binfmt_misc none $misc
[ -e $misc/qemu-aarch64 ] || cat /usr/lib/binfmt.d/qemu-aarch64.conf >$misc/register || [ -e $misc/qemu-aarch64 ]
"""
# Mounts are private to the command and go with it. The shell stays, for a process with number 1 outlives an abort().
ENTER = f"""{BINFMT}
root=$1 project=$2 scratch=$3 assets=$4 cpuinfo=$5; shift 5
read_only() {{ mount --bind "$1" "$2" && mount -o remount,bind,ro "$2"; }}
read_only "$root" "$root"
read_only "$project" "$root/project"
read_only "$assets" "$root/assets"
mount --bind "$scratch" "$root/scratch"
mount -t proc none "$root/proc" && mount --bind "$cpuinfo" "$root/proc/cpuinfo"
mount --rbind /sys "$root/sys" && mount --rbind /dev "$root/dev"
mount -t tmpfs none "$root/tmp"
unshare --root="$root" --wd=/project "$@" || exit $?
"""


class Entry(NamedTuple):
    """A command that enters the root, and its whole environment."""

    argv: list[str]
    environment: dict[str, str]


def missing() -> str | None:
    """Why there can be no such root here, None if there can; the network is tried by `build`."""
    if reason := roots.missing(TOOLS):
        return reason
    tried = ["unshare", "--mount", "--propagation=private", "sh", "-euc", BINFMT]
    done = subprocess.run(tried, env={"PATH": PATH}, capture_output=True, text=True, check=False)
    if done.returncode:
        return f"the kernel lets no Arm program start here: {done.stderr.strip()}"
    return None


def build() -> Path:
    """The root's folder; takes half a minute to a minute the first time. No Arm program runs for it.

    Raises Unreachable if Debian's mirror or the Python index is not to be had.
    """
    wheels = roots.requirements(extra="quantize")
    with roots.cached("arm64", PACKAGES, PYTHON, *wheels) as (folder, complete):
        root = folder / "root"
        if complete:
            return root
        install = ["mmdebstrap", "--mode=root", "--architectures=arm64", "--variant=extract", "--quiet"]
        install += [f"--include={PACKAGES}", "bookworm", str(root), roots.debian_mirror()]
        done = subprocess.run(install, capture_output=True, text=True, check=False)
        if done.returncode:
            said = done.stderr.strip()
            if "apt-get update" in said:
                raise Unreachable("Debian's mirror, which the arm64 root is built from, does not answer.")
            raise RuntimeError(f"mmdebstrap failed with exit code {done.returncode}: {said}")
        site = root / "opt" / "site"
        roots.install_wheels(site, PYTHON, *wheels, machine="aarch64")
        _compile(root)
        for name in ("project", "assets", "scratch", "proc", "sys"):
            (root / name).mkdir(exist_ok=True)
        return root


def _compile(root: Path) -> None:
    """Let this machine's Python of the same version compile what would be compiled at each start in there."""
    here = sys.executable if sys.version_info[:2] == (3, 11) else roots.find(f"python{PYTHON}")
    if here:
        compile_all = [here, "-m", "compileall", "-qq", "-j2", "-s", str(root), "-p", "/"]
        subprocess.run([*compile_all, str(root / f"usr/lib/python{PYTHON}"), str(root / "opt/site")], check=False)


def entry(
    root: Path, cpu: Cpu, argv: Sequence[str], scratch: Path, environment: Mapping[str, str] | None = None
) -> Entry:
    """How to run a command as on that core: in /project, this checkout, with `scratch` as /scratch to write to.

    environment: further variables. The pinned assets of this machine are in /assets, all but /scratch and /tmp is
    read-only. When the process is killed, all that it started goes too.
    """
    assets = store.directory()
    assets.mkdir(parents=True, exist_ok=True)
    mounts = [root, roots.PROJECT, scratch, assets, emulated.BOARDS / BOARDS[cpu]]
    enter = ["setpriv", "--pdeathsig=KILL", "unshare", "--mount", "--pid", "--propagation=private", "--kill-child"]
    enter += ["sh", "-euc", ENTER, "sh", *map(str, mounts)]
    inside = {"HOME": "/tmp", "LANG": "C.UTF-8", "PATH": PATH, "QEMU_CPU": cpu, "EDGESEG_ASSET_DIR": "/assets"}
    inside |= {"PYTHONPATH": "/project:/opt/site", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}
    return Entry([*enter, *argv], inside | dict(environment or {}))


def run(
    root: Path,
    cpu: Cpu,
    argv: Sequence[str],
    scratch: Path,
    *,
    timeout_s: int = 120,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command as `entry` says, for `timeout_s` seconds at most; return code -9 if it was stopped then."""
    enter, variables = entry(root, cpu, argv, scratch, environment)
    limited = ["setpriv", "--pdeathsig=KILL", "timeout", "--signal=KILL", str(timeout_s), *enter]
    return subprocess.run(limited, env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def main() -> int:
    """Run one command; its exit code."""
    if len(sys.argv) < 3 or sys.argv[1] not in BOARDS:
        print(__doc__, file=sys.stderr)
        return 2
    if reason := missing():
        print(f"No such root here: {reason}.", file=sys.stderr)
        return 8
    root = build()
    with tempfile.TemporaryDirectory() as scratch:
        enter, variables = entry(root, sys.argv[1], sys.argv[2:], Path(scratch))  # type: ignore[arg-type]
        return subprocess.run(enter, env=variables, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
