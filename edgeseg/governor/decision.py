"""What the governor decided: which rung, why, what it expects of it and when that is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Pressure(Enum):
    """What pushes down."""

    LOAD = "load"
    HEAT = "heat"
    POWER = "power"
    MEMORY = "memory"


class Reason(Enum):
    """Why this rung."""

    START = "start"
    HOLD = "hold"
    ROOM = "room"
    LOAD = "load"
    HEAT = "heat"
    POWER = "power"
    MEMORY = "memory"
    NOTHING_FITS = "nothing fits"
    CHANGING = "changing"
    NOT_BUILT = "not built"
    NO_FRAMES = "no frames"
    NO_LADDER = "no ladder"


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a changed rung should bring:

    a frame's work, the board's power and its temperature in a minute and a half.
    """

    rung: str
    load_ms: float
    slow: float
    power_w: float | None
    temp_c: float | None


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be run, and why.

    rung: its name, None only for want of a ladder. changed: it is another than was asked for last. evidence: the
    figures behind the reason, for people. expected, review_at_s (on the observations' clock): what should come true,
    and when it is looked at. notes: facts to tell, each once: what came otherwise than expected, sensors that are no
    longer believed, half the frame rate.
    """

    rung: str | None
    changed: bool
    reason: Reason
    evidence: str
    expected: Expectation | None = None
    review_at_s: float | None = None
    notes: tuple[str, ...] = ()


SENTENCES = {
    Reason.START: "It starts with {rung}: {evidence}.",
    Reason.HOLD: "It stays with {rung}: {evidence}.",
    Reason.ROOM: "It goes up to {rung}, as there is room: {evidence}.",
    Reason.LOAD: "It goes to {rung} to hold the frame rate: {evidence}.",
    Reason.HEAT: "It goes to {rung} because of heat: {evidence}.",
    Reason.POWER: "It goes to {rung} to take less power: {evidence}.",
    Reason.MEMORY: "It goes to {rung} to hold less memory: {evidence}.",
    Reason.NOTHING_FITS: "It takes {rung}, the nearest, for nothing fits: {evidence}.",
    Reason.CHANGING: "It waits for {rung}: {evidence}.",
    Reason.NOT_BUILT: "It stays with {rung}: {evidence}.",
    Reason.NO_FRAMES: "It stays with {rung}: {evidence}.",
    Reason.NO_LADDER: "It has nothing to choose from: {evidence}.",
}


def sentence(decision: Decision) -> str:
    """The decision in a sentence for people, what is to be told after it."""
    said = SENTENCES[decision.reason].format(rung=decision.rung, evidence=decision.evidence)
    return " ".join((said, *decision.notes))
