"""Files are read below the root only, never wait, and what is strange becomes a note."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgeseg.probe.tree import MAX_BYTES, Tree


def whys(tree: Tree) -> list[str]:
    return [note.why for note in tree.notes]


def test_links_are_followed_inside_the_root(board, root, tmp_path):
    (tmp_path / "secret").write_text("secret")
    tree = board(
        {
            "/sys/devices/a/name": "rail",
            "/sys/class/x/one": "-> /sys/devices/a",
            "/sys/class/x/two": "-> ../../devices/a",
            "/sys/class/x/three": "-> /../../../../sys/devices/a",
            "/sys/class/x/out": f"-> {tmp_path}/secret",
            "/sys/class/x/up": "-> ../../../../../secret",
        }
    )
    assert [tree.string(f"/sys/class/x/{name}/name").value for name in ("one", "two", "three")] == ["rail"] * 3
    assert tree.text("/sys/class/x/out") is None
    assert tree.text("/sys/class/x/up") is None
    assert tree.text("/../secret") is None
    assert tree.notes == []


def test_a_link_inside_a_root_with_the_same_path_as_outside(board, root):
    tree = board({"/etc/hostname": f"-> {Path('/etc/os-release')}", "/etc/os-release": "ID=inside\n"})
    assert tree.text("/etc/hostname") == "ID=inside\n"


def test_circles_end(board):
    tree = board({"/a": "-> /b", "/b": "-> /a", "/c": "-> c/c/c"})
    assert tree.data("/a") is None
    assert tree.data("/c/x") is None
    assert tree.names("/a", ".*") == []
    assert not tree.exists("/b")
    assert whys(tree) == ["is a link that leads in circles"] * 2


def test_pipes_sockets_devices_and_folders_are_not_read(board, root):
    tree = board({"/folder/": "", "/dev/link": "-> /pipe"})
    os.mkfifo(root / "pipe")
    for path in ("/pipe", "/folder", "/dev/link"):
        assert tree.data(path) is None
    assert set(whys(tree)) == {"is no regular file"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes device nodes")
def test_a_device_is_found_but_never_opened(board, root):
    tree = board({"/dev/": ""})
    os.mknod(root / "dev/endless", 0o020666, os.makedev(1, 5))  # like /dev/zero
    assert tree.exists("/dev/endless")
    assert tree.data("/dev/endless") is None


def test_long_files_are_cut_at_a_line(board):
    tree = board({"/long": b"0123456789abcde\n" * 5000, "/name": b"x" * 70_000, "/exact": b"1" * 300})
    assert len(tree.data("/long")) == MAX_BYTES == len(tree.data("/long"))
    assert tree.text("/long").endswith("e\n")
    assert tree.string("/name") is None
    assert tree.string("/exact") is None
    assert "is longer than 64 kB; the rest was not read" in whys(tree)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"abc\n", "holds 'abc', which is no number"),
        (b"12 13\n", "holds '12 13', which is no number"),
        (b"\xd9\xa1\n", "holds '\u0661', which is no number"),
        (b"1_0\n", "holds '1_0', which is no number"),
        (b"9" * 30, f"holds '{'9' * 30}', which is no number"),
        (b"101\n", "holds 101, which is not from 0 to 100"),
        (b"-1\n", "holds -1, which is not from 0 to 100"),
        (b"1\x002\n", "is not text"),
        (b"\xff\xfe\n", "holds '\ufffd\ufffd', which is no number"),
    ],
)
def test_strange_numbers(board, content, why):
    tree = board({"/sys/number": content})
    assert tree.integer("/sys/number", 0, 100) is None
    assert [(note.where, note.why) for note in tree.notes] == [("/sys/number", why)]


@pytest.mark.parametrize("content", [b"", b"\x1b[31mred", b"two\nlines", b"a" * 300, b"\xff\xfe", b"a\0b"])
def test_strange_names(board, content):
    tree = board({"/name": content})
    assert tree.string("/name") is None
    assert len(tree.notes) == 1


def test_what_is_missing_is_no_matter(board):
    tree = board({"/file": "x"})
    for path in ("/no", "/no/file", "/file/below", "/" + "x" * 300, "/" + "y/" * 3000, "/nul\0"):
        assert tree.data(path) is None
        assert not tree.exists(path)
        assert tree.names(path, ".*") == []
    assert tree.notes == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read all")
def test_what_may_not_be_read(board, root):
    tree = board({"/sys/energy_uj": "1"})
    (root / "sys/energy_uj").chmod(0)
    assert tree.integer("/sys/energy_uj", 0, 10) is None
    assert whys(tree) == ["may not be read by this user"]


def test_lists_of_a_device_tree(board):
    tree = board({"/good": b"raspberrypi,5-model-b\0brcm,bcm2712\0", "/bad": b"\0\0\0", "/ugly": b"a\0\xff\0b\0"})
    assert tree.strings("/good").value == ("raspberrypi,5-model-b", "brcm,bcm2712")
    assert tree.strings("/bad") is None
    assert tree.strings("/ugly").value == ("a", "b")
    assert tree.strings("/no") is None


def test_names_are_sorted_by_number_and_limited(board):
    tree = board({f"/sys/cpu{number}/": "" for number in (10, 2, 1)} | {"/sys/other/": ""})
    assert tree.names("/sys", r"cpu\d+") == ["/sys/cpu1", "/sys/cpu2", "/sys/cpu10"]
    assert tree.names("/sys", r"cpu\d+", most=2) == ["/sys/cpu1", "/sys/cpu2"]
    assert len(tree.notes) == 1


def test_no_root_at_all(tmp_path):
    tree = Tree(tmp_path / "nowhere")
    assert tree.data("/proc/cpuinfo") is None
    assert tree.names("/sys", ".*") == []
