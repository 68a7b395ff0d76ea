"""A picture behind the person: its middle, upright, whatever kind of picture it is."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from edgeseg.backgrounds.color import ColorBackground
from edgeseg.backgrounds.image import ImageBackground
from edgeseg.errors import NotPermitted, UsageError
from edgeseg.frames import U8, ColorSpace, Frame, Planes, Size
from edgeseg.stages.pixels import i420_to_rgb

COLOURS = [(200, 30, 30), (30, 200, 30), (30, 30, 200), (200, 200, 30)]


def shown_rgb(background: ImageBackground, size: Size) -> U8:
    planes = background.render(Frame(Planes.allocate(size), size), None)
    out = np.empty((*planes.y.shape, 3), np.uint8)
    i420_to_rgb(planes, ColorSpace(), out)
    return out


def quadrants(width: int, height: int) -> U8:
    """RGB: red, green / blue, yellow."""
    picture = np.empty((height, width, 3), np.uint8)
    for index, colour in enumerate(COLOURS):
        row, column = divmod(index, 2)
        picture[
            row * height // 2 : (row + 1) * height // 2 + 1, column * width // 2 : (column + 1) * width // 2 + 1
        ] = colour
    return picture


def saved(path: Path, rgb: U8) -> str:
    Image.fromarray(rgb).save(path)
    return str(path)


@pytest.mark.parametrize("picture", [(640, 480), (100, 100), (64, 1000), (1000, 64), (1280, 720), (2560, 1440)])
@pytest.mark.parametrize("size", [Size(1280, 720), Size(640, 480), Size(360, 640), Size(320, 320)])
def test_the_middle_of_the_picture_is_the_middle_of_the_frame(
    tmp_path: Path, picture: tuple[int, int], size: Size
) -> None:
    rgb = shown_rgb(ImageBackground(saved(tmp_path / "p.png", quadrants(*picture))), size)
    reach = 4 + int(2 * max(size.width / picture[0], size.height / picture[1]))  # how far colours mix at the seams
    for index, colour in enumerate(COLOURS):
        row, column = divmod(index, 2)
        rows = slice(size.height // 2 + reach, None) if row else slice(None, size.height // 2 - reach)
        columns = slice(size.width // 2 + reach, None) if column else slice(None, size.width // 2 - reach)
        assert np.abs(rgb[rows, columns].astype(int) - colour).max() <= 6


def test_a_picture_of_the_frame_s_shape_is_shown_whole_and_another_is_cut_by_equal_parts(tmp_path: Path) -> None:
    ramp = np.empty((200, 400, 3), np.uint8)
    ramp[...] = (np.arange(400) * 255 / 399)[None, :, None]
    path = saved(tmp_path / "ramp.png", ramp)
    whole = shown_rgb(ImageBackground(path), Size(800, 400))[..., 1]
    assert whole[200, 0] <= 3
    assert whole[200, -1] >= 252
    cut = shown_rgb(ImageBackground(path), Size(400, 400))[..., 1].astype(int)
    assert abs(cut[200, 0] - 255 / 4) <= 2
    assert abs(cut[200, -1] - 255 * 3 / 4) <= 2
    assert abs(cut[200, 0] + cut[200, -1] - 255) <= 3


@pytest.mark.parametrize("shape", [(1, 1), (2, 1), (1, 3), (3, 3), (9000, 7000), (30, 12_000), (12_000, 30)])
def test_any_size_of_picture(tmp_path: Path, shape: tuple[int, int]) -> None:
    path = saved(tmp_path / "p.png", np.full((*shape, 3), (200, 120, 40), np.uint8))
    background = ImageBackground(path)
    for size in (Size(1280, 720), Size(2, 2), Size(33, 21)):
        assert np.abs(shown_rgb(background, size).astype(int) - (200, 120, 40)).max() <= 3


def test_any_kind_of_picture(tmp_path: Path) -> None:
    kinds: dict[str, tuple[np.ndarray, tuple[int, int, int]]] = {
        "grey.png": (np.full((40, 60), 99, np.uint8), (99, 99, 99)),
        "grey16.png": (np.full((40, 60), 99 << 8, np.uint16), (99, 99, 99)),
        "colour16.png": (np.full((40, 60, 3), (40 << 8, 120 << 8, 200 << 8), np.uint16), (200, 120, 40)),
        "alpha.png": (np.full((40, 60, 4), (40, 120, 200, 255), np.uint8), (200, 120, 40)),
        "half.png": (np.full((40, 60, 4), (40, 120, 200, 128), np.uint8), (100, 60, 20)),
        "hidden.png": (np.full((40, 60, 4), (40, 120, 200, 0), np.uint8), (0, 0, 0)),
        "alpha16.png": (np.full((40, 60, 4), (40 << 8, 120 << 8, 200 << 8, 65535), np.uint16), (200, 120, 40)),
        "colour.webp": (np.full((40, 60, 3), (40, 120, 200), np.uint8), (200, 120, 40)),
        "colour.bmp": (np.full((40, 60, 3), (40, 120, 200), np.uint8), (200, 120, 40)),
    }
    for name, (bgr, colour) in kinds.items():
        cv2.imwrite(str(tmp_path / name), bgr)
        rgb = shown_rgb(ImageBackground(str(tmp_path / name)), Size(64, 48))
        assert np.abs(rgb.astype(int) - colour).max() <= 4, name


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_obeyed(tmp_path: Path, orientation: int) -> None:
    upright = Image.fromarray(quadrants(320, 320))
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "p.jpg", exif=exif, quality=95)
    rgb = shown_rgb(ImageBackground(str(tmp_path / "p.jpg")), Size(320, 320)).astype(int)
    for (y, x), colour in zip(((80, 80), (80, 240), (240, 80), (240, 240)), COLOURS, strict=True):
        assert np.abs(rgb[y, x] - colour).max() <= 12


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.png").write_text("no picture")
    whole = tmp_path / "whole.png"
    saved(whole, quadrants(64, 64))
    (tmp_path / "cut.png").write_bytes(whole.read_bytes()[:40])
    for name in ("empty.jpg", "text.png", "cut.png"):
        with pytest.raises(UsageError, match="is no picture that can be read"):
            ImageBackground(str(tmp_path / name))
    for where in (str(tmp_path / "none.png"), str(tmp_path), "", "a\0b"):
        with pytest.raises(UsageError, match="cannot be read"):
            ImageBackground(where)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_picture_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.png"
    saved(path, quadrants(8, 8))
    path.chmod(0)
    with pytest.raises(NotPermitted, match="may not be read"):
        ImageBackground(str(path))


@pytest.mark.parametrize("where", ["", "#fff", "green", "#12345g", "#1234567", "##123456"])
def test_a_colour_that_is_none_is_refused(where: str) -> None:
    with pytest.raises(UsageError, match="#RRGGBB"):
        ColorBackground(where)


@pytest.mark.parametrize(("where", "rgb"), [("#00b140", (0, 177, 64)), ("FFFFFF", (255, 255, 255))])
def test_a_colour_with_and_without_its_sign(where: str, rgb: tuple[int, int, int]) -> None:
    assert ColorBackground(where).rgb == rgb
