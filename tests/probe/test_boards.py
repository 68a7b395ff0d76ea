"""What is concluded of each saved board, against tests/boards/*/expected.json, which are checked by hand.

To write them anew, and then look at what changed: `.venv/bin/python tests/probe/test_boards.py`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edgeseg.probe import Capabilities, Fact, probe

BOARDS = sorted((Path(__file__).parents[1] / "boards").glob("*/root"))


def value(fact: Fact[Any] | None) -> Any:
    return None if fact is None else fact.value


def summary(found: Capabilities) -> dict[str, Any]:
    """What matters for a choice of tier and engine, short enough to be checked against a datasheet."""
    features = value(found.cpu.features) or ()
    total = value(found.memory.total_mb)
    return {
        "board": value(found.board.model),
        "revision_memory_mb": found.board.pi.value.memory_mb if found.board.pi else None,
        "jetpack": value(found.board.jetpack),
        "soc": value(found.soc.name),
        "cpu": value(found.cpu.model),
        "architecture": value(found.cpu.architecture),
        "cores": value(found.cpu.cores),
        "clusters": [f"{len(one.cores)} to {value(one.max_mhz) or '?'} MHz" for one in found.cpu.clusters],
        "dot_products": sorted({"asimddp", "i8mm", "avx_vnni", "avx512_vnni"} & set(features)),
        "memory_mb": None if total is None else round(total),
        "accelerators": [f"{one.kind}: {one.name} -> {one.engine or 'not used'}" for one in found.accelerators],
        "board_w": value(found.power.board_w),
        "power_sensors": [sensor.name for sensor in found.power.sensors] + [rapl.name for rapl in found.power.rapl],
        "hottest_c": max((zone.temp_c.value for zone in found.thermal.zones if zone.temp_c), default=None),
        "throttle": value(found.thermal.throttle.flags),
        "under_voltage": value(found.thermal.throttle.under_voltage),
        "cameras": [f"{node.node}: {node.kind}" for node in found.cameras.nodes],
        "advice": found.advice,
        "notes": [f"{note.where} {note.why}" for note in found.notes],
    }


def as_text(root: Path) -> str:
    return json.dumps(summary(probe(root)), indent=1) + "\n"


@pytest.mark.parametrize("root", BOARDS, ids=lambda root: root.parent.name)
def test_a_board_is_concluded_as_checked_by_hand(root):
    expected = root.parent / "expected.json"
    assert expected.exists(), f"write it: python {Path(__file__).name}, and check it against the board's README"
    assert json.loads(as_text(root)) == json.loads(expected.read_text())


if __name__ == "__main__":
    for board in BOARDS:
        (board.parent / "expected.json").write_text(as_text(board))
