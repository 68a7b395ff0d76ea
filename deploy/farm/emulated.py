"""Running a command in a root of another machine: by qemu, as a board's cores, in mounts that vanish with it."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.farm import there
from deploy.farm.device import DeviceLost
from deploy.farm.roots import QEMU, find

BOARDS = Path(__file__).parent / "cpuinfo"
"""What /proc/cpuinfo says on boards: LiteRT crashes on Arm where it reads an Intel one, and without one XNNPACK is off.

Sources: fastfetch-cli/fastfetch issue 1529 (Pi 3 and Pi 4) and hrw/arm-socs-table issue 96 (Pi 5), less its line
"Hardware", which newer kernels leave out; tests/boards/pi-4b-32bit says where the 32-bit one is from. Serial numbers
are blank.
"""

_FACTS_S = 120
TRIPLETS = {"arm64": "aarch64-linux-gnu", "armhf": "arm-linux-gnueabihf"}

# The shell stays, for a process with number 1 outlives an abort(). Temperatures of this machine are not the board's.
_ENTER = """
root=$1 site=$2 folder=$3 qemu=$4 cpuinfo=$5; shift 5
read_only() { mount --bind "$1" "$2" && mount -o remount,bind,ro "$2"; }
read_only "$root" "$root"
read_only "$site" "$root/opt/site"
mount --bind "$folder" "$root/farm"
mount --bind "$qemu" "$root/qemu"
mount -t proc none "$root/proc" && mount --bind "$cpuinfo" "$root/proc/cpuinfo"
mount --rbind /sys "$root/sys" && mount --rbind /dev "$root/dev"
for hidden in thermal hwmon power_supply; do
    [ ! -d "$root/sys/class/$hidden" ] || mount -t tmpfs -o ro none "$root/sys/class/$hidden"
done
mount -t tmpfs none "$root/tmp"
unshare --root="$root" --wd=/farm "$@" || exit $?
"""


def boards() -> list[str]:
    """The boards whose cpuinfo is known."""
    return sorted(path.name for path in BOARDS.iterdir())


def argv(root: Path, site: Path, folder: Path, arch: str, board: str, command: Sequence[str]) -> list[str]:
    """How to run a command in the root, in `folder`, its /farm. Only that and /tmp can be written to.

    qemu is named for its first program alone: what that starts needs the kernel to know Arm's programs (binfmt_misc).
    When the process is killed, all that it started goes too.
    """
    program = "/usr/bin/python3" if command[0] == "python" else command[0]
    enter = ["unshare", "--mount", "--pid", "--fork", "--propagation=private", "--kill-child=KILL"]
    mounts = [root, site, folder, find(QEMU[arch]), BOARDS / board]
    return [*enter, "sh", "-euc", _ENTER, "sh", *map(str, mounts), "/qemu", program, *command[1:]]


def environment(arch: str, cpu: str, more: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of such a command. Debian's BLAS is found where its scripts would have linked it from."""
    libraries = f"/usr/lib/{TRIPLETS[arch]}"
    return {
        "HOME": "/tmp",
        "LANG": "C.UTF-8",
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "QEMU_CPU": cpu,
        "LD_LIBRARY_PATH": f"{libraries}/blas:{libraries}/lapack",
        "PYTHONPATH": "/farm:/opt/site",
        "PYTHONUNBUFFERED": "1",
        **more,
    }


def facts(root: Path, arch: str, cpu: str, board: str) -> str:
    """What `there.py facts` says in a root without packages. Raises DeviceLost."""
    words = argv(root, root, root / "farm", arch, board, ["python", "-", "facts", "/"])
    program = Path(there.__file__).read_text(encoding="utf-8")
    env = environment(arch, cpu, {})
    try:
        done = subprocess.run(
            words, input=program, env=env, capture_output=True, text=True, timeout=_FACTS_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise DeviceLost(f"Python in the root did not say what it is within {_FACTS_S} s.") from error
    if done.returncode:
        raise DeviceLost(f"Python does not start in the root: {done.stderr.strip()[-300:].rstrip('.')}.")
    return done.stdout
