"""Stills: the mask of one picture, and the score of one tier on a golden set."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2

from edgeseg.build import VIDEO_SUFFIXES, Settings, make_engine, named, open_source
from edgeseg.clock import SystemClock
from edgeseg.errors import OutputError, SourceError, UsageError
from edgeseg.facts import ignore
from edgeseg.frames import U8
from edgeseg.golden.dataset import load
from edgeseg.golden.evaluate import Progress, Scorecard, evaluate
from edgeseg.ports import SourceWish
from edgeseg.segmenter import Segmenter
from edgeseg.sinks.place import check_file, fault, is_same, put
from edgeseg.tiers.catalogue import AUTO


def write_mask(picture: Path, output: Path, settings: Settings) -> None:
    """Write the mask of `picture`, 8 bits at the picture's size, to `output`.

    Raises SourceError (no such picture), OutputError (cannot be written), UsageError (not an ending for masks) and
    what `Segmenter` raises. An existing `output` stays as it is unless the mask is whole.
    """
    if output.suffix.lower() not in (".png", ".bmp", ".tif", ".tiff", ".pgm", ".webp"):
        raise UsageError(f"{output} has no ending for a mask; write to a .png file (JPEG would smear its edges).")
    if is_same(output, picture):
        raise UsageError(f"The mask would be written over the picture {picture}; choose another file.")
    check_file(output)
    if picture.is_dir():
        raise SourceError(f"{picture} is a folder; give one picture (edgeseg run --source DIR takes folders).")
    if picture.suffix.lower() in VIDEO_SUFFIXES and picture.is_file():
        raise SourceError(f"{picture} is a video; give one picture (edgeseg run --source FILE takes videos).")
    source = open_source(f"images:{picture}", SourceWish(), SystemClock(), ignore)
    frame = source.read()
    assert frame is not None
    segmenter = _segmenter(settings)
    try:
        mask = segmenter.mask_of(frame)
    finally:
        segmenter.close()
    encoded, data = cv2.imencode(output.suffix.lower(), mask)
    if not encoded:
        raise OutputError(f"The mask cannot be written as {output.suffix}; write to a .png file.")
    try:
        put(output, data.data)
    except OSError as error:
        raise fault(output, error) from None


def score(dataset: Path, settings: Settings, progress: Progress | None = None) -> Scorecard:
    """Score the settings' tier and engine on the golden set in `dataset`; raises what `golden.dataset.load` raises."""
    golden = load(dataset)
    segmenter = _segmenter(settings)

    def segment(bgr: U8, at_s: float | None) -> tuple[U8, float]:
        start = time.perf_counter()
        alpha = segmenter.mask(bgr) if at_s is None else segmenter.next_mask(bgr, at_s)
        return alpha, time.perf_counter() - start

    try:
        return evaluate(golden, segment, progress)
    finally:
        segmenter.close()


@contextmanager
def segmenting(settings: Settings) -> Iterator[Callable[[U8], U8]]:
    """`Segmenter.mask` of the settings' tier and engine, while the block runs; raises what `Segmenter` raises."""
    segmenter = _segmenter(settings)
    try:
        yield segmenter.mask
    finally:
        segmenter.close()


def _segmenter(settings: Settings) -> Segmenter:
    made = partial(
        Segmenter, refine=settings.refine, follow=bool(settings.follow), steady=settings.steady, tidy=settings.tidy
    )
    if settings.tier == AUTO and settings.engine == "cpu":
        return made(threads=settings.threads, models=settings.models, whole_body=settings.whole_body)
    engines = [make_engine(named(settings))]
    try:
        if settings.whole_body is not None:
            engines.append(make_engine(replace(settings, tier=settings.whole_body)))
        return made(engine=engines[0], whole_body=engines[1] if len(engines) > 1 else None)
    except BaseException:
        for engine in engines:
            engine.close()
        raise
