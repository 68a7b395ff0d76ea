"""What every `FrameSource` must keep, the fake among them."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from edgeseg.capture.gst import GstSource
from edgeseg.capture.images import ImagesSource
from edgeseg.capture.picamera2 import Picamera2Source
from edgeseg.capture.v4l2 import CameraSource
from edgeseg.capture.v4l2_devices import cameras
from edgeseg.capture.video import VideoSource
from edgeseg.clock import SystemClock
from edgeseg.facts import Fact, Opened
from edgeseg.frames import Size
from edgeseg.ports import FrameSource, SourceWish
from edgeseg.testing.camera import FakeCapture
from edgeseg.testing.picamera2 import modules
from edgeseg.testing.source import FakeSource

SIZE = Size(64, 48)
WISH = SourceWish(size=SIZE, fps=Fraction(30))


@dataclass
class Case:
    source: FrameSource
    facts: list[Fact]
    ends_after: int | None
    announced: bool = True


def clip(path: Path, count: int) -> str:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = SIZE.width, SIZE.height, "yuv420p"
        for number in range(count):
            picture = np.full((SIZE.height, SIZE.width, 3), 20 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode())
    return str(path)


def folder(path: Path, count: int) -> str:
    path.mkdir()
    for number in range(count):
        cv2.imwrite(str(path / f"{number}.png"), np.full((SIZE.height, SIZE.width), 20 * number, np.uint8))
    return str(path)


KINDS = [
    "fake",
    "fake live",
    "video",
    "video realtime",
    "images",
    "camera",
    "real camera",
    "picamera2",
    "gst",
    "gst live",
]


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Case]:
    kind: str = request.param
    clock = SystemClock()

    def build() -> Case:
        facts: list[Fact] = []
        if kind == "fake":
            return Case(FakeSource(count=5), facts, 5, announced=False)
        if kind == "fake live":
            return Case(FakeSource(count=None, live=True, clock=clock, fps=Fraction(100)), facts, None, announced=False)
        if kind.startswith("video"):
            wish = SourceWish(realtime=kind == "video realtime")
            return Case(VideoSource(clip(tmp_path / "clip.mp4", 5), wish, clock, facts.append), facts, 5)
        if kind == "images":
            return Case(ImagesSource(folder(tmp_path / "pictures", 5), WISH, clock, facts.append), facts, 5)
        if kind == "camera":
            device = FakeCapture({"YUYV": [(SIZE, 30.0)]})
            return Case(CameraSource("0", WISH, clock, facts.append, lambda where: device), facts, None)
        if kind == "real camera":
            there = cameras()
            if not there:
                pytest.skip("no V4L2 camera here; the guest has one")
            return Case(CameraSource(str(there[0].path), SourceWish(), clock, facts.append), facts, None)
        if kind == "picamera2":
            for name, module in modules().items():
                monkeypatch.setitem(sys.modules, name, module)
            return Case(Picamera2Source("0", WISH, clock, facts.append), facts, None)
        if not shutil.which("gst-launch-1.0"):
            pytest.skip("gst-launch-1.0 is not installed: apt install gstreamer1.0-tools gstreamer1.0-plugins-base")
        head = "videotestsrc is-live=true" if kind == "gst live" else "videotestsrc num-buffers=5"
        where = f"{head} ! video/x-raw,width=64,height=48,framerate=30/1"
        return Case(GstSource(where, WISH, clock, facts.append), facts, None if kind == "gst live" else 5)

    return build


def test_frames_come_in_order_and_are_whole(make: Callable[[], Case]) -> None:
    case = make()
    source, info = case.source, case.source.info
    count = case.ends_after or 5
    frames = [source.read() for _ in range(count)]
    assert all(frame is not None for frame in frames)
    kept = [frame for frame in frames if frame is not None]
    assert [frame.index for frame in kept] == list(range(count))
    times = [frame.time_s for frame in kept]
    assert times == sorted(times)
    arrivals = [frame.captured_at for frame in kept]
    assert arrivals == sorted(arrivals)
    assert kept[0].size == info.size
    for frame in kept:
        assert frame.planes.size == frame.size.even
        assert all(plane.dtype == np.uint8 and plane.strides[1] == 1 for plane in frame.planes)
    if case.ends_after:
        assert source.read() is None
        assert source.read() is None
        assert info.frames in (None, count)
    source.close()


def test_planes_are_not_written_again_while_a_frame_is_held(make: Callable[[], Case]) -> None:
    source = make().source
    first = source.read()
    assert first is not None
    before = [plane.copy() for plane in first.planes]
    for _ in range(4):
        source.read()
    assert all(np.array_equal(was, now) for was, now in zip(before, first.planes, strict=True))
    source.close()
    assert all(np.array_equal(was, now) for was, now in zip(before, first.planes, strict=True))


def test_it_says_what_it_is(make: Callable[[], Case]) -> None:
    case = make()
    info = case.source.info
    assert info.detail
    assert "\n" not in info.detail
    if case.announced:
        assert Opened("source", info.detail) in case.facts
    if case.ends_after is None:
        assert info.live
        assert info.frames is None
    case.source.close()


def test_close_ends_it_for_good_and_may_be_called_again(make: Callable[[], Case]) -> None:
    source = make().source
    assert source.read() is not None
    source.close()
    source.close()
    assert source.read() is None
    assert source.read() is None


def test_close_from_another_thread_lets_read_return_within_a_second(make: Callable[[], Case]) -> None:
    source = make().source
    closed_at: list[float] = []

    def close() -> None:
        time.sleep(0.05)
        closed_at.append(time.monotonic())
        source.close()

    closer = threading.Thread(target=close)
    closer.start()
    while source.read() is not None:
        pass
    ended = time.monotonic()
    closer.join()
    assert ended - closed_at[0] < 1.0


def test_no_thread_or_child_is_left(make: Callable[[], Case]) -> None:
    before = set(threading.enumerate())
    source = make().source
    source.read()
    source.close()
    deadline = time.monotonic() + 2
    while set(threading.enumerate()) - before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not set(threading.enumerate()) - before
