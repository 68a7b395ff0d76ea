"""Whether a file is a shared library that this process could load, so that a wrong one is told of and not tried.

Source: elf(5). The loader's own words would be "wrong ELF class: ELFCLASS32" or "invalid ELF header".
"""

from __future__ import annotations

import struct
from pathlib import Path

from edgeseg.errors import CandidateError, NotPermitted

_MACHINES = {3: "32-bit x86", 40: "32-bit Arm", 62: "x86-64", 183: "64-bit Arm", 243: "RISC-V"}
_SHARED_OBJECT = 3
_HEADER = 20  # bytes: identification, type, machine


def check(library: Path, what: str, own: Path = Path("/proc/self/exe")) -> None:
    """Raise CandidateError (NotPermitted) with the reason if `library` cannot be loaded here; `what`: whose it is."""
    try:
        header = _header(library)
    except FileNotFoundError:
        raise CandidateError(f"{what} {library} is not there; check --engine-library.") from None
    except PermissionError:
        raise NotPermitted(f"{what} {library} may not be read by this user; change its permissions.") from None
    except OSError as error:
        raise CandidateError(f"{what} {library} cannot be read: {error.strerror}; check --engine-library.") from None
    if len(header) < _HEADER or header[:4] != b"\x7fELF":
        raise CandidateError(f"{what} {library} is no shared library; name the right file, or install it again.")
    try:
        ours = _header(own)
    except OSError:
        return
    if header[4:6] != ours[4:6] or _machine(header) != _machine(ours):
        raise CandidateError(
            f"{what} {library} is for {_name(header)}, and this Python is for {_name(ours)}; install the one for it."
        )
    if struct.unpack_from(_order(header) + "H", header, 16)[0] != _SHARED_OBJECT:
        raise CandidateError(f"{what} {library} is no shared library but another ELF file; name the right one.")


def _header(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(_HEADER)


def _order(header: bytes) -> str:
    return ">" if header[5] == 2 else "<"


def _machine(header: bytes) -> int:
    machine: int = struct.unpack_from(_order(header) + "H", header, 18)[0]
    return machine


def _name(header: bytes) -> str:
    bits = {1: "32", 2: "64"}.get(header[4], "?")
    return _MACHINES.get(_machine(header), f"machine {_machine(header)} ({bits}-bit)")
