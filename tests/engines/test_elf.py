from __future__ import annotations

import os
import struct
import sys
from pathlib import Path

import pytest

from edgeseg.engines import elf
from edgeseg.errors import CandidateError, NotPermitted

OWN = Path(sys.executable).resolve().read_bytes()[:64]


def header(kind: int = 3, bits: int = 2, machine: int | None = None, order: int = 1) -> bytes:
    """The beginning of an ELF file, this machine's unless told otherwise."""
    content = bytearray(OWN)
    content[4], content[5] = bits, order
    sign = ">" if order == 2 else "<"
    content[16:18] = struct.pack(f"{sign}H", kind)
    if machine is not None:
        content[18:20] = struct.pack(f"{sign}H", machine)
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is no shared library; name the right file"),
        (b"not a library at all", "is no shared library"),
        (b"#!/bin/sh\necho hello, this is a script\n", "is no shared library"),
        (b"\x7fELF\x02\x01", "is no shared library"),
        (header(machine=183), r"is for 64-bit Arm, and this Python is for"),
        (header(machine=40, bits=1), r"is for 32-bit Arm, and this Python is for"),
        (header(machine=8, bits=1, order=2), r"is for machine 8 \(32-bit\), and"),
        (header(kind=2), "is no shared library but another ELF file"),
    ],
)
def test_what_cannot_be_loaded_is_told_of(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "lib.so"
    path.write_bytes(content)
    if "Arm" in says and OWN[18:20] in (content[18:20],):
        pytest.skip("this is such a machine")
    with pytest.raises(CandidateError, match=rf"^The library .*lib\.so {says}") as caught:
        elf.check(path, "The library")
    assert str(caught.value).endswith(".")


def test_what_is_not_there_or_a_folder_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(CandidateError, match=r"The library .*none\.so is not there; check --engine-library\."):
        elf.check(tmp_path / "none.so", "The library")
    with pytest.raises(CandidateError, match=r"cannot be read: Is a directory"):
        elf.check(tmp_path, "The library")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_told_of(tmp_path: Path) -> None:
    path = tmp_path / "lib.so"
    path.write_bytes(header())
    path.chmod(0)
    with pytest.raises(NotPermitted, match="may not be read by this user"):
        elf.check(path, "The library")


def test_a_library_of_this_machine_is_fine(tmp_path: Path) -> None:
    path = tmp_path / "lib.so"
    path.write_bytes(header())
    elf.check(path, "The library")
