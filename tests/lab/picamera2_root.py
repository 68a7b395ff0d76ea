"""A Debian 13 userland: Python 3.13, libcamera with its virtual camera, picamera2 from the Python index.

    python -m tests.lab.picamera2_root COMMAND...

builds it once (kept like the guest) and runs the command in it, in /project, which is this checkout, read-only; with
no command, the tests that need no hardware.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

from tests.lab import roots

TOOLS = {"mmdebstrap": "mmdebstrap", "gcc": "gcc", "unshare": "util-linux"}
PACKAGES = "python3,python3-libcamera,python3-prctl,mount"
# picamera2 itself is put in without its dependencies: PiDNG has no wheel, and picamera2_virtual.py stands in for it.
PICAMERA2_NEEDS = ("piexif", "pillow", "simplejpeg", "videodev2")
TEST_NEEDS = ("pip", "pytest>=8", "pytest-timeout>=2.3", "hypothesis>=6.100", "scikit-image>=0.22", "scipy>=1.11")
CAMERA = """\
"Virtual0":
  supported_formats:
  - {width: 640, height: 480, frame_rates: [30, 60]}
  test_pattern: "bars"
  location: "CameraLocationFront"
  model: "Virtual Video Device"
"""
# Mounts are private to the command and go with it.
ENTER = """
root=$1; shift
mount --bind "$PROJECT" "$root/project" && mount -o remount,bind,ro "$root/project"
mount -t proc none "$root/proc" && mount --rbind /sys "$root/sys" && mount --rbind /dev "$root/dev"
mount -t tmpfs none "$root/tmp"
exec chroot "$root" sh -c 'cd /project && exec "$@"' sh "$@"
"""


def missing() -> str | None:
    """Why there can be no such root here, None if there can."""
    return roots.missing(TOOLS)


def build() -> Path:
    """The root's folder; takes about a minute and a half the first time."""
    wheels = [*roots.requirements(), *PICAMERA2_NEEDS, *TEST_NEEDS]
    shim = roots.HERE / "udmabuf_shim.c"
    with roots.cached("picamera2", shim, CAMERA, PACKAGES, *wheels) as (folder, complete):
        root = folder / "root"
        if complete:
            return root
        install = ["mmdebstrap", "--mode=root", "--variant=apt", "--quiet", f"--include={PACKAGES}"]
        subprocess.run([*install, "trixie", str(root), roots.debian_mirror()], check=True)
        site = root / "opt" / "site"
        roots.install_wheels(site, "3.13", *wheels)
        roots.install_wheels(site, "3.13", "--no-deps", "picamera2>=0.3.12")
        shared = root / "opt" / "udmabuf_shim.so"
        subprocess.run(["gcc", "-Wall", "-Werror", "-O1", "-fPIC", "-shared", "-o", str(shared), str(shim)], check=True)
        camera = root / "usr" / "share" / "libcamera" / "pipeline" / "virtual" / "virtual.yaml"
        camera.parent.mkdir(parents=True)
        camera.write_text(CAMERA, encoding="utf-8")
        (root / "project").mkdir()
        return root


def run(*command: str, timeout_s: int = 120, preload: bool = False) -> subprocess.CompletedProcess[str]:
    """Run a command in the root; `preload`: with the stand-in for /dev/udmabuf, which libcamera needs."""
    inside = ["env", "-i", "HOME=/root", "LANG=C.UTF-8", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
    inside += ["PYTHONPATH=/project:/opt/site", "PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=1"]
    inside += ["HYPOTHESIS_STORAGE_DIRECTORY=/tmp/hypothesis"]
    inside += ["LD_PRELOAD=/opt/udmabuf_shim.so"] if preload else []
    enter = ["unshare", "--mount", "--propagation=private", "sh", "-euc", ENTER, "sh", str(build())]
    limited = ["timeout", "--kill-after=5", str(timeout_s), *enter, *inside, *command]
    environment = {"PROJECT": str(roots.PROJECT), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    return subprocess.run(
        limited, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


def main() -> int:
    """Run one command; its exit code."""
    if reason := missing():
        print(f"No such root here: {reason}.", file=sys.stderr)
        return 8
    tests = shlex.split("python3 -m pytest -q -p no:cacheprovider -m 'not guest'")
    done = run(*(sys.argv[1:] or tests), timeout_s=1800)
    print(done.stdout, end="")
    print(done.stderr, end="", file=sys.stderr)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
