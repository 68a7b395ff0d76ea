"""Labelled pictures for calibrating: as they are, in other light, and with the person small, turned or cut off."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from edgeseg.errors import GoldenError
from edgeseg.frames import U8, ColorSpace, Planes, Size
from edgeseg.golden.dataset import FILE_NAME, load
from edgeseg.golden.pictures import read_image, read_mask
from edgeseg.ports import ModelIO
from edgeseg.stages.pixels import bgr_to_i420
from edgeseg.stages.preprocess import ModelInput

Bool = npt.NDArray[np.bool_]

_LONGER_SIDE = 480
_FULL_RANGE = ColorSpace("bt601", full_range=True)


@dataclass(frozen=True, slots=True)
class Labelled:
    """A picture, (H, W, 3) uint8 BGR, and where the person is in it, (H, W) bool."""

    bgr: U8
    person: Bool


def read_folder(folder: Path) -> list[Labelled]:
    """The pictures of a dataset, or of every dataset in a folder, 480 pixels at most on the longer side.

    Raises GoldenError if there is no dataset, or a picture is broken, has no mask or nobody in it.
    """
    files = [folder / FILE_NAME] if (folder / FILE_NAME).is_file() else sorted(folder.glob(f"*/{FILE_NAME}"))
    if not files:
        raise GoldenError(f"{folder} holds no labelled pictures: there is no {FILE_NAME} in it or one folder below.")
    found = []
    for file in files:
        dataset = load(file)
        for item in dataset.file.items:
            bgr, person = read_image(dataset.path(item.image)), read_mask(dataset.path(item.mask))
            if person.shape != bgr.shape[:2]:
                raise GoldenError(f"{file}: {item.mask} and {item.image} differ in size.")
            if not person.any():
                raise GoldenError(f"{file}: nobody is in {item.image}; ranges are learned from pictures of people.")
            found.append(_shrunk(bgr, person))
    return found


def varied(pictures: Iterable[Labelled], seed: int = 0) -> Iterator[U8]:
    """Three pictures of each: itself; in other light; and placed small, turned or cropped, in other light too."""
    rng = np.random.default_rng(seed)
    for n, picture in enumerate(pictures):
        yield picture.bgr
        yield lit(picture.bgr, rng)
        hard = _placed(picture, rng) if n % 2 else _cropped(picture.bgr, rng)
        yield lit(hard, rng) if n % 4 < 2 else hard


def model_inputs(pictures: Iterable[U8], fit: str, height: int, width: int) -> Iterator[U8]:
    """Each picture as a device would feed it: (height, width, 3) uint8 RGB."""
    io = ModelIO(height, width, "letterbox" if fit == "letterbox" else "stretch", "uint8")
    for bgr in pictures:
        size = Size(bgr.shape[1], bgr.shape[0])
        planes = Planes.allocate(size)
        bgr_to_i420(bgr, planes, _FULL_RANGE)
        yield ModelInput(io, size, _FULL_RANGE).fill(planes).copy()


def lit(bgr: U8, rng: np.random.Generator) -> U8:
    """The picture in other light: gamma, exposure, white balance, now and then a shadow to one side or noise."""
    light = (bgr / np.float32(255)) ** np.exp(rng.normal(0, 0.35)) * np.exp(rng.normal(0, 0.25))
    light = light * np.exp(rng.normal(0, 0.08, 3))
    if rng.random() < 0.4:
        angle, (height, width) = rng.uniform(0, 2 * np.pi), bgr.shape[:2]
        across, down = np.linspace(-1, 1, width)[None, :], np.linspace(-1, 1, height)[:, None]
        light = light * (1 + 0.4 * (across * np.cos(angle) + down * np.sin(angle)))[..., None]
    if rng.random() < 0.4:
        light = light + rng.normal(0, rng.choice([0.01, 0.03]), light.shape)
    return np.asarray(np.clip(light, 0, 1) * 255, np.uint8)


def _placed(picture: Labelled, rng: np.random.Generator) -> U8:
    """The person at 0.2 to 0.7 of the size, turned by up to 25 degrees, somewhere before the blurred surroundings."""
    height, width = picture.bgr.shape[:2]
    hole = cv2.dilate(picture.person.astype(np.uint8), np.ones((15, 15), np.uint8))
    room = cv2.inpaint(picture.bgr, hole, 5, cv2.INPAINT_TELEA)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(-25, 25), rng.uniform(0.2, 0.7))
    turn[:, 2] += (rng.uniform(-0.35, 0.35) * width, rng.uniform(-0.1, 0.3) * height)
    person = cv2.warpAffine(picture.bgr, turn, (width, height)).astype(np.float32)
    alpha = cv2.warpAffine(picture.person.astype(np.float32), turn, (width, height))
    alpha = cv2.GaussianBlur(alpha, (3, 3), 0)[..., None]
    return np.asarray(person * alpha + room * (1 - alpha), np.uint8)


def _cropped(bgr: U8, rng: np.random.Generator) -> U8:
    """A part of the picture, 0.35 to 0.8 of each side, turned by up to 20 degrees."""
    height, width = bgr.shape[:2]
    part = rng.uniform(0.35, 0.8)
    turn = cv2.getRotationMatrix2D(
        (rng.uniform(0.3, 0.7) * width, rng.uniform(0.3, 0.7) * height), rng.uniform(-20, 20), 1 / part
    )
    return np.asarray(cv2.warpAffine(bgr, turn, (width, height), borderMode=cv2.BORDER_REFLECT), np.uint8)


def _shrunk(bgr: U8, person: Bool) -> Labelled:
    scale = _LONGER_SIDE / max(bgr.shape[:2])
    if scale >= 1:
        return Labelled(bgr, person)
    size = (round(bgr.shape[1] * scale), round(bgr.shape[0] * scale))
    small = np.asarray(cv2.resize(bgr, size, interpolation=cv2.INTER_AREA), np.uint8)
    mask = cv2.resize(person.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    return Labelled(small, np.equal(mask, 1))
