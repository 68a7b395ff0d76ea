"""Pictures and folders of them."""

from __future__ import annotations

import os
import struct
import zlib
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgeseg.capture.images import ImagesSource, is_picture
from edgeseg.clock import SystemClock
from edgeseg.errors import NotPermitted, SourceError
from edgeseg.facts import Fact, Noted
from edgeseg.frames import Frame, Size
from edgeseg.ports import SourceWish
from edgeseg.stages.pixels import i420_to_rgb

SIZES = [Size(1, 1), Size(2, 2), Size(7, 5), Size(64, 48), Size(1, 9), Size(7680, 4320)]


def open_images(where: Path, facts: list[Fact] | None = None, wish: SourceWish = SourceWish()) -> ImagesSource:  # noqa: B008
    return ImagesSource(str(where), wish, SystemClock(), ([] if facts is None else facts).append)


def only(where: Path) -> Frame:
    source = open_images(where)
    frame = source.read()
    assert frame is not None
    assert source.read() is None
    return frame


def bgr(frame: Frame) -> np.ndarray:
    """The top left of the frame, 64 x 64 at most."""
    out = np.empty((min(64, frame.size.height), min(64, frame.size.width), 3), np.uint8)
    i420_to_rgb(frame.planes, frame.color, out, bgr=True)
    return out.astype(int)


