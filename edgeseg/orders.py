"""What a run is told: its limits at first, another plan or another source later."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

from edgeseg.capture_thread import CaptureThread
from edgeseg.frames import Frame
from edgeseg.ports import Engine, FrameSource


@dataclass(frozen=True, slots=True)
class Limits:
    """When to stop waiting, and what to leave out.

    frames: how many to show, None for all. fps: at most so many, None for all. max_mask_age_s: the oldest mask that a
    frame may take which has none of its own. engine_timeout_s: an engine silent for so long hangs. infer_every: the
    engine is asked about each so many-th frame, and sooner where its mask would grow too old. idle_after_s: nobody
    reads the sink for so long before a live run rests; None: it never does. seek_s: a live source that failed is looked
    for so long before the run ends with what was wrong; None: for ever, and one that ended too.
    """

    frames: int | None = None
    fps: Fraction | None = None
    max_mask_age_s: float = 0.25
    engine_timeout_s: float = 5.0
    infer_every: int = 1
    idle_after_s: float | None = None
    seek_s: float | None = 0.0


NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Plan:
    """What a live run does with each frame, changed between two frames.

    name: for people and for whoever steers. engine: made, warm and proved; None: nobody is shown. every: each k-th
    frame is inferred, the others carry a mask on. frames: one of so many is shown.
    """

    name: str
    engine: Engine | None
    every: int = 1
    frames: int = 1


@dataclass(slots=True)
class Exchange:
    """Another source: how it is opened, what is done to each of its frames. error: why it was not taken.

    capture: reads it already, so that no frame is lost; None: the old one must be closed first.
    """

    open: Callable[[], FrameSource]
    prepare: Callable[[Frame], Frame] | None
    capture: CaptureThread | None = None
    error: Exception | None = None
    done: threading.Event = field(default_factory=threading.Event)
