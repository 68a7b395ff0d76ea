"""Each reader on files as boards have them, and on absurd ones."""

from __future__ import annotations

import struct

import pytest

from edgeseg.probe.accelerators import read_accelerators
from edgeseg.probe.board import decode_revision, read_board
from edgeseg.probe.cameras import read_cameras
from edgeseg.probe.capabilities import Board, Mode, PiRevision, Soc
from edgeseg.probe.cpu import parse_list, read_cpu
from edgeseg.probe.fact import Fact
from edgeseg.probe.live import Live
from edgeseg.probe.memory import read_memory
from edgeseg.probe.power import read_power
from edgeseg.probe.sensed import PowerMode
from edgeseg.probe.soc import read_soc
from edgeseg.probe.software import read_software
from edgeseg.probe.thermal import read_thermal
from edgeseg.probe.vulkan import read_vulkan

NO_BOARD = Board(None, None, None, None, None, None)
NO_SOC = Soc(None, None, None)


def tegra(name: str) -> Soc:
    return Soc(Fact(name, "/proc/device-tree/compatible"), None, None)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (0xC03111, PiRevision("c03111", "4B", "1.1", 4096, "BCM2711", "Sony UK")),
        (0xE04171, PiRevision("e04171", "5", "1.1", 16384, "BCM2712", "Sony UK")),
        (0x902120, PiRevision("902120", "Zero 2 W", "1.0", 512, "BCM2837", "Sony UK")),
        (0x2A02082, PiRevision("a02082", "3B", "1.2", 1024, "BCM2837", "Sony UK")),  # warranty bit
        (0xC03130, PiRevision("c03130", "400", "1.0", 4096, "BCM2711", "Sony UK")),
        (0x000E, PiRevision("000e", "B", "2.0", 512, "BCM2835", "Sony UK")),
        (0xFFFFFFFF, PiRevision("ffffff", None, "1.15", None, None, None)),
    ],
)
def test_revision_codes(code, expected):
    assert decode_revision(code) == expected


def test_a_pi(board):
    tree = board(
        {
            "/proc/device-tree": "-> /sys/firmware/devicetree/base",
            "/sys/firmware/devicetree/base/model": b"Raspberry Pi 5 Model B Rev 1.0\0",
            "/sys/firmware/devicetree/base/compatible": b"raspberrypi,5-model-b\0brcm,bcm2712\0",
            "/sys/firmware/devicetree/base/system/linux,revision": struct.pack(">I", 0xC04170),
        }
    )
    found = read_board(tree)
    assert found.model == Fact("Raspberry Pi 5 Model B Rev 1.0", "/proc/device-tree/model")
    assert (found.pi.value.type, found.pi.where) == ("5", "/proc/device-tree/system/linux,revision")
    assert read_soc(tree, found).name == Fact("BCM2712", "/proc/device-tree/compatible")
    assert tree.notes == []


def test_a_pi_by_cpuinfo_alone(board):
    text = "processor : 0\n\nHardware\t: BCM2835\nRevision\t: a020d3\nModel\t\t: Raspberry Pi 3 Model B Plus\n"
    tree = board({"/proc/cpuinfo": text})
    found = read_board(tree)
    assert (found.model, found.pi.value.type) == (None, "3B+")
    assert read_soc(tree, found).name.value == "BCM2837"


def test_other_boards_revision_is_no_code(board):
    assert read_board(board({"/proc/cpuinfo": "processor: 0\nRevision : 0020\nHardware : Allwinner\n"})).pi is None


def test_a_jetson(board):
    text = "# R32 (release), REVISION: 7.1, GCID: 29818004, BOARD: t210ref, EABI: aarch64, DATE: Sat Feb 19 2022\n"
    found = read_board(board({"/etc/nv_tegra_release": text}))
    assert (found.l4t.value, found.jetpack.value) == ("32.7.1", "4")
    assert read_board(board({"/etc/nv_tegra_release": "# R99 (release), REVISION: 1.0,\n"})).jetpack is None


def test_a_pc_and_what_its_maker_left_out(board):
    dmi = "/sys/class/dmi/id"
    tree = board(
        {
            f"{dmi}/sys_vendor": "To be filled by O.E.M.\n",
            f"{dmi}/board_vendor": "AZW\n",
            f"{dmi}/product_name": "MINI S\n",
        }
    )
    found = read_board(tree)
    assert (found.vendor.value, found.model.value) == ("AZW", "AZW MINI S")
    assert "never filled in" in tree.notes[0].why


