"""For programs: the mask of a picture, in two lines."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from edgeseg.build import Settings, make_engine
from edgeseg.clock import SystemClock
from edgeseg.errors import UsageError
from edgeseg.frames import MICROSECONDS, U8, ColorSpace, Frame, Planes, Size
from edgeseg.pipeline import Mode, Pipeline
from edgeseg.ports import Engine, EngineReport
from edgeseg.stages.pixels import bgr_to_i420
from edgeseg.tiers.catalogue import DEFAULT_TIER
from edgeseg.trust import KnownAnswer

LOOKS = 3  # at a picture by itself: all of it, where somebody was found, and there again


class Segmenter:
    """Finds people in pictures, by the same stages as a live run.

    tier: a name of the catalogue. engine: how to run it, or an engine that runs already. threads: of the engine, 0 for
    one less than the cores. refine: follow edges. models: a folder of tiers to look in first.
    follow: look again where somebody was found. steady: smooth the masks of a sequence over time.
    tidy: take out specks, shut holes.

    Raises UsageError, AssetError, and CandidateError if the tier is not here or the engine fails its known-answer
    test. Not for two threads at once.
    """

    def __init__(
        self,
        tier: str = DEFAULT_TIER,
        *,
        engine: str | Engine = "cpu",
        threads: int = 0,
        refine: bool = True,
        follow: bool = False,
        steady: bool = False,
        tidy: bool = False,
        models: str | Path | None = None,
    ) -> None:
        folder = str(models) if models is not None else None
        self._engine = (
            make_engine(Settings(tier=tier, engine=engine, threads=threads, models=folder))
            if isinstance(engine, str)
            else engine
        )
        self._pipeline = Pipeline(
            self._engine,
            None,
            KnownAnswer.portrait(),
            SystemClock(),
            mode=Mode.ALPHA,
            refine=refine,
            follow=follow,
            steady=steady,
            tidy=tidy,
        )
        self._looks = LOOKS if follow else 1
        try:
            self._pipeline.prove()
        except BaseException:
            if isinstance(engine, str):
                self._engine.close()
            raise
        self._planes: Planes | None = None

    @property
    def report(self) -> EngineReport:
        """What the engine can prove of itself."""
        return self._engine.report

    def mask(self, bgr: U8) -> U8:
        """Person alpha, (H, W) uint8, 0 background to 255 person, of a picture (H, W, 3) uint8 in OpenCV's BGR.

        Raises UsageError for another shape or dtype, EngineFault if the engine fails.
        """
        return self.mask_of(self._frame(bgr, 0.0))

    def mask_of(self, frame: Frame) -> U8:
        """As `mask`, of a frame: alpha of the frame's own size."""
        self._pipeline.forget()
        return self._alpha(frame, self._looks)

    def next_mask(self, bgr: U8, time_s: float) -> U8:
        """As `mask`, of the next picture of a sequence, so many seconds after the first, which is at 0.

        What was found before counts: with `follow` it is looked once, where the person was.
        """
        frame = self._frame(bgr, time_s)
        if not time_s:
            self._pipeline.forget()
        return self._alpha(frame, 1)

    def _frame(self, bgr: U8, time_s: float) -> Frame:
        if bgr.ndim != 3 or bgr.shape[2] != 3 or bgr.dtype != np.uint8 or not bgr.size:
            raise UsageError(f"A picture is (H, W, 3) uint8 in BGR, not {bgr.dtype} {bgr.shape}.")
        height, width = bgr.shape[:2]
        size = Size(width, height)
        if self._planes is None or self._planes.size != size.even:
            self._planes = Planes.allocate(size)
        color = ColorSpace("bt601", full_range=True)
        bgr_to_i420(bgr, self._planes, color)
        return Frame(self._planes, size, pts=round(time_s / MICROSECONDS), color=color, captured_at=time_s)

    def _alpha(self, frame: Frame, looks: int) -> U8:
        mask = self._pipeline.segment(frame, looks)
        return np.asarray(cv2.resize(mask.alpha, frame.size, interpolation=cv2.INTER_LINEAR), np.uint8)

    def close(self) -> None:
        """Free the model."""
        self._pipeline.close()
