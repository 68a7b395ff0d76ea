"""The parts of picamera2 and libcamera that `Picamera2Source` uses, without a Raspberry Pi."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np

from edgeseg.frames import U8


class FakePicamera2:
    """A camera whose rows are padded to 64 bytes, and which runs dry when requests are not released.

    models: the cameras there are. busy: opening fails as it does when another process has the camera.
    stall: requests do not come. opened: every camera made, newest last; history: what was done to it.
    """

    models: ClassVar[list[str]] = ["imx708"]
    busy: ClassVar[bool] = False
    opened: ClassVar[list[FakePicamera2]] = []

    def __init__(self, number: int) -> None:
        if self.busy:
            raise RuntimeError("Camera __init__ sequence did not complete.")
        self.number, self.history, self.lent = number, list[str](), 0
        self.stall = threading.Event()
        self.camera_controls = {"FrameDurationLimits": (1, 1_000_000, None)}
        self._configuration: dict[str, Any] = {}
        type(self).opened.append(self)

    @classmethod
    def global_camera_info(cls) -> list[dict[str, Any]]:
        """One dict a camera."""
        return [{"Model": model, "Num": number} for number, model in enumerate(cls.models)]

    def create_video_configuration(self, main: dict[str, Any], **others: Any) -> dict[str, Any]:
        """A configuration to be given to `configure`."""
        self._buffers = others["buffer_count"]
        return {"main": dict(main), **others}

    def configure(self, configuration: dict[str, Any]) -> None:
        """Apply it; the stride becomes known."""
        stream = configuration["main"]
        stream["stride"] = -(-stream["size"][0] // 64) * 64
        self._configuration = configuration

    def camera_configuration(self) -> dict[str, Any]:
        """What is in force."""
        return self._configuration

    def start(self) -> None:
        """Begin to stream."""
        self.history.append("start")

    def capture_request(self) -> FakeRequest:
        """The next picture, when it comes."""
        assert "start" in self.history, "not started"
        assert self.lent < self._buffers, "every buffer is lent out"
        while self.stall.is_set() and "stop" not in self.history:
            threading.Event().wait(0.01)
        self.lent += 1
        return FakeRequest(self)

    def stop(self) -> None:
        """End to stream."""
        self.history.append("stop")

    def close(self) -> None:
        """Let go of the camera."""
        self.history.append("close")


class FakeRequest:
    """A picture: Y counts the columns, U is 90, V is 160, and the padding 255."""

    def __init__(self, camera: FakePicamera2) -> None:
        self._camera = camera

    def make_buffer(self, name: str) -> U8:
        """A copy of the stream's memory, flat."""
        stream = self._camera.camera_configuration()[name]
        (width, height), stride = stream["size"], stream["stride"]
        luma = np.full((height, stride), 255, np.uint8)
        luma[:, :width] = np.arange(width) % 200
        chroma = np.full((2, height // 2, stride // 2), 255, np.uint8)
        chroma[0, :, : width // 2], chroma[1, :, : width // 2] = 90, 160
        return np.concatenate([luma.reshape(-1), chroma.reshape(-1)])

    def release(self) -> None:
        """Give the buffer back."""
        self._camera.lent -= 1


def modules() -> dict[str, Any]:
    """What to put into `sys.modules` so that the fakes are found."""
    space = SimpleNamespace(Smpte170m=lambda: "Smpte170m")
    return {"picamera2": SimpleNamespace(Picamera2=FakePicamera2), "libcamera": SimpleNamespace(ColorSpace=space)}
