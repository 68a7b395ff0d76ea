"""`edgeseg probe` as people run it."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

COMMAND = Path(sys.executable).with_name("edgeseg")
BOARDS = Path(__file__).parents[1] / "boards"


def run(*args: str, cwd: Path) -> tuple[int, str, list[str]]:
    if not COMMAND.exists():
        pytest.skip(f"edgeseg is not installed beside {sys.executable}")
    done = subprocess.run([COMMAND, "probe", *args], cwd=cwd, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr.splitlines()


def test_the_page_shows_facts_with_their_evidence(tmp_path):
    code, out, err = run(cwd=tmp_path)
    assert (code, err) == (0, [])
    assert "/proc/meminfo (MemTotal)" in out
    assert list(tmp_path.iterdir()) == []


def test_json_and_a_saved_board(tmp_path):
    code, out, err = run("--json", "--save", "board.tar", cwd=tmp_path)
    assert code == 0
    (sentence,) = err
    assert "left out: serial numbers" in sentence
    with tarfile.open(tmp_path / "board.tar") as tar:
        tar.extractall(tmp_path / "root", filter="data")
    code, again, err = run("--root", "root", "--json", cwd=tmp_path)
    assert (code, err) == (0, [])
    assert json.loads(again) == json.loads(out)
    assert json.loads(out)["memory"]["total_mb"]["where"] == "/proc/meminfo (MemTotal)"


def test_a_page_with_escapes_in_it_is_harmless(tmp_path):
    (tmp_path / "root/etc").mkdir(parents=True)
    (tmp_path / "root/etc/os-release").write_bytes(b'PRETTY_NAME="[bold]\x1b[31m"\nID=[/]x\n')
    (tmp_path / "root/proc/device-tree").mkdir(parents=True)
    (tmp_path / "root/proc/device-tree/model").write_bytes(b"[red]Board[/]\0")
    code, out, _ = run("--root", "root", cwd=tmp_path)
    assert code == 0
    assert "\x1b" not in out
    assert "[red]Board[/]" in out


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("--root", "nowhere"), 2, "--root nowhere does not exist"),
        (("--root", "file"), 2, "--root file is no folder"),
        (("--save", "nowhere/board.tar"), 7, "cannot write nowhere/board.tar"),
        (("--save", "."), 7, "cannot write .: it is no file"),
        (("--save", "x" * 300), 7, "cannot write xxx"),
        (("--save", "/dev/full"), 7, "cannot write /dev/full"),
        (("extra",), 2, "extra"),
    ],
)
def test_bad_arguments_are_one_sentence(tmp_path, args, code, words):
    (tmp_path / "file").write_text("")
    got, out, err = run(*args, cwd=tmp_path)
    assert (got, out, len(err)) == (code, "", 1)
    assert words in err[0]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_jetson_is_told_the_way_out(tmp_path):
    root = BOARDS / "jetson-nano-jp4/root"
    if not root.is_dir():
        pytest.skip("the board is not in tests/boards")
    _, out, _ = run("--root", str(root), cwd=tmp_path)
    assert "JetPack 4 comes with Python 3.6 and edgeseg needs 3.10" in out
