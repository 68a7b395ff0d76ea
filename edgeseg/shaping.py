"""From what the engine says of a frame, or of a part of it, to the mask: one object for frames of one shape.

It holds what must be remembered for that: where it was looked, the mask before, the buffers. Nothing here knows of
engines or of who believes them.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2

from edgeseg.frames import U8, ColorSpace, Frame, Mask, Rect, Size
from edgeseg.ports import ModelIO
from edgeseg.stages.motion import Carry, is_same_scene
from edgeseg.stages.opinions import Opinion
from edgeseg.stages.postprocess import keep_near, surer
from edgeseg.stages.preprocess import ModelInput
from edgeseg.stages.refine import Refine, refined
from edgeseg.stages.region import Place, Region, box_of, margin_of, whole
from edgeseg.stages.steady import Steady
from edgeseg.stages.tidy import Tidy

_SHAPES = 8  # of looks, of which something is kept
_FOLLOWED_SIDE = 480  # pixels of the longer side of masks that are put together of looks


@dataclass(frozen=True, slots=True)
class Ways:
    """How masks are made: edges follow the picture's, the person is followed, masks are smoothed over time, tidied."""

    refine: bool
    follow: bool
    steady: bool
    tidy: bool


@dataclass(slots=True)
class Followed:
    """What is kept where the person is followed.

    place: where the masks of looks belong. near: the newest mask of a look at a part, that part, and its frame's time.
    """

    region: Region
    place: Place
    near: tuple[Mask, Rect, float] | None = None

    def keep(self, mask: Mask, near: Mask, carried: Mask, look: Rect) -> None:
        """Let a whole look's mask be that of an earlier look (`near`) at a part, carried on to here: it knows better.

        What was found beside that part is shown once the next look, which takes it in, finds it too. The mask is as old
        as the earlier one, and near the person that was found then. Nothing is done where the scene is another.
        """
        if mask.person is None or near.person is None or not is_same_scene(mask.grey, near.grey):
            return
        if carried is near:  # nothing can be said of the motion: what is new is believed where the earlier look was
            part = self.place.part(look)
            mask.alpha, mask.person = part.only(mask.alpha), part.only(mask.person)
        else:
            mask.alpha, mask.person = carried.alpha, near.person
            mask.captured_at = min(mask.captured_at, near.captured_at)

    def forget(self) -> None:
        """Nothing that was found counts any more."""
        self.region.forget()
        self.near = None


