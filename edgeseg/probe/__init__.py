"""The probe: what this board is, has and can, each fact with its evidence. It reads and changes nothing.

::

    from edgeseg.probe import probe
    cpu = probe().cpu
    print(cpu.model)  # Fact(value='Cortex-A76', where='/proc/cpuinfo')

With `root` it reads a saved board. One reader a file; the files' sources are in their docstrings.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from edgeseg.probe.accelerators import read_accelerators
from edgeseg.probe.advice import advice
from edgeseg.probe.board import read_board
from edgeseg.probe.cameras import node_of, read_cameras, video_paths
from edgeseg.probe.capabilities import Accelerator, Capabilities
from edgeseg.probe.cpu import read_cpu
from edgeseg.probe.fact import Fact, Note
from edgeseg.probe.live import Live, measure, of_tree
from edgeseg.probe.memory import read_memory
from edgeseg.probe.power import read_power
from edgeseg.probe.saved import pack
from edgeseg.probe.soc import read_soc
from edgeseg.probe.software import read_software
from edgeseg.probe.thermal import read_thermal
from edgeseg.probe.tree import Tree
from edgeseg.probe.vulkan import read_vulkan

__all__ = ["Capabilities", "Fact", "Note", "accelerators", "probe", "probe_and_pack"]


def probe(root: Path = Path("/")) -> Capabilities:
    """What is known of the board whose files are below `root`. Raises nothing, whatever is there."""
    return _probe(Tree(root), _is_live(root))[0]


def accelerators(root: Path = Path("/")) -> tuple[Accelerator, ...]:
    """Only what could run a model besides the CPU."""
    tree = Tree(root)
    return read_accelerators(tree, read_soc(tree, read_board(tree)))


def probe_and_pack(root: Path = Path("/")) -> tuple[Capabilities, bytes]:
    """The same, and a tar of the files that were read, from which `probe` concludes the same."""
    tree = Tree(root)
    capabilities, live = _probe(tree, _is_live(root))
    return capabilities, pack(tree, replace(live, notes=capabilities.notes))


def _is_live(root: Path) -> bool:
    return os.path.realpath(root) == "/"


def _probe(tree: Tree, is_live: bool) -> tuple[Capabilities, Live]:
    live = measure(map(node_of, video_paths(tree))) if is_live else of_tree(tree)
    board = read_board(tree)
    soc = read_soc(tree, board)
    thermal, power = read_thermal(tree), read_power(tree, board, soc)
    cpu = read_cpu(tree, live.fact("machine", "uname"))
    accelerators, software = read_accelerators(tree, soc), read_software(tree, live, board, cpu.architecture)
    capabilities = Capabilities(
        board=board,
        soc=soc,
        cpu=cpu,
        memory=read_memory(tree),
        thermal=thermal,
        power=power,
        accelerators=accelerators,
        vulkan=read_vulkan(tree),
        cameras=read_cameras(tree, live.modes),
        software=software,
        advice=advice(board, soc, thermal, power, accelerators, software),
        notes=(),
    )
    notes = sorted({*tree.notes, *live.notes}, key=lambda note: (note.where, note.why))
    return replace(capabilities, notes=tuple(notes)), live
