"""What V4l2Sink asks of a driver, answered by a function."""

from __future__ import annotations

import os
import struct

from edgeseg.sinks import v4l2


class Driver:
    """Answers the two calls as v4l2loopback does. Levers: `caps`, `fails` by request, `forced` size."""

    def __init__(self, caps: int = 0x2, name: bytes = b"v4l2 loopback") -> None:
        self.caps, self.name = caps, name
        self.fails: dict[int, int] = {}
        self.forced: tuple[int, int] | None = None
        self.formats: list[tuple[int, ...]] = []

    def __call__(self, fd: int, request: int, data: bytearray) -> int:
        if request in self.fails:
            raise OSError(self.fails[request], os.strerror(self.fails[request]))
        if request == v4l2._QUERYCAP:
            caps = (0x8500_0003, self.caps | 0x0500_0000)
            data[:] = struct.pack("16s32s32sIII12x", self.name, b"edgeseg", b"platform", 0x60000, *caps)
        elif request == v4l2._S_FMT:
            self.formats.append(struct.unpack_from("I", data) + struct.unpack_from("12I", data, struct.calcsize("I0P")))
            if self.forced:
                struct.pack_into("II", data, struct.calcsize("I0P"), *self.forced)
        else:
            assert request == 0x4004_5612  # VIDIOC_STREAMON
        return 0
