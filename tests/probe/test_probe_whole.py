"""The whole probe: on any garbage, on this machine, saved and read again; what is left out of a saved board."""

from __future__ import annotations

import dataclasses
import errno
import io
import json
import os
import struct
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeseg.probe import probe, probe_and_pack, tree
from edgeseg.probe.capabilities import Mode
from edgeseg.probe.fact import Fact
from edgeseg.probe.live import LIVE
from edgeseg.probe.page import page
from edgeseg.probe.v4l2_formats import (
    VIDIOC_ENUM_FMT,
    VIDIOC_ENUM_FRAMEINTERVALS,
    VIDIOC_ENUM_FRAMESIZES,
    modes,
    modes_of,
)

BOARDS = sorted((Path(__file__).parents[1] / "boards").glob("*/root"))
OUTSIDE = "secret-outside-the-root"
PATHS = """
/proc/cpuinfo /proc/meminfo /proc/self/cgroup /proc/self/status /proc/sys/kernel/osrelease /proc/pressure/cpu
/proc/device-tree/model /proc/device-tree/compatible /proc/device-tree/system/linux,revision
/proc/device-tree/npu@0/compatible /proc/device-tree/npu@0/status /proc/device-tree/soc/gpu@1/compatible
/sys/devices/system/cpu/online /sys/devices/system/cpu/present /sys/devices/system/cpu/cpufreq/policy0/related_cpus
/sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq /sys/devices/system/cpu/cpu0/cpu_capacity
/sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count
/sys/class/thermal/thermal_zone0/temp /sys/class/thermal/thermal_zone0/type /sys/class/thermal/thermal_zone0
/sys/class/thermal/thermal_zone0/trip_point_0_temp /sys/class/thermal/cooling_device0/cur_state /sys/class/thermal
/sys/class/hwmon/hwmon0/name /sys/class/hwmon/hwmon0/temp1_input /sys/class/hwmon/hwmon0/power1_input
/sys/class/hwmon/hwmon0/in1_label /sys/class/hwmon/hwmon0/curr1_input /sys/class/hwmon/hwmon0/in0_lcrit_alarm
/sys/bus/i2c/devices/1-0040/name /sys/bus/i2c/devices/1-0040/iio:device0/rail_name_0
/sys/class/power_supply/BAT0/capacity /sys/class/power_supply/BAT0/online /sys/class/powercap/intel-rapl:0/name
/sys/bus/usb/devices/1-1/idVendor /sys/bus/usb/devices/1-1/idProduct /sys/bus/usb/devices/1-1/speed
/sys/bus/pci/devices/0000:00:02.0/vendor /sys/bus/pci/devices/0000:00:02.0/class /dev/apex_0 /dev/video0 /dev
/sys/class/video4linux/video0/name /sys/class/video4linux/video0/device/uevent /sys/class/video4linux/video0/index
/sys/class/drm/renderD128/device/uevent /usr/share/vulkan/icd.d/x.json /etc/os-release /etc/nv_tegra_release
/etc/nvpmodel.conf /var/lib/nvpmodel/status /sys/fs/cgroup/cgroup.controllers /sys/fs/cgroup/memory.max
/sys/fs/cgroup/cpu.max /sys/block/zram0/disksize /sys/devices/platform/soc/soc:firmware/get_throttled
/sys/devices/soc0/family /sys/class/dmi/id/product_name /usr/bin/python3.11 /edgeseg-probe.json
/sys/class/apex/apex_0/temp /run/systemd/container /sys/hypervisor/type
""".split()  # noqa: SIM905

WORDS = ["0", "-273000", "1000000", "0-4095", "85000", "ina3221", "rpi_volt", "0x1e60", "0x120000", "18d1", "9302"]
LINES = ["0::/../../etc\n", "processor : 0\nFeatures : asimd\nCPU part : 0x\n", "MemTotal: 99999999999999999 kB\n"]
contents = st.one_of(
    st.binary(max_size=200),
    st.sampled_from(WORDS + LINES).map(str.encode),
    st.integers(-(10**20), 10**20).map(lambda number: b"%d\n" % number),
    st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3)).map(
        lambda value: json.dumps({"python": value, "modes": value, "packages": value, "notes": value}).encode()
    ),
    st.just(b"x" * 70_000),
    st.just("folder"),
    st.just("pipe"),
    st.sampled_from(["/outside", "../" * 30 + "outside", "/", ".", "/proc", "/sys/class/thermal"]).map(
        lambda target: f"-> {target}"
    ),
)


