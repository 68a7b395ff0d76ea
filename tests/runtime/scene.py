"""A scene whose every pixel is known: a dark person, a grey ring as wide as the margin, a room in a colour of its own.

The room is what no sink may see. Person and ring are without colour, and so are the backgrounds of the tests; so any
colour in a frame that went out, however faint, is the room.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edgeseg.frames import U8, Frame, Planes, Size
from edgeseg.pipeline import MARGIN
from edgeseg.trust import KnownAnswer

PERSON, RING, ROOM = (40, 128, 128), (150, 128, 128), (200, 30, 220)
Place = tuple[int, int]
SIZE = Size(256, 144)
GREY = "#4a4a4a"  # the colour behind the person in these tests


@dataclass(frozen=True)
class Scene:
    """Frames of `size` with an elliptic person of half axes `axes` at a place.

    cloth: the person has a pattern, nearly as dark, by which motion can be seen.
    """

    size: Size = SIZE
    axes: Place = (36, 44)
    cloth: bool = False

    def person(self, place: Place) -> U8:
        """(H, W) uint8, 255 where the person is."""
        blank = np.zeros((self.size.height, self.size.width), np.uint8)
        return np.asarray(cv2.ellipse(blank, place, self.axes, 0, 0, 360, 255, -1), np.uint8)

    def room(self, place: Place) -> npt.NDArray[np.bool_]:
        """(H, W) bool: farther from the person than the promise allows a source pixel to show."""
        away = cv2.distanceTransform(255 - self.person(place), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        # Chroma is kept for 2 x 2 pixels: a pixel more keeps the room's colour out of the ring's samples.
        return np.asarray(away > MARGIN * self.size.diagonal + 2)

    def paint(self, place: Place, planes: Planes, checkered: bool = False) -> None:
        """Paint the scene; a checkered room is black and white squares of two pixels instead of a colour."""
        planes.fill(RING)
        room = self.room(place)
        chroma = room[::2, ::2] & room[1::2, ::2] & room[::2, 1::2] & room[1::2, 1::2]
        if checkered:
            rows, columns = np.indices(room.shape) // 2
            planes.y[room] = np.where((rows + columns) % 2, 235, 16)[room]
        else:
            planes.y[room] = ROOM[0]
            planes.u[chroma], planes.v[chroma] = ROOM[1:]
        person = self.person(place) > 0
        planes.y[person] = self._pattern(place)[person] if self.cloth else PERSON[0]

    def _pattern(self, place: Place) -> U8:
        """(H, W) uint8 of 20 to 56, which goes with the place."""
        coarse = np.random.default_rng(0).integers(20, 57, (32, 32), np.uint8)
        cloth = cv2.resize(coarse, (256, 256), interpolation=cv2.INTER_LINEAR)
        rows, columns = np.indices((self.size.height, self.size.width))
        return np.asarray(cloth[(rows - place[1]) % 256, (columns - place[0]) % 256], np.uint8)

    def known(self) -> KnownAnswer:
        """A known-answer test in the colours of the scene."""
        person = self.person((self.size.width // 2, self.size.height // 2))
        bgr = np.full((*person.shape, 3), 190, np.uint8)
        bgr[person > 0] = 28
        return KnownAnswer(bgr, person)


def finder(checkered: bool = False) -> Callable[[npt.NDArray[Any]], npt.NDArray[np.float32]]:
    """What the engine answers when it is well: person where the picture is dark, at the model's size."""

    def find(rgb: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        luma = rgb.mean(axis=2, dtype=np.float32)
        if rgb.dtype != np.float32:
            luma = (luma + (128 if rgb.dtype == np.int8 else 0)) / np.float32(255)
        if checkered:  # black squares are dark too, but never far from a white one
            luma = cv2.dilate(luma, np.ones((5, 5), np.uint8))
            luma = cv2.erode(luma, np.ones((5, 5), np.uint8))
        return np.asarray(np.clip((0.35 - luma) / 0.15, 0, 1), np.float32)

    return find


def leaks(scene: Scene, frame: Frame, place: Place, mode: str, *, carried: bool = False) -> str | None:
    """What of the room a frame shows that went out with mode "color" (`GREY`), "alpha" or "blur" (checkered room).

    place: of the person in the frame that the mask was made of. carried: that is an earlier one, so that near
    the person as it was there, colour may be seen.
    """
    room = scene.room(place)
    height, width = scene.size.height, scene.size.width
    y = frame.planes.y[:height, :width].astype(int)
    if mode == "blur":
        # Squares of two pixels are gone if no pixel differs much from the one two to its right.
        both = room[:, :-2] & room[:, 2:]
        contrast = np.abs(y[:, 2:] - y[:, :-2])[both].max(initial=0)
        return f"unblurred squares, contrast {contrast}" if contrast > 60 else None
    for name, plane in (("U", frame.planes.u), ("V", frame.planes.v)):
        off_grey = np.abs(plane.astype(int) - 128)
        if carried:
            off_grey = off_grey[room[::2, ::2] & room[1::2, ::2] & room[::2, 1::2] & room[1::2, 1::2]]
        colour = off_grey.max(initial=0)
        if colour > 1:
            return f"colour of the room in {name}: {colour}"
    if mode == "alpha":
        assert frame.alpha is not None
        shown = int(frame.alpha[:height, :width][room].max(initial=0))
        return f"alpha {shown} in the room" if shown or y[room].max(initial=16) > 16 else None
    behind = int(np.rint(16 + int(GREY[1:3], 16) * 219 / 255))
    off = np.abs(y[room] - behind).max(initial=0)
    return f"luma of the room: {off} off the background" if off > 1 else None
