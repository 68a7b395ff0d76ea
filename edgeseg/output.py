"""What goes out: frames composed and written, covers in their place, and what is told of both."""

from __future__ import annotations

from collections.abc import Callable

from edgeseg.clock import Clock
from edgeseg.facts import Degraded, Emit, Recovered, Shown
from edgeseg.frames import Frame, Mask
from edgeseg.pipeline import Pipeline
from edgeseg.ports import FrameSink

_OF_ENGINES = ("engine_fault", "engine_hung")
WORK = ("preprocess", "postprocess", "refine", "carry", "background", "composite", "write")  # in the showing thread


class Output:
    """Composes with `pipeline` and writes into `sink`; from one thread."""

    def __init__(self, pipeline: Pipeline, sink: FrameSink, clock: Clock, emit: Emit) -> None:
        self.first_shown_at: float | None = None
        self.last_shown_at: float | None = None
        self.shown = 0
        self.show_s = 0.0  # what the last frame took to compose and write
        self.rested_s = 0.0  # for how long nothing was to be shown, in all
        self._pipeline, self.sink, self._clock, self._emit = pipeline, sink, clock, emit
        self._times = pipeline.times
        self._rested_before_s = 0.0  # `rested_s` when the last frame was shown
        self._worked_s = 0.0  # what all frames took that were shown, but for inference
        self._degraded: list[str] = []
        self.witness: Callable[[Frame], object] | None = None  # is shown each frame as the source gave it

    @property
    def fps(self) -> float | None:
        """Frames shown a second, from the first to the last, without the rests between; None before the second."""
        first, last = self.first_shown_at, self.last_shown_at
        if first is None or last is None or self.shown < 2:
            return None
        return (self.shown - 1) / max(1e-9, last - first - self._rested_before_s)

    def show(self, frame: Frame, mask: Mask | None, origin: str) -> None:
        """Compose and write one frame, and tell of it; origin: as `Shown` has it."""
        now = self._clock.now
        if self.witness is not None:
            self.witness(frame)
        if self._degraded and origin != "cover":
            self._recover(origin)
        start = now()
        shown = self._pipeline.show(frame, mask)
        composed = now()
        self.sink.write(shown)
        end = now()
        self._times.add("write", end - composed)
        self._times.add("latency", end - frame.captured_at)
        before_s, self._worked_s = self._worked_s, self._times.total_s(WORK)
        self._times.add("work", self._worked_s - before_s)
        self.show_s = end - start
        self.shown += 1
        self.last_shown_at, self._rested_before_s = end, self.rested_s
        if self.first_shown_at is None:
            self.first_shown_at = end
        self._emit(Shown(frame.index, origin))

    def cover(self, black: Frame) -> None:
        """Write what stands for a frame where there is none; it counts as no frame's work."""
        self.sink.write(self._pipeline.show(black, None))
        self._worked_s = self._times.total_s(WORK)

    def warm(self, black: Frame) -> None:
        """Compose a cover that nobody sees, so that the first one of a run that lasts takes no more memory."""
        self._pipeline.show(black, None)
        self._worked_s = self._times.total_s(WORK)

    def degrade(self, cause: str, detail: str) -> None:
        """Less is shown than was asked for, until a frame with a mask of its own is; told once."""
        if cause not in self._degraded:
            self._degraded.append(cause)
            self._emit(Degraded(cause, detail))

    def _recover(self, origin: str) -> None:
        """What is whole again with a frame like this: an old mask says nothing of the engine."""
        over = [cause for cause in self._degraded if origin != "carried" or cause not in _OF_ENGINES]
        self._degraded = [cause for cause in self._degraded if cause not in over]
        for cause in over:
            self._emit(Recovered(cause))