def plant(root: Path, path: str, content: bytes | str, outside: Path) -> None:
    """One piece of garbage; pieces that stand in each other's way are left out."""
    place = root / path.lstrip("/")
    try:
        if root.resolve() not in (place.parent.resolve(), *place.parent.resolve().parents):
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            place.write_bytes(content)
        elif content == "folder":
            place.mkdir()
        elif content == "pipe":
            os.mkfifo(place)
        else:
            target = content.removeprefix("-> ")
            place.symlink_to(str(outside) if target == "/outside" else target)
    except (OSError, RuntimeError):
        pass


@given(st.dictionaries(st.sampled_from(PATHS), contents, max_size=30))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_garbage_never_raises_and_the_root_is_never_left(tmp_path_factory, monkeypatch, garbage):
    folder = tmp_path_factory.mktemp("garbage")
    root = folder / "root"
    root.mkdir()
    (folder / "outside").write_text(OUTSIDE)
    for path, content in garbage.items():
        plant(root, path, content, folder / "outside")
    opened: list[str] = []

    def watched(name: str) -> Any:
        call = getattr(os, name)

        def watch(path: str, *args: Any, **options: Any) -> Any:
            opened.append(os.path.realpath(path))
            return call(path, *args, **options)

        return watch

    with monkeypatch.context() as patch:
        for name in ("open", "scandir"):
            patch.setattr(tree.os, name, watched(name))
        found, packed = probe_and_pack(root)
    real = os.path.realpath(root)
    assert all(place == real or place.startswith(f"{real}/") for place in opened)
    text = json.dumps(dataclasses.asdict(found))
    assert OUTSIDE not in text
    assert OUTSIDE.encode() not in packed
    assert page(found)
    for zone in found.thermal.zones:
        assert zone.temp_c is None or -40 <= zone.temp_c.value <= 150


def unpacked(packed: bytes, folder: Path) -> Path:
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        assert all(member.isreg() or member.isdir() for member in tar.getmembers())
        tar.extractall(folder, filter="data")
    return folder


def test_this_machine(tmp_path):
    start = time.perf_counter()
    found, packed = probe_and_pack()
    assert time.perf_counter() - start < 1
    assert found.cpu.cores is not None
    assert found.cpu.cores.value == os.sysconf("SC_NPROCESSORS_ONLN")
    assert found.memory.total_mb is not None
    assert found.memory.total_mb.value == pytest.approx(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e6)
    assert found.software.kernel == Fact(os.uname().release, "/proc/sys/kernel/osrelease")
    assert found.software.python is not None
    assert "edgeseg" in found.software.packages
    # What changes from one moment to the next is taken from the same reading.
    assert probe(unpacked(packed, tmp_path)) == found


@pytest.mark.parametrize("root", BOARDS, ids=lambda root: root.parent.name)
def test_a_saved_board_is_the_same_board(root, tmp_path):
    found, packed = probe_and_pack(root)
    assert probe(unpacked(packed, tmp_path)) == found
    assert probe_and_pack(tmp_path)[1] == packed


def test_a_saved_board_keeps_links_notes_and_what_is_only_there(board, root, tmp_path):
    board(
        {
            "/sys/class/thermal/thermal_zone0": "-> /sys/devices/virtual/zone",
            "/sys/devices/virtual/zone/temp": "900000\n",
            "/sys/devices/virtual/zone/type": "cpu-thermal\n",
            "/dev/apex_0": "",
            "/sys/bus/pci/devices/0000:01:00.0/vendor": "0x1ac1\n",
            "/sys/bus/pci/devices/0000:01:00.0/device": "0x089a\n",
            "/sys/kernel/debug/rknpu/": "",
            "/usr/bin/python3.8": "#!",
        }
    )
    found, packed = probe_and_pack(root)
    assert probe(unpacked(packed, tmp_path / "again")) == found
    assert [note.where for note in found.notes] == ["/sys/class/thermal/thermal_zone0/temp"]
    assert {one.name for one in found.accelerators} == {"Coral Edge TPU (PCIe)", "Rockchip NPU"}
    assert (tmp_path / "again/usr/bin/python3.8").read_bytes() == b""


