"""The straight line: preprocess, infer, postprocess, refine, composite, between a source and a sink.

`segment` is the half that a model computes, `show` the half that people see; the runtime runs them in two threads,
and nothing here knows of threads. Fail closed lives here: `show` reveals what an accepted mask allows and no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from edgeseg.clock import Clock
from edgeseg.errors import CandidateError, EngineFault
from edgeseg.facts import StageTimes
from edgeseg.frames import U8, ColorSpace, Frame, Mask, Planes, Size
from edgeseg.ports import Background, Engine, ModelIO
from edgeseg.stages.composite import Blend, CutOut
from edgeseg.stages.pixels import yuv
from edgeseg.stages.postprocess import keep_near, postprocess
from edgeseg.stages.preprocess import ModelInput
from edgeseg.stages.refine import Refine
from edgeseg.stages.spill import Spill, remove_spill, spill_of
from edgeseg.trust import KnownAnswer, is_leap

MARGIN = 0.02  # of the frame's diagonal: how far from the person a source pixel may show (DESIGN.md, fail closed)


class Mode(Enum):
    """What becomes of the room."""

    REPLACE = "replace"  # something else stands there: a colour, a picture, a video, its own blur
    ALPHA = "alpha"  # nothing stands there: the frame carries transparency
    NONE = "none"  # it is shown; only when asked for by name


@dataclass(slots=True)
class _Input:
    """What `segment` keeps for frames of one shape."""

    shape: tuple[Size, ColorSpace]
    model: ModelInput
    refine: Refine | None


@dataclass(slots=True)
class _Output:
    """What `show` keeps for frames and masks of one shape."""

    shape: tuple[Size, ColorSpace, Size]
    planes: Planes
    blend: Blend
    cut_out: CutOut
    spill: Spill
    clean: Planes
    scratch: U8

    def without_spill(self, planes: Planes) -> Planes:
        """The same picture without the key colour's light on the person."""
        clean = Planes(planes.y, self.clean.u, self.clean.v)
        remove_spill(planes, self.spill, None, clean, self.scratch)
        return clean