ROCK = "".join(
    f"processor\t: {core}\nFeatures\t: fp asimd {dot}\nCPU implementer\t: 0x41\nCPU part\t: {part}\n\n"
    for core, part, dot in [(0, "0xd05", "asimddp"), (1, "0xd05", "asimddp"), (2, "0xd0b", "asimddp i8mm")]
)


def test_two_kinds_of_cores(board):
    cpu = "/sys/devices/system/cpu"
    tree = board(
        {
            "/proc/cpuinfo": ROCK,
            f"{cpu}/online": "0-2\n",
            f"{cpu}/cpufreq/policy0/related_cpus": "0 1\n",
            f"{cpu}/cpufreq/policy0/cpuinfo_max_freq": "1800000\n",
            f"{cpu}/cpufreq/policy0/scaling_governor": "ondemand\n",
            f"{cpu}/cpufreq/policy2/related_cpus": "2\n",
            f"{cpu}/cpufreq/policy2/cpuinfo_max_freq": "99999999999\n",
            f"{cpu}/cpu0/cpu_capacity": "414\n",
        }
    )
    found = read_cpu(tree, None)
    assert (found.cores.value, found.model.value, found.architecture.value) == (3, "Cortex-A76 + Cortex-A55", "aarch64")
    assert found.features.value == ("asimd", "asimddp")  # what all of them have
    small, big = found.clusters
    assert (small.cores, small.model.value, small.max_mhz.value, small.capacity.value) == (
        (0, 1),
        "Cortex-A55",
        1800,
        414,
    )
    assert (big.cores, big.max_mhz, big.governor) == ((2,), None, None)
    assert [note.where for note in tree.notes] == [f"{cpu}/cpufreq/policy2/cpuinfo_max_freq"]


@pytest.mark.parametrize("online", ["0-4095", "0-", "a", "-1", "3-1", "0-99999999", "", "0,,1"])
def test_absurd_cores(board, online):
    tree = board(
        {"/sys/devices/system/cpu/online": online, "/proc/cpuinfo": "processor : 0\nflags : fpu lm sse2 avx2\n"}
    )
    found = read_cpu(tree, None)
    assert found.cores == Fact(1, "/proc/cpuinfo")
    assert (found.architecture.value, found.features.value) == ("x86_64", ("avx2",))
    assert len(tree.notes) == 1


def test_lists_of_cores():
    assert parse_list("0-2,5\n") == (0, 1, 2, 5)
    assert parse_list("7") == (7,)
    assert parse_list("²") is None


def test_thirty_two_bits_tell_features_once(board):
    text = "processor : 0\nprocessor : 1\nmodel name : ARMv7\nFeatures : half neon vfpv4\nCPU architecture: 7\n"
    text += "CPU part : 0xd08\nCPU implementer : 0x41\n"
    found = read_cpu(board({"/proc/cpuinfo": text}), None)
    assert (found.architecture.value, found.cores.value, found.model.value) == ("armv7l", 2, "Cortex-A72")


GROUP = {"/proc/self/cgroup": "0::/system.slice/edgeseg.service\n", "/sys/fs/cgroup/cgroup.controllers": "cpu memory\n"}


def test_limits_of_cgroup_v2_count_all_the_way_up(board):
    base = "/sys/fs/cgroup/system.slice"
    tree = board(
        GROUP
        | {
            f"{base}/edgeseg.service/memory.max": "max\n",
            f"{base}/memory.max": "512000000\n",
            f"{base}/edgeseg.service/cpu.max": "150000 100000\n",
            f"{base}/cpu.max": "max 100000\n",
        }
    )
    assert read_memory(tree).limit_mb == Fact(512.0, f"{base}/memory.max")
    assert read_cpu(tree, None).quota == Fact(1.5, f"{base}/edgeseg.service/cpu.max")


