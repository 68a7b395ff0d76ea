"""Times that can be compared although the machine does other things too: everything takes its turn in every round."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from statistics import quantiles
from typing import Protocol

RUNS = 3  # of each turn; a first one is left out, for the caches are the others' then

MIN_RUNS, MAX_S = 30, 2.0  # of one candidate: enough when either is reached
QUIET = 25  # the lower quartile: where other programs run, a median is now of the quiet rounds and now of the others

Turn = tuple[list[float], list[float]]
"""Seconds of `RUNS` frames, and the engine's part of each."""


class Timed(Protocol):
    """What takes turns."""

    infer_s: float

    def frame_s(self) -> float:
        """Seconds that one frame took."""
        ...


class Times:
    """The frames of one candidate, the engine's part of them, and the reference's of the same rounds, in seconds."""

    def __init__(self) -> None:
        self.frames: list[float] = []
        self.infers: list[float] = []
        self.reference: list[float] = []

    def add(self, turn: Turn, reference: Turn) -> None:
        """One round."""
        self.frames += turn[0]
        self.infers += turn[1]
        self.reference += reference[0]

    @property
    def is_enough(self) -> bool:
        """Whether at least 30 frames or 2 s were measured, and more than one round."""
        return len(self.frames) > RUNS and (len(self.frames) >= MIN_RUNS or sum(self.frames) >= MAX_S)

    @property
    def ratio(self) -> float:
        """A frame's time as a share of the reference's, each in the quiet quarter of these rounds."""
        return percentile(self.frames, QUIET) / max(percentile(self.reference, QUIET), 1e-9)


def percentile(values: Sequence[float], share: int) -> float:
    """The percentile 1 to 99 of some values."""
    return values[0] if len(values) == 1 else quantiles(values, n=100, method="inclusive")[share - 1]


def rounds(things: Sequence[Timed], may_go_on: Callable[[], bool]) -> Iterator[list[Turn]]:
    """Round after round while it may go on: for each thing the seconds of `RUNS` frames, and the engine's part."""
    while may_go_on():
        yield [_turn(thing) for thing in things]


def _turn(thing: Timed) -> Turn:
    thing.frame_s()
    frames, infers = [], []
    for _ in range(RUNS):
        frames.append(thing.frame_s())
        infers.append(thing.infer_s)
    return frames, infers
