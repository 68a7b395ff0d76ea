"""The driver: three threads around the pipeline, the clock, and what happens when something is late.

::

    capture thread --> one slot --> the caller's thread: prepare, believe, shape, show, write
                                        |    ^
                                        v    |
                                    engine thread: infer, and nothing else

`supply` gives frames, whatever becomes of their source; `masks` asks the engine and keeps what it may believe; `output`
composes, writes and tells. From a file every frame waits for its own mask and nothing is dropped: the engine works on a
frame while the one before is shown. Live, the newest frame wins, and one whose own mask is late takes an older one.

What a run is made of can change between two frames: `switch` (the plan), `between` (anything small), `exchange` (the
source). The showing thread does it, so that no stage ever meets half a change.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from edgeseg.allocator import give_back
from edgeseg.clock import Clock
from edgeseg.errors import CandidateError, OutputClosed
from edgeseg.facts import ENGINE_LOST, Dropped, Emit, Recovered
from edgeseg.frames import Frame
from edgeseg.masks import Masks
from edgeseg.orders import NO_LIMITS, Exchange, Limits, Plan
from edgeseg.output import Output
from edgeseg.pipeline import Pipeline
from edgeseg.ports import Engine, FrameSink, FrameSource
from edgeseg.presence import Presence
from edgeseg.supply import Supply

__all__ = ["Exchange", "Limits", "Plan", "Runtime"]


class Runtime:
    """Runs one source through one pipeline into one sink.

    prepare: is given each frame in the capture thread, for flips. name: of the plan that it begins with. emit: is given
    the facts, from any of the threads. reopen: opens the source anew, raising as at first; None: it is never closed
    before the end.
    """

    def __init__(
        self,
        source: FrameSource,
        pipeline: Pipeline,
        sink: FrameSink,
        clock: Clock,
        emit: Emit,
        limits: Limits = NO_LIMITS,
        prepare: Callable[[Frame], Frame] | None = None,
        name: str = "",
        reopen: Callable[[], FrameSource] | None = None,
    ) -> None:
        self.times = pipeline.times
        self._pipeline, self._sink, self._emit, self._limits = pipeline, sink, emit, limits
        self.covered = False  # nobody is shown while this is so; set from any thread, of live runs that hide something
        self._stopped = False
        self._error: Exception | None = None  # of another thread, but for the capture's
        self._output = Output(pipeline, sink, clock, emit)
        self._masks = Masks(pipeline, clock, limits, self._degrade, lambda: self._stopped)
        self._supply = Supply(
            source, self._output, self._masks, clock, emit, self.times, limits, prepare, reopen, self._adopt
        )
        self.believed = self._masks.believed
        self.believed.append(Presence(emit).saw)
        pipeline.is_patient = not self._supply.live
        pipeline.carries = self._supply.live or limits.infer_every > 1
        pipeline.max_mask_age_s = limits.max_mask_age_s
        self._plan = Plan(name, pipeline.engine, limits.infer_every)
        self._wanted: Plan | None = None  # from the next frame on

    def stop(self) -> None:
        """Finish after the frame in hand; from any thread but not from a signal handler, which may hold our locks."""
        self._stopped = True
        self._supply.stop()

    def show_source_to(self, witness: Callable[[Frame], object]) -> None:
        """Show each frame to `witness` as the source gave it, before it goes out: the one way around the masks."""
        self._output.witness = witness

    @property
    def captured(self) -> int:
        """Frames that the source gave."""
        return self._supply.captured

    @property
    def shown(self) -> int:
        """Frames that were written."""
        return self._output.shown

    @property
    def first_shown_at(self) -> float | None:
        """When the first frame was written, by the clock."""
        return self._output.first_shown_at

    @property
    def last_shown_at(self) -> float | None:
        """Likewise the last one."""
        return self._output.last_shown_at

    @property
    def fps(self) -> float | None:
        """Frames shown a second, from the first to the last, without the rests between; None before the second."""
        return self._output.fps

    @property
    def idle(self) -> bool:
        """Whether nobody reads, or somebody does and the source has not given a frame yet."""
        return self._supply.idle

    @property
    def idles(self) -> int:
        """How often it rested."""
        return self._supply.idles

    @property
    def idle_s(self) -> float:
        """For how long in all, when it was over."""
        return self._output.rested_s

    @property
    def pauses(self) -> tuple[bool, int]:
        """Whether nothing is to be shown, or there is nothing to show, just now; and how often that was so."""
        supply = self._supply
        return supply.idle or supply.away or self.covered, supply.idles + supply.aways

    @property
    def infer_every(self) -> int:
        """The engine is asked about each so many-th frame that is taken; set from any thread, from the next one on."""
        return self._masks.infer_every

    @infer_every.setter
    def infer_every(self, every: int) -> None:
        self._masks.infer_every = every
        self._pipeline.carries |= every > 1

    @property
    def plan(self) -> Plan:
        """What is done with the frames now."""
        return self._plan

    def switch(self, plan: Plan) -> None:
        """Do this from the next live frame on; from any thread. The engine of the plan before is closed then.

        No frame is lost by it, and the newest mask is carried on until the new engine gives one.
        """
        self._wanted = plan

    def between(self, change: Callable[[], object]) -> None:
        """Have the showing thread do this before it takes the next frame; from any thread. It must raise nothing."""
        self._supply.change(change)

    def limit(self, limits: Limits) -> None:
        """Go by these limits from now on, but for `frames`; only in what is given to `between`."""
        self._limits = self._masks.limits = limits
        self._pipeline.max_mask_age_s = limits.max_mask_age_s
        self._supply.limit(limits)

    @property
    def limits(self) -> Limits:
        """What it goes by."""
        return self._limits

    def read_aside(self, wanted: Exchange) -> None:
        """Begin to read another source beside the one that is shown, in `wanted.capture`; then `exchange`."""
        self._supply.read_aside(wanted)

    def exchange(self, wanted: Exchange) -> None:
        """Show another source; from any thread, of live ones only. `wanted.done` is set once it is shown, or refused.

        Where the old one must be closed first, the cover is shown meanwhile; if the new one cannot be opened, the old
        one is opened again, and `wanted.error` says why.
        """
        self._supply.exchange(wanted)

    def fail(self, error: Exception) -> None:
        """Finish likewise; `run` raises this error. From any thread."""
        self._error = self._error or error
        self.stop()

    def run(self) -> None:
        """Until the source ends, `stop` is called or something fails; source and sink are closed either way.

        Raises what the source or the sink raised, and CandidateError if the engine failed its known-answer test at
        the start or not one mask could be believed.
        """
        self._supply.start()
        hides = self._pipeline.engine is not None
        try:
            if hides:
                self._masks.ask_of(self._pipeline.engine)
                self._pipeline.prove()
            if not hides:
                self._show_all()
            elif self._supply.live:
                self._show_live()
            else:
                self._show_file()
        except OutputClosed:
            pass
        finally:
            was_stopped = self._stopped
            self.stop()
            try:
                self._sink.close()  # before those that may hang: what was written must be whole
            finally:
                self._supply.close()
                self._masks.close()
        error = self._error or self._supply.error
        if error is not None:
            raise error
        fault = self._masks.last_fault
        in_vain = hides and self._masks.asks and self.shown and not self._masks.has_believed
        if in_vain and (fault is not None or not was_stopped):  # else it had no time to answer
            reason = fault or "it gave no answer."
            raise CandidateError(f"All {self.shown} frames are covered, for the engine made no mask to trust: {reason}")

    def _show_all(self) -> None:
        """Nothing is hidden, and there is no engine."""
        while (frame := self._supply.next()) is not None:
            self._output.show(frame, None, "none")

    def _show_file(self) -> None:
        """Each frame with its own mask, if it is asked about; the engine is given the next one before it is shown."""
        supply, masks, output = self._supply, self._masks, self._output
        frame: Frame | None = None
        asked = asked_ahead = False
        while True:
            ahead = supply.next(wait=frame is None)
            if ahead is None and frame is None:
                return
            if ahead is not None:
                asked_ahead = masks.ask(ahead, supply.taken)
            person = masks.own(frame) if frame is not None and asked else None
            if self._stopped:
                return
            if ahead is None and (ahead := supply.next(wait=False)) is not None:
                asked_ahead = masks.ask(ahead, supply.taken)
            if frame is not None:
                if person is not None:
                    output.show(frame, masks.believe(person, frame), "own")
                elif asked:
                    output.show(frame, None, "cover")
                else:
                    output.show(frame, *masks.older(frame))
            frame, asked = ahead, asked_ahead

    def _show_live(self) -> None:
        """Each frame as it comes, with its own mask if that is there in time, else with the newest one."""
        supply, masks, output = self._supply, self._masks, self._output
        while (frame := supply.next()) is not None:
            self._adopt()
            if supply.taken % self._plan.frames:
                self._emit(Dropped("half_fps"))
                continue
            if not masks.asks or self.covered:
                output.show(frame, None, "cover")
                continue
            mask, origin = masks.live(frame, supply.taken, supply.interval_s, output.show_s)
            if self._stopped:
                return
            output.show(frame, mask, origin)

    def _adopt(self) -> None:
        """Take up the plan that is wanted. What the engine before was asked is nobody's; it is closed aside."""
        plan, self._wanted = self._wanted, None
        if plan is None:
            return
        before, self._plan = self._plan, plan
        self._masks.infer_every = plan.every * plan.frames
        if plan.engine is before.engine:
            return
        if plan.engine is not None:
            self._pipeline.switch(plan.engine)
        thread = self._masks.ask_of(plan.engine)
        if _is_lost(before.engine) and not _is_lost(plan.engine):
            self._emit(Recovered(ENGINE_LOST))

        def retire() -> None:
            if thread is not None:
                thread.close()
            if before.engine is not None:
                before.engine.close()
            give_back()

        threading.Thread(target=retire, name="edgeseg-retire", daemon=True).start()

    def _degrade(self, cause: str, detail: str) -> None:
        if not self._stopped:
            self._output.degrade(cause, detail)


def _is_lost(engine: Engine | None) -> bool:
    """Whether it is one with a substitute, which serves."""
    return getattr(engine, "is_lost", False) is True
