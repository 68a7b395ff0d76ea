"""/proc/cpuinfo, whose lines differ from one architecture to the next.

Sources: arch/arm64/kernel/cpuinfo.c, arch/arm/kernel/setup.c, arch/x86/kernel/cpu/proc.c, arch/riscv/kernel/cpu.c.
"""

from __future__ import annotations

from edgeseg.probe.tree import Tree

CPUINFO = "/proc/cpuinfo"


def fields(tree: Tree) -> tuple[dict[str, str], list[dict[str, str]]]:
    """What it says of the board, and of each core. Lines before the first core are of all of them."""
    board: dict[str, str] = {}
    cores: list[dict[str, str]] = []
    common: dict[str, str] = {}
    for line in (tree.text(CPUINFO) or "").splitlines():
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not colon:
            continue
        if name == "processor" and value.isascii() and value.isdecimal():
            cores.append({**common, "processor": value})
        elif name in ("Hardware", "Revision", "Model", "Serial"):
            board[name] = value
        elif cores:
            cores[-1][name] = value
        else:
            common[name] = value
    # A 32-bit kernel may give one block of features for all cores after the last of them.
    if len(cores) > 1 and all(len(core) <= 3 for core in cores[:-1]):
        for core in cores[:-1]:
            core.update({name: value for name, value in cores[-1].items() if name not in core})
    return board, cores
