"""A Video4Linux camera as OpenCV shows one, without the camera: a stand-in for `cv2.VideoCapture`."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from edgeseg.frames import U8, Size

Offer = tuple[Size, float]
"""A size, and the most frames a second it is given at."""


class FakeCapture:
    """Has the formats of `offers` ({"YUYV": [(Size(640, 480), 30.0)]}) and answers as a driver does: with the nearest.

    It opens in the first format. raws: what `read` hands out in a row, the last for ever; without them a flat
    grey (128) of the size of the format. flat: rows come as (1, N), as some drivers' do. stall_at: that read
    waits until `resume` (`release` does not end it, as with the real one). gone_at: from that read on there is
    nothing. history: "set FOURCC=YUYV", "read", "release", ...
    """

    def __init__(
        self,
        offers: Mapping[str, Sequence[Offer]],
        raws: Sequence[U8] = (),
        *,
        flat: bool = False,
        stall_at: int | None = None,
        gone_at: int | None = None,
    ) -> None:
        self.offers, self.raws, self.flat = {name: list(modes) for name, modes in offers.items()}, list(raws), flat
        self.stall_at, self.gone_at = stall_at, gone_at
        self.history: list[str] = []
        self.format = next(iter(self.offers))
        self.size, self.fps = self.offers[self.format][0]
        self.raw_rows = False
        self._asked = {"width": 0.0, "fps": 0.0}
        self._reads, self._resumed, self.released = 0, threading.Event(), threading.Event()

    def set(self, prop: int, value: float, /) -> bool:
        """Take a wish and negotiate."""
        assert not self.released.is_set(), "set after release"
        if prop == cv2.CAP_PROP_CONVERT_RGB:
            self.raw_rows = not value
        elif prop == cv2.CAP_PROP_FOURCC:
            name = int(value).to_bytes(4, "little").decode("ascii")
            self.history.append(f"set FOURCC={name}")
            if name not in self.offers:
                return False
            self.format = name
            self.size, self.fps = self.offers[name][0]
        elif prop == cv2.CAP_PROP_FRAME_WIDTH:
            self._asked["width"] = value
        elif prop == cv2.CAP_PROP_FRAME_HEIGHT:
            area = self._asked["width"] * value
            self.size, self.fps = min(
                self.offers[self.format], key=lambda offer: abs(offer[0].width * offer[0].height - area)
            )
        elif prop == cv2.CAP_PROP_FPS:
            self.fps = min(self.fps, value)
        return True

    def get(self, prop: int, /) -> float:
        """What was negotiated."""
        answers = {
            cv2.CAP_PROP_FOURCC: float(int.from_bytes(self.format.encode("ascii"), "little")),
            cv2.CAP_PROP_FRAME_WIDTH: float(self.size.width),
            cv2.CAP_PROP_FRAME_HEIGHT: float(self.size.height),
            cv2.CAP_PROP_FPS: self.fps,
        }
        return answers.get(prop, 0.0)

    def read(self) -> tuple[bool, Any]:
        """The next raw picture."""
        assert not self.released.is_set(), "read after release"
        assert self.raw_rows, "raw rows were not asked for"
        number, self._reads = self._reads, self._reads + 1
        self.history.append("read")
        if number == self.stall_at:
            self._resumed.wait()
        if self.gone_at is not None and number >= self.gone_at:
            return False, None
        raw = self.raws[min(number, len(self.raws) - 1)] if self.raws else np.full(self._bytes(), 128, np.uint8)
        return True, raw.reshape(1, -1) if self.flat else raw

    def resume(self) -> None:
        """End a stall."""
        self._resumed.set()

    def release(self) -> None:
        """Let go of the device."""
        self.history.append("release")
        self.released.set()

    def _bytes(self) -> int:
        halves = {"YU12": 3, "NV12": 3, "YUYV": 4, "GREY": 2, "BGR3": 6}
        return self.size.width * self.size.height * halves[self.format] // 2
