"""The kind root: what a root is made of and when it is made again; that a program sees a board in it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from deploy.farm import emulated, roots
from deploy.farm.device import DeviceLost
from deploy.farm.kinds.root import Root, RootEntry

Entry = Callable[..., Any]
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def root(root_entry: Entry, farm_cache: Path) -> Root:
    device = Root("seen", root_entry(), farm_cache)
    try:
        device.setup(lambda line: None)
    except DeviceLost as error:
        pytest.skip(str(error))
    device.open()
    return device


def ask(device: Root, code: str) -> str:
    command = device.start(["python", "-c", code], 60)
    lines = list(command.lines())
    ended = command.wait()
    assert ended.code == 0, ended.stderr
    return "\n".join(lines)


def test_a_program_sees_the_board(root: Root) -> None:
    said = json.loads(
        ask(root, "import json, platform; print(json.dumps([platform.machine(), open('/proc/cpuinfo').read()]))")
    )

    assert said[0] == "aarch64"
    assert "Raspberry Pi 5" in said[1]
    assert "asimddp" in said[1]
    assert root.python == ("cp311", "manylinux_2_36_aarch64")


def test_temperatures_of_this_machine_are_not_the_board_s(root: Root) -> None:
    code = "import glob; print(glob.glob('/sys/class/thermal/*') + glob.glob('/sys/class/hwmon/*'))"

    assert ask(root, code) == "[]"


@pytest.mark.parametrize("path", ["/new", "/opt/site/new", "/usr/lib/new"])
def test_only_the_device_s_folder_can_be_written(root: Root, path: str) -> None:
    command = root.start(["python", "-c", f"open('{path}', 'w')"], 60)
    assert list(command.lines()) == []
    assert "Read-only file system" in command.wait().stderr
    assert str(root._folder.path) not in Path("/proc/self/mounts").read_text(encoding="utf-8")


def test_a_program_that_crashes_is_told_as_by_a_shell(root: Root) -> None:
    command = root.start(["python", "-c", "import os; os.abort()"], 60)
    assert list(command.lines()) == []

    assert command.wait().code == 128 + 6


def _recipe(**changed: Any) -> roots.Recipe:
    plain = {"arch": "arm64", "suite": "bookworm", "debian": ("python3",), "requirements": ("a", "b"), "without": ()}
    return roots.Recipe(**{**plain, **changed})


def test_a_root_is_known_by_what_it_is_made_of() -> None:
    plain = _recipe()

    assert _recipe(requirements=("b", "a")).of_site() == plain.of_site()
    for changed in ({"arch": "armhf"}, {"suite": "trixie"}, {"debian": ("python3", "libc6")}):
        assert _recipe(**changed).of_debian() != plain.of_debian()
        assert _recipe(**changed).of_site() != plain.of_site()
    for changed in ({"requirements": ("a==1", "b")}, {"without": ("numpy",)}):
        assert _recipe(**changed).of_debian() == plain.of_debian()
        assert _recipe(**changed).of_site() != plain.of_site()


def test_only_what_is_half_built_is_built_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parts themselves are replaced: what they make is the contract test's matter."""
    built: list[str] = []
    facts = {"python": [3, 11, 2], "machine": "aarch64", "libc": ["glibc", "2.36"]}

    def debian(root: Path, recipe: roots.Recipe, say: object) -> None:
        built.append("debian")
        root.mkdir()

    def fetch(*given: object) -> list[Path]:
        built.append("site")
        if broken:
            raise DeviceLost("The Python index does not answer.")
        return []

    monkeypatch.setattr(roots, "missing", lambda arch: None)
    monkeypatch.setattr(roots, "_debian", debian)
    monkeypatch.setattr(roots.wheels, "fetch", fetch)
    broken = True
    with pytest.raises(DeviceLost):
        roots.build(tmp_path, _recipe(), lambda root: json.dumps(facts), lambda line: None)
    assert roots.built(tmp_path, _recipe()) is None
    broken = False
    for _ in range(2):
        made = roots.build(tmp_path, _recipe(), lambda root: json.dumps(facts), lambda line: None)
    roots.build(tmp_path, _recipe(requirements=("c",)), lambda root: json.dumps(facts), lambda line: None)

    assert built == ["debian", "site", "site", "site"]
    assert made.target.tag == ("cp311", "manylinux_2_36_aarch64")
    assert roots.built(tmp_path, _recipe()) == made
    assert list((tmp_path / "roots").glob("*.part")) == []


def test_what_a_machine_lacks_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert roots.missing("arm64") == "An arm64 root needs mounts of its own, and so the farm to be run as root."
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(roots, "find", lambda tool: None if "arm" in tool else f"/usr/bin/{tool}")
    assert roots.missing("armhf") == "An armhf root needs qemu-user-static: sudo apt install qemu-user-static."


def test_a_root_that_is_not_built_is_told(root_entry: Entry, tmp_path: Path) -> None:
    with pytest.raises(DeviceLost, match=r"not built: run python -m deploy.farm setup pi\."):
        Root("pi", root_entry(), tmp_path).open()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"board": "raspberry-pi-44"}, "did you mean 'raspberry-pi-4'?"),
        ({"arch": "riscv64"}, "'arm64' or 'armhf'"),
        ({"debian": []}, "at least 1 item"),
        ({"cpu": None}, "valid string"),
    ],
)
def test_a_wrong_entry_is_told(changed: dict[str, Any], words: str) -> None:
    entry = {"kind": "root", "cpu": "cortex-a72", "board": "raspberry-pi-4"}
    with pytest.raises(ValidationError, match=words.replace("?", r"\?")):
        RootEntry.model_validate({**entry, **changed})


@pytest.mark.parametrize("board", emulated.boards())
def test_a_board_s_cpuinfo_names_it_and_no_serial_number(board: str) -> None:
    text = (emulated.BOARDS / board).read_text(encoding="ascii")

    assert f"Model\t\t: Raspberry Pi {board.split('-')[2]}" in text
    assert all(set(line.split(":")[1].strip()) == {"0"} for line in text.splitlines() if line.startswith("Serial"))