def test_what_names_the_owner_is_left_out(board, root):
    cgroup = "/sys/fs/cgroup/machine.slice/machine-annas-laptop.scope"
    board(
        {
            "/proc/cpuinfo": "processor : 0\nSerial\t\t: 10000000deadbeef\nModel\t\t: Raspberry Pi 5\n",
            "/proc/device-tree/serial-number": "10000000deadbeef\0",
            "/proc/self/cgroup": "0::/machine.slice/machine-annas-laptop.scope\n",
            "/sys/fs/cgroup/cgroup.controllers": "memory\n",
            f"{cgroup}/memory.max": "1000000000\n",
            "/proc/self/status": "Name:\tpython\nUid:\t1234\t1234\nCpus_allowed_list:\t0\n",
            "/sys/class/power_supply/hid-dc:a6:32:01:02:03-battery/scope": "Device\n",
            "/sys/class/power_supply/BAT0/serial_number": "deadbeef\n",
            "/sys/class/power_supply/BAT0/type": "Battery dc:a6:32:01:02:03\n",
            "/sys/bus/usb/devices/1-1/idVendor": "18d1\n",
            "/sys/bus/usb/devices/1-1/serial": "deadbeef\n",
            "/etc/hostname": "annas-laptop\n",
            "/etc/machine-id": "deadbeef\n",
            "/sys/class/dmi/id/product_serial": "deadbeef\n",
        }
    )
    found, packed = probe_and_pack(root)
    assert found.memory.limit_mb is not None
    assert found.memory.limit_mb.where == "/sys/fs/cgroup/machine.slice/hidden/memory.max"
    for word in (b"deadbeef", b"annas", b"dc:a6", b"1234", b"product_serial"):
        assert word not in packed, word
    assert b"left_out" in packed


@pytest.mark.parametrize("said", [b"", b"[]", b"{", b'{"python": 3}', b'{"modes": {"x": [{}]}}', b"[" * 10_000])
def test_a_strange_answer_file_is_no_matter(board, root, said):
    board({LIVE: said})
    assert probe(root).software.python is None


def test_an_empty_folder_says_little(tmp_path):
    found = probe(tmp_path)
    assert (found.cpu.cores, found.memory.total_mb, found.board.model, found.notes) == (None, None, None, ())
    assert dict(page(found))["board"][0].value == "not known"


def test_formats_are_asked_by_three_questions():
    """A camera with two formats, one of discrete sizes and one with a range."""
    yuyv, mjpg = (int.from_bytes(name, "little") for name in (b"YUYV", b"MJPG"))

    def ask(request: int, buffer: bytearray) -> None:
        index, second = struct.unpack_from("=II", buffer)
        if request == VIDIOC_ENUM_FMT and index < 2:
            assert second == 1
            struct.pack_into("=I", buffer, 44, (yuyv, mjpg)[index])
        elif request == VIDIOC_ENUM_FRAMESIZES and second == yuyv and index < 2:
            struct.pack_into("=3I", buffer, 8, 1, *((640, 480), (1280, 720))[index])
        elif request == VIDIOC_ENUM_FRAMESIZES and second == mjpg and index == 0:
            struct.pack_into("=7I", buffer, 8, 3, 32, 1920, 2, 32, 1080, 2)
        elif request == VIDIOC_ENUM_FRAMEINTERVALS and second == yuyv and index < 2:
            struct.pack_into("=3I", buffer, 16, 1, 1, (15, 30)[index])
        else:
            raise OSError(errno.EINVAL, "no more")

    assert list(modes(ask)) == [
        Mode("YUYV", 640, 480, 30.0),
        Mode("YUYV", 1280, 720, 30.0),
        Mode("MJPG", 32, 32, None),
        Mode("MJPG", 1920, 1080, None),
    ]


def test_only_device_nodes_are_asked(tmp_path):
    os.mkfifo(tmp_path / "video0")
    assert modes_of(str(tmp_path / "video0")) is None
    assert modes_of(str(tmp_path / "video1")) is None
    assert modes_of("/dev/null") == ()
