"""Between I420 and what cameras, pictures and models use. Every function writes into planes it is given."""

from __future__ import annotations

from typing import Any, cast

import cv2
import numpy as np
import numpy.typing as npt

from edgeseg.frames import BT601, U8, ColorSpace, Planes


def bgr_to_i420(bgr: U8, out: Planes, color: ColorSpace = BT601) -> None:
    """Convert a (H, W, 3) BGR picture; `out` is H x W with sides made even, the last row and column repeated.

    The chroma of each 2 x 2 block is its mean (sited in the middle, as in JPEG and MPEG-1). Chroma of odd sides
    is spread over the picture itself, so that nothing shifts.
    """
    height, width = bgr.shape[:2]
    yuv = cv2.transform(bgr, color.from_rgb()[:, [2, 1, 0, 3]])
    cv2.extractChannel(yuv, 0, dst=out.y[:height, :width])
    out.y[height:] = out.y[height - 1]
    out.y[:, width:] = out.y[:, width - 1 : width]
    half = (out.u.shape[1], out.u.shape[0])
    cv2.resize(cv2.extractChannel(yuv, 1), half, dst=out.u, interpolation=cv2.INTER_AREA)
    cv2.resize(cv2.extractChannel(yuv, 2), half, dst=out.v, interpolation=cv2.INTER_AREA)


def decode_bgr(data: U8) -> U8 | None:
    """A picture file's bytes as (H, W, 3) BGR uint8; None or cv2.error if it cannot be decoded.

    Grey, 16-bit and palette pictures become 8-bit colour; EXIF orientation is obeyed; transparency is flattened on
    black, and in such a picture the orientation is not obeyed.
    """
    # Only IMREAD_UNCHANGED gives alpha, and only IMREAD_COLOR obeys EXIF and brings grey and 16 bits to 8-bit colour.
    jpeg = data[:2].tobytes() == b"\xff\xd8"
    picture: Any = None if jpeg else cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    if picture is None or picture.ndim != 3 or picture.shape[2] != 4:
        return cast("U8 | None", cv2.imdecode(data, cv2.IMREAD_COLOR))
    if picture.dtype == np.uint16:
        picture = (picture >> 8).astype(np.uint8)
    alpha = cv2.cvtColor(picture[..., 3], cv2.COLOR_GRAY2BGR)
    return cast(U8, cv2.multiply(picture[..., :3], alpha, scale=1 / 255))


def i420_to_rgb(planes: Planes, color: ColorSpace, out: U8, bgr: bool = False) -> None:
    """Convert planes to RGB (or BGR) in `out`, (h, w, 3) uint8, where h x w may be smaller than the planes.

    A smaller `out` is the planes' top left: the picture without the row or column added to make it even.
    """
    height, width = out.shape[:2]
    full = (planes.y.shape[1], planes.y.shape[0])
    yuv = cv2.merge([planes.y, cv2.resize(planes.u, full), cv2.resize(planes.v, full)])
    matrix = color.to_rgb()
    if bgr:
        matrix = matrix[::-1]
    np.copyto(out, cv2.transform(yuv, matrix)[:height, :width])


def yuyv_to_i420(yuyv: U8, out: Planes) -> None:
    """Convert packed YUYV (4:2:2), shape (H, W, 2), to I420: chroma of each pair of rows averaged."""
    height, width = yuyv.shape[:2]
    cv2.extractChannel(yuyv, 0, dst=out.y)
    quads = yuyv.reshape(height, width // 2, 4)
    half = (width // 2, height // 2)
    for channel, plane in ((1, out.u), (3, out.v)):
        cv2.resize(cv2.extractChannel(quads, channel), half, dst=plane, interpolation=cv2.INTER_AREA)


def nv12_to_i420(nv12: U8, out: Planes) -> None:
    """Convert NV12, shape (H * 3 / 2, W): the Y plane, then U and V interleaved."""
    height, width = out.y.shape
    np.copyto(out.y, nv12[:height])
    pairs = nv12[height:].reshape(height // 2, width // 2, 2)
    cv2.extractChannel(pairs, 0, dst=out.u)
    cv2.extractChannel(pairs, 1, dst=out.v)


def double(small: U8, pairs: npt.NDArray[np.uint16], out: U8) -> None:
    """Each pixel of `small` (h, w) four times in `out` (2h, 2w), two bytes at a time; pairs: (h, w) to work in."""
    np.multiply(small, np.uint16(257), out=pairs, dtype=np.uint16)
    height, width = small.shape
    np.copyto(out.view(np.uint16).reshape(height, 2, width), pairs[:, np.newaxis])


def yuv(rgb: tuple[int, int, int], color: ColorSpace) -> tuple[int, int, int]:
    """One RGB colour (0..255 each) as (Y, U, V)."""
    y, u, v = np.rint(color.from_rgb() @ np.array([*rgb, 1.0])).clip(0, 255).astype(int)
    return int(y), int(u), int(v)
