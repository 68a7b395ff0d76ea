"""What the governor may choose from: rungs, as plain values of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What a rung gives up: nothing but quality, every second frame, or the person."""

    NORMAL = "normal"
    HALF_FPS = "half_fps"
    COVER = "cover"


@dataclass(frozen=True, slots=True)
class Rung:
    """An operating point.

    candidate: what the rungs of one model, engine and thread count share. every: infer each k-th frame. cost_ms: one
    inference on the engine, measured here on a quiet board. frame_ms: what each frame costs besides (read, prepare,
    compose, write). quality: 0..1, the age of carried masks counted. memory_mb: of the process with it. power_w: of the
    board at the target rate; None where it was not measured. overlap: the share of an inference that runs beside what
    a frame costs, on cores or an accelerator of its own; 0 where all comes out of one budget, as under a CPU quota.
    threads: how many cores an inference keeps busy.
    """

    name: str
    candidate: str
    every: int
    cost_ms: float
    frame_ms: float
    quality: float
    memory_mb: float
    power_w: float | None = None
    kind: Kind = Kind.NORMAL
    overlap: float = 0.0
    threads: int = 1

    def load_ms(self, slow: float = 1.0, correction: float = 1.0) -> float:
        """What one frame takes on average, on a board `slow` times as slow, inferences `correction` times as long."""
        infer_ms = correction * self.cost_ms / max(1, self.every)
        return slow * max(infer_ms, self.frame_ms + infer_ms * (1 - self.overlap))

    @property
    def cpu_ms(self) -> float:
        """The processor's time that one frame takes on average, on the quiet board."""
        return self.frame_ms + self.cost_ms / max(1, self.every) * (1 - self.overlap) * max(1, self.threads)

    @property
    def frames(self) -> int:
        """Of how many frames of the source one is shown."""
        return 2 if self.kind is Kind.HALF_FPS else 1

    @property
    def is_sane(self) -> bool:
        """Whether its figures can be meant: a rung with an infinite or negative cost is never chosen freely."""
        figures = (self.cost_ms, self.frame_ms, self.quality, self.memory_mb, self.power_w or 0.0)
        return (
            self.every >= 1
            and 0 <= self.overlap <= 1
            and all(math.isfinite(figure) and figure >= 0 for figure in figures)
        )


Ladder = tuple[Rung, ...]
"""The rungs of a board in any order; what is best follows from their figures."""
