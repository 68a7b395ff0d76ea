"""The trees keep their own rules: every file is cited, none is large or names its owner, strings end in NUL."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent
BOARDS = sorted(readme.parent for readme in HERE.glob("*/README.md"))
ROW = re.compile(r"^\| `(?P<pattern>[^`]+)` \| (?P<source>[^|]*) \| [^|]*\|$", re.M)
# An address, a repository with a path, a number of the stored index; or that it is the same file again.
SOURCE = re.compile(
    r"https://|[\w.-]+/[\w.-]+: [\w./-]+|GitHub index, file \d+|copied from the machine itself|^the same files"
)
LARGEST_FILE, LARGEST_BOARD = 64_000, 200_000

# What must never be kept: (pattern, what it would be).
PRIVATE = [
    (re.compile(r"\b(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}\b", re.I), "a MAC address"),
    (re.compile(r"(?<![0-9a-f])[0-9a-f]{16}(?![0-9a-f])", re.I), "a Raspberry Pi's serial number"),
    (re.compile(r"^\s*serial(?:[ _-]?number)?\s*[:=]", re.I | re.M), "a serial number"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.I), "a UUID"),
    (re.compile(r"\b[\w.-]+@[a-z][\w-]*\b", re.I), "a user or a host"),
    (re.compile(r"/home/|/Users/"), "a user's folder"),
]
AT_FINE = re.compile(r"\b(?:npu|cpu|soc)@[0-9a-f]+")  # device-tree nodes look like user@host


@cache
def files(board: Path) -> tuple[Path, ...]:
    return tuple(sorted(path for path in (board / "root").rglob("*") if not path.is_dir()))


@cache
def rows(board: Path) -> tuple[tuple[str, str], ...]:
    """(pattern, source) of each row of the board's table."""
    text = (board / "README.md").read_text(encoding="utf-8")
    return tuple((m["pattern"], m["source"].strip()) for m in ROW.finditer(text))


def inside(board: Path, path: Path) -> str:
    return path.relative_to(board / "root").as_posix()


def device_tree(board: Path) -> list[Path]:
    return [path for path in files(board) if "proc/device-tree/" in path.as_posix()]


def private(text: str) -> list[str]:
    """What in a text would name a device or its owner."""
    text = AT_FINE.sub("", text)
    return [f"{what}: {m[0]}" for pattern, what in PRIVATE for m in pattern.finditer(text)]


each_board = pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)


def test_there_are_enough_boards() -> None:
    assert len(BOARDS) >= 14
    folders = {path.name for path in HERE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == {board.name for board in BOARDS}, "a folder without a README"


def test_the_overview_has_each_board() -> None:
    first_cells = re.findall(r"^\| ([\w-]+) \|", (HERE / "README.md").read_text(encoding="utf-8"), re.M)
    assert sorted(set(first_cells) - {"tree", "---"}) == [board.name for board in BOARDS]


@each_board
def test_every_file_is_cited_and_every_citation_has_a_file(board: Path) -> None:
    kept = [inside(board, path) for path in files(board)]
    assert kept
    uncited = [path for path in kept if not any(fnmatchcase(path, pattern) for pattern, _ in rows(board))]
    assert not uncited, f"no row in {board.name}/README.md for {uncited}"
    missing = [pattern for pattern, _ in rows(board) if not any(fnmatchcase(path, pattern) for path in kept)]
    assert not missing, f"{board.name}/README.md cites {missing}, which root/ does not have"


@each_board
def test_every_citation_says_where_from(board: Path) -> None:
    vague = [pattern for pattern, source in rows(board) if not SOURCE.search(source)]
    assert not vague


@each_board
def test_no_row_of_the_table_is_misread(board: Path) -> None:
    lines = [line for line in (board / "README.md").read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    assert len(lines) == len(rows(board))


@each_board
def test_files_are_small_and_plain(board: Path) -> None:
    sizes = {inside(board, path): path.lstat().st_size for path in files(board)}
    assert {path: size for path, size in sizes.items() if size > LARGEST_FILE} == {}
    assert sum(sizes.values()) < LARGEST_BOARD
    odd = [inside(board, path) for path in files(board) if path.is_symlink() or not path.is_file()]
    assert not odd, "links and device nodes do not survive git and archives"


@each_board
def test_files_are_text(board: Path) -> None:
    trees = device_tree(board)
    for path in files(board):
        data = path.read_bytes()
        if path in trees:
            continue
        assert b"\0" not in data, path
        assert b"\r" not in data, path
        data.decode("ascii")
        assert not data or data.endswith(b"\n"), f"{path}: the kernel ends its files in a newline"


@each_board
def test_nothing_names_a_device_or_its_owner(board: Path) -> None:
    for path in [*files(board), board / "README.md"]:
        found = private(path.read_bytes().decode("utf-8", "replace"))
        assert not found, f"{path.relative_to(HERE)}: {found}"
        assert not private(path.relative_to(HERE).as_posix()), path


@each_board
def test_device_tree_strings_end_in_nul(board: Path) -> None:
    for path in device_tree(board):
        data = path.read_bytes()
        if path.name == "linux,revision":
            assert len(data) == 4, f"{path}: a big-endian word"
            continue
        assert data.endswith(b"\0"), path
        assert all(part.isascii() and part.decode().isprintable() and part for part in data[:-1].split(b"\0")), path


@each_board
def test_a_pi_is_the_same_pi_everywhere(board: Path) -> None:
    tree = board / "root" / "proc" / "device-tree"
    if not (tree / "system" / "linux,revision").exists():
        pytest.skip("not a Raspberry Pi")
    cpuinfo = (board / "root" / "proc" / "cpuinfo").read_text(encoding="ascii")
    said = dict(re.findall(r"^(Revision|Model)\s*: (.*)$", cpuinfo, re.M))
    assert int(said["Revision"], 16) == int.from_bytes((tree / "system" / "linux,revision").read_bytes(), "big")
    assert said["Model"] == (tree / "model").read_bytes().rstrip(b"\0").decode()


@each_board
def test_the_cpus_agree(board: Path) -> None:
    root = board / "root"
    processors = re.findall(r"^processor\s*: (\d+)$", (root / "proc/cpuinfo").read_text(encoding="ascii"), re.M)
    assert processors == [str(n) for n in range(len(processors))]
    online = root / "sys/devices/system/cpu/online"
    if online.exists():
        assert online.read_text(encoding="ascii") == f"0-{len(processors) - 1}\n"
    clocks = {int(path.parent.name[3:]) for path in root.glob("sys/devices/system/cpu/cpu*/cpufreq")}
    assert clocks <= set(range(len(processors)))


@pytest.mark.parametrize(
    "text",
    [
        "Serial\t\t: 100000000abcdef0\n",
        "aa:bb:cc:dd:ee:ff",
        "0123456789abcdef",
        "pi@raspberrypi",
        "/home/pi",
        "UUID=0ae98e99-6e14-42eb-8a22-1a86c44600cd",
    ],
)
def test_private_data_would_be_seen(text: str) -> None:
    assert private(text)


@pytest.mark.parametrize("text", ["0000:01:00.0", "npu@fdab0000", "GCID: 29818004", "CPU@39C", "12/03/2024"])
def test_ordinary_values_are_not_taken_for_private(text: str) -> None:
    assert not private(text)
