"""Frame to model input."""

from __future__ import annotations

import os
import subprocess
import sys

import cv2
import numpy as np
import pytest

from edgeseg.frames import BT601, ColorSpace, Planes, Size
from edgeseg.ports import ModelIO
from edgeseg.stages.pixels import bgr_to_i420, i420_to_rgb, nv12_to_i420, yuv, yuyv_to_i420
from edgeseg.stages.preprocess import ModelInput, Shrink, content_rect

FULL = ColorSpace("bt601", full_range=True)
SPACES = [ColorSpace(matrix, full) for matrix in ("bt601", "bt709") for full in (False, True)]


def _smooth(size: Size, seed: int = 0) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(30, 226, (4, 6, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC), np.uint8)


@pytest.mark.parametrize("color", SPACES)
@pytest.mark.parametrize("size", [Size(64, 48), Size(65, 47), Size(1, 1)])
def test_bgr_survives_the_way_to_i420_and_back(color: ColorSpace, size: Size) -> None:
    bgr = _smooth(size)
    planes = Planes.allocate(size)
    bgr_to_i420(bgr, planes, color)
    back = np.empty_like(bgr)
    i420_to_rgb(planes, color, back, bgr=True)
    assert np.abs(back.astype(int) - bgr).mean() < 4


@pytest.mark.parametrize("color", SPACES)
def test_a_plain_colour_keeps_its_value(color: ColorSpace) -> None:
    planes = Planes.allocate(Size(4, 4))
    planes.fill(yuv((200, 100, 50), color))
    rgb = np.empty((4, 4, 3), np.uint8)
    i420_to_rgb(planes, color, rgb)
    assert np.abs(rgb.astype(int) - (200, 100, 50)).max() <= 3


def test_bt601_is_that_of_opencv() -> None:
    bgr = _smooth(Size(64, 48))
    planes = Planes.allocate(Size(64, 48))
    bgr_to_i420(bgr, planes, BT601)
    theirs = Planes.of_block(np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_I420), np.uint8))
    assert np.abs(planes.y.astype(int) - theirs.y).max() <= 1
    assert np.abs(planes.u.astype(int) - theirs.u).mean() < 2  # OpenCV takes one pixel of four


def test_camera_layouts_become_i420() -> None:
    size = Size(16, 8)
    rng = np.random.default_rng(1)
    y, u, v = (rng.integers(0, 256, shape, np.uint8) for shape in ((8, 16), (4, 8), (4, 8)))
    out = Planes.allocate(size)
    nv12_to_i420(np.vstack([y, np.dstack([u, v]).reshape(4, 16)]), out)
    assert all(np.array_equal(a, b) for a, b in zip(out, (y, u, v), strict=True))
    yuyv = np.empty((8, 16, 2), np.uint8)
    yuyv[..., 0] = y
    yuyv[:, 0::2, 1], yuyv[:, 1::2, 1] = u.repeat(2, 0), v.repeat(2, 0)
    yuyv_to_i420(yuyv, out)
    assert all(np.array_equal(a, b) for a, b in zip(out, (y, u, v), strict=True))


@pytest.mark.parametrize(
    ("frame", "rect"),
    [(Size(1280, 720), (0, 56, 256, 200)), (Size(720, 1280), (56, 0, 200, 256)), (Size(64, 64), (0, 0, 256, 256))],
)
def test_letterbox_keeps_the_shape(frame: Size, rect: tuple[int, int, int, int]) -> None:
    assert content_rect(ModelIO(256, 256, "letterbox"), frame) == rect
    assert content_rect(ModelIO(144, 256, "stretch"), frame) == (0, 0, 256, 144)


