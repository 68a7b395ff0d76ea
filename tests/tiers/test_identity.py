"""A board and a runtime are told from others by a few small files."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest

from edgeseg.engines.litert import runtime
from edgeseg.tiers.identity import board_identity, runtime_identity

BOARDS = Path(__file__).parents[1] / "boards"
ROOTS = sorted(BOARDS.glob("*/root"))


@pytest.mark.parametrize(
    ("board", "words"),
    [
        ("pi-3b-plus", ["Raspberry Pi 3 Model B Plus", "0xd03"]),
        ("jetson-orin-nano-jp6", ["Orin Nano"]),
        ("n100", ["N100"]),
    ],
)
def test_a_saved_board_is_named(board: str, words: list[str]) -> None:
    identity = board_identity(BOARDS / board / "root", cores=4)
    assert all(word in identity for word in words), identity
    assert identity.endswith("4 cores")


def test_no_two_saved_boards_are_alike() -> None:
    identities = {board_identity(root, cores=4) for root in ROOTS}
    assert len(ROOTS) >= 14
    assert len(identities) >= len(ROOTS) - 4  # a Pi 5 is one, whatever is plugged into it


@pytest.mark.parametrize("root", ROOTS, ids=lambda root: root.parent.name)
def test_no_serial_number_is_in_it(root: Path) -> None:
    identity = board_identity(root, cores=4)
    for name in ("proc/device-tree/serial-number", "sys/class/dmi/id/product_serial", "sys/class/dmi/id/product_uuid"):
        if (root / name).is_file():
            assert (root / name).read_text(errors="replace").strip("\0 \n") not in identity


def test_fewer_cores_are_another_board() -> None:
    assert board_identity(cores=1) != board_identity(cores=2)
    assert board_identity(cores=1).endswith("1 core")
    assert board_identity() == board_identity()


@pytest.mark.parametrize("content", [b"", b"\0\0", b"\xff" * 200_000, b"line\nline"])
def test_strange_files_do_no_harm(tmp_path: Path, content: bytes) -> None:
    for name in ("proc/cpuinfo", "proc/device-tree/model", "sys/class/dmi/id/product_name"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    identity = board_identity(tmp_path, cores=2)
    assert identity.isprintable()
    assert len(identity) < 400


def test_nothing_there_is_still_a_name(tmp_path: Path) -> None:
    assert board_identity(tmp_path, cores=2).endswith("2 cores")


def test_the_runtime_is_the_one_that_the_engine_takes() -> None:
    assert runtime_identity() == runtime()[0]
    name, version = runtime_identity().split()
    assert importlib.metadata.version(name) == version


def test_no_runtime_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", [])
    assert runtime_identity() == "none"
