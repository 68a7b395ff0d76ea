"""Which board this is.

Sources: /proc/device-tree is the devicetree that the kernel was given, Documentation/ABI/testing/sysfs-firmware-ofw;
Raspberry Pi revision codes, raspberrypi/documentation computers/raspberry-pi/revision-codes.adoc; DMI,
Documentation/ABI/testing/sysfs-firmware-dmi-tables and drivers/firmware/dmi-id.c; /etc/nv_tegra_release,
NVIDIA Jetson Linux Developer Guide. Serial numbers (serial-number, product_serial, product_uuid) are not read.
"""

from __future__ import annotations

import re

from edgeseg.probe.capabilities import Board, PiRevision
from edgeseg.probe.cpuinfo import CPUINFO, fields
from edgeseg.probe.fact import Fact
from edgeseg.probe.tree import Tree

DEVICE_TREES = ("/proc/device-tree", "/sys/firmware/devicetree/base")
_DMI = "/sys/class/dmi/id"

_MEMORY_MB = {0: 256, 1: 512, 2: 1024, 3: 2048, 4: 4096, 5: 8192, 6: 16384}
_MAKERS = {0: "Sony UK", 1: "Egoman", 2: "Embest", 3: "Sony Japan", 4: "Embest", 5: "Stadium"}
_PROCESSORS = {0: "BCM2835", 1: "BCM2836", 2: "BCM2837", 3: "BCM2711", 4: "BCM2712"}
_TYPES = {
    **{0x00: "A", 0x01: "B", 0x02: "A+", 0x03: "B+", 0x04: "2B", 0x05: "Alpha", 0x06: "CM1", 0x08: "3B"},
    **{0x09: "Zero", 0x0A: "CM3", 0x0C: "Zero W", 0x0D: "3B+", 0x0E: "3A+", 0x10: "CM3+", 0x11: "4B"},
    **{0x12: "Zero 2 W", 0x13: "400", 0x14: "CM4", 0x15: "CM4S", 0x17: "5", 0x18: "CM5", 0x19: "500/500+"},
    **{0x1A: "CM5 Lite", 0x1B: "CM0"},
}
# The first boards count their revisions: type, board revision, memory, maker.
_OLD = {
    **{0x02: ("B", "1.0", 256, "Egoman"), 0x03: ("B", "1.0", 256, "Egoman"), 0x04: ("B", "2.0", 256, "Sony UK")},
    **{0x05: ("B", "2.0", 256, "Qisda"), 0x06: ("B", "2.0", 256, "Egoman"), 0x07: ("A", "2.0", 256, "Egoman")},
    **{0x08: ("A", "2.0", 256, "Sony UK"), 0x09: ("A", "2.0", 256, "Qisda"), 0x0D: ("B", "2.0", 512, "Egoman")},
    **{0x0E: ("B", "2.0", 512, "Sony UK"), 0x0F: ("B", "2.0", 512, "Egoman"), 0x10: ("B+", "1.2", 512, "Sony UK")},
    **{0x11: ("CM1", "1.0", 512, "Sony UK"), 0x12: ("A+", "1.1", 256, "Sony UK")},
    **{0x13: ("B+", "1.2", 512, "Embest"), 0x14: ("CM1", "1.0", 512, "Embest"), 0x15: ("A+", "1.1", None, "Embest")},
}
# What makers of boards leave in DMI fields that they did not fill.
_UNFILLED = re.compile(
    r"(?i)to be filled.*|default string|system (product|manufacturer|version).*|not .*|none|o\.e\.m\.|unknown|0+"
)
# The series of JetPack by the major number of Jetson Linux (L4T): developer.nvidia.com/embedded/jetpack-archive.
_JETPACK = {28: "3", 31: "4", 32: "4", 34: "5", 35: "5", 36: "6", 38: "7"}


def read_board(tree: Tree) -> Board:
    """The board's name and what else tells it from others."""
    model = compatible = vendor = None
    for base in DEVICE_TREES:
        if tree.is_folder(base):
            model = model or tree.string(f"{base}/model") if tree.exists(f"{base}/model") else model
            compatible = compatible or tree.strings(f"{base}/compatible")
    if model is None:
        vendor, model = _dmi(tree)
    l4t = _l4t(tree)
    major = int(l4t.value.split(".")[0]) if l4t else 0
    jetpack = Fact(_JETPACK[major], l4t.where) if l4t and major in _JETPACK else None
    return Board(model, compatible, vendor, _pi_revision(tree, compatible), l4t, jetpack)


def decode_revision(code: int) -> PiRevision:
    """What a Raspberry Pi's revision code says; bits 24 to 31 are about warranty and one-time memory."""
    shown = f"{code & 0xFFFFFF:06x}" if code >> 23 & 1 else f"{code & 0xFFFFFF:04x}"
    if not code >> 23 & 1:
        kind, pcb, memory, maker = _OLD.get(code & 0xFFFFFF, (None, "", None, None))
        return PiRevision(shown, kind, pcb, memory, "BCM2835" if kind else None, maker)
    return PiRevision(
        code=shown,
        type=_TYPES.get(code >> 4 & 0xFF),
        pcb=f"1.{code & 0xF}",
        memory_mb=_MEMORY_MB.get(code >> 20 & 0x7),
        soc=_PROCESSORS.get(code >> 12 & 0xF),
        maker=_MAKERS.get(code >> 16 & 0xF),
    )


def _pi_revision(tree: Tree, compatible: Fact[tuple[str, ...]] | None) -> Fact[PiRevision] | None:
    for base in DEVICE_TREES:
        path = f"{base}/system/linux,revision"
        data = tree.data(path)
        if data is not None and len(data) == 4:
            return Fact(decode_revision(int.from_bytes(data, "big")), path)
        if data is not None:
            tree.note(path, f"holds {len(data)} bytes and not 4")
    # Other boards have a line "Revision" too; only a Pi's is this code.
    board, _ = fields(tree)
    is_pi = compatible is not None and compatible.value[0].startswith("raspberrypi,")
    if "Revision" in board and (is_pi or "Raspberry Pi" in board.get("Model", "")):
        code = tree.believed_integer(board["Revision"], CPUINFO, 2, 0xFFFFFFFF, base=16)
        return Fact(decode_revision(code.value), f"{CPUINFO} (Revision)") if code else None
    return None


def _dmi(tree: Tree) -> tuple[Fact[str] | None, Fact[str] | None]:
    """Vendor and model of a PC; small boards have their name in the board's fields."""
    names: list[Fact[str] | None] = []
    for field in ("sys_vendor", "product_name", "board_vendor", "board_name"):
        path = f"{_DMI}/{field}"
        fact = tree.string(path)
        if fact and _UNFILLED.fullmatch(fact.value):
            tree.note(path, f"says {fact.value!r}, which its maker never filled in")
            fact = None
        names.append(fact)
    vendor, model = names[0] or names[2], names[1] or names[3]
    if vendor and model and not model.value.startswith(vendor.value):
        model = Fact(f"{vendor.value} {model.value}", f"{vendor.where}, {model.where}")
    return vendor, model


def _l4t(tree: Tree) -> Fact[str] | None:
    path = "/etc/nv_tegra_release"
    text = tree.text(path)
    if text is None:
        return None
    found = re.search(r"\bR(\d{1,3}) \(release\), REVISION: (\d{1,3}(?:\.\d{1,3}){0,2})\b", text, re.ASCII)
    if not found:
        tree.note(path, "names no release of Jetson Linux")
        return None
    return Fact(f"{found[1]}.{found[2]}", path)
