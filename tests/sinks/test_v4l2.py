"""The virtual webcam against a device that is a file and a driver that is a function; the real one is in the guest."""

from __future__ import annotations

import errno
import re
from pathlib import Path

import numpy as np
import pytest
from sink_pictures import make_frame
from webcam_driver import Driver

from edgeseg.errors import NotPermitted, OutputError, UsageError
from edgeseg.facts import Fact, Noted, Opened, ignore
from edgeseg.frames import ColorSpace, Size
from edgeseg.ports import SinkWish
from edgeseg.sinks import v4l2
from edgeseg.sinks.v4l2 import V4l2Sink


@pytest.fixture
def device(tmp_path: Path) -> Path:
    (tmp_path / "video10").touch()
    return tmp_path / "video10"


def test_frames_arrive_whole(device: Path, facts: list[Fact]) -> None:
    driver = Driver()
    sink = V4l2Sink(str(device), SinkWish(), facts.append, dev=device.parent, ioctl=driver)
    frames = [make_frame(i, Size(161, 91), color=ColorSpace("bt709")) for i in range(2)]
    assert device.stat().st_size == 0
    for frame in frames:
        sink.write(frame)
    sink.close()
    sink.close()
    wanted = b"".join(plane.tobytes() for frame in frames for plane in frame.planes)
    assert device.read_bytes() == wanted
    fourcc = int.from_bytes(b"YU12", "little")
    assert driver.formats == [(2, 162, 92, fourcc, 1, 162, 162 * 92 * 3 // 2, 3, 0xFEEDCAFE, 0, 2, 2, 0)]
    assert facts == [Opened("output", f"{device} (edgeseg), 162x92 I420")]


def test_a_new_size_is_fitted(device: Path, facts: list[Fact]) -> None:
    sink = V4l2Sink(str(device), SinkWish(), facts.append, ioctl=Driver())
    sink.write(make_frame(0))
    sink.write(make_frame(1, Size(64, 64)))
    assert device.stat().st_size == 2 * 160 * 120 * 3 // 2
    assert Noted("output", "frames changed from 160x120 to 64x64; they are scaled to 160x120") in facts


def test_the_request_numbers_are_those_of_the_header() -> None:
    assert v4l2._QUERYCAP == 0x8068_5600
    assert v4l2._S_FMT in (0xC0D0_5605, 0xC0CC_5605)  # 64 and 32 bits


def test_there_is_none_at_all(tmp_path: Path) -> None:
    said = (
        f"there is no {tmp_path}/video9; this machine has no other; "
        "`sudo modprobe v4l2loopback exclusive_caps=1` makes one"
    )
    with pytest.raises(OutputError, match=f"^{re.escape(said)}$"):
        V4l2Sink(str(tmp_path / "video9"), SinkWish(), ignore, dev=tmp_path, ioctl=Driver())


def test_there_is_another(device: Path) -> None:
    said = f"there is no {device.parent}/video9; output devices here: {device} (edgeseg)"
    with pytest.raises(OutputError, match=f"^{re.escape(said)}$"):
        V4l2Sink(str(device.parent / "video9"), SinkWish(), ignore, dev=device.parent, ioctl=Driver())


def test_a_camera_is_no_output(device: Path) -> None:
    with pytest.raises(OutputError, match=r"video10 \(edgeseg\) takes no video; this machine"):
        V4l2Sink(str(device), SinkWish(), ignore, dev=device.parent, ioctl=Driver(caps=0x1, name=b"uvcvideo"))


def test_a_loopback_that_is_a_camera_has_a_writer(device: Path) -> None:
    with pytest.raises(NotPermitted, match=r"video10 \(edgeseg\) has a writer already; stop that one"):
        V4l2Sink(str(device), SinkWish(), ignore, dev=device.parent, ioctl=Driver(caps=0x1))


def test_a_file_is_no_device(device: Path) -> None:
    with pytest.raises(OutputError, match="video10 is no video output device; this machine has no other"):
        V4l2Sink(str(device), SinkWish(), ignore, dev=device.parent)


@pytest.mark.parametrize(
    ("number", "kind", "said"),
    [
        (errno.EBUSY, NotPermitted, "is in use by another program; close that one"),
        (errno.EACCES, NotPermitted, "is not for this user; `sudo usermod -aG video $USER`, then log in again"),
        (errno.EIO, OutputError, "input/output error"),
        (errno.EINVAL, OutputError, "does not take I420 frames by write(), as loopback devices do; this machine"),
    ],
)
@pytest.mark.parametrize("request_name", ["_QUERYCAP", "_S_FMT"])
def test_refusals(device: Path, number: int, kind: type, said: str, request_name: str) -> None:
    driver = Driver()
    driver.fails[getattr(v4l2, request_name)] = number
    with pytest.raises(kind, match=re.escape(said)):
        V4l2Sink(str(device), SinkWish(), ignore, dev=device.parent, ioctl=driver).write(make_frame())


def test_a_format_that_another_has_set(device: Path) -> None:
    driver = Driver()
    driver.forced = (640, 480)
    sink = V4l2Sink(str(device), SinkWish(), ignore, ioctl=driver)
    with pytest.raises(
        OutputError, match="takes 640x480 YU12 and not 160x120 YU12: another program has set its format"
    ):
        sink.write(make_frame())


def test_transparency(device: Path) -> None:
    with pytest.raises(UsageError, match="a virtual webcam cannot hold transparency"):
        V4l2Sink(str(device), SinkWish(alpha=True), ignore, ioctl=Driver())


def test_rows_with_gaps(device: Path) -> None:
    frame = make_frame()
    frame.planes = type(frame.planes)(*(np.pad(p, ((0, 0), (0, 32)))[:, : p.shape[1]] for p in frame.planes))
    V4l2Sink(str(device), SinkWish(), ignore, ioctl=Driver()).write(frame)
    assert device.read_bytes() == b"".join(plane.tobytes() for plane in frame.planes)


@pytest.fixture
def references(tmp_path: Path) -> Path:
    """The module's file, under `tmp_path` as root."""
    path = tmp_path / "sys/module/v4l2loopback/refcnt"
    path.parent.mkdir(parents=True)
    return path


@pytest.mark.parametrize(
    ("text", "watched"),
    [
        ("1\n", False),
        ("2\n", True),
        ("17\n", True),
        ("0\n", None),
        ("-1\n", None),
        ("", None),
        ("many", None),
        ("\xff", None),
    ],
)
def test_readers_are_those_who_have_it_open_beside_us(
    device: Path, references: Path, tmp_path: Path, text: str, watched: bool | None
) -> None:
    sink = V4l2Sink(str(device), SinkWish(), ignore, ioctl=Driver(), root=tmp_path)
    references.write_text(text)
    assert sink.watched is watched
    sink.write(make_frame())
    assert sink.watched is watched
    sink.close()
    assert sink.watched is None


def test_who_reads_is_not_known_without_the_module_s_file(device: Path, tmp_path: Path) -> None:
    assert V4l2Sink(str(device), SinkWish(), ignore, ioctl=Driver(), root=tmp_path).watched is None


def test_who_reads_is_not_known_of_another_driver(device: Path, references: Path, tmp_path: Path) -> None:
    references.write_text("1\n")
    assert V4l2Sink(str(device), SinkWish(), ignore, ioctl=Driver(name=b"akvcam"), root=tmp_path).watched is None