@pytest.mark.parametrize("frame", [Size(1280, 720), Size(1281, 721), Size(33, 17), Size(64, 600), Size(1, 1)])
@pytest.mark.parametrize("fit", ["stretch", "letterbox"])
@pytest.mark.parametrize("dtype", ["float32", "uint8", "int8"])
def test_the_tensor_is_the_picture_at_the_models_size(frame: Size, fit: str, dtype: str) -> None:
    io = ModelIO(72, 128, fit, dtype)  # type: ignore[arg-type]
    bgr = _smooth(frame)
    planes = Planes.allocate(frame)
    bgr_to_i420(bgr, planes, BT601)
    model = ModelInput(io, frame, BT601)
    tensor = model.fill(planes)
    assert tensor.shape == (72, 128, 3)
    assert tensor.dtype == np.dtype(dtype)
    rgb = tensor.astype(float) * (255 if dtype == "float32" else 1) + (128 if dtype == "int8" else 0)
    inside = model.rect.of(rgb)
    expected = cv2.resize(bgr[..., ::-1], model.rect.size, interpolation=cv2.INTER_AREA)
    assert np.abs(inside.astype(int) - expected).mean() < 8
    outside = np.ones((72, 128), bool)
    model.rect.of(outside)[...] = False
    assert not rgb[outside].any()


def test_signed_numbers_are_128_less_than_unsigned_ones_in_every_pixel() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)  # grey: R, G and B take every level
    planes = Planes.allocate(Size(16, 16))
    bgr_to_i420(np.dstack([levels] * 3), planes, FULL)
    signed, unsigned = (
        ModelInput(ModelIO(16, 16, dtype=dtype), Size(16, 16), FULL).fill(planes) for dtype in ("int8", "uint8")
    )
    assert (unsigned.min(), unsigned.max()) == (0, 255)
    assert np.array_equal(signed.astype(int), unsigned.astype(int) - 128)


def test_black_around_a_letterboxed_picture_is_the_least_signed_number() -> None:
    model = ModelInput(ModelIO(64, 64, "letterbox", "int8"), Size(64, 32), BT601)
    planes = Planes.allocate(Size(64, 32))
    planes.fill((235, 128, 128))
    tensor = model.fill(planes)
    assert (tensor[:16] == -128).all()
    assert (tensor[48:] == -128).all()
    assert (tensor[16:48] == 127).all()


def test_filling_again_allocates_nothing_new() -> None:
    model = ModelInput(ModelIO(144, 256), Size(640, 360), BT601)
    planes = Planes.allocate(Size(640, 360))
    planes.fill((100, 90, 150))
    first = model.fill(planes)
    planes.fill((16, 128, 128))
    second = model.fill(planes)
    assert second is first
    assert not second.any()


@pytest.mark.parametrize("source", [Size(1280, 720), Size(1920, 1080), Size(100, 100), Size(512, 288)])
def test_shrink_is_close_to_an_area_filter(source: Size) -> None:
    plane = np.random.default_rng(2).integers(0, 256, (source.height, source.width), np.uint8)
    out = np.empty((72, 128), np.uint8)
    Shrink(source, Size(128, 72))(plane, out)
    area = cv2.resize(plane, (128, 72), interpolation=cv2.INTER_AREA)
    aliased = cv2.resize(plane, (128, 72), interpolation=cv2.INTER_NEAREST)
    error = np.abs(out.astype(int) - area).mean()
    assert error < 0.5 * np.abs(aliased.astype(int) - area).mean()


SEEN = """
import hashlib, sys
import numpy as np
from edgeseg.frames import BT601, Planes, Size
from edgeseg.ports import ModelIO
from edgeseg.stages.preprocess import ModelInput

size = Size(320, 240)
planes = Planes.allocate(size)
for plane in planes:
    plane[:] = np.random.default_rng(0).integers(0, 256, plane.shape, np.uint8)
seen = ModelInput(ModelIO(144, 256, dtype="int8"), size, BT601).fill(planes)
print(hashlib.sha256(seen.tobytes()).hexdigest())
"""


def test_every_pc_makes_the_same_input_whatever_its_processor_can() -> None:
    """Its chroma grows, which Intel's library does by other code with SSE4.2, AVX2 and AVX-512."""
    seen = {
        level: subprocess.run(
            [sys.executable, "-c", SEEN],
            env={**os.environ, "OPENCV_IPP": level},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for level in ("sse42", "avx2", "avx512", "disabled")
    }
    assert len(set(seen.values())) == 1, seen
