"""A candidate's eye on pictures."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edgeseg.candidate.faults import CandidateFault
from edgeseg.clock import Clock
from edgeseg.errors import EngineFault
from edgeseg.frames import F32, U8, ColorSpace, Frame, Planes, Size
from edgeseg.pipeline import Mode, Pipeline
from edgeseg.ports import Engine, EngineReport
from edgeseg.stages.pixels import bgr_to_i420
from edgeseg.trust import KnownAnswer

_COLOR = ColorSpace("bt601", full_range=True)


class Eye:
    """A candidate that looks at pictures by the stages of a live run, unrefined, and whose faults have their kind."""

    def __init__(self, engine: Engine, clock: Clock, deadline_s: float) -> None:
        self._engine, self._clock, self._deadline_s = engine, clock, deadline_s
        # Nothing is proved beforehand by the known answer: the scores say more of a model that does not know it.
        self._pipeline = Pipeline(engine, None, KnownAnswer.portrait(), clock, mode=Mode.ALPHA, refine=False)
        self._tensor: npt.NDArray[Any] | None = None
        self.newest_ms = 0.0  # of the newest inference

    @property
    def report(self) -> EngineReport:
        """What the engine can prove of itself."""
        return self._engine.report

    def see(self, bgr: U8) -> tuple[U8, U8]:
        """Of a picture (H, W, 3): the model's own alpha (h, w), and that of the picture's size (H, W)."""
        size = Size(bgr.shape[1], bgr.shape[0])
        planes = Planes.allocate(size)
        bgr_to_i420(bgr, planes, _COLOR)
        frame = Frame(planes, size, color=_COLOR)
        self._tensor = self._pipeline.prepare(frame)
        scores = self._answer(self._tensor)
        try:
            person = self._pipeline.read(scores, frame)
        except EngineFault as error:
            raise CandidateFault("no-number", str(error)) from error
        alpha = cv2.resize(self._pipeline.shape(person, frame).alpha, size, interpolation=cv2.INTER_LINEAR)
        return person, np.asarray(alpha, np.uint8)

    def infer_ms(self) -> float:
        """How long the newest picture takes once more."""
        assert self._tensor is not None
        self._answer(self._tensor)
        return self.newest_ms

    def _answer(self, tensor: npt.NDArray[Any]) -> F32:
        start = self._clock.now()
        try:
            scores = self._engine.infer(tensor)
        except EngineFault as error:
            is_late = self._clock.now() - start >= self._deadline_s
            raise CandidateFault("hung" if is_late else "died", str(error)) from error
        self.newest_ms = (self._clock.now() - start) * 1e3
        if not np.isfinite(scores).all():
            count = int(np.count_nonzero(~np.isfinite(scores)))
            raise CandidateFault(
                "no-number", f"{count} of {scores.size} values of the engine's answer are no finite numbers."
            )
        return scores
