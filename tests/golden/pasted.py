"""Small people who move: cut out of a golden set's stills and pasted over other pictures, with exact masks.

Nothing of it is kept: a sequence is made when it is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from edgeseg.frames import U8, Size
from edgeseg.golden.dataset import load
from edgeseg.golden.pictures import read_image, read_mask

FRAME = Size(640, 360)
FPS = 15
FRAMES = 24
SIZES = {"full": 1.0, "half": 1 / 2, "third": 1 / 3}  # of the frame's height that the person's picture takes
_SWING = 0.5  # of the way that is free, to both sides
_PERIOD_S = 2.5
ROOMS = (0, 3, 4, 9, 11, 13, 14)  # of the pictures that `rooms` finds: those in which really nobody is
_APART = 12  # pixels from a person where the room begins
_LEAST_ROOM = 0.3  # of a picture's width

Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Person:
    """A picture (h, w, 3) uint8 BGR and how much of each pixel is the person, (h, w) uint8."""

    name: str
    framing: str
    bgr: U8
    alpha: U8


def people(golden: Path, of_each: int) -> Iterator[Person]:
    """The first so many of each framing in the golden set of stills at `golden`."""
    dataset = load(golden)
    counts: dict[str, int] = {}
    for item in dataset.file.items:
        framing = item.framing or ""
        if item.is_empty or counts.get(framing, 0) >= of_each:
            continue
        counts[framing] = counts.get(framing, 0) + 1
        mask = read_mask(dataset.path(item.mask)).astype(np.uint8) * 255
        yield Person(item.image, framing, read_image(dataset.path(item.image)), mask)


def rooms(golden: Path) -> list[U8]:
    """Pictures of `FRAME` in which nobody is: what is beside the people in full-body pictures, mirrored to and fro."""
    dataset = load(golden)
    items = [item for item in dataset.file.items if item.framing == "full-body"]
    made: list[U8] = []
    for item in reversed(items):
        person = read_mask(dataset.path(item.mask)).any(axis=0)
        first, last = int(np.argmax(person)), person.size - int(np.argmax(person[::-1]))
        left, right = first - _APART, person.size - last - _APART
        if max(left, right) < person.size * _LEAST_ROOM:
            continue
        picture = read_image(dataset.path(item.image))
        strip = picture[:, :left] if left > right else picture[:, last + _APART :]
        tiles = np.tile(np.hstack([strip, strip[:, ::-1]]), (1, 8, 1))
        made.append(covering(tiles[:, : picture.shape[0] * FRAME.width // FRAME.height]))
    return [made[n] for n in ROOMS]


def sequence(person: Person, room: U8, size: float) -> Iterator[tuple[U8, Bool]]:
    """`FRAMES` frames (H, W, 3) uint8 BGR with their true masks (H, W) bool: the person goes to and fro, and a little
    up and down unless cut off by the picture's lower edge, with a camera's noise.
    """
    scale = FRAME.height * size / person.alpha.shape[0]
    smaller = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    bgr = np.asarray(cv2.resize(person.bgr, None, fx=scale, fy=scale, interpolation=smaller), np.uint8)
    alpha = np.asarray(cv2.resize(person.alpha, (bgr.shape[1], bgr.shape[0]), interpolation=smaller), np.uint8)
    height, width = alpha.shape
    is_cut = bool(alpha[-2:].max() >= 128)
    free_x, free_y = FRAME.width - width, FRAME.height - height
    rng = np.random.default_rng(0)
    for n in range(FRAMES):
        turn = math.sin(2 * math.pi * n / FPS / _PERIOD_S)
        x = free_x / 2 * (1 + _SWING * turn)
        y = free_y if is_cut else free_y / 2 * (1 + 0.2 * turn)
        matrix = np.array([[1, 0, x], [0, 1, y]])
        placed = np.asarray(cv2.warpAffine(bgr, matrix, FRAME, borderMode=cv2.BORDER_REPLICATE), np.float32)
        share = np.asarray(cv2.warpAffine(alpha, matrix, FRAME), np.float32)[..., None] / 255
        frame = room + share * (placed - room)
        frame += rng.normal(0, 2, frame.shape).astype(np.float32)
        yield np.clip(np.rint(frame), 0, 255).astype(np.uint8), np.asarray(share[..., 0] >= 0.5)


def covering(picture: U8) -> U8:
    """A picture cut and resized to `FRAME`."""
    scale = max(FRAME.width / picture.shape[1], FRAME.height / picture.shape[0])
    grown = cv2.resize(
        picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    )
    left, top = (grown.shape[1] - FRAME.width) // 2, (grown.shape[0] - FRAME.height) // 2
    return np.asarray(grown[top : top + FRAME.height, left : left + FRAME.width], np.uint8)
