"""For programs: the mask of a picture, in two lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from edgeseg.build import Settings, make_engine
from edgeseg.clock import SystemClock
from edgeseg.errors import UsageError
from edgeseg.frames import MICROSECONDS, U8, ColorSpace, Frame, Mask, Planes, Rect, Size
from edgeseg.pipeline import AGAIN, Mode, Pipeline
from edgeseg.ports import Engine, EngineReport
from edgeseg.stages.framing import FamilyChoice, Framing, framing_of
from edgeseg.stages.opinions import weighed
from edgeseg.stages.pixels import bgr_to_i420
from edgeseg.stages.region import look_around, margin_of, squared, whole
from edgeseg.tiers import files as tiers
from edgeseg.tiers.catalogue import AUTO, BODY_TIER, DEFAULT_TIER, STILL_TIERS
from edgeseg.trust import KnownAnswer

# How much more or less than its doubt says the body family has to say of a still in which one whole person is seen, or
# anybody else (docs/quality.md).
BODY_OF_WHOLE, BODY_OF_OTHERS = 8.0, 0.5
LOOKS = 1 + AGAIN  # at a picture by itself: all of it, where somebody was found, and there again


class Segmenter:
    """Finds people in pictures, by the same stages as a live run.

    tier: a name of the catalogue; "auto": one of each family is asked, and who is surer counts for more. engine: how to
    run it, or an engine that runs already, in place of a tier. threads: of the engine, 0 for one less than the cores.
    refine: follow edges. follow: look again where somebody was found. steady: smooth the masks of a sequence over time.
    tidy: take out specks, shut holes. whole_body: a tier of the body family, or its engine, which is asked too; of a
    sequence only where one whole person is seen. models: a folder of tiers to look in first.

    Raises UsageError, AssetError, and CandidateError if a tier is not here or an engine fails its known-answer
    test. Not for two threads at once.
    """

    def __init__(
        self,
        tier: str = AUTO,
        *,
        engine: str | Engine = "cpu",
        threads: int = 0,
        refine: bool = True,
        follow: bool = True,
        steady: bool = False,
        tidy: bool = True,
        whole_body: str | Engine | None = None,
        models: str | Path | None = None,
    ) -> None:
        folder = str(models) if models is not None else None
        usual: list[str | Engine] = [tier] if isinstance(engine, str) else [engine]
        if tier == AUTO and isinstance(engine, str):
            usual = [*_here(STILL_TIERS, folder)] or [DEFAULT_TIER]
            whole_body = whole_body or next(iter(_here((BODY_TIER,), folder)), None)
        settings = Settings(engine=engine if isinstance(engine, str) else "cpu", threads=threads, models=folder)
        line_of = partial(Pipeline, mode=Mode.ALPHA, refine=refine, follow=follow, steady=steady, tidy=tidy)
        self._follow = follow
        self._usual: list[Pipeline] = []
        self._body: Pipeline | None = None
        own: list[Engine] = []  # to be closed where a later one is refused
        try:
            for one in (*usual, *([whole_body] if whole_body is not None else [])):
                made = make_engine(replace(settings, tier=one)) if isinstance(one, str) else one
                if made is not one:
                    own.append(made)
                line = line_of(made, None, KnownAnswer.portrait(), SystemClock())
                line.is_patient = True
                line.prove()
                if one is whole_body:
                    self._body = line
                else:
                    self._usual.append(line)
        except BaseException:
            for made in own:
                made.close()
            raise
        self._choice = FamilyChoice()
        self._is_body = False  # who was asked last
        self._planes: Planes | None = None

    @property
    def report(self) -> EngineReport:
        """What the engine can prove of itself."""
        assert self._usual[0].engine is not None
        return self._usual[0].engine.report

    def mask(self, bgr: U8) -> U8:
        """Person alpha, (H, W) uint8, 0 background to 255 person, of a picture (H, W, 3) uint8 in OpenCV's BGR.

        Raises UsageError for another shape or dtype, EngineFault if the engine fails.
        """
        return self.mask_of(self._frame(bgr, 0.0))

    def mask_of(self, frame: Frame) -> U8:
        """As `mask`, of a frame: alpha of the frame's own size."""
        self._forget()
        frame.look = None
        first = said = [line.opinion(frame, None) for line in self._usual]
        for _ in range(LOOKS - 1 if self._follow else self._body is not None):
            surest = min(said, key=lambda one: one.doubt) if self._follow else weighed(said)  # of one size, or made so
            box = self._usual[0].box(surest, frame)
            if box is None:
                break
            said = [line.opinion(frame, self._look_at(box, line, frame.size)) for line in self._pipelines]
        if len(self._pipelines) == 1 and said is not first:
            said = [*first, *said]  # who is large is often seen better from far
        frame.look = None
        opinion = weighed(said)
        if self._body is not None and len(said) == len(self._pipelines):
            is_whole = framing_of(opinion.alpha, frame.size) in (Framing.WHOLE, Framing.FAR)
            opinion = weighed(said, [1.0] * len(self._usual) + [BODY_OF_WHOLE if is_whole else BODY_OF_OTHERS])
        return _grown(self._usual[0].settle(opinion, frame), frame)

    def next_mask(self, bgr: U8, time_s: float) -> U8:
        """As `mask`, of the next picture of a sequence, so many seconds after the first, which is at 0.

        What was found before counts: with `follow` it is looked once, where the person was.
        """
        frame = self._frame(bgr, time_s)
        if not time_s:
            self._forget()
        if self._body is not None and self._is_body:
            mask = self._body.segment(frame)
        elif len(self._usual) == 1:
            mask = self._usual[0].segment(frame)
        else:
            look = self._usual[0].look(frame)
            opinion = weighed([line.opinion(frame, look) for line in self._usual])
            for _ in range(AGAIN if look is None else 0):
                part = self._usual[0].again(opinion, frame)
                if part is None:
                    break
                opinion = weighed([line.opinion(frame, part) for line in self._usual])
            mask = self._usual[0].settle(opinion, frame)
        if self._body is not None:
            wanted = self._choice.saw(framing_of(mask.alpha, frame.size), time_s)
            if wanted != self._is_body:
                self._is_body = wanted
                line = self._body if wanted else self._usual[0]
                line.forget()
                line.look_at(mask, frame)
        return _grown(mask, frame)

    @property
    def _pipelines(self) -> list[Pipeline]:
        return [*self._usual, *([self._body] if self._body is not None else [])]

    def _look_at(self, box: Rect, line: Pipeline, frame: Size) -> Rect | None:
        """The part of a picture that a model is shown of a person in a box."""
        if not self._follow:
            return None
        box = squared(box) if line.io.fit == "letterbox" else box
        look = look_around(box, frame, margin=margin_of(line.io))
        return None if look == whole(frame) else look

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


def _here(names: Iterable[str], models: str | None) -> Iterator[str]:
    """Those of the tiers whose file is here."""
    known = tiers.tiers(models)
    return (name for name in names if name in known and tiers.find(known[name], models) is not None)
