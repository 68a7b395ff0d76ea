from __future__ import annotations

import ctypes
import os
from pathlib import Path

import pytest

from edgeseg.engines import evidence


def test_what_libraries_write_is_heard_and_passed_on(capfd: pytest.CaptureFixture[str]) -> None:
    libc = ctypes.CDLL(None)
    with evidence.Heard() as heard:
        libc.write(2, b"by a library\n", 13)
        assert heard.listen() == "by a library\n"
        os.write(2, b"and more\n")
    assert heard.text == "by a library\nand more\n"
    os.write(2, b"not this\n")
    assert heard.text == "by a library\nand more\n"
    assert capfd.readouterr().err == "by a library\nand more\nnot this\n"


def test_stderr_that_is_a_log_is_read_where_it_is(tmp_path: Path) -> None:
    """As in an engine's process: what was written stays there if the process dies within the block."""
    kept = os.dup(2)
    log = os.open(tmp_path / "log", os.O_RDWR | os.O_CREAT)
    try:
        os.dup2(log, 2)
        os.write(2, b"before\n")
        with evidence.Heard() as heard:
            os.write(2, b"within\n")
            assert (tmp_path / "log").read_bytes() == b"before\nwithin\n"
        assert heard.text == "within\n"
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(log)
    assert (tmp_path / "log").read_bytes() == b"before\nwithin\n"


@pytest.mark.parametrize(
    "line",
    [
        "INFO: [environment.cc:36] Selected adapter: X, arch=y",
        "I0000 00:00:1795557704.969442    6628 environment.cc:532] Selected adapter: X, arch=y",
        "└ Selected adapter: X,   arch=y.",
        "WARNING: Selected adapter: X, arch=y",
        "Selected adapter: X, arch=y",
    ],
)
def test_a_sentence_is_without_time_and_place(line: str) -> None:
    assert evidence.sentence(f"INFO: [a.cc:1] other\n{line}\nmore", "Selected") == "Selected adapter: X, arch=y"
    assert evidence.sentence("nothing", "Selected") is None


def test_loaded_libraries_are_those_in_memory(tmp_path: Path) -> None:
    maps = tmp_path / "maps"
    maps.write_text(
        "7f0 r-xp 0 08:01 1   /opt/a b/libopenvino.so.2631\n7f1 r--p 0 08:01 1   /opt/a b/libopenvino.so.2631\n"
        "7f2 rw-p 0 00:00 0   [heap]\n7f3 rw-p 0 00:00 0 \n7f4 r-xp 0 08:01 2   /usr/bin/python3.11\n"
        "7f5 r-xp 0 08:01 3   /usr/lib/libvulkan_lvp.so\n"
    )
    assert evidence.loaded_libraries(maps) == ["/opt/a b/libopenvino.so.2631", "/usr/lib/libvulkan_lvp.so"]
    assert evidence.loaded(r"libvulkan_", maps) == "/usr/lib/libvulkan_lvp.so"
    assert evidence.loaded(r"libmali", maps) is None
    assert evidence.loaded_libraries(tmp_path / "none") == []
    assert any("libc" in one for one in evidence.loaded_libraries())