def with_exif(jpeg: bytes, orientation: int) -> bytes:
    """The JPEG with an EXIF segment that says nothing but its orientation (CIPA DC-008, 4.6)."""
    tiff = b"II*\0\x08\0\0\0" + struct.pack("<HHHIHH", 1, 0x0112, 3, 1, orientation, 0) + bytes(4)
    body = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def bomb(path: Path) -> Path:
    """A PNG of a few bytes that says it has 65535 x 65535 pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", 65535, 65535, 8, 2, 0, 0, 0)
    chunks = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(b"0")), chunk(b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    return path


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_every_size(tmp_path: Path, size: Size) -> None:
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), np.full((size.height, size.width, 3), (40, 120, 200), np.uint8))
    frame = only(path)
    assert (frame.size, frame.planes.size) == (size, size.even)
    assert np.abs(bgr(frame) - (40, 120, 200)).max() <= 2


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "webp", "tiff"])
def test_every_kind_of_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    cv2.imwrite(str(path), np.full((48, 64, 3), (40, 120, 200), np.uint8))
    assert is_picture(path)
    assert np.abs(bgr(only(path)) - (40, 120, 200)).max() <= 4


def test_grey_and_16_bits(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((6, 8), 90, np.uint8))
    cv2.imwrite(str(tmp_path / "deep.png"), np.full((6, 8, 3), 90 * 256, np.uint16))
    cv2.imwrite(str(tmp_path / "deep.tiff"), np.full((6, 8), 90 * 256, np.uint16))
    for name in ("grey.png", "deep.png", "deep.tiff"):
        assert np.abs(bgr(only(tmp_path / name)) - 90).max() <= 2, name


@pytest.mark.parametrize("deep", [False, True])
def test_transparency_is_flattened_on_black(tmp_path: Path, deep: bool) -> None:
    picture = np.full((24, 32, 4), (40, 120, 200, 255), np.uint16 if deep else np.uint8)
    picture[:, :16, 3] = 0
    picture[:8, :, 3] = 128
    if deep:
        picture *= 257
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    shown = bgr(only(tmp_path / "a.png"))
    assert shown[10:, :14].max() <= 3
    assert np.abs(shown[10:, 18:] - (40, 120, 200)).max() <= 3
    assert np.abs(shown[:6] - (20, 60, 100)).max() <= 3


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (3, 2), (6, -1), (8, 1)])
def test_exif_orientation_is_obeyed(tmp_path: Path, orientation: int, turns: int) -> None:
    picture = np.zeros((32, 48, 3), np.uint8)
    picture[:16, :24] = 255
    jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
    (tmp_path / "a.jpg").write_bytes(with_exif(jpeg, orientation))
    assert np.abs(bgr(only(tmp_path / "a.jpg")) - np.rot90(picture, turns).astype(int)).mean() < 4


def test_one_picture_has_no_rate(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((6, 8, 3), np.uint8))
    info = open_images(tmp_path / "a.png").info
    assert (info.size, info.fps, info.frames, info.live) == (Size(8, 6), None, 1, False)
    assert info.detail == f"{tmp_path / 'a.png'}: a picture of 8x6"


def test_a_folder_comes_in_natural_order(tmp_path: Path) -> None:
    for number in (10, 9, 1, 100):
        cv2.imwrite(str(tmp_path / f"Frame{number}.png"), np.full((6, 8), number, np.uint8))
    (tmp_path / ".hidden.png").write_bytes(b"")
    (tmp_path / "sub").mkdir()
    facts: list[Fact] = []
    source = open_images(tmp_path, facts, SourceWish(fps=Fraction(10)))
    assert (source.info.fps, source.info.frames) == (Fraction(10), 4)
    frames = [source.read() for _ in range(4)]
    assert source.read() is None
    assert [round(bgr(frame).mean()) for frame in frames if frame] == [1, 9, 10, 100]
    assert [frame.time_s for frame in frames if frame] == pytest.approx([0, 0.1, 0.2, 0.3])
    assert not [fact for fact in facts if isinstance(fact, Noted)]


def test_what_cannot_be_read_in_a_folder_is_skipped_and_said(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "1.png"), np.zeros((6, 8, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "9.png"), np.zeros((10, 12, 3), np.uint8))
    (tmp_path / "2.png").write_bytes((tmp_path / "1.png").read_bytes()[:30])
    (tmp_path / "notes.txt").write_text("no picture")
    bomb(tmp_path / "3.png")
    facts: list[Fact] = []
    source = open_images(tmp_path, facts)
    frames = []
    while frame := source.read():
        frames.append(frame)
    assert [(frame.index, frame.size) for frame in frames] == [(0, Size(8, 6)), (1, Size(12, 10))]
    assert [fact.detail for fact in facts if isinstance(fact, Noted)] == [
        f"Skipped in {tmp_path}, as no pictures: notes.txt",
        f"Skipped: {tmp_path / '2.png'} is no picture that OpenCV can decode; it may be damaged.",
        f"Skipped: {tmp_path / '3.png'} has more pixels than OpenCV accepts (2^30); make it smaller.",
    ]


def test_a_folder_without_a_picture(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(SourceError) as caught:
        open_images(tmp_path)
    assert str(caught.value) == (
        f"None of the files in {tmp_path} is a picture that can be read; give a folder of pictures."
    )


def test_bad_files_are_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("no picture")
    messages = {
        tmp_path / "empty.png": "is empty (0 bytes); copy it again.",
        tmp_path / "text.png": "is no picture that OpenCV can decode; it may be damaged.",
        bomb(tmp_path / "bomb.png"): "has more pixels than OpenCV accepts (2^30); make it smaller.",
    }
    for path, message in messages.items():
        with pytest.raises(SourceError) as caught:
            open_images(path)
        assert str(caught.value) == f"{path} {message}"
    with pytest.raises(SourceError, match=r"^There is no file .*nope\.png; check the path\.$"):
        open_images(tmp_path / "nope.png")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_files_of_another_user(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((6, 8, 3), np.uint8))
    tmp_path.chmod(0o700)
    os.seteuid(65534)
    try:
        with pytest.raises(NotPermitted, match=r"a\.png may not be read by this user; change its permissions"):
            open_images(tmp_path / "a.png")
        with pytest.raises(NotPermitted, match="may not be read by this user; change its permissions"):
            open_images(tmp_path)
    finally:
        os.seteuid(0)


def test_a_moving_gif_is_left_to_the_video_source(tmp_path: Path) -> None:
    (tmp_path / "a.gif").write_bytes(b"GIF89a" + bytes(20))
    assert not is_picture(tmp_path / "a.gif")
    assert not is_picture(tmp_path / "nope")
