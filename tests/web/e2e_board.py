"""`edgeseg` as a process of its own on a board whose camera is a fake: the driver alone is one, the rest is real.

python e2e_board.py FOLDER ARGUMENTS...: the command with these arguments. Two cameras are there, /dev/video0 and
/dev/video1, which show FOLDER/scene.npy, (N, 1080, 1280) uint8 I420 of 1280x720, over and over at 25 frames a second.
While FOLDER/unplugged exists, neither gives anything or can be opened.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from edgeseg.capture import v4l2, v4l2_devices
from edgeseg.errors import SourceError
from edgeseg.frames import U8, Size
from edgeseg.testing.camera import FakeCapture

FPS = 25.0
SIZE = Size(1280, 720)


class Device(FakeCapture):
    """One camera, opened."""

    def __init__(self, scene: U8, unplugged: Path) -> None:
        super().__init__({"YU12": [(SIZE, FPS)]})
        self._scene, self._unplugged, self._due_s, self._number = scene, unplugged, time.monotonic(), 0

    def read(self) -> tuple[bool, U8 | None]:
        self._due_s = max(self._due_s + 1 / FPS, time.monotonic() - 0.1)
        time.sleep(max(0.0, self._due_s - time.monotonic()))
        if self._unplugged.exists():
            return False, None
        self.history.clear()
        self._number += 1
        return True, self._scene[self._number % len(self._scene)].reshape(1, -1)


def main(folder: Path) -> None:
    scene, unplugged = np.load(folder / "scene.npy", mmap_mode="r"), folder / "unplugged"

    def open_device(where: str) -> Device:
        if unplugged.exists() or Path(where).name not in ("video0", "video1"):
            raise SourceError(f"There is no camera {where}.")
        return Device(scene, unplugged)

    def cameras(*_: object) -> list[v4l2_devices.Camera]:
        if unplugged.exists():
            return []
        return [
            v4l2_devices.Camera(Path(f"/dev/video{n}"), name) for n, name in enumerate(("Front camera", "Desk camera"))
        ]

    v4l2.open_device = open_device
    v4l2_devices.cameras = cameras
    from edgeseg.__main__ import main as command

    command()


if __name__ == "__main__":
    where = Path(sys.argv.pop(1))
    sys.argv[0] = "edgeseg"
    main(where)
