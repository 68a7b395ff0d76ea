"""For programs: the mask of a picture, in two lines."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from edgeseg.build import Settings, make_engine
from edgeseg.clock import SystemClock
from edgeseg.errors import UsageError
from edgeseg.frames import MICROSECONDS, U8, ColorSpace, Frame, Mask, Planes, Size
from edgeseg.pipeline import Mode, Pipeline
from edgeseg.ports import Engine, EngineReport
from edgeseg.stages.framing import FamilyChoice, Framing, framing_of
from edgeseg.stages.pixels import bgr_to_i420
from edgeseg.tiers.catalogue import DEFAULT_TIER
from edgeseg.trust import KnownAnswer

LOOKS = 3  # at a picture by itself: all of it, where somebody was found, and there again


class Segmenter:
    """Finds people in pictures, by the same stages as a live run.

    tier: a name of the catalogue. engine: how to run it, or an engine that runs already. threads: of the engine, 0 for
    one less than the cores. refine: follow edges. models: a folder of tiers to look in first.
    follow: look again where somebody was found. steady: smooth the masks of a sequence over time.
    tidy: take out specks, shut holes. whole_body: a tier of the body family, or its engine, which is asked where
    one whole person is seen.

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
        whole_body: str | Engine | None = None,
        models: str | Path | None = None,
    ) -> None:
        folder = str(models) if models is not None else None
        self._pipelines: list[Pipeline] = []
        try:
            for one in (engine, whole_body) if whole_body is not None else (engine,):
                if isinstance(one, str):
                    named = one if one is whole_body else tier
                    kind = engine if isinstance(engine, str) else "cpu"
                    made = make_engine(Settings(tier=named, engine=kind, threads=threads, models=folder))
                else:
                    made = one
                known, clock = KnownAnswer.portrait(), SystemClock()
                line = Pipeline(
                    made,
                    None,
                    known,
                    clock,
                    mode=Mode.ALPHA,
                    refine=refine,
                    follow=follow,
                    steady=steady,
                    tidy=tidy,
                )
                self._pipelines.append(line)
                self._pipelines[-1].prove()
        except BaseException:
            for number, pipeline in enumerate(self._pipelines):
                if isinstance((engine, whole_body)[number], str):
                    pipeline.close()
            raise
        self._looks = LOOKS if follow else 1
        self._choice = FamilyChoice()
        self._is_body = False  # who was asked last
        self._planes: Planes | None = None

    @property
    def report(self) -> EngineReport:
        """What the engine can prove of itself."""
        assert self._pipelines[0].engine is not None
        return self._pipelines[0].engine.report

    def mask(self, bgr: U8) -> U8:
        """Person alpha, (H, W) uint8, 0 background to 255 person, of a picture (H, W, 3) uint8 in OpenCV's BGR.

        Raises UsageError for another shape or dtype, EngineFault if the engine fails.
        """
        return self.mask_of(self._frame(bgr, 0.0))

    def mask_of(self, frame: Frame) -> U8:
        """As `mask`, of a frame: alpha of the frame's own size."""
        self._forget()
        mask = self._pipelines[0].segment(frame, self._looks)
        if len(self._pipelines) > 1 and framing_of(mask.alpha, frame.size) is Framing.WHOLE:
            self._pipelines[1].look_at(mask, frame)
            mask = self._pipelines[1].segment(frame, min(2, self._looks))
        return _grown(mask, frame)

    def next_mask(self, bgr: U8, time_s: float) -> U8:
        """As `mask`, of the next picture of a sequence, so many seconds after the first, which is at 0.

        What was found before counts: with `follow` it is looked once, where the person was.
        """
        frame = self._frame(bgr, time_s)
        if not time_s:
            self._forget()
        pipeline = self._pipelines[self._is_body]
        mask = pipeline.segment(frame)
        if len(self._pipelines) > 1:
            wanted = self._choice.saw(framing_of(mask.alpha, frame.size), time_s)
            if wanted != self._is_body:
                self._is_body = wanted
                self._pipelines[wanted].forget()
                self._pipelines[wanted].look_at(mask, frame)
        return _grown(mask, frame)

    def _forget(self) -> None:
        self._choice, self._is_body = FamilyChoice(), False
        for pipeline in self._pipelines:
            pipeline.forget()

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

    def close(self) -> None:
        """Free the models."""
        for pipeline in self._pipelines:
            pipeline.close()


def _grown(mask: Mask, frame: Frame) -> U8:
    return np.asarray(cv2.resize(mask.alpha, frame.size, interpolation=cv2.INTER_LINEAR), np.uint8)
