"""With the system's own Python packages, and without root as a unit of a user's systemd."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.lab.roots import PROJECT
from tests.system import releases, wheels
from tests.system.boards import Board

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]
PYTHON = "/opt/edgeseg/current/bin/python"
# Raspberry Pi OS has python3-simplejpeg, on which picamera2 stands, and Debian has none: these are the index's builds,
# on 12 one for a numpy before 2.0. Debian's numexpr is built for Debian's numpy as that one is.
SIMPLEJPEG = {"bookworm": "simplejpeg==1.7.2", "trixie": "simplejpeg==1.9.0"}
OS_PACKAGES = "/usr/lib/python3/dist-packages"
BOTH = """
import ai_edge_litert.interpreter, cv2, numexpr, numpy, simplejpeg
a, flat = numpy.arange(5.0), numpy.full((16, 16, 3), 90, numpy.uint8)
back = simplejpeg.decode_jpeg(simplejpeg.encode_jpeg(flat))
print(numpy.__version__, numpy.__file__, simplejpeg.__file__)
print(numexpr.evaluate("a * a").sum(), cv2.sumElems(numpy.ones(4))[0], int(back.min()), int(back.max()))
"""


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def machine(board, brought, request) -> Iterator[Board]:
    with board(request.param, held=True) as one:
        jpeg = wheels.one(SIMPLEJPEG[request.param], one.made)
        (one.root / "root" / jpeg.name).write_bytes(jpeg.read_bytes())
        one.run("python3", "-m", "zipfile", "-e", f"/root/{jpeg.name}", OS_PACKAGES)
        argv, environment = releases.install(brought.good, "--no-calibrate", "--os-packages")
        said = one.run(*argv, timeout_s=500, **environment).stderr
        version = one.run("python3", "-c", "import numpy; print(numpy.__version__)").stdout.strip()
        assert f"its numpy {version}" in said
        yield one


def test_what_is_built_for_the_systems_numpy_loads_beside_ours(machine):
    version = machine.run("python3", "-c", "import numpy; print(numpy.__version__)").stdout.strip()
    said = machine.run(PYTHON, "-c", BOTH).stdout.split()
    assert said[:3] == [version, *(f"{OS_PACKAGES}/{name}/__init__.py" for name in ("numpy", "simplejpeg"))]
    assert said[3:] == ["30.0", "4.0", "90", "90"]
    now = machine.status()
    assert (now["instances"][0]["active"], now["instances"][0]["fps"] > 0) == ("active", True)


def test_beside_the_newest_numpy_it_would_not_load(machine, brought):
    """Why it is held: what Debian 12 builds is for a numpy before 2.0. Debian 13's takes the newest."""
    version = machine.run("python3", "-c", "import numpy; print(numpy.__version__)").stdout
    (newest,) = wheels.wheelhouse(brought.good, machine.made).glob("numpy-2*.whl")
    (machine.root / "root" / newest.name).write_bytes(newest.read_bytes())
    machine.run("python3", "-m", "zipfile", "-e", f"/root/{newest.name}", "/root/newest")
    for name in ("numexpr", "simplejpeg"):
        done = machine.run("python3", "-c", f"import {name}", check=False, PYTHONPATH="/root/newest")
        assert (done.returncode == 0) is (not version.startswith("1.")), f"{name}: {done.stderr}"


def test_a_users_own_unit(machine):
    """As docs/service.md has it for laptops."""
    machine.run("useradd", "--create-home", "--groups", "video", "me")
    uid = machine.run("id", "-u", "me").stdout.strip()
    home = machine.root / "home/me"
    machine.run(
        "runuser",
        "-u",
        "me",
        "--",
        "mkdir",
        "-p",
        *(f"/home/me/{one}" for one in (".local/bin", ".config/systemd/user", ".config/edgeseg")),
    )
    (home / ".local/bin/edgeseg").symlink_to("/opt/edgeseg/current/bin/edgeseg")
    unit = (PROJECT / "systemd/user/edgeseg@.service").read_text()
    (home / ".config/systemd/user/edgeseg@.service").write_text(unit)
    (home / ".config/edgeseg/desk.yaml").write_text('source: "file:/srv/clip.mp4"\nsink: "null"\n')
    machine.run("loginctl", "enable-linger", "me")
    until = time.monotonic() + 60
    while machine.run("test", "-S", f"/run/user/{uid}/bus", check=False).returncode:
        assert time.monotonic() < until, "there is no session of the user"
        time.sleep(0.5)

    def mine(*words: str, check: bool = True):
        bus = f"/run/user/{uid}"
        as_me = ["runuser", "-u", "me", "--", "env", "HOME=/home/me", f"XDG_RUNTIME_DIR={bus}"]
        return machine.run(*as_me, f"DBUS_SESSION_BUS_ADDRESS=unix:path={bus}/bus", *words, check=check)

    mine("systemctl", "--user", "enable", "--now", "edgeseg@desk")
    time.sleep(3)
    shown = mine("systemctl", "--user", "show", "edgeseg@desk", "--property=ActiveState,StatusText,MainPID").stdout
    facts = dict(line.split("=", 1) for line in shown.splitlines())
    assert facts["ActiveState"] == "active", shown
    assert " fps, " in facts["StatusText"]
    assert machine.run("stat", "-c", "%U", f"/proc/{facts['MainPID']}").stdout == "me\n"
    mine("systemctl", "--user", "reload", "edgeseg@desk")
    machine.run("kill", "-KILL", facts["MainPID"])
    time.sleep(1.5)
    again = mine("systemctl", "--user", "start", "edgeseg@desk", check=False)
    assert again.returncode == 0, again.stderr
    assert (
        mine("systemctl", "--user", "show", "edgeseg@desk", "--property=MainPID", "--value").stdout.strip()
        != facts["MainPID"]
    )
    mine("systemctl", "--user", "disable", "--now", "edgeseg@desk")
