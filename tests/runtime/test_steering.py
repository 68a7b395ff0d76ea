"""The governor's driver on a live run of fakes: rungs are built aside; one that cannot be built changes nothing."""

from __future__ import annotations

import errno
import io
import os
import threading
import time
from collections.abc import Callable
from fractions import Fraction

from scene import GREY, Scene, finder

from edgeseg.backgrounds.color import ColorBackground
from edgeseg.clock import SystemClock
from edgeseg.errors import CandidateError
from edgeseg.facts import Fact, Noted, RungChanged
from edgeseg.governor import Kind, Policy, Rung
from edgeseg.governor.trace import read, replayed
from edgeseg.pipeline import Pipeline
from edgeseg.ports import ModelIO
from edgeseg.readings import Reading
from edgeseg.runtime import Limits, Plan, Runtime
from edgeseg.steering import Looker, Steering, Writes
from edgeseg.testing.engine import FakeEngine
from edgeseg.testing.sink import FakeSink
from edgeseg.testing.source import FakeSource

SCENE = Scene()
CLOCK = SystemClock()
BEST = Rung("best", "big", 1, 4.0, 1.0, 0.95, 200.0)
SMALL = Rung("small", "small", 1, 1.0, 1.0, 0.90, 100.0)
COVER = Rung("cover", "", 1, 0.0, 0.5, 0.0, 50.0, kind=Kind.COVER)
LADDER = (COVER, SMALL, BEST)


class Governed:
    """A live run at 50 frames a second, steered; `reading` is what the sensors say."""

    def __init__(
        self,
        policy: Policy,
        make: Callable[[Rung], Plan] | None = None,
        name: str = "best",
        trace: Writes | None = None,
    ) -> None:
        self.facts: list[Fact] = []
        self.reading = Reading(0.0, memory_available_mb=5000.0, rss_mb=150.0)
        self.trace = io.StringIO()
        self.engines = {"big": FakeEngine(ModelIO(72, 128), finder()), "small": FakeEngine(ModelIO(48, 80), finder())}
        pipeline = Pipeline(self.engines["big"], ColorBackground(GREY), SCENE.known(), CLOCK, refine=False)
        source = FakeSource(
            paint=lambda index, planes: SCENE.paint((128, 76), planes),
            size=SCENE.size, count=None, fps=Fraction(50), live=True, clock=CLOCK,
        )  # fmt: skip
        self.runtime = Runtime(source, pipeline, FakeSink(keep=1), CLOCK, self.facts.append, Limits(), name=name)
        self.steering = Steering(
            self.runtime, policy, LADDER, name, make or self.make, lambda: self.reading, CLOCK, self.facts.append,
            trace or self.trace,
        )  # fmt: skip

    def make(self, rung: Rung) -> Plan:
        return Plan(rung.name, self.engines[rung.candidate], rung.every)

    def __enter__(self) -> Governed:
        self._thread = threading.Thread(target=self.runtime.run)
        self._thread.start()
        self.steering.start()
        return self

    def __exit__(self, *what: object) -> None:
        self.steering.close()
        self.runtime.stop()
        self._thread.join()

    def told(self) -> list[str]:
        return [fact.rung for fact in self.facts if isinstance(fact, RungChanged)]


def soon(true: Callable[[], object], seconds: float = 30) -> bool:
    return any(true() or time.sleep(0.02) for _ in range(int(seconds * 50)))


def test_a_memory_limit_takes_it_to_a_smaller_rung_and_the_trace_replays() -> None:
    with Governed(Policy(fps=25, memory_max_mb=160.0)) as run:
        assert soon(lambda: run.runtime.shown >= 10)
        run.reading = Reading(1.0, memory_available_mb=5000.0, rss_mb=230.0)
        assert soon(lambda: run.runtime.plan.name in ("small", "cover"))
        assert soon(lambda: run.engines["big"].closed)
        run.reading = Reading(2.0, memory_available_mb=5000.0, rss_mb=120.0)
        freed = "best is freed: 230 MB before, 120 MB now"
        assert soon(lambda: any(isinstance(fact, Noted) and fact.detail == freed for fact in run.facts))
        assert soon(lambda: run.trace.getvalue().count("\n") > 6)
    assert run.told()[0] in ("small", "cover")
    trace = read(io.StringIO(run.trace.getvalue()), "trace")
    assert len(trace.looks) > 3
    assert all(look.decision == again for look, again in replayed(trace))


def test_a_rung_that_cannot_be_built_leaves_the_old_one_and_says_so() -> None:
    def fail(rung: Rung) -> Plan:
        raise CandidateError("There is no such model.")

    with Governed(Policy(fps=25, memory_max_mb=160.0), fail) as run:
        assert soon(lambda: run.runtime.shown >= 10)
        run.reading = Reading(1.0, memory_available_mb=5000.0, rss_mb=175.0)
        assert soon(lambda: any(isinstance(fact, Noted) and "cannot be built" in fact.detail for fact in run.facts))
        shown = run.runtime.shown
        assert soon(lambda: run.runtime.shown > shown + 5)
        assert run.runtime.plan.name in ("best", "cover")


def test_missing_sensors_are_not_zeros() -> None:
    with Governed(Policy(fps=25, temp_max_c=70.0, power_max_w=5.0, memory_max_mb=400.0)) as run:
        run.reading = Reading(0.0)
        assert soon(lambda: run.trace.getvalue().count("\n") > 8)
    trace = read(io.StringIO(run.trace.getvalue()), "trace")
    assert all(look.seen.temp_c is None and look.seen.power_w is None for look in trace.looks)


def test_a_run_that_begins_with_a_rung_of_another_ladder_gets_the_best_of_this_one() -> None:
    with Governed(Policy(fps=25), name="best, every 7 frames") as run:
        assert soon(lambda: run.runtime.plan.name == "best")
        assert soon(lambda: run.trace.getvalue().count("\n") > 4)
    trace = read(io.StringIO(run.trace.getvalue()), "trace")
    assert [look.seen.rung for look in trace.looks][-1] == "best"
    assert all(look.decision == again for look, again in replayed(trace))


def test_a_disk_that_is_full_ends_the_trace_and_not_the_governor() -> None:
    class Full:
        def write(self, text: str, /) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with Governed(Policy(fps=25, memory_max_mb=160.0), trace=Full()) as run:
        run.reading = Reading(1.0, memory_available_mb=5000.0, rss_mb=230.0)
        assert soon(lambda: run.runtime.plan.name in ("small", "cover"))
    ends = [fact for fact in run.facts if isinstance(fact, Noted) and "No space left on device" in fact.detail]
    assert len(ends) == 1


def test_the_first_look_holds_nothing_of_before_it() -> None:
    with Governed(Policy(fps=25)) as run:
        assert soon(lambda: run.runtime.shown >= 100)
        looker = Looker(run.runtime, CLOCK)
        time.sleep(0.2)
        seen = looker.look(None)
    assert seen is not None
    assert 0 < seen.frames_in < 60
    assert len(seen.frame_ms) < 60
