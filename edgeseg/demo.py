"""The demo: a camera where there is one, else a real talking head and a photograph; a video and a contact sheet."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edgeseg.build import Settings, open_source
from edgeseg.clock import SystemClock
from edgeseg.errors import NotPermitted, OutputError, SourceError
from edgeseg.facts import ignore
from edgeseg.frames import U8, Frame
from edgeseg.ports import SourceWish
from edgeseg.segmenter import Segmenter
from edgeseg.stages.pixels import i420_to_rgb

_ROWS = 3  # frames of the video on the contact sheet, spread over it
_CELL_HEIGHT = 288


@dataclass(frozen=True, slots=True)
class Made:
    """What a demo made: (what, where) for the stills, and the figures of the video's run."""

    video: Path
    sheet: Path
    stills: tuple[tuple[str, Path], ...]
    figures: dict[str, Any]


def make(
    settings: Settings, find: Callable[[str], str], folder: Path, run: Callable[[Settings], dict[str, Any]]
) -> Made:
    """Run the main job into `folder`. find: gives an asset's path. run: does one run and gives its figures.

    Raises OutputError if the folder cannot be used, and what the runs raise.
    """
    source, has_camera = _source_of(settings, find)
    portrait = "" if has_camera else find("astronaut")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {folder} cannot be made: {error.strerror}; choose another --output.") from None
    video = folder / ("demo.webm" if settings.background == "alpha" else "demo.mp4")
    figures = run(dataclasses.replace(settings, source=source, sink=f"file:{video}"))
    pictures: list[tuple[str, str]] = []
    if not has_camera:
        pictures = [("blurred", "blur"), ("cut-out", "alpha")]
        for name, background in pictures:
            still = dataclasses.replace(
                settings, source=portrait, background=background, sink=f"images:{folder / f'astronaut-{name}.png'}"
            )
            run(still)
    stills = tuple((f"photograph, {name}", folder / f"astronaut-{name}.png") for name, _ in pictures)
    sheet = folder / "contact-sheet.png"
    _write_sheet(sheet, settings, None if has_camera else (source, portrait), video, stills)
    return Made(video, sheet, stills, figures)


def _source_of(settings: Settings, find: Callable[[str], str]) -> tuple[str, bool]:
    """The source to use, and whether it is a camera."""
    if settings.source != "auto":
        live = settings.source.partition(":")[0] in ("camera", "picamera2", "gst")
        return settings.source, live
    try:
        open_source("auto", SourceWish(), SystemClock(), ignore).close()
    except (SourceError, NotPermitted):
        return find("carphone"), False
    return "auto", True


def _write_sheet(
    path: Path, settings: Settings, shown: tuple[str, str] | None, video: Path, stills: tuple[tuple[str, Path], ...]
) -> None:
    """Rows of source, mask and result side by side; a camera's frames are gone, so only results are left of them.

    shown: the paths of the clip and of the photograph.
    """
    results = _some_frames(str(video))
    rows: list[U8] = []
    segmenter = Segmenter(settings.tier, models=settings.models)
    try:
        sources = _some_frames(shown[0]) if shown else results
        for before, after in zip(sources, results, strict=False):
            mask = np.repeat(segmenter.mask(before)[..., None], 3, axis=2)
            rows.append(_row([before, mask, after] if shown else [mask, after]))
        if shown:
            portrait = cv2.imread(shown[1])
            assert portrait is not None
            bgr = np.asarray(portrait, np.uint8)
            mask = np.repeat(segmenter.mask(bgr)[..., None], 3, axis=2)
            rows.append(_row([bgr, mask, *(_on_checkerboard(still) for _, still in stills)]))
    finally:
        segmenter.close()
    width = max(row.shape[1] for row in rows)
    padded = [cv2.copyMakeBorder(row, 4, 4, 4, width - row.shape[1] + 4, cv2.BORDER_CONSTANT) for row in rows]
    if not cv2.imwrite(str(path), np.vstack(padded)):
        raise OutputError(f"The contact sheet {path} cannot be written; is the disk full?")


def _some_frames(path: str) -> list[U8]:
    """A few frames spread over a file, as BGR; the same ones of a clip and of what was made of it."""
    with closing(open_source(path, SourceWish(), SystemClock(), ignore)) as source:
        total = 0
        while source.read() is not None:
            total += 1
    wanted = {total * (2 * n + 1) // (2 * _ROWS) for n in range(_ROWS)}
    with closing(open_source(path, SourceWish(), SystemClock(), ignore)) as source:
        return [_bgr(frame) for frame in iter(source.read, None) if frame.index in wanted]


def _bgr(frame: Frame) -> U8:
    out = np.empty((frame.size.height, frame.size.width, 3), np.uint8)
    i420_to_rgb(frame.planes, frame.color, out, bgr=True)
    return out


def _row(cells: list[U8]) -> U8:
    """Pictures of one height, side by side."""
    grown = [cv2.resize(cell, (round(cell.shape[1] * _CELL_HEIGHT / cell.shape[0]), _CELL_HEIGHT)) for cell in cells]
    return np.asarray(np.hstack(grown), np.uint8)


def _on_checkerboard(path: Path) -> U8:
    """A picture as BGR, what is transparent shown as grey squares."""
    read = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if read is None:
        raise OutputError(f"{path} was written and cannot be read again.")
    picture = np.asarray(read, np.uint8)
    if picture.shape[2] == 3:
        return picture
    rows, columns = np.indices(picture.shape[:2]) // 16
    squares = np.where((rows + columns) % 2, 200, 150)[..., None]
    alpha = picture[..., 3:] / 255.0
    return np.asarray(picture[..., :3] * alpha + squares * (1 - alpha), np.uint8)
