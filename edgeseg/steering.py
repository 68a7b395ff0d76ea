"""The governor's driver: it looks at a live run four times a second, asks what to do, and has it done.

A thread of its own, so that frames wait for nothing of it. The next plan is built in another thread, and the runtime
takes it up between two frames; one that cannot be built leaves the old one running.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from edgeseg.clock import Clock
from edgeseg.errors import EdgesegError
from edgeseg.facts import Emit, Noted, RungChanged
from edgeseg.governor import Decision, Kind, Ladder, Observation, Policy, Reason, Rung, State, sentence, start
from edgeseg.governor import decide as governor_decide
from edgeseg.governor.trace import first_line, look_line
from edgeseg.readings import Reading
from edgeseg.runtime import Plan, Runtime

LOOK_S = 0.25
FREED_S = 3.0  # after a change of the rung its engine and buffers are gone
Decide = Callable[[Policy, State, Observation], tuple[State, Decision]]


class Writes(Protocol):
    """Where a trace goes: a text file."""

    def write(self, text: str, /) -> int:
        """As of a file."""
        ...


class Steering:
    """Steers a live run.

    running: the name of the rung that the runtime begins with. make: builds the plan of a rung, warm and proved; raises
    EdgesegError. read: the newest reading of the sensors, None before the first. trace: where each look is written.
    decide: in place of the governor's own, who is to be compared with it.
    """

    def __init__(
        self,
        runtime: Runtime,
        policy: Policy,
        ladder: Ladder,
        running: str,
        make: Callable[[Rung], Plan],
        read: Callable[[], Reading | None],
        clock: Clock,
        emit: Emit,
        trace: Writes | None = None,
        decide: Decide | None = None,
    ) -> None:
        self._runtime, self._policy, self._make, self._read = runtime, policy, make, read
        self._decide = decide or governor_decide
        self._clock, self._emit, self._trace = clock, emit, trace
        self._rungs = {rung.name: rung for rung in ladder}
        self._state = start(policy, ladder, running)
        self._looker = Looker(runtime, clock)
        self._building: threading.Thread | None = None
        self._freeing: tuple[str, float, float] | None = None  # a rung left for memory: its name, MB then, when it was
        self._not_built: str | None = None  # the rung whose build failed since the last look
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="edgeseg-governor", daemon=True)
        self._write(lambda: first_line(policy, ladder, running))

    def start(self) -> None:
        """Begin to look. A rung that is none of the ladder's gives way to the best that is."""
        wanted = self._state.wanted
        if wanted is not None and self._runtime.plan.name not in self._rungs:
            self._build(self._rungs[wanted])
        self._thread.start()

    def close(self) -> None:
        """Look no more; what is being built is not taken up."""
        self._stop.set()
        self._thread.join(timeout=2.0)
        if self._building is not None:
            self._building.join(timeout=2.0)

    def _run(self) -> None:
        while not self._stop.wait(LOOK_S):
            looked = self._looker.look(self._read())
            if looked is None:
                continue  # nothing runs that could be judged
            seen, self._not_built = replace(looked, not_built=self._not_built), None
            self._state, decision = self._decided(seen)
            for note in decision.notes:
                self._emit(Noted("governor", note))
            self._tell_what_was_freed(seen)
            if decision.changed and decision.reason is Reason.MEMORY and seen.memory_mb is not None:
                self._freeing = self._runtime.plan.name, seen.memory_mb, seen.now_s
            if decision.changed and decision.rung is not None:
                self._emit(RungChanged(decision.rung, decision.reason.value, sentence(decision)))
                self._build(self._rungs[decision.rung])

    def _tell_what_was_freed(self, seen: Observation) -> None:
        if self._freeing is None or seen.memory_mb is None or seen.now_s - self._freeing[2] < FREED_S:
            return
        (left, before_mb, _), self._freeing = self._freeing, None
        self._emit(Noted("governor", f"{left} is freed: {before_mb:.0f} MB before, {seen.memory_mb:.0f} MB now"))

    def _decided(self, seen: Observation) -> tuple[State, Decision]:
        state, decision = self._decide(self._policy, self._state, seen)
        self._write(lambda: look_line(seen, decision))
        return state, decision

    def _write(self, line: Callable[[], str]) -> None:
        """Into the trace; one that cannot be written ends, and the governor goes on."""
        if self._trace is None:
            return
        try:
            self._trace.write(line() + "\n")
        except OSError as error:
            self._trace = None
            self._emit(Noted("governor", f"its trace ends here, for it cannot be written: {error.strerror or error}"))

    def _build(self, rung: Rung) -> None:
        """Build it aside; the one before must be done."""
        before = self._building

        def build() -> None:
            if before is not None:
                before.join()
            if self._stop.is_set() or self._state.wanted != rung.name:
                return  # another is wanted by now
            try:
                plan = self._made(rung)
            except EdgesegError as error:
                self._not_built = rung.name
                self._emit(Noted("governor", f"{rung.name} cannot be built, and the rung before it goes on: {error}"))
                return
            if self._stop.is_set():
                if plan.engine is not None and plan.engine is not self._runtime.plan.engine:
                    plan.engine.close()
                return
            self._runtime.switch(plan)

        self._building = threading.Thread(target=build, name="edgeseg-build", daemon=True)
        self._building.start()

    def _made(self, rung: Rung) -> Plan:
        if rung.kind is Kind.COVER:
            return Plan(rung.name, None)
        running = self._rungs.get(self._runtime.plan.name)
        if running is not None and running.candidate == rung.candidate and running.kind is not Kind.COVER:
            return Plan(rung.name, self._runtime.plan.engine, rung.every, rung.frames)
        return self._make(rung)


