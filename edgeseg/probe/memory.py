"""Memory, swap and who else has a say.

Sources: Documentation/filesystems/proc.rst (meminfo; its "kB" are 1024 bytes),
Documentation/admin-guide/blockdev/zram.rst, Documentation/accounting/psi.rst.
"""

from __future__ import annotations

import re

from edgeseg.probe.capabilities import Memory, Zram
from edgeseg.probe.cgroup import memory_limit_mb
from edgeseg.probe.fact import Fact
from edgeseg.probe.tree import Tree

_MEMINFO = "/proc/meminfo"
_MAX_KB = 1 << 36  # 64 TiB


def read_memory(tree: Tree) -> Memory:
    """The memory."""
    return Memory(
        total_mb=_of_meminfo(tree, "MemTotal", least=1),
        available_mb=_of_meminfo(tree, "MemAvailable"),
        swap_mb=_of_meminfo(tree, "SwapTotal"),
        swap_free_mb=_of_meminfo(tree, "SwapFree"),
        cma_mb=_of_meminfo(tree, "CmaTotal"),
        limit_mb=memory_limit_mb(tree),
        zram=tuple(zram for path in tree.names("/sys/block", r"zram\d{1,4}") if (zram := _zram(tree, path))),
        pressure=_pressure(tree),
    )


def _of_meminfo(tree: Tree, name: str, least: int = 0) -> Fact[float] | None:
    found = re.search(rf"^{name}:\s*(\S+) kB$", tree.text(_MEMINFO) or "", re.MULTILINE)
    if not found:
        return None
    kb = tree.believed_integer(found[1], _MEMINFO, least, _MAX_KB)
    return Fact(kb.value * 1024 / 1e6, f"{_MEMINFO} ({name})") if kb else None


def _zram(tree: Tree, path: str) -> Zram | None:
    """One that has a size: without, it is not in use."""
    size_mb = tree.scaled(f"{path}/disksize", 1e6, 0, 1e8)
    if size_mb is None or not size_mb.value:
        return None
    algorithms = tree.string(f"{path}/comp_algorithm")
    chosen = re.search(r"\[([\w-]+)\]", algorithms.value) if algorithms else None
    return Zram(
        name=path.rpartition("/")[2],
        size_mb=size_mb,
        algorithm=Fact(chosen[1], algorithms.where) if algorithms and chosen else None,
    )


def _pressure(tree: Tree) -> Fact[tuple[str, ...]] | None:
    paths = tree.names("/proc/pressure", "cpu|io|memory")
    told = [path.rpartition("/")[2] for path in paths if (tree.text(path) or "").startswith("some ")]
    return Fact(tuple(told), "/proc/pressure") if told else None
