"""GPUs and NPUs inside the chip, which no bus lists: by their nodes in the devicetree, their drivers and device files.

Sources: Documentation/devicetree/bindings/gpu and npu (arm,mali-*, brcm,*-v3d, nvidia,*, rockchip,rk3588-rknn-core,
arm,ethos-u65), Rockchip's kernel drivers/rknpu (rockchip,rk*-rknpu, /sys/module/rknpu),
Documentation/ABI/testing/sysfs-class-devfreq, DRM render nodes: Documentation/gpu/drm-uapi.rst, names of Tegra GPUs:
rbonghi/jetson_stats jtop/core/gpu.py, VeriSilicon: "amlogic, galcore", /dev/galcore.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from edgeseg.probe.board import DEVICE_TREES
from edgeseg.probe.capabilities import Accelerator, Soc
from edgeseg.probe.fact import Fact
from edgeseg.probe.tree import Tree

_NODE = r"(gpu|v3d|npu|rknpu|galcore|vipnano|ethos-?u|nvdla\d?|dla\d?|ga10b|gv11b|gp10b|imgtec|mali)(@[0-9a-f,]+)?"
_TEGRA_GPU = {"Tegra210": "gm20b", "Tegra186": "gp10b", "Tegra194": "gv11b", "Tegra234": "ga10b"}
_TEGRA_DEVFREQ = r"(57000000|17000000)\.(gpu|gp10b|gv11b|ga10b)|gpu\.0"
_TEGRA_REMARK = "may be used through Vulkan, which is not proven; edgeseg has no CUDA or TensorRT engine"
_RKNN_REMARK = "needs Rockchip's own runtime (RKNN) and models for it"
_GPU_REMARK = "is used through Vulkan, if a driver for it is installed"
_V3D_REMARK = "has Vulkan by Mesa's v3dv on the Raspberry Pi 4 and 5; it is often slower than the CPU"
# How the first word of `compatible` begins -> kind, name, engine, remark.
_COMPATIBLE = (
    (r"rockchip,(r[kv]\w+-)?(rknpu|rknn-core(-top)?)", "npu", "Rockchip NPU", _RKNN_REMARK),
    (r"arm,ethos-?u\w*|fsl,imx93-npu", "npu", "Arm Ethos-U", "needs Arm's Vela compiler and NXP's delegate"),
    (r"(verisilicon|vivante|amlogic),? ?(galcore|npu|vip\w*)|fsl,imx8-gpu-ss|\w+-npu", "npu", "VeriSilicon NPU",
     "needs VeriSilicon's TIM-VX delegate"),
    (r"nvidia,\w+-(nvdla|dla)", "npu", "NVIDIA DLA", "needs TensorRT"),
    (r"brcm,\w+-v3d", "gpu", "Broadcom VideoCore (v3d)", _V3D_REMARK),
    (r"nvidia,(gm20b|gp10b|gv11b|ga10b)", "gpu", "NVIDIA Tegra GPU", _TEGRA_REMARK),
    (r"(arm|rockchip|amlogic),[\w-]*mali[\w-]*", "gpu", "Arm Mali GPU", _GPU_REMARK),
    (r"qcom,adreno[\w.-]*", "gpu", "Qualcomm Adreno GPU", _GPU_REMARK),
    (r"vivante,gc", "gpu", "Vivante GPU or NPU", _GPU_REMARK),
)  # fmt: skip


def chip_accelerators(tree: Tree, soc: Soc) -> Iterator[Accelerator]:
    """One for each kind and name: several cores of an NPU are one NPU."""
    found: dict[tuple[str, str], Accelerator] = {}
    for accelerator in (*_of_device_tree(tree), *_tegra(tree, soc), *_of_drm(tree), *_of_files(tree)):
        key = (accelerator.kind, accelerator.name)
        other = found.get(key)
        found[key] = _merged(other, accelerator) if other else accelerator
    yield from found.values()


def _merged(one: Accelerator, two: Accelerator) -> Accelerator:
    where = tuple(dict.fromkeys(one.where + two.where))
    nodes = tuple(dict.fromkeys(one.nodes + two.nodes))
    driver = one.driver or two.driver
    return Accelerator(one.kind, one.name, one.bus, where, driver, nodes, one.engine, one.remark)


def _recognised(compatible: tuple[str, ...]) -> tuple[str, str, str] | None:
    for pattern, kind, name, remark in _COMPATIBLE:
        if any(re.fullmatch(pattern, word) for word in compatible):
            return kind, name, remark
    return None


def _of_device_tree(tree: Tree) -> Iterator[Accelerator]:
    base = next((base for base in DEVICE_TREES if tree.is_folder(base)), None)
    if base is None:
        return
    buses = tree.names(base, r"(soc|axi|bus|host1x|v3dbus|bus@0)(@[0-9a-f,]+)?", most=32)
    inner = [path for bus in buses for path in tree.names(bus, r"(bus|host1x|firmware-bus)(@[0-9a-f,]+)?", most=32)]
    for folder in (base, *buses, *inner):
        for node in tree.names(folder, _NODE, most=32):
            status = tree.string(f"{node}/status") if tree.exists(f"{node}/status") else None
            compatible = tree.strings(f"{node}/compatible") if tree.exists(f"{node}/compatible") else None
            if compatible is None or (status and status.value not in ("okay", "ok")):
                continue
            known = _recognised(compatible.value)
            if known:
                kind, name, remark = known
                engine = "gpu" if kind == "gpu" else None
                yield Accelerator(kind, name, "chip", (f"{node}/compatible",), None, (), engine, remark)


def _tegra(tree: Tree, soc: Soc) -> Iterator[Accelerator]:
    """The GPU is part of the chip, so that the chip's name is evidence of it."""
    if soc.name is None or soc.name.value not in _TEGRA_GPU:
        return
    where = (soc.name.where, *tree.names("/sys/class/devfreq", _TEGRA_DEVFREQ))
    yield Accelerator("gpu", "NVIDIA Tegra GPU", "chip", where, None, (), "gpu", _TEGRA_REMARK)
    if soc.name.value == "Tegra194":  # of the later chips, only some modules have it
        yield Accelerator("npu", "NVIDIA DLA", "chip", (soc.name.where,), None, (), None, "needs TensorRT")


