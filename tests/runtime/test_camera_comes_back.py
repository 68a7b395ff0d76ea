"""CameraSource in a live run: unplugged, under another number, still, garbage, another format; found again each time.

The real source on a driver that is a fake, and a /sys that is a folder. Each fault five times, each frame looked at.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from scene import GREY, ROOM, Scene, finder

from edgeseg import search
from edgeseg.backgrounds.color import ColorBackground
from edgeseg.build import Opener
from edgeseg.capture import v4l2
from edgeseg.capture.v4l2 import CameraSource
from edgeseg.clock import SystemClock
from edgeseg.errors import SourceError
from edgeseg.facts import Degraded, Fact
from edgeseg.frames import U8, Frame, Planes
from edgeseg.pipeline import Pipeline
from edgeseg.ports import FrameSource, ModelIO
from edgeseg.runtime import Limits, Runtime
from edgeseg.testing.camera import FakeCapture
from edgeseg.testing.engine import FakeEngine
from edgeseg.testing.sink import FakeSink

SCENE = Scene()
PLACE = (128, 76)
CLOCK = SystemClock()
TIMES = 5
FPS = 50.0
JPEGS_OWN = abs(ROOM[1] - 128) // 12  # what a JPEG spreads of the room's colour into the ring around the person


def raws() -> dict[str, U8]:
    """The scene as a camera gives it, by the format."""
    planes = Planes.allocate(SCENE.size)
    SCENE.paint(PLACE, planes)
    i420 = np.concatenate([plane.reshape(-1) for plane in planes])
    bgr = cv2.cvtColor(i420.reshape(-1, SCENE.size.width), cv2.COLOR_YUV2BGR_I420)
    jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 98])[1].reshape(1, -1)
    return {"YU12": i420.reshape(1, -1), "MJPG": np.asarray(jpeg, np.uint8)}


RAWS = raws()


class Device(FakeCapture):
    """Gives the scene at its rate; `fault` is what it does wrong from now on."""

    def __init__(self, format: str) -> None:
        super().__init__({format: [(SCENE.size, FPS)]}, [RAWS[format]])
        self.fault = ""
        self.freed = threading.Event()

    def read(self) -> tuple[bool, U8 | None]:
        if self.fault == "still":
            self.freed.wait(60)
        time.sleep(1 / FPS)
        ok, raw = super().read()
        if self.fault in ("unplugged", "still"):
            return False, None
        if self.fault == "garbage":
            return True, np.frombuffer(np.random.default_rng(len(self.history)).bytes(900), np.uint8).reshape(1, -1)
        if self.fault == "cut short":
            return True, raw[:, : raw.size // 2]
        return ok, raw


class Bench:
    """A camera on a USB port, which can be pulled out and put in elsewhere."""

    def __init__(self, root: Path) -> None:
        self.root, self.number, self.plugged = root, 0, True
        self.format = "YU12"
        self.devices: list[Device] = []
        self.opened: list[str] = []
        (root / "dev").mkdir()
        self._node()

    def _node(self) -> None:
        usb = self.root / "sys/devices/usb1/1-1"
        folder = usb / "1-1:1.0/video4linux" / f"video{self.number}"
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in {
            usb / "idVendor": "046d", usb / "idProduct": "0825", usb / "serial": "A1",
            folder / "name": "Webcam", folder / "index": "0",
        }.items():  # fmt: skip
            path.write_text(text + "\n")
        device, link = folder / "device", self.root / f"sys/class/video4linux/video{self.number}"
        if not device.is_symlink():
            device.symlink_to(usb / "1-1:1.0")
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(folder)

    def pull(self) -> None:
        (self.root / f"sys/class/video4linux/video{self.number}").unlink()
        self.plugged = False

    def plug(self, number: int) -> None:
        self.number, self.plugged = number, True
        self._node()

    def open(self, where: str) -> Device:
        self.opened.append(Path(where).name)
        if not self.plugged or Path(where).name != f"video{self.number}":
            raise SourceError(f"There is no camera {where}.")
        if self.devices and not self.devices[-1].released.is_set():
            raise SourceError(f"{where} is in use by another program.")
        self.devices.append(Device(self.format))
        return self.devices[-1]


class Line:
    """A live run of that camera, whose every frame out is looked at."""

    def __init__(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        def source(where: str, wish, clock, emit) -> FrameSource:  # type: ignore[no-untyped-def]
            return CameraSource(where, wish, clock, emit, bench.open, bench.root)  # type: ignore[arg-type]

        monkeypatch.setattr("edgeseg.build.open_source", lambda spec, *rest: source("0", *rest))
        from edgeseg.ports import SourceWish

        self.facts: list[Fact] = []
        self.leaks: list[str] = []
        self.seen: list[bool] = []  # by frame, whether the person is in it
        opener = Opener("camera:0", SourceWish(SCENE.size), CLOCK, self.facts.append)
        engine = FakeEngine(ModelIO(72, 128), finder())
        pipeline = Pipeline(engine, ColorBackground(GREY), SCENE.known(), CLOCK, refine=False)
        sink = FakeSink(keep=2, slow=self.look)
        limits = Limits(max_mask_age_s=5.0, seek_s=None)
        self.runtime = Runtime(opener(), pipeline, sink, CLOCK, self.facts.append, limits, reopen=opener)

    def look(self, frame: Frame) -> None:
        colour = max(int(np.abs(plane.astype(int) - 128).max()) for plane in (frame.planes.u, frame.planes.v))
        if colour > JPEGS_OWN:
            self.leaks.append(f"{frame.index}: colour of the room: {colour}")
        self.seen.append(frame.planes.y[PLACE[1], PLACE[0]] < 60)

    def shows(self, what: bool) -> bool:
        return len(self.seen) > 3 and all(one is what for one in map(bool, self.seen[-3:]))


def soon(true: Callable[[], object], seconds: float = 20) -> bool:
    return any(true() or time.sleep(0.01) for _ in range(int(seconds * 100)))


@pytest.mark.parametrize("format", ["YU12", "MJPG"])
@pytest.mark.parametrize("fault", ["unplugged", "still", "garbage", "cut short", "format"])
def test_it_is_covered_and_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str, format: str) -> None:
    monkeypatch.setattr(search, "GIVEN_UP_S", 0.6)
    monkeypatch.setattr(v4l2, "_DAMAGED_IN_A_ROW", 10)
    bench = Bench(tmp_path)
    bench.format = format
    line = Line(bench, monkeypatch)
    thread = threading.Thread(target=line.runtime.run)
    thread.start()
    took_s = []
    try:
        for time_ in range(TIMES):
            assert soon(lambda: line.shows(True))
            device, openings, mark = bench.devices[-1], len(bench.devices), len(line.seen)
            device.fault = "cut short" if fault == "format" else fault
            if fault == "format":
                bench.format = {"YU12": "MJPG", "MJPG": "YU12"}[device.format]
            if fault == "unplugged":
                bench.pull()
            assert soon(lambda mark=mark: not all(line.seen[mark:])), "a cover"  # type: ignore[misc]
            if fault == "unplugged":
                time.sleep(0.3)
                assert line.shows(False)
                bench.plug(2 + time_)
            began_s = time.monotonic()
            if fault == "still":  # the driver lets go of it when it answers again
                device.freed.set()
            assert soon(lambda openings=openings: len(bench.devices) > openings), bench.opened  # type: ignore[misc]
            assert soon(lambda: line.shows(True))
            took_s.append(time.monotonic() - began_s)
    finally:
        line.runtime.stop()
        for device in bench.devices:
            device.freed.set()
        thread.join()
    assert line.leaks == []
    lost = [fact for fact in line.facts if isinstance(fact, Degraded) and fact.cause == "source_lost"]
    assert len(lost) == TIMES
    print(f"{fault} {format}: to frames after {', '.join(f'{one:.2f}' for one in took_s)} s")
