"""What is looked at besides the probe: files below a root, this machine's users and programs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from made import device, outside, told

from edgeseg.clock import SystemClock
from edgeseg.doctor import load, permissions
from edgeseg.doctor.outside import Device, Loopback, Outside, Place, look


def files(root: Path, contents: Mapping[str, str]) -> None:
    for name, text in contents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def seen(root: Path, *nodes: str, places: tuple[tuple[str, Path], ...] = ()) -> Outside:
    return look(nodes, places, None, root)


def test_of_nothing_nothing_is_known(tmp_path: Path) -> None:
    found = seen(tmp_path, "/dev/video0")
    assert found.loopback == Loopback(loaded=False, installed=None)
    assert (found.devices, found.usb_mbit, found.places) == ((), {}, ())


def test_v4l2loopback_as_its_driver_shows_it(tmp_path: Path) -> None:
    virtual = "sys/devices/virtual/video4linux/video9"
    files(
        tmp_path,
        {
            "sys/module/v4l2loopback/parameters/exclusive_caps": "Y,N,N,N\n",
            f"{virtual}/max_openers": "10\n",
            f"{virtual}/format": "YUYV:640x480@30\n",
            "sys/devices/virtual/video4linux/video7/max_openers": "what\n",
            "proc/sys/kernel/osrelease": "6.1.0-rpi\n",
            "lib/modules/6.1.0-rpi/modules.dep": "updates/dkms/v4l2loopback.ko.xz: kernel/drivers/media/videodev.ko\n",
        },
    )
    assert seen(tmp_path).loopback == Loopback(
        loaded=True,
        installed=True,
        exclusive_caps=(True, False, False, False),
        max_openers={"/dev/video9": 10},
        format={"/dev/video9": "YUYV:640x480@30"},
    )
    files(tmp_path, {"lib/modules/6.1.0-rpi/modules.dep": "kernel/fs/ext4.ko:\n"})
    assert seen(tmp_path).loopback.installed is False


def test_the_speed_of_a_camera_s_usb_device(tmp_path: Path) -> None:
    device_folder = tmp_path / "sys/devices/usb1/1-1"
    (device_folder / "1-1:1.0").mkdir(parents=True)
    (device_folder / "speed").write_text("480\n")
    (tmp_path / "sys/class/video4linux/video0").mkdir(parents=True)
    (tmp_path / "sys/class/video4linux/video0/device").symlink_to(device_folder / "1-1:1.0")
    assert seen(tmp_path, "/dev/video0", "/dev/video1").usb_mbit == {"/dev/video0": 480}


def test_places_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    folders = {name: tmp_path / name for name in ("new/state", "file/state", "file")}
    found = {place.path: place.fault for place in seen(tmp_path, places=tuple(folders.items())).places}
    assert found[str(folders["new/state"])] is None
    assert found[str(folders["file/state"])] == f"cannot be made: {tmp_path}/file is no folder"
    assert found[str(folders["file"])] is None


@pytest.mark.skipif(os.geteuid() != 0, reason="another user's eyes are taken on by root only")
def test_another_user_may_not(tmp_path: Path) -> None:
    """In a child that is nobody: whom a folder of root's is closed to."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    node = tmp_path / "dev/apex_0"
    node.parent.mkdir()
    node.write_text("")
    node.chmod(0o660)
    for folder in (*tmp_path.parents, tmp_path):
        if not folder.stat().st_mode & 0o001:
            folder.chmod(0o755)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        found = look(["/dev/apex_0"], [("The state folder", closed)], None, tmp_path)
        os.write(write, f"{found.devices[0].permitted} {found.places[0].fault}".encode())
        os._exit(0)
    os.close(write)
    with open(read, "rb") as pipe:
        assert pipe.read().decode() == "False may not be written by this user"
    os.waitpid(child, 0)


def test_load_is_measured_over_a_moment() -> None:
    found = load.measure(SystemClock(), 0.1)
    assert found is not None
    assert found.seconds >= 0.1
    assert found.busy >= 0
    assert all(one.pid != os.getpid() for one in found.programs)


def test_load_where_nothing_can_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import psutil

    monkeypatch.setattr(psutil, "PROCFS_PATH", "/nowhere")
    assert load.measure(SystemClock(), 0.01) is None


CLOSED: dict[str, tuple[Device, dict[str, frozenset[str]], str]] = {
    "not in the group": (device(permitted=False), {}, "sudo usermod -aG video $USER, and log in again."),
    "since the login": (
        device(permitted=False),
        {"listed": frozenset({"video"})},
        "You are in its group video since you logged in: log in again.",
    ),
    "root's only": (device(permitted=False, group="root", group_may=False), {}, 'a udev rule with GROUP="video"'),
    "a GPU": (device("/dev/dri/renderD128", permitted=False, group="render"), {}, "usermod -aG render"),
    "a Coral": (device("/dev/apex_0", permitted=False, group="root", group_may=False), {}, "Coral's udev rules"),
}


@pytest.mark.parametrize(("one", "more", "remedy"), CLOSED.values(), ids=CLOSED)
def test_a_device_that_is_not_permitted_has_a_way_in(one: Device, more: dict[str, frozenset[str]], remedy: str) -> None:
    (finding,) = permissions.check(outside(devices=(one, device("/dev/video1")), **more))
    assert (finding.severity, finding.what) == ("warning", f"{one.path} may not be opened by this user.")
    assert finding.remedy is not None
    assert remedy in finding.remedy


def test_folders_and_files_that_are_not_permitted() -> None:
    places = (
        Place("The state folder", "/var/lib/edgeseg", "is on a read-only file system"),
        Place("The config file", "/etc/edgeseg/config.yaml", "may not be read by this user"),
        Place("The config file", "/fine.yaml", None),
    )
    assert permissions.check(None) == []
    assert told(permissions.check(outside(places=places))) == [
        "warning: The state folder /var/lib/edgeseg is on a read-only file system.",
        "warning: The config file /etc/edgeseg/config.yaml may not be read by this user.",
    ]
