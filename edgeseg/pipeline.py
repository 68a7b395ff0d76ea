"""The straight line: prepare, infer, read, shape, show, between a source and a sink.

`prepare`, `read` and `shape` make a mask of a frame with the engine's help, `carry` makes one of an earlier frame's;
`show` composes what people see; the runtime lets the engine work on one frame while it shows the one before, and
nothing here knows of threads. Fail closed lives here: `believe` settles doubts about a mask, and `show` reveals what a
mask allows and no more.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeseg.clock import Clock
from edgeseg.errors import CandidateError, EngineFault
from edgeseg.facts import StageTimes
from edgeseg.frames import F32, U8, ColorSpace, Frame, Mask, Planes, Rect, Size
from edgeseg.ports import Background, Engine, ModelIO
from edgeseg.shaping import Shaping, Ways
from edgeseg.stages.composite import Blend, CutOut
from edgeseg.stages.edges import Edges, feather
from edgeseg.stages.halves import Halver
from edgeseg.stages.opinions import Opinion
from edgeseg.stages.pixels import yuv
from edgeseg.stages.postprocess import postprocess
from edgeseg.stages.preprocess import content_rect
from edgeseg.stages.region import Region, whole
from edgeseg.stages.spill import Spill, remove_spill, spill_of
from edgeseg.trust import KnownAnswer, is_leap

MARGIN = 0.02  # of the frame's diagonal: how far from the person a source pixel may show (DESIGN.md, fail closed)
AGAIN = 2  # looks, at most, at a part of a frame of which all was seen


Infer = Callable[[npt.NDArray[Any]], F32]


class Mode(Enum):
    """What becomes of the room."""

    REPLACE = "replace"  # something else stands there: a colour, a picture, a video, its own blur
    ALPHA = "alpha"  # nothing stands there: the frame carries transparency
    NONE = "none"  # it is shown; only when asked for by name


@dataclass(frozen=True, slots=True)
class EdgeWish:
    """What is done to the person's edge (`stages.edges`).

    feather: a share of the diagonal by which the mask is softened, inwards. despill: the room's colour is taken out.
    light_wrap: the background's light falls on it.
    """

    feather: float = 0.0
    despill: bool = False
    light_wrap: bool = False


PLAIN_EDGES = EdgeWish()


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
    edges: Edges | None

    def without_spill(self, planes: Planes) -> Planes:
        """The same picture without the key colour's light on the person."""
        clean = Planes(planes.y, self.clean.u, self.clean.v)
        remove_spill(planes, self.spill, None, clean, self.scratch)
        return clean


def _nothing(rgb: npt.NDArray[Any]) -> F32:
    raise EngineFault("There is no engine: nothing is hidden.")


def _doubt_of(engine: Engine | None) -> Callable[[str], None]:
    """Who is told that an answer can be no mask: an engine that has another behind it, else nobody."""
    return getattr(engine, "distrust", lambda why: None)


