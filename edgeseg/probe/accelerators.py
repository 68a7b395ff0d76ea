"""What else than the CPU could run a model, on the buses and in the chip.

Sources: Documentation/ABI/testing/sysfs-bus-usb and sysfs-bus-pci; USB 1a6e:089a and 18d1:9302 are a Coral before and
after its firmware is loaded, google-coral/libedgetpu; PCI 1ac1:089a and /sys/class/apex, google/gasket-driver; PCI 1e60
is Hailo, hailo-ai/hailort-drivers (/sys/class/hailo_chardev); Intel NPUs, drivers/accel/ivpu/ivpu_drv.h, and
Documentation/accel/introduction.rst (/dev/accel/accelN).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from edgeseg.probe.capabilities import Accelerator, Soc
from edgeseg.probe.chip_accelerators import chip_accelerators
from edgeseg.probe.fact import Fact
from edgeseg.probe.tree import Tree


class Known(NamedTuple):
    """What is known of a device by its number. nodes: a folder and what its device files are called."""

    kind: str
    name: str
    engine: str | None
    remark: str | None
    nodes: tuple[str, str] | None = None


_CORAL = ("/dev", r"apex_\d{1,2}")
_HAILO = ("/dev", r"hailo\d{1,2}")
_HAILO_REMARK = "needs Hailo's own runtime (HailoRT) and models compiled for it; edgeseg does not use it"
_USB = {
    ("1a6e", "089a"): Known("edgetpu", "Coral USB Accelerator", "edgetpu", "its firmware is loaded at the first use"),
    ("18d1", "9302"): Known("edgetpu", "Coral USB Accelerator", "edgetpu", "needs libedgetpu"),
    ("03e7", "2485"): Known("npu", "Intel Movidius Myriad X", None, "is no longer supported by OpenVINO"),
}
_PCI = {
    ("1ac1", "089a"): Known("edgetpu", "Coral Edge TPU (PCIe)", "edgetpu", "needs libedgetpu", _CORAL),
    ("1e60", "2864"): Known("npu", "Hailo-8 or Hailo-8L", None, _HAILO_REMARK, _HAILO),
}
_INTEL_NPU = {"0x7d1d": "Meteor Lake", "0xad1d": "Arrow Lake", "0x643e": "Lunar Lake", "0xb03e": "Panther Lake"}
_INTEL_REMARK = "needs OpenVINO: pip install ai-edge-litert-sdk-intel"
_ACCEL = ("/dev/accel", r"accel\d{1,2}")
_GPU_VENDORS = {"0x8086": "Intel", "0x1002": "AMD", "0x10de": "NVIDIA", "0x1af4": "virtio", "0x15ad": "VMware"}
_GPU_REMARK = "is used through Vulkan, if a driver for it is installed"
_VIRTUAL_REMARK = "is a virtual machine's; what is behind it is not known"


def read_accelerators(tree: Tree, soc: Soc) -> tuple[Accelerator, ...]:
    """All of them, those on the buses first."""
    return (*_usb(tree), *_pci(tree), *chip_accelerators(tree, soc))


def device_driver(tree: Tree, device: str) -> Fact[str] | None:
    """The driver that has the device, as its uevent says."""
    path = f"{device}/uevent"
    for line in (tree.text(path) or "").splitlines() if tree.exists(path) else ():
        if line.startswith("DRIVER="):
            return tree.believed_string(line.removeprefix("DRIVER="), path)
    return None


def _usb(tree: Tree) -> Iterator[Accelerator]:
    for device in tree.names("/sys/bus/usb/devices", r"\d{1,3}-\d{1,3}(\.\d{1,3}){0,6}"):
        vendor, product = (_word(tree, f"{device}/{name}") for name in ("idVendor", "idProduct"))
        known = _USB.get((vendor, product))
        if known:
            speed = tree.integer(f"{device}/speed", 1, 100_000)
            remark = known.remark
            if speed and speed.value < 5000:
                remark = f"{remark}; it is on USB 2 ({speed.value} Mbit/s), a USB 3 port is faster"
            where = (f"{device}/idVendor", f"{device}/idProduct")
            yield Accelerator(known.kind, known.name, "usb", where, None, (), known.engine, remark)


def _pci(tree: Tree) -> Iterator[Accelerator]:
    taken: dict[tuple[str, str], int] = {}
    for device in tree.names("/sys/bus/pci/devices", r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]", most=512):
        vendor, product, kind = (_word(tree, f"{device}/{name}") for name in ("vendor", "device", "class"))
        known = _pci_device(vendor, product, kind)
        if known is None:
            continue
        nodes: tuple[str, ...] = ()
        if known.nodes:  # the first device has the first node
            number = taken[known.nodes] = taken.get(known.nodes, -1) + 1
            nodes = tuple(tree.names(*known.nodes)[number : number + 1])
        elif known.kind == "gpu":
            nodes = tuple(
                f"/dev/dri/{path.rpartition('/')[2]}" for path in tree.names(f"{device}/drm", r"renderD\d{1,3}")
            )
        where = (f"{device}/vendor", f"{device}/device")
        driver = device_driver(tree, device)
        remark = known.remark
        if known.kind != "gpu" and not driver and not nodes and tree.exists(f"{device}/uevent"):
            remark = f"{remark}; no driver has it"
        yield Accelerator(known.kind, known.name, "pcie", where, driver, nodes, known.engine, remark)


def _pci_device(vendor: str, product: str, kind: str) -> Known | None:
    known = _PCI.get((vendor.removeprefix("0x"), product.removeprefix("0x")))
    if known is not None:
        return known
    if vendor == "0x8086" and (product in _INTEL_NPU or kind.startswith("0x1200")):
        return Known("npu", f"Intel NPU ({_INTEL_NPU.get(product, product)})", "npu", _INTEL_REMARK, _ACCEL)
    if vendor == "0x1e60":
        return Known("npu", f"Hailo accelerator {product}", None, _HAILO_REMARK, _HAILO)
    if kind.startswith("0x03") and len(kind) == 8:  # a display controller
        name = f"{_GPU_VENDORS.get(vendor, f'vendor {vendor}')} GPU {product}"
        is_virtual = vendor in ("0x1af4", "0x15ad", "0x1234")
        return Known("gpu", name, None if is_virtual else "gpu", _VIRTUAL_REMARK if is_virtual else _GPU_REMARK)
    if kind.startswith("0x1200") and len(kind) == 8:  # a processing accelerator
        return Known("npu", f"accelerator {vendor}:{product}", None, "is none that edgeseg knows")
    return None


def _word(tree: Tree, path: str) -> str:
    fact = tree.string(path) if tree.exists(path) else None
    return fact.value.lower() if fact else ""