class Looker:
    """Makes observations of a runtime: what happened since the last look."""

    def __init__(self, runtime: Runtime, clock: Clock) -> None:
        self._runtime, self._clock = runtime, clock
        self._at_s = clock.now()
        self._plan = runtime.plan.name
        self._counts = {stage: runtime.times.since(stage, 0)[1] for stage in ("infer", "work")}
        self._in, self._out = runtime.captured, runtime.shown
        self._paused = (False, 0)

    def look(self, reading: Reading | None) -> Observation | None:
        """What was seen since the last call, the frames' times per frame, the sensors as they were read last.

        None if it rested, or its source was away, for a part of that time: the frames say nothing of the board then.
        """
        seen, before = self._seen(reading), self._paused
        self._paused = self._runtime.pauses
        return None if before[0] or self._paused != before else seen

    def _seen(self, reading: Reading | None) -> Observation:
        runtime, now = self._runtime, self._clock.now()
        plan, shown, captured = runtime.plan, runtime.shown, runtime.captured
        span_s, self._at_s = now - self._at_s, now
        same = plan.name == self._plan
        self._plan = plan.name
        frames_in, self._in = captured - self._in, captured
        frames_out, self._out = shown - self._out, shown
        wanted = frames_in // max(1, plan.frames)
        seen = Observation(
            now_s=now,
            span_s=span_s,
            rung=plan.name if same else None,
            frames_in=frames_in,
            frames_out=frames_out,
            dropped=max(0, wanted - frames_out),
            infer_ms=self._new_ms("infer"),
            frame_ms=self._new_ms("work"),
        )
        return with_sensors(seen, reading)

    def _new_ms(self, stage: str) -> tuple[float, ...]:
        times, self._counts[stage] = self._runtime.times.since(stage, self._counts[stage])
        return tuple(1e3 * value for value in times)


def with_sensors(seen: Observation, reading: Reading | None) -> Observation:
    """The same with what the sensors said."""
    if reading is None:
        return seen
    working = reading.cgroup_working_mb  # without the files' cache, which can be dropped
    return replace(
        seen,
        temp_c=reading.temp_c,
        throttled=reading.throttled,
        power_w=reading.power_w,
        memory_mb=reading.rss_mb,
        memory_available_mb=reading.memory_available_mb,
        cgroup_memory_mb=working if working is not None else reading.cgroup_memory_mb,
        cgroup_memory_limit_mb=reading.cgroup_memory_limit_mb,
        memory_pressure=reading.pressure_some,
        battery_percent=reading.battery_percent if reading.on_battery else None,
        cpu_quota=reading.cpu_quota,
        cpu_cores=reading.cgroup_cpu_cores if reading.cgroup_cpu_cores is not None else reading.own_cores,
        cpu_throttled_share=reading.cpu_throttled_share,
    )
