"""How slow the board is right now:

one factor for everything, and a correction for each candidate, learned from its use.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from edgeseg.governor.observation import Observation
from edgeseg.governor.quota import is_held_back
from edgeseg.governor.ratios import KEEP, Ratios, median
from edgeseg.governor.rung import Rung

SATURATED = 4  # looks in a row in which frames were dropped: then the rate tells what a frame really takes
FORGET = 0.95  # of the unseen part, at each look at which all frames were shown
SPREAD = 0.13  # of a median of times with 10 % of noise, by the square root of how many
MOST = 1e3  # no board is slower than this; keeps arithmetic finite


@dataclass(frozen=True, slots=True)
class Speed:
    """What is known of it.

    slow: of the work that every frame needs, whatever the rung. corrections: {candidate: its inferences against what
    `slow` and its rung say}, as pairs. unseen: what a frame takes against all that its stages show; 1 unless frames
    are dropped though they should fit.
    """

    frame: Ratios = Ratios()
    corrections: tuple[tuple[str, Ratios], ...] = ()
    unseen: float = 1.0
    saturated: int = 0

    @property
    def slow(self) -> float:
        """How many times as long as on the quiet board; 1 while nothing is known."""
        return self.frame.value or 1.0

    @property
    def doubt(self) -> float:
        """By what share `slow` may be wrong, beyond what many times leave: it has just jumped."""
        count = len(self.frame.logs)
        return max(0.0, SPREAD / math.sqrt(count) - SPREAD / math.sqrt(KEEP)) if count else 0.0

    def correction(self, candidate: str) -> float:
        """Of one candidate; of one that was never used, the median of the others' and of 1, the ladder's word."""
        known = {name: ratios.value for name, ratios in self.corrections if ratios.value is not None}
        if candidate in known:
            return known[candidate] or 1.0
        return median((1.0, *(value for value in known.values() if value is not None)))

    def load_ms(self, rung: Rung) -> float:
        """What a frame takes in this rung, now."""
        return min(1e9, self.unseen * rung.load_ms(self.slow, self.correction(rung.candidate)))


def learned(speed: Speed, rung: Rung, seen: Observation, target_fps: float) -> Speed:
    """With what was seen while `rung` ran. target_fps: what it should have shown; 0: no target."""
    if is_held_back(seen):
        return speed
    frame = speed.frame
    if rung.frame_ms > 0:
        frame = frame.add(_bounded(ms / rung.frame_ms) for ms in seen.frame_ms)
    speed = replace(speed, frame=frame)
    if rung.cost_ms > 0 and seen.infer_ms:
        if frame.value is None:  # nothing but inferences to tell how slow the board is
            by_infer = Ratios().add(_bounded(ms / rung.cost_ms) for ms in seen.infer_ms)
            return replace(speed, frame=by_infer)
        speed = _corrected(speed, rung, [_bounded(ms / rung.cost_ms / speed.slow) for ms in seen.infer_ms])
    return _unseen(speed, rung, seen, target_fps)


def _corrected(speed: Speed, rung: Rung, ratios: list[float]) -> Speed:
    known = dict(speed.corrections)
    known[rung.candidate] = known.get(rung.candidate, Ratios()).add(ratios)
    return replace(speed, corrections=tuple(known.items()))


def _unseen(speed: Speed, rung: Rung, seen: Observation, target_fps: float) -> Speed:
    """What stages do not show, as waiting for a lock or the quota, shows in frames that are dropped all the time."""
    shown_ms = speed.load_ms(rung) / speed.unseen
    if not seen.dropped or not seen.frames_out or seen.span_s <= 0:
        unseen = speed.unseen * FORGET
        if seen.frames_out and target_fps > 0 and shown_ms > 0:  # what was shown took no longer than there was time
            unseen = min(unseen, 1e3 / target_fps * rung.frames / shown_ms)
        return replace(speed, saturated=0, unseen=max(1.0, unseen))
    speed = replace(speed, saturated=speed.saturated + 1)
    out_fps = seen.frames_out / seen.span_s
    if speed.saturated < SATURATED or target_fps <= 0 or out_fps >= 0.95 * target_fps / rung.frames:
        return speed
    if shown_ms <= 0:
        return speed
    sample = min(MOST, max(1.0, 1e3 / out_fps / shown_ms))
    return replace(speed, unseen=speed.unseen + (sample - speed.unseen) / 2)


def _bounded(ratio: float) -> float:
    return min(MOST, max(1 / MOST, ratio))
