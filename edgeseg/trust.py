"""Which masks are believed: the doubt about a leap, and the known answer that settles it.

Pure but for reading the embedded picture once. One wrong output scale makes everything a person and shows the whole
room; so a mask that is nearly all person out of nowhere is shown to nobody until the engine has proved itself.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from edgeseg.errors import CandidateError
from edgeseg.frames import U8, Frame, Planes, Size
from edgeseg.ports import Engine
from edgeseg.stages.pixels import bgr_to_i420
from edgeseg.stages.postprocess import postprocess
from edgeseg.stages.preprocess import ModelInput

NEARLY_ALL = 0.9  # coverage from which a mask can show the room
LEAP = 0.1  # growth of coverage since the last believed mask that is out of nowhere
LEAST_HIT = 0.5  # of the known person: the body model, made for whole bodies, hits .65 of the portrait, the others .96
MOST_FALSE = 0.1  # of the known room: the pinned models call at most .02 of it a person


def is_leap(coverage: float, last_coverage: float) -> bool:
    """Whether a mask of `coverage` (0..1) is implausible after one of `last_coverage` (0 if there was none)."""
    return coverage >= NEARLY_ALL and coverage - last_coverage >= LEAP


class KnownAnswer:
    """A small picture whose mask is known."""

    def __init__(self, bgr: U8, person: U8) -> None:
        """bgr: (H, W, 3) uint8. person: (H, W) uint8, 255 where the person is."""
        size = Size(bgr.shape[1], bgr.shape[0])
        self.frame = Frame(Planes.allocate(size), size)
        bgr_to_i420(bgr, self.frame.planes, self.frame.color)
        self.person = person >= 128

    @classmethod
    def portrait(cls) -> KnownAnswer:
        """The embedded portrait (from NASA's public-domain photograph of Eileen Collins) with its mask."""
        bgr, person = _portrait()
        return cls(bgr, person)

    @classmethod
    def key(cls, rgb: tuple[int, int, int]) -> KnownAnswer:
        """For a chroma key: a disc of the opposite colour on a ground of the key's colour."""
        person = cv2.circle(np.zeros((96, 160), np.uint8), (80, 48), 30, 255, -1)
        bgr = np.empty((96, 160, 3), np.uint8)
        bgr[...] = rgb[::-1]
        bgr[person > 0] = [255 - value for value in rgb[::-1]]
        return cls(bgr, np.asarray(person, np.uint8))

    def holds(self, ask: Callable[[Frame], U8]) -> bool:
        """Whether `ask`, which gives a picture's person alpha, finds the person and leaves the room alone."""
        return self.fault(ask) is None

    def fault(self, ask: Callable[[Frame], U8]) -> str | None:
        """Why `ask` does not know the answer, a clause for people; None if it does."""
        try:
            alpha = ask(self.frame)
        except CandidateError as error:
            return f"was asked about the known-answer picture and failed: {str(error).rstrip('.')}"
        height, width = self.person.shape
        found = cv2.resize(alpha, (width, height), interpolation=cv2.INTER_LINEAR) >= 128
        hit = np.count_nonzero(found & self.person) / np.count_nonzero(self.person)
        false = np.count_nonzero(found & ~self.person) / np.count_nonzero(~self.person)
        if hit >= LEAST_HIT and false <= MOST_FALSE:
            return None
        return f"finds {hit:.0%} of the person in the known-answer picture and takes {false:.0%} of the room for one"


def fault_of(engine: Engine, known: KnownAnswer) -> str | None:
    """What `KnownAnswer.fault` says of an engine by itself, outside of a pipeline."""

    def ask(frame: Frame) -> U8:
        own = ModelInput(engine.io, frame.size, frame.color)
        return postprocess(engine.infer(own.fill(frame.planes)), engine.io, own.rect)

    return known.fault(ask)


def _portrait() -> tuple[U8, U8]:
    folder = Path(__file__).parent / "known_answer"
    pictures = []
    for name, flag in (("portrait.jpg", cv2.IMREAD_COLOR), ("portrait_mask.png", cv2.IMREAD_GRAYSCALE)):
        picture = cv2.imread(str(folder / name), flag)
        if picture is None:
            raise CandidateError(f"The known-answer picture {name} of this installation is damaged; install it again.")
        pictures.append(np.asarray(picture, np.uint8))
    return pictures[0], pictures[1]
