"""Real pictures of the kinds that go wrong, through a real model with everything on: no exception, no look outside the
frame, and nothing shown far from where the model saw a person in the last quarter of a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from edgeseg.backgrounds.color import ColorBackground
from edgeseg.build import Settings, make_engine
from edgeseg.clock import SystemClock
from edgeseg.errors import EngineFault
from edgeseg.frames import F32, U8, ColorSpace, Frame, Planes, Rect, Size
from edgeseg.pipeline import MARGIN, Pipeline
from edgeseg.ports import ModelIO
from edgeseg.stages.pixels import bgr_to_i420, yuv
from edgeseg.stages.postprocess import postprocess
from edgeseg.stages.preprocess import content_rect
from edgeseg.stages.region import whole
from edgeseg.trust import KnownAnswer

WIDTH, HEIGHT, FPS, FRAMES = 640, 360, 15, 8
COLOR = ColorSpace("bt601", full_range=True)
GREEN = "#00b140"


@pytest.fixture(scope="module")
def photo(asset: Callable[[str], Path]) -> U8:
    return np.asarray(cv2.imread(str(asset("astronaut"))), np.uint8)


def room() -> U8:
    """Something with edges and a little noise in it."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    bricks = ((x // 40 + y // 20) % 2 * 60 + 90 + np.random.default_rng(1).normal(0, 4, (HEIGHT, WIDTH))).astype(
        np.uint8
    )
    return np.dstack([bricks, bricks // 2 + 40, bricks // 3 + 90])


def pasted(photo: U8, side: int, left: int, top: int, onto: U8 | None = None) -> U8:
    """The photograph, so many pixels a side, hung into a room, as far as it is inside."""
    out = room() if onto is None else onto.copy()
    small = cv2.resize(photo, (side, side), interpolation=cv2.INTER_AREA)
    x0, y0, x1, y1 = max(0, left), max(0, top), min(WIDTH, left + side), min(HEIGHT, top + side)
    if x0 < x1 and y0 < y1:
        out[y0:y1, x0:x1] = small[y0 - top : y1 - top, x0 - left : x1 - left]
    return out


def filled(photo: U8, top: int, height: int) -> U8:
    """So many rows of the photograph, over the whole frame."""
    return np.asarray(cv2.resize(photo[top : top + height], (WIDTH, HEIGHT)), np.uint8)


def frame_on_wall(photo: U8) -> U8:
    out = room()
    cv2.rectangle(out, (395, 55), (505, 165), (20, 60, 90), -1)
    return pasted(photo, 90, 405, 65, out)


SCENES: dict[str, Callable[[U8, int], U8]] = {
    "fills the frame": lambda photo, n: filled(photo, 0, 288),
    "nothing but a face": lambda photo, n: np.asarray(cv2.resize(photo[40:190, 150:300], (WIDTH, HEIGHT)), np.uint8),
    "cut at every border": lambda photo, n: pasted(
        photo, 300, *[(-150, 40), (490, 40), (170, -150), (170, 230)][n // 2 % 4]
    ),
    "upside down": lambda photo, n: pasted(np.ascontiguousarray(photo[::-1]), 300, 100 + 8 * n, 30),
    "behind glass": lambda photo, n: np.asarray(
        cv2.GaussianBlur(cv2.addWeighted(pasted(photo, 320, 150, 40), 0.5, room()[:, ::-1], 0.5, 0), (0, 0), 2),
        np.uint8,
    ),
    "two people crossing": lambda photo, n: pasted(
        photo, 180, 440 - 44 * n, 160, pasted(np.ascontiguousarray(photo[:, ::-1]), 180, 40 + 44 * n, 150)
    ),
    "a cut every second frame": lambda photo, n: pasted(photo, 300, 100, 60) if n // 2 % 2 else room(),
    "black": lambda photo, n: np.zeros((HEIGHT, WIDTH, 3), np.uint8),
    "white": lambda photo, n: np.full((HEIGHT, WIDTH, 3), 255, np.uint8),
    "noise": lambda photo, n: np.random.default_rng(n).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8),
    "strobe": lambda photo, n: np.asarray(
        cv2.convertScaleAbs(pasted(photo, 300, 120, 60), alpha=1.6 if n % 2 else 0.2)
    ),
    "a portrait on the wall": lambda photo, n: frame_on_wall(photo),
    "a mannequin": lambda photo, n: np.dstack(
        [np.asarray(cv2.medianBlur(pasted(photo, 300, 120, 60)[..., 1], 9), np.uint8)] * 3
    ),
    "somebody small leaps": lambda photo, n: pasted(photo, 90, 20 + 270 * (n % 3), 200),
    "very wide": lambda photo, n: np.asarray(cv2.resize(photo, (1200, 40)), np.uint8),
    "very high": lambda photo, n: np.asarray(cv2.resize(photo, (30, 900)), np.uint8),
}


class Seen:
    """Where the model saw a person, by its answers themselves: those of the last quarter of a second."""

    def __init__(self, io: ModelIO, size: Size) -> None:
        self._io, self._size = io, size
        self._answers: list[tuple[float, Rect, F32]] = []

    def add(self, scores: F32, frame: Frame) -> None:
        """Take an answer; it was looked inside the frame."""
        look = frame.look or whole(self._size)
        assert 0 <= look.left < look.right <= self._size.width
        assert 0 <= look.top < look.bottom <= self._size.height
        self._answers.append((frame.time_s, look, scores.copy()))

    def near(self, now_s: float) -> npt.NDArray[np.bool_]:
        """Where something may show now: no farther than the promise from any of these answers."""
        region = np.zeros((self._size.height, self._size.width), np.uint8)
        for at_s, look, scores in self._answers:
            if now_s - at_s <= 0.25:
                alpha = postprocess(scores, self._io, content_rect(self._io, look.size))
                placed = cv2.resize(alpha, look.size, interpolation=cv2.INTER_LINEAR)
                np.maximum(look.of(region), placed, out=look.of(region))
        reach = MARGIN * self._size.diagonal
        gaps = cv2.distanceTransform((region < 127).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        return np.asarray(gaps <= reach + 2)  # chroma's and the blend's own pixel


@pytest.fixture(scope="module")
def lines(tier_file: Callable[..., Path]) -> Iterator[Callable[[bool], Pipeline]]:
    tier_file()
    engine = make_engine(Settings(threads=1))
    background = ColorBackground(GREEN)

    def make(is_patient: bool) -> Pipeline:
        known = KnownAnswer.portrait()
        line = Pipeline(engine, background, known, SystemClock(), follow=True, steady=True, tidy=True)
        line.is_patient = is_patient
        return line

    yield make
    engine.close()


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("is_patient", [True, False])
def test_nothing_shows_that_should_not(
    scene: str, is_patient: bool, photo: U8, lines: Callable[[bool], Pipeline], monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = SCENES[scene](photo, 0)
    size = Size(picture.shape[1], picture.shape[0])
    line = lines(is_patient)
    engine = line.engine
    assert engine is not None
    seen, plain = Seen(line.io, size), line.read

    def read(scores: F32, frame: Frame) -> U8:
        if frame.size == size:  # and not the known answer's
            seen.add(scores, frame)
        return plain(scores, frame)

    monkeypatch.setattr(line, "read", read)
    green = yuv((0, 177, 64), COLOR)[0]
    for n in range(FRAMES):
        planes = Planes.allocate(size)
        bgr_to_i420(np.ascontiguousarray(SCENES[scene](photo, n)), planes, COLOR)
        frame = Frame(planes, size, n, pts=n * 1_000_000 // FPS, color=COLOR, captured_at=n / FPS)
        try:
            mask = line.shape(line.believe(line.read(engine.infer(line.prepare(frame)), frame), frame), frame)
        except EngineFault:
            mask = None
        shown = line.show(frame, mask).planes.y[: size.height, : size.width]
        far = ~seen.near(frame.time_s)
        assert not (np.abs(shown.astype(int) - green) > 2)[far].any(), f"frame {n}"