class Pipeline:
    """One engine, one background and the stages between them.

    engine, known: None only where `mode` is NONE. background: None in the other two modes. key: the colour of the
    screen whose light is taken off the person, with a chroma key. follow: the engine is shown the part of the frame
    where the person was found last. steady: masks are smoothed over time. tidy: specks and holes go. edges: how they
    are shown. An engine that can `distrust` (`failover`) is told when its answer can be no mask.
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
        follow: bool = False,
        steady: bool = False,
        tidy: bool = False,
        edges: EdgeWish = PLAIN_EDGES,
        key: tuple[int, int, int] | None = None,
        times: StageTimes | None = None,
    ) -> None:
        if (engine is None or known is None) != (mode is Mode.NONE) or (background is None) == (mode is Mode.REPLACE):
            raise ValueError(f"engine, known answer and background do not fit {mode}")
        self.mode = mode
        self.times = times or StageTimes()
        self._engine = engine
        self._infer: Infer = engine.infer if engine is not None else _nothing
        self._background = background
        self._known = known
        self._doubt = _doubt_of(engine)
        self._clock = clock
        self._refine, self._follow, self._steady, self._tidy = refine, follow, steady, tidy
        self._edges = edges
        self._halve = Halver()
        self.max_mask_age_s = 0.25  # of what may be shown of an earlier mask
        self.is_patient = False  # whether further looks at a frame may be waited for, where people are followed
        self.carries = False  # whether masks will be carried on: then they keep what that needs
        self._key = key
        self._input: dict[tuple[Size, ColorSpace], Shaping] = {}
        self._regions: dict[tuple[Size, ColorSpace], Region] = {}  # where it was looked, for the engine that is next
        self._output: _Output | None = None
        self._last_coverage = 0.0
        self._is_proved = True  # `prove` comes first

    def prove(self) -> None:
        """The known-answer test, once at start; raises CandidateError if the engine does not know the answer."""
        assert self._engine is not None
        assert self._known is not None
        fault = self._known.fault(self._ask)
        if fault is not None:
            raise CandidateError(
                f"The engine {self._engine.report.engine} {fault}, so its masks cannot be trusted; choose another "
                "--tier or --engine."
            )

    @property
    def engine(self) -> Engine | None:
        """The engine; None where nothing is hidden."""
        return self._engine

    @property
    def io(self) -> ModelIO:
        """What the engine takes and gives."""
        assert self._engine is not None
        return self._engine.io

    def switch(self, engine: Engine) -> None:
        """Ask another engine from the next frame on. The one before is left as it is, to be closed by the caller."""
        self._engine = engine
        self._infer = engine.infer
        self._doubt = _doubt_of(engine)
        self._regions = {shape: own.followed.region for shape, own in self._input.items() if own.followed is not None}
        self._input.clear()

    def stand_before(self, background: Background) -> Background | None:
        """Show this from the next frame on; gives the one before, to be closed by the caller. In mode REPLACE alone."""
        if self.mode is not Mode.REPLACE:
            raise ValueError(f"{self.mode} has no background")
        before, self._background = self._background, background
        self._output = None  # it knows what of the old background is in its planes
        return before

    def make(self, *, refine: bool, steady: bool, tidy: bool, edges: EdgeWish) -> None:
        """Make masks and show edges in these ways from the next frame on."""
        if (refine, steady, tidy) != (self._refine, self._steady, self._tidy):
            self._refine, self._steady, self._tidy = refine, steady, tidy
            self._input.clear()
        if edges != self._edges:
            self._edges, self._output = edges, None

    def through(self, infer: Infer) -> None:
        """Ask the engine by another way from now on: the runtime's, which does not wait for ever."""
        self._infer = infer

    def prepare(self, frame: Frame) -> npt.NDArray[Any]:
        """The model's input for this frame, (height, width, 3); it stays as it is until the next but one call."""
        start = self._clock.now()
        self._halve(frame)
        frame.look = self.look(frame)
        own = self._input_for(frame)
        tensor = own.next().fill(frame.planes, frame.halves, frame.look)
        self.times.add("preprocess", self._clock.now() - start)
        return tensor

    def look(self, frame: Frame) -> Rect | None:
        """The part of this frame in which somebody is looked for; None: all of it."""
        followed = self._input_for(frame).followed
        look = followed.region.look(frame.time_s) if followed is not None else None
        return None if look == whole(frame.size) else look

    def read(self, scores: F32, frame: Frame) -> U8:
        """Person alpha (h, w) uint8 of `frame.look` from the engine's answer; raises EngineFault if it can be none."""
        start = self._clock.now()
        assert self._engine is not None
        try:
            io = self._engine.io
            alpha = postprocess(scores, io, content_rect(io, frame.look.size if frame.look else frame.size))
        except EngineFault as fault:
            self._doubt(str(fault))
            raise
        self.times.add("postprocess", self._clock.now() - start)
        return alpha

    def believe(self, person: U8, frame: Frame) -> U8:
        """Person alpha that may be shown: this one, or what the engine says when it is asked again after a leap.

        A leap is asked about between two known-answer tests: a fault that comes and goes must not slip through. So is
        the first answer after a rest, for a device may have lost its mind or its model meanwhile.
        Raises EngineFault if the engine cannot stand by its answer. Of a look at a part it is asked anew about all.
        """
        coverage = Mask(person).coverage
        if not self._is_proved or is_leap(coverage, self._last_coverage):
            person = self._stand_by(frame)
            coverage = Mask(person).coverage
            self._is_proved = True
        self._last_coverage = coverage
        return person

    def forget(self) -> None:
        """The engine rests: what it said before counts no more, and it is put to the test before it is believed."""
        self._last_coverage, self._is_proved = 0.0, False
        for own in self._input.values():
            own.forget()

    def _stand_by(self, frame: Frame) -> U8:
        assert self._known is not None
        if self._known.holds(self._ask):
            again = self._ask(frame)
            if self._known.holds(self._ask):
                return again
        after = "The mask leapt to nearly everything" if self._is_proved else "Frames come again"
        why = f"{after}, and the engine failed its known-answer test."
        self._doubt(why)
        raise EngineFault(why)

    def _ask(self, frame: Frame) -> U8:
        """About all of it."""
        self._halve(frame)
        frame.look = None
        tensor = self._input_for(frame).aside.fill(frame.planes, frame.halves)
        return self.read(self._infer(tensor), frame)

    def shape(self, person: U8, frame: Frame) -> Mask:
        """The mask to show this frame with: edges refined, nothing left far from the person."""
        start = self._clock.now()
        own = self._input_for(frame)
        opinion = own.opinion(person, frame)
        if self.is_patient and frame.look is None:
            with contextlib.suppress(EngineFault):  # the next answer will be one, too, and is told of
                opinion = self._looked_at_again(opinion, frame)
        mask = own.shape(opinion, frame, self.carries, self.max_mask_age_s)
        self.times.add("refine", self._clock.now() - start)
        return mask

    def look_at(self, mask: Mask, frame: Frame) -> None:
        """Where somebody was found in this frame, or the one before, by whomever else: look there next."""
        own = self._input_for(frame)
        if own.followed is not None:
            own.followed.region.look(frame.time_s)
            own.followed.region.found(mask.alpha, whole(frame.size), frame.time_s)

    def carry(self, mask: Mask, frame: Frame) -> Mask:
        """The mask of an earlier frame, moved along with the person to show this frame with.

        It stays as near to the person that was believed as a mask must; where nothing can be said of the motion, it
        stays as it is.
        """
        start = self._clock.now()
        self._halve(frame)
        moved = self._input_for(frame).carry(mask, frame)
        self.times.add("carry", self._clock.now() - start)
        return moved

    def segment(self, frame: Frame) -> Mask:
        """A mask of this frame, whatever it says; raises EngineFault if the engine gave none."""
        return self.shape(self.read(self._infer(self.prepare(frame)), frame), frame)

    def opinion(self, frame: Frame, look: Rect | None) -> Opinion:
        """What the engine says of a part of the frame, or of all of it; raises EngineFault. Nothing is learned."""
        self._halve(frame)
        frame.look = look
        own = self._input_for(frame)
        person = self.read(self._infer(own.aside.fill(frame.planes, frame.halves, look)), frame)
        return own.opinion(person, frame)

    def again(self, opinion: Opinion, frame: Frame) -> Rect | None:
        """Where to look once more at a frame of which this was said; None: where it was looked, nobody is cut off."""
        part = self._input_for(frame).again(opinion, frame, self.max_mask_age_s)
        return None if part == frame.look else part

    def box(self, opinion: Opinion, frame: Frame) -> Rect | None:
        """The box around whoever is there, if this was said of the frame; None: nobody."""
        return self._input_for(frame).box(opinion, frame)

    def _looked_at_again(self, opinion: Opinion, frame: Frame) -> Opinion:
        """Of where somebody is, after what was said of a whole frame."""
        for _ in range(AGAIN):
            part = self.again(opinion, frame)
            if part is None:
                break
            opinion = self._once_more(frame, part)
        return opinion

    def _once_more(self, frame: Frame, part: Rect) -> Opinion:
        """A believed opinion of a part of a frame of which all was seen."""
        own, before = self._input_for(frame), frame.look
        answer = self._infer(own.aside.fill(frame.planes, frame.halves, part))
        frame.look = part
        try:
            return own.opinion(self.believe(self.read(answer, frame), frame), frame)
        except EngineFault:
            frame.look = before
            raise

    def settle(self, opinion: Opinion, frame: Frame) -> Mask:
        """The mask of this frame from an opinion, whosever it is."""
        return self._input_for(frame).shape(opinion, frame, self.carries, self.max_mask_age_s)

    def show(self, frame: Frame, mask: Mask | None) -> Frame:
        """The frame as people may see it, valid until the next call; without a mask, what stands for it."""
        if self.mode is Mode.NONE:
            return frame
        now = self._clock.now
        own = self._output_for(frame, mask)
        planes, alpha = own.planes, mask.alpha if mask else None
        start = now()
        person = own.without_spill(frame.planes) if mask and self._key else frame.planes
        if alpha is not None and self._edges.feather:
            alpha = feather(alpha, self._edges.feather)
        if alpha is not None and own.edges is not None and self._edges.despill:
            person = own.edges.without_spill(person, alpha)
        if self._background is None:
            own.cut_out(person, alpha, planes, yuv((0, 0, 0), frame.color))
        else:
            behind = self._background.render(frame, mask)
            self.times.add("background", now() - start)
            start = now()
            planes = behind if self._background.paints_anew else planes
            if alpha is not None and own.edges is not None and self._edges.light_wrap:
                person = own.edges.wrapped(person, alpha, behind)
            own.blend(person, alpha, behind, planes, self._background.half)
        self.times.add("composite", now() - start)
        cut = own.cut_out.alpha if self._background is None else None
        return Frame(
            planes, frame.size, frame.index, frame.pts, frame.time_base, frame.color, frame.captured_at, alpha=cut
        )

    def process(self, frame: Frame) -> Frame:
        """The whole line for one frame, in this thread; a frame without a believed mask is covered."""
        try:
            mask: Mask | None = self.shape(self.believe(self._ask(frame), frame), frame)
        except EngineFault:
            mask = None
        return self.show(frame, mask)

    def close(self) -> None:
        """Free the model and the background."""
        if self._engine is not None:
            self._engine.close()
        if self._background is not None:
            self._background.close()

    def _input_for(self, frame: Frame) -> Shaping:
        shape = (frame.size, frame.color)
        own = self._input.get(shape)
        if own is None:
            assert self._engine is not None
            ways = Ways(self._refine, self._follow, self._steady, self._tidy)
            own = Shaping(self._engine.io, *shape, ways, MARGIN, self._regions.pop(shape, None))
            while len(self._input) > 1:  # the known-answer picture's and the source's
                self._input.pop(next(iter(self._input)))
            self._input[shape] = own
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
                edges=Edges(frame.size) if self._edges.despill or self._edges.light_wrap else None,
            )
        return self._output
