"""What an engine's process and its parent share: pictures and masks in memory without a name, and short messages.

Memory without a name (memfd) and inherited descriptors leave nothing behind, whoever is killed and however. A frame
costs two messages of some bytes on a socket pair, which also tells either side that the other one is gone.
"""

from __future__ import annotations

import dataclasses
import mmap
import os
import socket
import struct
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeseg.frames import F32
from edgeseg.ports import EngineReport, ModelIO

LARGEST = 1 << 17  # bytes of a message: the first ones hold a report, the others a number and a sentence
LOG_BYTES = 1 << 18
ANSWERED, FAILED = 0, 1
_QUESTION = struct.Struct("<Q")
_ANSWER = struct.Struct("<QB")


class SharedFrames:
    """One picture (`given`) and one mask (`answer`) in memory that both processes map."""

    def __init__(self, descriptor: int, io: ModelIO) -> None:
        """descriptor: from `memory`; it may be closed afterwards."""
        shape, dtype = (io.height, io.width, 3), np.dtype(io.dtype)
        start = _pages(int(np.prod(shape)) * dtype.itemsize)
        self._map = mmap.mmap(descriptor, size_of(io))
        self.given: npt.NDArray[Any] = np.frombuffer(self._map, dtype, int(np.prod(shape))).reshape(shape)
        self.answer: F32 = np.frombuffer(self._map, np.float32, io.height * io.width, start).reshape(shape[:2])


def size_of(io: ModelIO) -> int:
    """Bytes of the memory that a picture and its mask share."""
    return _pages(io.height * io.width * 3 * np.dtype(io.dtype).itemsize) + _pages(io.height * io.width * 4)


def _pages(size: int) -> int:
    return -(-size // mmap.PAGESIZE) * mmap.PAGESIZE


def memory(name: str, size: int, content: bytes = b"") -> int:
    """A descriptor of memory of that size, with `content` at its start; it can neither grow nor shrink."""
    import fcntl

    descriptor = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.truncate(descriptor, size)
    if content:
        os.pwrite(descriptor, content, 0)
    # Sealed, so that what one side does wrong cannot fill the memory or end the other with SIGBUS.
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK)
    return descriptor


def pair() -> tuple[socket.socket, socket.socket]:
    """Two ends that keep messages apart; neither is inherited by itself."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def question(number: int) -> bytes:
    """The message that asks for the mask of the shared picture."""
    return _QUESTION.pack(number)


def number_of(message: bytes) -> int:
    """The number of a question."""
    number: int = _QUESTION.unpack(message)[0]
    return number


def answer(number: int, fault: str | None = None) -> bytes:
    """The message that says that the shared mask is the answer to that question, or why there is none."""
    if fault is None:
        return _ANSWER.pack(number, ANSWERED)
    return _ANSWER.pack(number, FAILED) + fault.encode("utf-8", "replace")[: LARGEST // 2]


def answer_of(message: bytes) -> tuple[int, str | None]:
    """(number of the question, the fault or None); raises ValueError for what is no answer."""
    if len(message) < _ANSWER.size:
        raise ValueError(f"an answer of {len(message)} bytes")
    number, state = _ANSWER.unpack_from(message)
    return number, None if state == ANSWERED else message[_ANSWER.size :].decode("utf-8", "replace")


def report_fields(report: EngineReport) -> dict[str, Any]:
    """For JSON."""
    return dataclasses.asdict(report)


def report_of(fields: dict[str, Any]) -> EngineReport:
    """From JSON."""
    return EngineReport(**{**fields, "evidence": tuple(fields["evidence"])})
