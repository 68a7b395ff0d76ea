"""The system on a chip.

Sources: the last string of the devicetree's root `compatible` is the chip, Devicetree Specification 2.3.1 and
Documentation/devicetree/usage-model.rst; Documentation/ABI/testing/sysfs-devices-soc (its serial_number is not read).
"""

from __future__ import annotations

import re

from edgeseg.probe.capabilities import Board, Soc
from edgeseg.probe.fact import Fact
from edgeseg.probe.tree import Tree

_SOC0 = "/sys/devices/soc0"
_VENDORS = {"brcm": "Broadcom", "nvidia": "NVIDIA", "rockchip": "Rockchip", "amlogic": "Amlogic", "fsl": "NXP"} | {
    "allwinner": "Allwinner",
    "mediatek": "MediaTek",
    "qcom": "Qualcomm",
    "ti": "Texas Instruments",
    "intel": "Intel",
}


def read_soc(tree: Tree, board: Board) -> Soc:
    """Its name as in "brcm,bcm2712", in capitals as makers write it."""
    name = vendor = None
    if board.compatible:
        maker, comma, chip = board.compatible.value[-1].partition(",")
        if comma and re.fullmatch(r"[\w.-]+", chip):
            shown = chip.capitalize() if chip.startswith("tegra") else chip.upper()
            name = Fact(shown, board.compatible.where)
            vendor = Fact(_VENDORS.get(maker, maker), board.compatible.where)
    elif board.pi and board.pi.value.soc:
        name, vendor = Fact(board.pi.value.soc, board.pi.where), Fact("Broadcom", board.pi.where)
    return Soc(name, vendor, tree.string(f"{_SOC0}/family"))