class Shaping:
    """What is kept for frames of one shape and one model.

    aside: the input for questions that are asked and answered at once, between which a filled one of `next` must stay
    as it is. carry: moves its masks on. margin: a share of the diagonal; no mask goes farther from the person than
    that. region: where it was looked for a model before, None: anew.
    """

    def __init__(
        self, io: ModelIO, frame: Size, color: ColorSpace, ways: Ways, margin: float, region: Region | None = None
    ) -> None:
        one, two, self.aside = (ModelInput(io, frame, color) for _ in range(3))
        self._ahead = (one, two)  # in turn, for one is filled while the engine reads the other
        self._refines: dict[Size, Refine] = {}  # by the size of what the engine says
        size = refined(self.aside.rect.size) if ways.refine else self.aside.rect.size
        self.followed: Followed | None = None
        if ways.follow:
            size = _followed(frame)
            region = region or Region(frame)
            region.margin = margin_of(io)
            self.followed = Followed(region, Place(frame, size))
        self.carry = Carry(frame, size, margin)
        self._ways, self._margin = ways, margin
        self._steady = Steady(size, frame) if ways.steady else None
        self._tidy, self._tidy_far = (Tidy(size) if ways.tidy else None for _ in range(2))  # far: for looks at all
        self._before: tuple[Mask, float] | None = None  # the newest mask, and its frame's time

    def next(self) -> ModelInput:
        """The input that the engine does not read."""
        self._ahead = self._ahead[::-1]
        return self._ahead[0]

    def forget(self) -> None:
        """What was found before counts no more."""
        self._before = None
        for tidy in (self._tidy, self._tidy_far):
            if tidy is not None:
                tidy.forget()
        if self.followed is not None:
            self.followed.forget()

    def opinion(self, person: U8, frame: Frame) -> Opinion:
        """What the engine said of `frame.look`, edges refined; where people are followed, put where it belongs."""
        alpha = person
        if self._ways.refine:
            refine = self._refine_for(person, frame.size)
            alpha = refine(person, frame.planes.y, frame.halves[0], frame.look)
            person = refine.unrefined
        if self.followed is not None:
            alpha, person = self.followed.place(alpha, frame.look), self.followed.place(person, frame.look)
        return Opinion(alpha, person)

    def again(self, opinion: Opinion, frame: Frame, max_age_s: float) -> Rect | None:
        """After what was said of a whole frame: the part of it to look at once more, where somebody is or was."""
        if self.followed is None:
            return None
        alpha, before = self._seen(opinion, frame), self._not_older(frame, max_age_s)
        if before is not None:
            cv2.max(alpha, before.alpha, dst=alpha)
        return self.followed.region.again(alpha)

    def box(self, opinion: Opinion, frame: Frame) -> Rect | None:
        """Where in the frame somebody is, by what was said of it."""
        return box_of(self._seen(opinion, frame), frame.size)

    def _seen(self, opinion: Opinion, frame: Frame) -> U8:
        alpha = surer(opinion.alpha)
        return alpha if self._tidy_far is None else self._tidy_far(alpha, opinion.person, frame.time_s)

    def shape(self, opinion: Opinion, frame: Frame, carries: bool, max_age_s: float) -> Mask:
        """The mask from what was said: see `Pipeline.shape`.

        carries: whether the mask will be carried on. max_age_s: of what may be shown of an earlier mask.
        """
        person, followed = opinion.person, self.followed
        alpha, grey = surer(opinion.alpha), None
        if carries or followed is not None:
            grey = self.carry.grey(frame)
        if self._steady is not None:
            before = self._not_older(frame, max_age_s)
            alpha = self._steady(alpha, before.alpha if before else None, frame.planes.y, frame.halves[0])
        if self._tidy is not None:
            alpha = self._tidy(alpha, person, frame.time_s)
        mask = Mask(keep_near(alpha, person, self._margin), frame.index, frame.captured_at)
        mask.grey = grey
        if carries or followed is not None:
            mask.person = person.copy()
        if followed is not None:
            self._follow_on(followed, mask, frame, max_age_s)
        self._before = mask, frame.time_s
        return mask

    def _not_older(self, frame: Frame, max_age_s: float) -> Mask | None:
        """The mask before this frame's, if it is not too old."""
        if self._before is None or not 0 < frame.time_s - self._before[1] <= max_age_s:
            return None
        return self._before[0]

    def _follow_on(self, followed: Followed, mask: Mask, frame: Frame, max_age_s: float) -> None:
        """Learn from a mask where to look next; what a look at all says of who is followed is made good."""
        followed.region.found(mask.alpha, frame.look or whole(frame.size), frame.time_s)
        if frame.look is not None:
            followed.near = mask, frame.look, frame.time_s
        elif followed.near is not None:
            near, look, at_s = followed.near
            if 0 <= frame.time_s - at_s <= max_age_s:
                followed.keep(mask, near, self.carry(near, frame), look)

    def _refine_for(self, person: U8, frame: Size) -> Refine:
        """What moves the edges of masks like this one; a few are kept, for looks differ in shape."""
        size = Size(person.shape[1], person.shape[0])
        if size not in self._refines:
            while len(self._refines) >= _SHAPES:
                self._refines.pop(next(iter(self._refines)))
            self._refines[size] = Refine(size, frame)
        return self._refines[size]


def _followed(frame: Size) -> Size:
    """Of masks that are put together of looks: large enough that what was seen near is not lost."""
    scale = min(1.0, _FOLLOWED_SIDE / max(frame))
    return Size(max(1, round(frame.width * scale)), max(1, round(frame.height * scale)))
