"""V4L2 cameras: what is asked for, what is made of what comes, and how they fail. No device is needed."""

from __future__ import annotations

import errno
import time
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgeseg.capture import v4l2
from edgeseg.capture.v4l2 import CameraSource, open_device
from edgeseg.capture.v4l2_devices import Camera, Card, cameras, check, device_path, holders
from edgeseg.capture.v4l2_modes import Mode, convert
from edgeseg.clock import SystemClock
from edgeseg.errors import NotPermitted, SourceError
from edgeseg.facts import Dropped, Fact
from edgeseg.frames import ColorSpace, PixelFormat, Planes, Size
from edgeseg.ports import SourceWish
from edgeseg.testing.camera import FakeCapture

VGA, HD = Size(640, 480), Size(1280, 720)
WEBCAM = {"YUYV": [(VGA, 30.0), (HD, 10.0)], "MJPG": [(VGA, 30.0), (HD, 30.0)]}


def jpeg(size: Size, subsampling: int = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422) -> np.ndarray:
    picture = np.full((size.height, size.width, 3), (40, 120, 200), np.uint8)
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, subsampling])[1].reshape(1, -1)


def open_camera(device: FakeCapture, facts: list[Fact] | None = None, **wish: object) -> CameraSource:
    emit = ([] if facts is None else facts).append
    return CameraSource("0", SourceWish(**wish), SystemClock(), emit, lambda where: device)  # type: ignore[arg-type]


def test_raw_is_taken_where_it_meets_the_wish() -> None:
    source = open_camera(FakeCapture(WEBCAM), size=VGA)
    assert source.info.detail == "camera 0: YUYV 640x480 at 30 fps"
    assert (source.info.size, source.info.fps, source.info.live) == (VGA, Fraction(30), True)
    source.close()


def test_jpeg_is_taken_where_raw_is_too_slow() -> None:
    source = open_camera(FakeCapture(WEBCAM, [jpeg(HD)]))
    assert source.info.detail == "camera 0: MJPG 1280x720 at 30 fps"
    source.close()


def test_the_nearest_is_taken_where_nothing_meets_the_wish() -> None:
    device = FakeCapture({"YUYV": [(VGA, 15.0)], "GREY": [(Size(320, 240), 60.0)]})
    source = open_camera(device, size=Size(1920, 1080), fps=Fraction(60))
    assert source.info.detail == "camera 0: YUYV 640x480 at 15 fps"
    source.close()
    assert device.released.is_set()


def test_a_camera_of_unknown_formats() -> None:
    device = FakeCapture({"H264": [(HD, 30.0)]})
    with pytest.raises(SourceError) as caught:
        open_camera(device)
    assert str(caught.value) == (
        "The camera 0 gives H264, none of YU12, NV12, YUYV, MJPG, GREY, BGR3; use gst: with a decoder for it."
    )
    assert device.released.is_set()


@pytest.mark.parametrize("sampling", ["411", "420", "422", "440", "444"])
@pytest.mark.parametrize("size", [VGA, Size(63, 47)], ids=str)
def test_jpegs_keep_their_colour(sampling: str, size: Size) -> None:
    raw = jpeg(size, getattr(cv2, f"IMWRITE_JPEG_SAMPLING_FACTOR_{sampling}"))
    source = open_camera(FakeCapture({"MJPG": [(size, 30.0)]}, [raw]))
    frame = source.read()
    assert frame is not None
    assert (frame.size, frame.planes.size, frame.color) == (size, size.even, ColorSpace("bt601", full_range=True))
    expected = ColorSpace("bt601", full_range=True).from_rgb() @ np.array([200, 120, 40, 1])
    for plane, value in zip(frame.planes, expected, strict=True):
        assert abs(float(plane.mean()) - value) < 2
    source.close()


def test_damaged_jpegs_are_dropped_and_counted() -> None:
    good = jpeg(VGA)
    device = FakeCapture({"MJPG": [(VGA, 30.0)]}, [good[:, :0], np.zeros((1, 90), np.uint8), good])
    facts: list[Fact] = []
    source = open_camera(device, facts)
    assert [fact for fact in facts if isinstance(fact, Dropped)] == [Dropped("damaged")] * 2
    frame = source.read()
    assert frame is not None
    assert frame.index == 0
    source.close()


def test_nothing_but_damaged_jpegs() -> None:
    with pytest.raises(SourceError, match=r"^The camera 0 gave 30 damaged pictures in a row; check the cable\.$"):
        open_camera(FakeCapture({"MJPG": [(VGA, 30.0)]}, [np.zeros((1, 90), np.uint8)]))


