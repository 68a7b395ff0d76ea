"""One candidate in the product's own line: what a frame takes with it, and what its masks are worth."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import gc
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edgeseg.build import Settings, make_engine, open_background, own_options
from edgeseg.clock import Clock
from edgeseg.frames import F32, U8, Frame, Planes, Size
from edgeseg.golden import SMALL
from edgeseg.golden.dataset import load
from edgeseg.golden.evaluate import evaluate
from edgeseg.golden.pictures import read_image
from edgeseg.pipeline import Pipeline
from edgeseg.ports import EngineReport
from edgeseg.segmenter import Segmenter
from edgeseg.stages.pixels import bgr_to_i420
from edgeseg.tiers.ladder import Candidate
from edgeseg.trust import KnownAnswer

SIZE = Size(1280, 720)
NO_OPTIONS: Mapping[str, Any] = {}
BACKGROUND = "blur"  # what `run` does unless told otherwise, and the costliest
_PICTURE = "images/desk.jpg"  # of the small golden set: a person at a camera


class Line:
    """A candidate, started and proved with the known answer. Not for two threads at once.

    options: those of `Settings` for engines. memory_mb: resident memory of this process with it. Raises CandidateError
    if the tier cannot be run, AssetError if its file is another.
    """

    def __init__(
        self,
        candidate: Candidate,
        clock: Clock,
        models: str | None = None,
        options: Mapping[str, Any] = NO_OPTIONS,
        size: Size = SIZE,
    ) -> None:
        self._clock = clock
        self._frames = frames_of(size)
        self._next = 0
        tier, engine_name, threads = candidate
        settings = Settings(tier=tier, engine=engine_name, threads=threads, models=models, refine=False, **options)
        engine = self._engine = make_engine(own_options(settings))
        try:
            mode, background = open_background(BACKGROUND)
            self._segmenter = Segmenter(engine=engine, refine=False, follow=False, tidy=False)
            self._pipeline = Pipeline(engine, background, KnownAnswer.portrait(), clock, mode=mode)
            self._pipeline.through(self._infer)
            self.infer_s = 0.0  # what the engine took of the last frame
            self.frame_s()
            self.memory_mb = resident_mb()
        except BaseException:
            engine.close()
            raise

    @property
    def report(self) -> EngineReport:
        """What its engine can prove of itself."""
        return self._engine.report

    def frame_s(self) -> float:
        """Seconds from a captured frame to what people see of it; raises EngineFault if there is no mask."""
        self._next = (self._next + 1) % len(self._frames)
        frame = self._frames[self._next]
        start = self._clock.now()
        self._pipeline.show(frame, self._pipeline.segment(frame))
        return self._clock.now() - start

    def score(self) -> float:
        """Mean IoU on the small golden set, as the catalogue's scores are taken. Raises EngineFault, GoldenError."""
        return evaluate(load(SMALL), lambda bgr, at_s: (self._segmenter.mask(bgr), 0.0)).miou

    def close(self) -> None:
        """Free the model and all buffers."""
        self._pipeline.close()

    def _infer(self, rgb: npt.NDArray[Any]) -> F32:
        start = self._clock.now()
        answer = self._engine.infer(rgb)
        self.infer_s = self._clock.now() - start
        return answer


@functools.lru_cache(maxsize=2)
def frames_of(size: Size) -> tuple[Frame, ...]:
    """A person before a camera, and the same mirrored, so that mask and picture change from frame to frame."""
    picture = read_image(SMALL / _PICTURE)
    bgr = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    return tuple(_frame(np.ascontiguousarray(one), size) for one in (bgr, bgr[:, ::-1]))


def _frame(bgr: U8, size: Size) -> Frame:
    frame = Frame(Planes.allocate(size), size)
    bgr_to_i420(bgr, frame.planes, frame.color)
    return frame


def resident_mb() -> float:
    """Resident memory of this process in MB (10**6 bytes), once what earlier candidates freed is given back."""
    import psutil

    gc.collect()
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)  # glibc's: it keeps freed memory, which would be counted for the next one
    return round(psutil.Process().memory_info().rss / 1e6, 1)