class Pipeline:
    """One engine, one background and the stages between them.

    engine, known: None only where `mode` is NONE. background: None in the other two modes. key: the colour of the
    screen whose light is taken off the person, with a chroma key.
    """

    def __init__(
        self,
        engine: Engine | None,
        background: Background | None,
        known: KnownAnswer | None,
        clock: Clock,
        *,
        mode: Mode = Mode.REPLACE,
        refine: bool = True,
        key: tuple[int, int, int] | None = None,
        times: StageTimes | None = None,
    ) -> None:
        if (engine is None or known is None) != (mode is Mode.NONE) or (background is None) == (mode is Mode.REPLACE):
            raise ValueError(f"engine, known answer and background do not fit {mode}")
        self.mode = mode
        self.times = times or StageTimes()
        self._engine = engine
        self._background = background
        self._known = known
        self._clock = clock
        self._refine = refine
        self._key = key
        self._input: dict[tuple[Size, ColorSpace], _Input] = {}
        self._output: _Output | None = None
        self._last_coverage = 0.0

    def prove(self) -> None:
        """The known-answer test, once at start; raises CandidateError if the engine does not know the answer."""
        assert self._engine is not None
        assert self._known is not None
        if not self._known.holds(self.segment):
            raise CandidateError(
                f"The engine {self._engine.report.engine} does not find the person in the known-answer picture, so its "
                "masks cannot be trusted; choose another --tier or --engine."
            )

    def segment(self, frame: Frame) -> Mask:
        """One mask, whatever it says; raises EngineFault if the engine gave none."""
        assert self._engine is not None
        now = self._clock.now
        io = self._engine.io
        own = self._input_for(frame, io)
        start = now()
        tensor = own.model.fill(frame.planes)
        filled = now()
        scores = self._engine.infer(tensor)
        inferred = scored = now()
        person = postprocess(scores, io, own.model.rect)
        alpha = person
        if own.refine is not None:
            processed = now()
            alpha = own.refine(person, frame.planes.y)
            person = own.refine.unrefined
            refining = now() - processed
            self.times.add("refine", refining)
            inferred += refining
        alpha = keep_near(alpha, person, MARGIN)
        self.times.add("preprocess", filled - start)
        self.times.add("infer", scored - filled)
        self.times.add("postprocess", now() - inferred)
        return Mask(alpha, frame.index, frame.captured_at)

    def believed(self, frame: Frame) -> Mask:
        """A mask that may be shown; raises EngineFault if the engine gave none, or one that it cannot stand by."""
        mask = self.segment(frame)
        if is_leap(mask.coverage, self._last_coverage):
            mask = self._stand_by(frame)
        self._last_coverage = mask.coverage
        return mask

    def _stand_by(self, frame: Frame) -> Mask:
        """Ask again, between two known-answer tests: a fault that comes and goes must not slip through."""
        assert self._known is not None
        if self._known.holds(self.segment):
            again = self.segment(frame)
            if self._known.holds(self.segment):
                return again
        raise EngineFault("The mask leapt to nearly everything, and the engine failed its known-answer test.")

    def show(self, frame: Frame, mask: Mask | None) -> Frame:
        """The frame as people may see it, valid until the next call; without a mask, what stands for it."""
        if self.mode is Mode.NONE:
            return frame
        now = self._clock.now
        own = self._output_for(frame, mask)
        shown = Frame(own.planes, frame.size, frame.index, frame.pts, frame.time_base, frame.color, frame.captured_at)
        start = now()
        person = own.without_spill(frame.planes) if mask and self._key else frame.planes
        if self._background is None:
            own.cut_out(person, mask.alpha if mask else None, own.planes, yuv((0, 0, 0), frame.color))
            shown.alpha = own.cut_out.alpha
        else:
            behind = self._background.render(frame, mask)
            self.times.add("background", now() - start)
            start = now()
            if mask:
                own.blend(person, mask.alpha, behind, own.planes)
            else:
                behind.copy_to(own.planes)
        self.times.add("composite", now() - start)
        return shown

    def process(self, frame: Frame) -> Frame:
        """The whole line for one frame, in this thread; a frame without a believed mask is covered."""
        try:
            mask: Mask | None = self.believed(frame)
        except EngineFault:
            mask = None
        return self.show(frame, mask)

    def close(self) -> None:
        """Free the model and the background."""
        if self._engine is not None:
            self._engine.close()
        if self._background is not None:
            self._background.close()

    def _input_for(self, frame: Frame, io: ModelIO) -> _Input:
        shape = (frame.size, frame.color)
        own = self._input.get(shape)
        if own is None:
            model = ModelInput(io, frame.size, frame.color)
            refine = Refine(model.rect.size, frame.size) if self._refine else None
            while len(self._input) > 1:  # the known-answer picture's and the source's
                self._input.pop(next(iter(self._input)))
            own = self._input[shape] = _Input(shape, model, refine)
        return own

    def _output_for(self, frame: Frame, mask: Mask | None) -> _Output:
        kept = self._output
        if mask is None and kept is not None and kept.shape[:2] == (frame.size, frame.color):
            return kept
        mask_size = Size(mask.alpha.shape[1], mask.alpha.shape[0]) if mask else Size(1, 1)
        shape = (frame.size, frame.color, mask_size)
        if self._output is None or self._output.shape != shape:
            self._output = _Output(
                shape,
                planes=Planes.allocate(frame.size),
                blend=Blend(frame.size, mask_size),
                cut_out=CutOut(frame.size),
                spill=spill_of(self._key or (0, 0, 0), frame.color),
                clean=Planes.allocate(frame.size if self._key else Size(2, 2)),
                scratch=np.empty((2, *frame.planes.u.shape) if self._key else (2, 1, 1), np.uint8),
            )
        return self._output
