"""Raspberry Pi cameras, on a stand-in for picamera2."""

from __future__ import annotations

import sys
from fractions import Fraction

import numpy as np
import pytest

from edgeseg.capture import picamera2
from edgeseg.capture.picamera2 import Picamera2Source, unpad
from edgeseg.clock import SystemClock
from edgeseg.errors import NotPermitted, SourceError
from edgeseg.frames import Planes, Size
from edgeseg.ports import SourceWish
from edgeseg.testing.picamera2 import FakePicamera2, modules


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> type[FakePicamera2]:
    for name, module in modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    return FakePicamera2


def open_camera(where: str = "0", wish: SourceWish = SourceWish()) -> Picamera2Source:  # noqa: B008
    return Picamera2Source(where, wish, SystemClock(), lambda fact: None)


def test_padded_rows_are_cut_and_requests_given_back(library: type[FakePicamera2]) -> None:
    source = open_camera(wish=SourceWish(size=Size(100, 60), fps=Fraction(25)))
    assert source.info.detail == "picamera2 0: YUV420 100x60 at 25 fps"
    camera = library.opened[-1]
    assert camera.camera_configuration()["controls"] == {"FrameDurationLimits": (40_000, 40_000)}
    assert camera.camera_configuration()["colour_space"] == "Smpte170m"
    for index in range(10):
        frame = source.read()
        assert frame is not None
        assert (frame.index, frame.size) == (index, Size(100, 60))
        assert np.array_equal(frame.planes.y[0], np.arange(100))
        assert (np.unique(frame.planes.u), np.unique(frame.planes.v)) == (90, 160)
    source.close()
    assert camera.history == ["start", "stop", "close"]


def test_without_the_library() -> None:
    with pytest.raises(SourceError) as caught:
        open_camera()
    assert str(caught.value).startswith(
        "picamera2 is not installed for this Python; install it by apt install python3-picamera2, and make the "
        "virtual environment with --system-site-packages ("
    )


def test_no_such_camera(library: type[FakePicamera2], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SourceError) as caught:
        open_camera("1")
    assert str(caught.value) == "libcamera sees no camera 1, but 0 (imx708); check the cable with rpicam-hello --list."
    monkeypatch.setattr(library, "models", [])
    with pytest.raises(SourceError, match="sees no camera 0, but none; check the cable"):
        open_camera("")
    with pytest.raises(SourceError, match=r"^picamera2:front is no camera number; use picamera2:0\.$"):
        open_camera("front")


def test_a_camera_of_another_program(library: type[FakePicamera2], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "busy", True)
    with pytest.raises(NotPermitted, match=r"^The camera 0 cannot be had: .*; another program may hold it\.$"):
        open_camera()


def test_a_camera_that_hangs(library: type[FakePicamera2], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picamera2, "_TIMEOUT_S", 0.1)
    source = open_camera(wish=SourceWish(size=Size(64, 48)))
    assert source.read()
    library.opened[-1].stall.set()
    with pytest.raises(SourceError, match=r"^The camera 0 gave no frame for 0\.1 s; check its ribbon cable\.$"):
        source.read()
    assert source.read() is None
    library.opened[-1].stall.clear()
    source.close()


def test_a_buffer_that_is_too_small() -> None:
    with pytest.raises(SourceError, match=r"^The camera gave 100 bytes for 64x48 in rows of 64; ask another size\.$"):
        unpad(np.zeros(100, np.uint8), 64, Planes.allocate(Size(64, 48)))