def test_limits_of_cgroup_v1(board):
    tree = board(
        {
            "/proc/self/cgroup": "4:memory:/docker/0123456789abcdef0123\n1:cpu,cpuacct:/\n0::/\n",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            "/sys/fs/cgroup/memory/docker/0123456789abcdef0123/memory.limit_in_bytes": "268435456\n",
            "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000\n",
            "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        }
    )
    limit = read_memory(tree).limit_mb
    assert (limit.value, limit.where) == (268.435456, "/sys/fs/cgroup/memory/hidden/hidden/memory.limit_in_bytes")
    assert read_cpu(tree, None).quota.value == 0.5


@pytest.mark.parametrize("group", ["/../../etc", "/" + "a/" * 5000, "/a\0b", "0::", "::::", "\xff"])
def test_strange_groups(board, group):
    tree = board(
        {"/proc/self/cgroup": f"0::{group}\n", "/sys/fs/cgroup/cgroup.controllers": "", "/etc/memory.max": "1"}
    )
    assert read_memory(tree).limit_mb is None


def test_memory(board):
    tree = board(
        {
            "/proc/meminfo": "MemTotal:        426148 kB\nMemAvailable:  abc kB\nSwapTotal:       2097148 kB\n",
            "/sys/block/zram0/disksize": "1073741824\n",
            "/sys/block/zram0/comp_algorithm": "lzo [zstd] lz4\n",
            "/sys/block/zram1/disksize": "0\n",
            "/proc/pressure/cpu": "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
        }
    )
    found = read_memory(tree)
    assert found.total_mb == Fact(426148 * 1024 / 1e6, "/proc/meminfo (MemTotal)")
    assert (found.available_mb, found.cma_mb) == (None, None)
    assert [(zram.name, zram.algorithm.value) for zram in found.zram] == [("zram0", "zstd")]
    assert found.pressure.value == ("cpu",)


def test_no_memory_is_not_believed(board):
    tree = board({"/proc/meminfo": "MemTotal: 0 kB\n"})
    assert read_memory(tree).total_mb is None
    assert len(tree.notes) == 1


def test_heat(board):
    zone = "/sys/class/thermal/thermal_zone"
    tree = board(
        {
            f"{zone}0/type": "cpu-thermal\n",
            f"{zone}0/temp": "74000\n",
            f"{zone}0/trip_point_0_temp": "110000\n",
            f"{zone}0/trip_point_0_type": "critical\n",
            f"{zone}0/trip_point_1_temp": "-274000\n",
            f"{zone}1/temp": "-273000\n",
            f"{zone}2/temp": "1000000\n",
            f"{zone}3/temp": "",
            "/sys/class/thermal/cooling_device0/type": "pwm-fan\n",
            "/sys/class/thermal/cooling_device0/cur_state": "1\n",
            "/sys/class/thermal/cooling_device0/max_state": "4\n",
            "/sys/class/hwmon/hwmon0/name": "cpu_thermal\n",
            "/sys/class/hwmon/hwmon0/temp1_input": "74000\n",
            "/sys/class/hwmon/hwmon1/name": "rpi_volt\n",
            "/sys/class/hwmon/hwmon1/in0_lcrit_alarm": "1\n",
            "/sys/class/hwmon/hwmon2/name": "nvme\n",
            "/sys/class/hwmon/hwmon2/temp1_input": "40000\n",
            "/sys/class/hwmon/hwmon2/temp1_label": "Composite\n",
            "/sys/devices/platform/soc/soc:firmware/get_throttled": "50005\n",
        }
    )
    found = read_thermal(tree)
    assert [zone.temp_c and zone.temp_c.value for zone in found.zones] == [74.0, None, None, None]
    assert [(trip.type.value, trip.temp_c.value) for trip in found.zones[0].trips] == [("critical", 110.0)]
    assert [(sensor.chip, sensor.label, sensor.temp_c.value) for sensor in found.sensors] == [
        ("nvme", "Composite", 40.0)
    ]
    assert (found.coolers[0].state.value, found.throttle.under_voltage.value) == (1, True)
    assert found.throttle.flags.value == ("under-voltage", "throttled", "under-voltage before", "throttled before")
    assert [note.where.removeprefix(zone) for note in tree.notes] == ["1/temp", "2/temp", "3/temp"]


def test_a_pi_5_has_its_firmware_elsewhere(board):
    path = "/sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled"
    assert read_thermal(board({path: "0\n"})).throttle.flags == Fact((), path)


def test_flags_are_not_read_where_a_warning_stops_the_kernel(board):
    tree = board(
        {"/sys/devices/platform/soc/soc:firmware/get_throttled": "0\n", "/proc/sys/kernel/panic_on_warn": "1\n"}
    )
    assert read_thermal(tree).throttle.flags is None
    assert "was not read" in tree.notes[0].why


def test_counters_of_x86(board):
    cpu = "/sys/devices/system/cpu"
    files = {f"{cpu}/cpu{n}/thermal_throttle/core_throttle_count": f"{n}\n" for n in range(4)}
    files |= {f"{cpu}/cpu{n}/thermal_throttle/package_throttle_count": "7\n" for n in range(4)}
    throttle = read_thermal(board(files)).throttle
    assert (throttle.core_count.value, throttle.package_count.value) == (6, 7)


def test_an_ina3221_of_hwmon_and_its_modes(board):
    chip = "/sys/bus/i2c/devices/1-0040"
    tree = board(
        {
            f"{chip}/name": "ina3221\n",
            f"{chip}/hwmon/hwmon1/name": "ina3221\n",
            f"{chip}/hwmon/hwmon1/in1_label": "VDD_IN\n",
            f"{chip}/hwmon/hwmon1/in1_input": "5000\n",
            f"{chip}/hwmon/hwmon1/curr1_input": "1200\n",
            f"{chip}/hwmon/hwmon1/in2_label": "NC\n",
            f"{chip}/hwmon/hwmon1/curr2_input": "1\n",
            f"{chip}/hwmon/hwmon1/in3_label": "VDD_SOC\n",
            f"{chip}/hwmon/hwmon1/curr4_input": "1\n",
            "/etc/nvpmodel.conf": "< POWER_MODEL ID=0 NAME=15W >\nCPU_ONLINE CORE_0 1\n"
            "< POWER_MODEL ID=2 NAME=MAXN_SUPER >\n"
            "< PM_CONFIG DEFAULT=0 >\n",
            "/var/lib/nvpmodel/status": "pmode:0002 fmode:quiet\n",
        }
    )
    found = read_power(tree, NO_BOARD, NO_SOC)
    assert found.board_w.value == 6.0
    assert [(sensor.name, sensor.watts and sensor.watts.value) for sensor in found.sensors] == [
        ("VDD_IN", 6.0),
        ("VDD_SOC", None),
    ]
    assert (found.mode.value, found.default_mode.value) == (PowerMode(2, "MAXN_SUPER"), PowerMode(0, "15W"))


def test_an_ina3221_of_iio(board):
    folder = "/sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0"
    tree = board(
        {
            f"{folder}/rail_name_0": "POM_5V_IN\n",
            f"{folder}/in_power0_input": "2132\n",
            f"{folder}/in_voltage0_input": "5120\n",
        }
    )
    found = read_power(tree, NO_BOARD, NO_SOC)
    assert found.board_w == Fact(2.132, f"{folder}/in_power0_input")
    assert found.sensors[0].volts.value == 5.12


def test_batteries_chips_and_rapl(board):
    tree = board(
        {
            "/sys/class/power_supply/BAT0/type": "Battery\n",
            "/sys/class/power_supply/BAT0/capacity": "81\n",
            "/sys/class/power_supply/BAT0/voltage_now": "12000000\n",
            "/sys/class/power_supply/BAT0/current_now": "1500000\n",
            "/sys/class/power_supply/hid-aa:bb:cc:dd:ee:ff-battery/scope": "Device\n",
            "/sys/class/hwmon/hwmon3/name": "amdgpu\n",
            "/sys/class/hwmon/hwmon3/power1_average": "4123000\n",
            "/sys/class/hwmon/hwmon3/power1_label": "PPT\n",
            "/sys/class/powercap/intel-rapl:0/name": "package-0\n",
            "/sys/class/powercap/intel-rapl:0/energy_uj": "123456789\n",
            "/sys/class/powercap/intel-rapl:0/constraint_0_name": "long_term\n",
            "/sys/class/powercap/intel-rapl:0/constraint_0_power_limit_uw": "6000000\n",
        }
    )
    found = read_power(tree, NO_BOARD, NO_SOC)
    assert [(supply.name, supply.charge_percent.value, supply.watts.value) for supply in found.supplies] == [
        ("BAT0", 81, 18.0)
    ]
    assert [(sensor.chip, sensor.name, sensor.watts.value) for sensor in found.sensors] == [("amdgpu", "PPT", 4.123)]
    assert (found.rapl[0].energy_j.value, found.rapl[0].limit_w.value) == (123.456789, 6.0)
    assert found.board_w is None


def usb(vendor: str, product: str, speed: str = "5000") -> dict[str, str]:
    device = "/sys/bus/usb/devices/2-1.4"
    return {
        f"{device}/idVendor": vendor,
        f"{device}/idProduct": product,
        f"{device}/speed": speed,
        f"{device}/serial": "X",
    }


def pci(vendor: str, product: str, kind: str) -> dict[str, str]:
    device = "/sys/bus/pci/devices/0000:01:00.0"
    return {
        f"{device}/vendor": vendor,
        f"{device}/device": product,
        f"{device}/class": kind,
        f"{device}/uevent": "DRIVER=x\n",
    }


@pytest.mark.parametrize(
    ("files", "kind", "name", "engine", "nodes"),
    [
        (usb("1a6e", "089a"), "edgetpu", "Coral USB Accelerator", "edgetpu", ()),
        (usb("18d1", "9302", "480"), "edgetpu", "Coral USB Accelerator", "edgetpu", ()),
        (
            pci("0x1ac1", "0x089a", "0x088000") | {"/dev/apex_0": ""},
            *("edgetpu", "Coral Edge TPU (PCIe)", "edgetpu", ("/dev/apex_0",)),
        ),
        (
            pci("0x1e60", "0x2864", "0x120000") | {"/dev/hailo0": ""},
            "npu",
            "Hailo-8 or Hailo-8L",
            None,
            ("/dev/hailo0",),
        ),
        (pci("0x8086", "0x7d1d", "0x120000"), "npu", "Intel NPU (Meteor Lake)", "npu", ()),
        (pci("0x8086", "0x46d1", "0x030000"), "gpu", "Intel GPU 0x46d1", "gpu", ()),
        (pci("0x1af4", "0x1050", "0x038000"), "gpu", "virtio GPU 0x1050", None, ()),
        (pci("0x1234", "0x5678", "0x120000"), "npu", "accelerator 0x1234:0x5678", None, ()),
        ({"/proc/device-tree/npu@fdab0000/compatible": b"rockchip,rk3588-rknpu\0"}, "npu", "Rockchip NPU", None, ()),
        (
            {"/proc/device-tree/npu@fdab0000/compatible": b"rockchip,rk3588-rknn-core\0"},
            *("npu", "Rockchip NPU", None, ()),
        ),
        ({"/sys/module/rknpu/version": "0.9.8\n"}, "npu", "Rockchip NPU", None, ()),
        (
            {"/proc/device-tree/soc@0/npu@4a900000/compatible": b"fsl,imx93-npu\0arm,ethos-u65\0"},
            *("npu", "Arm Ethos-U", None, ()),
        ),
        ({"/proc/device-tree/galcore/compatible": b"amlogic, galcore\0"}, "npu", "VeriSilicon NPU", None, ()),
        ({"/dev/galcore": ""}, "npu", "VeriSilicon NPU or GPU", None, ("/dev/galcore",)),
        (
            {"/sys/class/drm/renderD128/device/uevent": "DRIVER=v3d\nOF_COMPATIBLE_0=brcm,2712-v3d\n"},
            *("gpu", "Broadcom VideoCore (v3d)", "gpu", ("/dev/dri/renderD128",)),
        ),
    ],
)
def test_accelerators(board, files, kind, name, engine, nodes):
    (found,) = read_accelerators(board(files), NO_SOC)
    assert (found.kind, found.name, found.engine, found.nodes) == (kind, name, engine, nodes)
    assert found.where
    assert found.remark


def test_a_disabled_npu_and_a_usual_device_are_none(board):
    node = "/proc/device-tree/npu@fdab0000"
    files = {f"{node}/compatible": b"rockchip,rk3588-rknpu\0", f"{node}/status": b"disabled\0"}
    assert read_accelerators(board(files | usb("046d", "0825") | pci("0x8086", "0x1234", "0x020000")), NO_SOC) == ()


def test_a_jetsons_gpu_is_in_the_chip(board):
    (found,) = read_accelerators(board({"/sys/class/devfreq/17000000.gpu/": ""}), tegra("Tegra234"))
    assert found.where == ("/proc/device-tree/compatible", "/sys/class/devfreq/17000000.gpu")
    names = [one.name for one in read_accelerators(board({}), tegra("Tegra194"))]
    assert names == ["NVIDIA Tegra GPU", "NVIDIA DLA"]


def test_two_corals_have_two_nodes(board):
    files = {}
    for slot in ("0000:01:00.0", "0000:02:00.0"):
        files |= {f"/sys/bus/pci/devices/{slot}/vendor": "0x1ac1\n", f"/sys/bus/pci/devices/{slot}/device": "0x089a\n"}
    found = read_accelerators(board(files | {"/dev/apex_0": "", "/dev/apex_1": ""}), NO_SOC)
    assert [one.nodes for one in found] == [("/dev/apex_0",), ("/dev/apex_1",)]


def test_vulkan_drivers(board):
    folder = "/usr/share/vulkan/icd.d"
    tree = board(
        {
            f"{folder}/broadcom_icd.json": '{"ICD": {"library_path": "/usr/lib/libvulkan_broadcom.so"}}',
            f"{folder}/lvp_icd.json": '{"ICD": {"library_path": "/usr/lib/libvulkan_lvp.so"}}',
            f"{folder}/broken.json": "[" * 10_000,
            f"{folder}/other.json": '{"ICD": {"library_path": 7}}',
        }
    )
    found = read_vulkan(tree)
    assert [(driver.library.value.rpartition("_")[2], driver.software) for driver in found] == [
        ("broadcom.so", False),
        ("lvp.so", True),
    ]
    assert len(tree.notes) == 2


def test_video_nodes_are_told_apart(board):
    base = "/sys/class/video4linux"
    files: dict[str, str] = {}
    for number, name, driver, index in [
        (0, "HD Webcam", "uvcvideo", 0),
        (1, "HD Webcam", "uvcvideo", 1),
        (2, "vivid-000-vid-cap", "vivid", 0),
        (19, "pispbe-input", "pispbe", 0),
        (20, "bcm2835-codec-decode", "bcm2835-codec", 0),
    ]:
        files |= {f"{base}/video{number}/name": f"{name}\n", f"{base}/video{number}/index": f"{index}\n"}
        files |= {f"{base}/video{number}/device/uevent": f"DRIVER={driver}\n"}
    files |= {f"{base}/video10/name": "edgeseg\n", f"{base}/video10/max_openers": "10\n"}
    files |= {f"{base}/v4l-subdev0/name": "imx708 10-001a\n", f"{base}/v4l-subdev1/name": "dw9807 10-000c\n"}
    mode = Mode("YUYV", 640, 480, 30.0)
    found = read_cameras(board(files), {"/dev/video0": (mode,)})
    assert {node.node: node.kind for node in found.nodes} == {
        "/dev/video0": "camera",
        "/dev/video1": "metadata",
        "/dev/video2": "test",
        "/dev/video10": "loopback",
        "/dev/video19": "raw",
        "/dev/video20": "raw",
    }
    assert found.nodes[0].modes.value == (mode,)
    assert found.nodes[1].modes is None
    assert [sensor.value for sensor in found.sensors] == ["imx708"]


def test_software(board):
    tree = board(
        {
            "/proc/sys/kernel/osrelease": "6.6.51+rpt-rpi-v8\n",
            "/etc/os-release": "-> ../usr/lib/os-release",
            "/usr/lib/os-release": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\nBUG=x\n',
            "/usr/bin/python3.11": "",
            "/usr/bin/python3.9": "",
            "/lib/ld-linux-armhf.so.3": "",
            "/.dockerenv": "",
            "/proc/cpuinfo": "processor : 0\nflags : fpu hypervisor\n",
        }
    )
    found = read_software(tree, Live(python="3.11.2", packages={"numpy": "2.0"}), NO_BOARD, None)
    assert (found.os.value, found.os_version.value) == ("Debian GNU/Linux 12 (bookworm)", "12")
    assert found.system_pythons.value == ("3.9", "3.11")
    assert (found.userland_bits.value, found.container.value, found.virtual.value) == (32, "docker", "a hypervisor")
    assert (found.python.value, found.packages["numpy"].value) == ("3.11.2", "2.0")