def _of_drm(tree: Tree) -> Iterator[Accelerator]:
    """Render nodes and compute nodes whose device the devicetree names."""
    places = (("/sys/class/drm", r"renderD\d{1,3}", "/dev/dri"), ("/sys/class/accel", r"accel\d{1,2}", "/dev/accel"))
    for folder, pattern, nodes in places:
        for path in tree.names(folder, pattern, most=32):
            uevent = f"{path}/device/uevent"
            lines = (tree.text(uevent) or "").splitlines() if tree.exists(uevent) else []
            values = dict(line.split("=", 1) for line in lines if "=" in line)
            known = _recognised(tuple(value for key, value in values.items() if key.startswith("OF_COMPATIBLE_")))
            if known is None:
                continue
            kind, name, remark = known
            driver = tree.believed_string(values["DRIVER"], uevent) if values.get("DRIVER") else None
            node = f"{nodes}/{path.rpartition('/')[2]}"
            engine = "gpu" if kind == "gpu" else None
            yield Accelerator(kind, name, "chip", (uevent,), driver, (node,), engine, remark)


def _of_files(tree: Tree) -> Iterator[Accelerator]:
    """Drivers of makers, which have device files and folders of their own."""
    signs = (
        ("/dev", r"galcore", "npu", "VeriSilicon NPU or GPU", "needs VeriSilicon's TIM-VX delegate"),
        ("/dev", r"ethosu\d{1,2}", "npu", "Arm Ethos-U", "needs Arm's Vela compiler and NXP's delegate"),
        ("/dev", r"nvhost-nvdla\d", "npu", "NVIDIA DLA", "needs TensorRT"),
    )
    for folder, pattern, kind, name, remark in signs:
        for path in tree.names(folder, pattern):
            yield Accelerator(kind, name, "chip", (path,), None, (path,), None, remark)
    for module in ("/sys/module/rknpu", "/sys/kernel/debug/rknpu"):
        if tree.is_folder(module) and tree.exists(module):
            yield Accelerator("npu", "Rockchip NPU", "chip", (module,), Fact("rknpu", module), (), None, _RKNN_REMARK)
