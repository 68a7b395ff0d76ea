"""A camera is found again under another number, and no other is taken for it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from edgeseg.capture.v4l2_identity import find, identity


class Machine:
    """A /sys and /dev with cameras on USB ports and on the platform, as uvcvideo and vivid make them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "dev").mkdir()

    def plug(self, number: int, port: str, model: str = "046d:0825", serial: str = "", index: int = 0) -> Path:
        place = self.root / "sys/devices/pci0/usb1" / port
        self._put(place, idVendor=model[:4], idProduct=model[5:], **({"serial": serial} if serial else {}))
        interface = place / f"{port}:1.0"
        self._put(interface, bInterfaceNumber="00")
        return self._node(number, interface, f"Webcam {model}", index)

    def platform(self, number: int, name: str, index: int = 0) -> Path:
        place = self.root / "sys/devices/platform/vivid.0"
        place.mkdir(parents=True, exist_ok=True)
        return self._node(number, place, name, index)

    def unplug(self, number: int) -> None:
        (self.root / f"dev/video{number}").unlink()
        link = self.root / f"sys/class/video4linux/video{number}"
        shutil.rmtree(link.resolve().parent.parent)
        link.unlink()

    def _node(self, number: int, device: Path, name: str, index: int) -> Path:
        folder = device / "video4linux" / f"video{number}"
        self._put(folder, name=name, index=str(index))
        (folder / "device").symlink_to(device)
        link = self.root / f"sys/class/video4linux/video{number}"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(folder)
        node = self.root / f"dev/video{number}"
        node.touch()
        return node

    @staticmethod
    def _put(folder: Path, **facts: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, value in facts.items():
            (folder / name).write_text(f"{value}\n")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_by_its_serial_number_at_any_port_and_number(machine: Machine) -> None:
    path = machine.plug(0, "1-1", serial="A1")
    machine.plug(2, "1-2", serial="B2")
    own = identity(path, machine.root)
    assert own is not None
    machine.unplug(0)
    assert find(own, machine.root) is None, "the other one is not it"
    assert find(own, machine.root) is None
    assert find(own, machine.root) is None
    moved = machine.plug(4, "1-3", serial="A1")
    assert find(own, machine.root) == moved


def test_without_a_serial_number_by_its_port(machine: Machine) -> None:
    path = machine.plug(0, "1-1")
    twin = machine.plug(2, "1-2")
    own, other = identity(path, machine.root), identity(twin, machine.root)
    assert own is not None
    assert other is not None
    machine.unplug(0)
    assert find(own, machine.root) is None, "its twin was there before"
    again = machine.plug(3, "1-1")
    assert (find(own, machine.root), find(other, machine.root)) == (again, twin)


def test_without_a_serial_number_at_another_port_if_there_is_but_one(machine: Machine) -> None:
    own = identity(machine.plug(0, "1-1"), machine.root)
    assert own is not None
    machine.unplug(0)
    moved = machine.plug(1, "1-4")
    assert find(own, machine.root) == moved
    machine.plug(2, "1-5")
    assert find(own, machine.root) is None, "either may be it"


def test_another_model_at_the_same_port_under_the_same_number_is_another_camera(machine: Machine) -> None:
    own = identity(machine.plug(0, "1-1"), machine.root)
    assert own is not None
    machine.unplug(0)
    machine.plug(0, "1-1", model="0c45:6366")
    assert find(own, machine.root) is None


def test_of_one_camera_the_same_node(machine: Machine) -> None:
    """uvcvideo makes a second node for metadata."""
    own = identity(machine.plug(0, "1-1", serial="A1", index=0), machine.root)
    assert own is not None
    machine.unplug(0)
    machine.plug(5, "1-1", serial="A1", index=1)
    meant = machine.plug(6, "1-1", serial="A1", index=0)
    assert find(own, machine.root) == meant


def test_what_is_not_on_usb_by_its_name_and_place(machine: Machine) -> None:
    machine.platform(0, "vivid-000-vid-cap")
    own = identity(machine.platform(1, "vivid-001-vid-cap", 1), machine.root)
    assert own is not None
    assert find(own, machine.root) == machine.root / "dev/video1"


def test_a_link_to_it_is_it(machine: Machine) -> None:
    path = machine.plug(0, "1-1", serial="A1")
    link = machine.root / "dev/v4l-by-id"
    link.symlink_to(path)
    assert identity(link, machine.root) == identity(path, machine.root)


def test_where_sysfs_says_nothing(machine: Machine) -> None:
    (machine.root / "dev/video9").touch()
    assert identity(machine.root / "dev/video9", machine.root) is None
    assert identity(machine.root / "dev/nothing", machine.root) is None
