"""What stands in the way of an install: each thing by itself, and all of them at once."""

from __future__ import annotations

import re

import pytest

from edgeseg.errors import EdgesegError, NotPermitted, OutputError, SourceError, UsageError
from edgeseg.install.machine import read_machine
from edgeseg.install.plan import with_os_packages
from edgeseg.install.where import Where
from edgeseg.install.wish import Wish
from tests.install.made import MACHINE, snapshot

REFUSED = [
    ({"is_root": False}, {}, NotPermitted, "run the same with sudo"),
    ({"has_systemd": False}, {}, UsageError, "does not run systemd"),
    ({"python": (3, 9)}, {}, UsageError, "Python 3.9, and edgeseg is made for 3.10 to 3.13"),
    ({"python": (3, 14)}, {}, UsageError, "This is Python 3.14"),
    ({"has_venv": False}, {}, UsageError, "apt install python3-venv"),
    ({"glibc": None}, {}, UsageError, "not glibc"),
    ({"glibc": (2, 24)}, {}, UsageError, "glibc is 2.24"),
    ({"root_fs": "overlay"}, {}, OutputError, "disable_overlayfs"),
    ({"read_only": True}, {}, OutputError, "remount,rw"),
    ({"free_mb": 200}, {}, OutputError, "/opt has 200 MB free"),
    ({"cameras": ()}, {}, SourceError, "There is no camera: plug one in"),
    ({}, {"camera": "camera:7"}, SourceError, "There is no camera /dev/video7; there are /dev/video0"),
    ({"cameras": ()}, {"camera": "camera:/dev/video7"}, SourceError, "there is none at all"),
    ({}, {"camera": "picamera2"}, SourceError, "apt install python3-picamera2"),
    ({}, {"camera": "file:/srv/no.mp4"}, SourceError, "There is no /srv/no.mp4"),
    ({"loopback": None, "loopback_installed": False}, {}, OutputError, "sudo apt install v4l2loopback-dkms"),
    ({"loopback": "0.9.1"}, {}, OutputError, "v4l2loopback is 0.9.1, and 0.12 or newer"),
    ({}, {"instance": "../up"}, UsageError, "cannot name an instance"),
    ({}, {"instance": "Küche"}, UsageError, "cannot name an instance"),
    ({}, {"instance": "config"}, UsageError, "cannot name an instance"),
    ({}, {"instance": ""}, UsageError, "cannot name an instance"),
    ({}, {"sink": "-"}, UsageError, "which a service has not"),
    ({}, {"background": "blur\nsink: x"}, UsageError, "--background is"),
    ({}, {"wheelhouse": "no-such-folder"}, UsageError, "--wheelhouse is no-such-folder"),
]


@pytest.mark.parametrize(("machine", "wish", "kind", "said"), REFUSED, ids=lambda one: str(one)[:40])
def test_refused(bench, machine, wish, kind, said, tmp_path):
    if "wheelhouse" in wish:
        wish = {"wheelhouse": type(tmp_path)(wish["wheelhouse"])}
    before = snapshot(bench.where.root)

    with pytest.raises(kind, match=re.escape(said)):
        bench.install(machine=bench.machine(**machine), **wish)

    assert snapshot(bench.where.root) == before
    assert bench.systemd.calls == []


def test_all_at_once(bench):
    bad = bench.machine(is_root=False, has_systemd=False, cameras=(), free_mb=1)

    with pytest.raises(NotPermitted, match="4 things stand in the way of the install; nothing was changed"):
        bench.install(machine=bad)
    assert len(bench.said) == 4


def test_a_missing_wheel_is_told_with_the_rest(bench, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EdgesegError, match="2 things"):
        bench.session.install(Wish(), False, bench.machine(free_mb=1))


def test_another_system_is_only_told(bench):
    bench.install(machine=bench.machine(os_id="fedora", os_name="Fedora 41", os_version="41"))
    assert bench.said[0].startswith("Fedora 41 is not among the systems")


@pytest.mark.parametrize(
    ("camera", "there", "asked", "lent"),
    [
        ("auto", False, None, False),
        ("auto", True, None, True),
        ("camera:0", True, None, False),
        ("picamera2:1", True, None, True),
        ("picamera2", True, False, False),
        ("camera:0", False, True, True),
    ],
)
def test_when_the_systems_packages_are_lent(bench, camera, there, asked, lent):
    assert with_os_packages(Wish(camera=camera, os_packages=asked), bench.machine(has_picamera2=there)) is lent


def test_the_machine_as_it_is_read(bench):
    root = bench.where.root
    (root / "etc/os-release").write_text('PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n')
    (root / "proc").mkdir()
    (root / "proc/mounts").write_text("/dev/a / ext4 rw 0 0\noverlay / overlay ro,relatime 0 0\n")
    video = root / "sys/devices/pci/usb/video4linux/video3"
    loop = root / "sys/devices/virtual/video4linux/video10"
    for node in (video, loop):
        node.mkdir(parents=True)
        link = root / "sys/class/video4linux" / node.name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(node)
    (root / "sys/module/v4l2loopback/version").write_text("0.12.7\n")

    found = read_machine(bench.where, has_systemd=True)

    assert (found.os_id, found.os_version) == ("debian", "12")
    assert (found.root_fs, found.read_only) == ("overlay", True)
    assert found.cameras == ("/dev/video3",)
    assert found.loopback == "0.12.7"
    assert found.free_mb > 0
    assert read_machine(Where(root / "nothing"), False).cameras == ()
    assert MACHINE.cameras