def picture_jpeg(size: Size) -> np.ndarray:
    """One with something in it everywhere, so that no part of its data says nothing."""
    coarse = np.random.default_rng(0).integers(0, 256, (9, 16, 3), np.uint8)
    picture = cv2.resize(coarse, (size.width, size.height), interpolation=cv2.INTER_CUBIC)
    return cv2.imencode(".jpg", picture)[1].reshape(1, -1)


def test_a_jpeg_that_is_cut_short_anywhere_shows_nothing() -> None:
    """FFmpeg alone would show the rest of the picture as it was in that memory before."""
    good, decoder = picture_jpeg(VGA), v4l2.JpegDecoder()
    assert decoder.frame(good, 0, 0) is not None
    for length in range(0, good.size, 97):
        assert decoder.frame(good[:, :length], 0, 0) is None
    end = np.array([[0xFF, 0xD9]], np.uint8)
    for length in range(700, good.size * 9 // 10, 997):
        assert decoder.frame(np.concatenate([good[:, :length], end], axis=1), 0, 0) is None, "the middle is missing"
    padded = np.concatenate([good, np.zeros((1, 3000), np.uint8)], axis=1)
    assert decoder.frame(padded, 0, 0) is not None, "cameras fill their buffers up"


def test_a_picture_of_another_length_is_dropped_and_more_of_them_are_a_fault() -> None:
    size = VGA.width * VGA.height * 2
    good, short = np.full((1, size), 128, np.uint8), np.full((1, size // 2), 128, np.uint8)
    facts: list[Fact] = []
    source = open_camera(FakeCapture({"YUYV": [(VGA, 30.0)]}, [good, short, good, short]), facts, size=VGA)
    assert [source.read() is not None for _ in range(2)] == [True, True]
    assert facts.count(Dropped("damaged")) == 1
    with pytest.raises(SourceError, match="handed out uint8"):
        source.read()
    assert facts.count(Dropped("damaged")) == 31


def test_a_jpeg_camera_that_changes_its_size_is_followed() -> None:
    source = open_camera(FakeCapture({"MJPG": [(VGA, 30.0)]}, [jpeg(VGA), jpeg(Size(320, 240))]), size=VGA)
    frames = [source.read() for _ in range(2)]
    assert [frame.size for frame in frames if frame] == [VGA, Size(320, 240)]
    source.close()


def reference(format: PixelFormat, size: Size) -> tuple[np.ndarray, Planes]:
    """Raw bytes of `format` and the I420 they mean: chroma the same in each pair of rows."""
    rng = np.random.default_rng(1)
    planes = Planes.allocate(size)
    for plane in planes:
        plane[...] = rng.integers(0, 256, plane.shape, np.uint8)
    if format is PixelFormat.I420:
        return np.concatenate([plane.reshape(-1) for plane in planes]), planes
    if format is PixelFormat.NV12:
        return np.concatenate([planes.y.reshape(-1), np.stack([planes.u, planes.v], -1).reshape(-1)]), planes
    if format is PixelFormat.GREY:
        planes.u[...] = planes.v[...] = 128
        return planes.y.copy(), planes
    packed = np.empty((size.height, size.width // 2, 4), np.uint8)
    packed[..., 0], packed[..., 2] = planes.y[:, ::2], planes.y[:, 1::2]
    packed[..., 1], packed[..., 3] = planes.u.repeat(2, 0), planes.v.repeat(2, 0)
    return packed, planes


@pytest.mark.parametrize("shape", ["rows", "flat"])
@pytest.mark.parametrize("format", [PixelFormat.I420, PixelFormat.NV12, PixelFormat.YUYV, PixelFormat.GREY])
def test_raw_formats_become_i420_exactly(format: PixelFormat, shape: str) -> None:
    raw, planes = reference(format, VGA)
    out = Planes.allocate(VGA)
    convert(raw.reshape(1, -1) if shape == "flat" else raw, Mode(format, VGA, None), out)
    assert all(np.array_equal(made, meant) for made, meant in zip(out, planes, strict=True))


@pytest.mark.parametrize("format", [PixelFormat.GREY, PixelFormat.BGR])
def test_odd_sides_of_formats_that_may_have_them(format: PixelFormat) -> None:
    size, out = Size(7, 5), Planes.allocate(Size(7, 5))
    channels = 3 if format is PixelFormat.BGR else 1
    convert(np.full((5, 7, channels), 128, np.uint8), Mode(format, size, None), out)
    assert all(abs(int(plane.min()) - 128) < 8 and np.ptp(plane) == 0 for plane in out)


def test_raw_of_another_length_is_refused() -> None:
    out = Planes.allocate(VGA)
    with pytest.raises(SourceError) as caught:
        convert(np.zeros((1, 172800), np.uint8), Mode(PixelFormat.YUYV, VGA, Fraction(30)), out)
    assert str(caught.value) == (
        "The camera said YUYV 640x480 at 30 fps but handed out uint8 (1, 172800), not 614400 bytes; ask another size."
    )
    with pytest.raises(SourceError, match="handed out uint16"):
        convert(np.zeros((480, 640), np.uint16), Mode(PixelFormat.GREY, VGA, None), out)


def test_a_camera_that_is_unplugged() -> None:
    device = FakeCapture({"YUYV": [(VGA, 30.0)]}, gone_at=2)
    source = open_camera(device, size=VGA)
    assert source.read()
    assert source.read()
    with pytest.raises(SourceError, match=r"^The camera 0 gives no more frames; was it unplugged\?$"):
        source.read()
    assert source.read() is None
    assert device.released.is_set()


def test_a_camera_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(v4l2, "_TIMEOUT_S", 0.1)
    device = FakeCapture({"YUYV": [(VGA, 30.0)]}, stall_at=1)
    source = open_camera(device, size=VGA)
    assert source.read()
    with pytest.raises(SourceError, match=r"^The camera 0 gave no frame for 0\.1 s; is it plugged in\?$"):
        source.read()
    started = time.monotonic()
    source.close()
    assert time.monotonic() - started < 1
    assert not device.released.is_set(), "it is in use until it comes back"
    device.resume()
    assert device.released.wait(1)


@pytest.mark.parametrize(
    ("where", "path"),
    [("0", "/dev/video0"), ("video2", "/dev/video2"), ("/dev/v4l/by-id/usb-cam", "/dev/v4l/by-id/usb-cam")],
)
def test_names_of_devices(where: str, path: str) -> None:
    assert device_path(where) == Path(path)


def tree(root: Path, *numbers: int) -> Path:
    (root / "dev").mkdir()
    for number in numbers:
        (root / "dev" / f"video{number}").touch()
    return root


def failing(number: int):  # type: ignore[no-untyped-def]
    def ask(path: Path) -> Card:
        raise OSError(number, "no")

    return ask


def test_cameras_are_found_and_other_video_devices_are_not(tmp_path: Path) -> None:
    cards = {
        "video0": Card("uvcvideo", "HD Webcam", True),
        "video1": Card("uvcvideo", "HD Webcam", False),
        "video10": Card("uvcvideo", "Second", True),
        "video9": Card("bcm2835-isp", "bcm2835-isp", True),
    }
    root = tree(tmp_path, 0, 1, 9, 10, 11)

    def ask(path: Path) -> Card:
        if path.name not in cards:
            raise OSError(errno.EACCES, "no")
        return cards[path.name]

    dev = root / "dev"
    assert cameras(root, ask) == [Camera(dev / "video0", "HD Webcam"), Camera(dev / "video10", "Second")]
    assert cameras(tmp_path / "nowhere") == []
    assert cameras(root) == [], "plain files are no cameras"


def test_why_a_device_cannot_be_had(tmp_path: Path) -> None:
    root = tree(tmp_path, 0, 2)
    path = root / "dev" / "video1"
    there = f"there are {root / 'dev/video0'}, {root / 'dev/video2'}."
    with pytest.raises(SourceError) as caught:
        check(path, root)
    assert str(caught.value) == f"There is no camera {path}; {there}"
    with pytest.raises(SourceError) as caught:
        check(root / "dev/video0", root)
    assert str(caught.value) == f"{root / 'dev/video0'} is not a video device; {there}"
    with pytest.raises(NotPermitted, match=r"group video: sudo usermod -aG video \$USER$"):
        check(path, root, failing(errno.EACCES))
    with pytest.raises(SourceError, match=r"\(Decoder\) is no camera that streams; there are "):
        check(path, root, lambda path: Card("codec", "Decoder", False))


def test_who_holds_a_device_is_said(tmp_path: Path) -> None:
    root = tree(tmp_path, 0)
    path = root / "dev/video0"
    (root / "proc/77/fd").mkdir(parents=True)
    (root / "proc/77/comm").write_text("firefox\n")
    (root / "proc/77/fd/5").symlink_to(path)
    assert holders(path, root) == ["firefox (pid 77)"]
    with pytest.raises(NotPermitted) as caught:
        check(path, root, failing(errno.EBUSY))
    assert str(caught.value) == f"{path} is in use by firefox (pid 77); close that, or choose another camera."
    (root / "proc/77/fd/5").unlink()
    with pytest.raises(NotPermitted, match="is in use by another program"):
        check(path, root, failing(errno.EBUSY))


def test_no_camera_here() -> None:
    with pytest.raises(SourceError, match=r"^There is no camera /dev/video987; "):
        open_device("987")
