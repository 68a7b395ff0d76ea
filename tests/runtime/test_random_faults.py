"""Faults in source, engine, sink and time, drawn at random, several at once: nothing raw goes out, and all comes back.

The person is elsewhere in each opening of the source, so that a mask of before would show the room.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from scene import GREY, Scene, finder, leaks

from edgeseg import search, supply
from edgeseg.backgrounds.color import ColorBackground
from edgeseg.clock import SystemClock
from edgeseg.errors import OutputError, SourceError
from edgeseg.facts import ignore
from edgeseg.frames import Frame
from edgeseg.masks import Masks
from edgeseg.pipeline import Pipeline
from edgeseg.ports import ModelIO
from edgeseg.runtime import Limits, Runtime
from edgeseg.service.outlet import Outlet
from edgeseg.testing.engine import FAULTS, FakeEngine
from edgeseg.testing.sink import FakeSink
from edgeseg.testing.source import FakeSource

SCENE = Scene()
PLACES = ((60, 76), (196, 76))
OF_SOURCE = ("still", "fails", "ends", "does not open")
OF_SINK = ("sink fails", "sink does not open")
OTHERS = ("suspend", "nobody reads")


class Clock(SystemClock):
    """Leaps ahead, as the clock does while a machine is suspended."""

    leap_s = 0.0

    def now(self) -> float:
        return super().now() + self.leap_s


class Line:
    """A live run as a service has it, and what goes out of it."""

    def __init__(self) -> None:
        self.leaks: list[str] = []
        self.people = 0  # frames with the person in them
        self.clock = Clock()
        self.openings = 0
        self.faults: frozenset[str] = frozenset()
        self.source = self.new_source()
        self.sink = self.new_sink()
        self.engine = FakeEngine(ModelIO(72, 128), finder())
        pipeline = Pipeline(self.engine, ColorBackground(GREY), SCENE.known(), self.clock, refine=False)
        limits = Limits(max_mask_age_s=5.0, engine_timeout_s=0.2, seek_s=None, idle_after_s=0.05)
        outlet = Outlet(self.sink, self.clock.now, ignore, self.reopened_sink)
        self.runtime = Runtime(
            self.source, pipeline, outlet, self.clock, ignore, limits, reopen=self.reopened_source
        )  # fmt: skip
        self.error: Exception | None = None
        self.thread = threading.Thread(target=self.run)

    def run(self) -> None:
        try:
            self.runtime.run()
        except Exception as error:  # noqa: BLE001 - looked at by the test
            self.error = error

    def new_source(self) -> FakeSource:
        place = PLACES[self.openings % 2]
        self.openings += 1
        return FakeSource(
            paint=lambda index, planes: SCENE.paint(place, planes),
            size=SCENE.size, count=None, fps=Fraction(100), live=True, clock=SystemClock(),
        )  # fmt: skip

    def new_sink(self) -> FakeSink:
        return FakeSink(keep=1, slow=self.look, watched="nobody reads" not in self.faults)

    def reopened_source(self) -> FakeSource:
        if "does not open" in self.faults:
            raise SourceError("There is no camera.")
        self.source = self.new_source()
        return self.source

    def reopened_sink(self) -> FakeSink:
        if "sink does not open" in self.faults:
            raise OutputError("There is no webcam.")
        self.sink = self.new_sink()
        return self.sink

    def look(self, frame: Frame) -> None:
        seen = [leaks(SCENE, frame, place, "color") for place in PLACES]
        if all(seen):
            self.leaks.append(f"{frame.index}: {seen}")
        self.people += any(frame.planes.y[place[1], place[0]] < 60 for place in PLACES)

    def order(self, faults: frozenset[str]) -> None:
        """All of these at once, from now on."""
        self.faults = faults
        for fault in faults:
            if fault == "still":
                self.source.stall_at = self.source._index + 2
            elif fault in ("fails", "does not open"):
                self.source.fail_at = self.source._index + 2
            elif fault == "ends":
                self.source._count = self.source._index + 2
            elif fault in OF_SINK:
                self.sink.fail_at = self.sink.written + 2
            elif fault == "suspend":
                self.clock.leap_s += 3600.0
            elif fault == "nobody reads":
                self.sink.watched = False
            else:
                self.engine.inject(fault)  # type: ignore[arg-type]

    def heal(self) -> None:
        """All is well again; a source that is still goes on, and one that ended stays so."""
        self.faults = frozenset()
        self.engine.heal()
        self.source.resume()
        self.sink.watched = True


def soon(true: Callable[[], object], seconds: float = 30) -> bool:
    return any(true() or time.sleep(0.005) for _ in range(int(seconds * 200)))


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes seconds takes tenths."""
    monkeypatch.setattr(search, "STILL_S", 0.15)
    monkeypatch.setattr(search, "GIVEN_UP_S", 0.3)
    monkeypatch.setattr(search, "_PAUSES_S", (0.02, 0.05))
    monkeypatch.setattr(supply, "RESTING_FEED_S", 0.05)


def comes_through(steps: list[tuple[frozenset[str], float]]) -> Line:
    line = Line()
    line.thread.start()
    try:
        for faults, seconds in [(frozenset[str](), 0.0), *steps]:
            line.order(faults)
            time.sleep(seconds)
            line.heal()
            people = line.people
            assert soon(lambda people=people: line.people > people + 3), f"nobody comes back after {faults}"  # type: ignore[misc]
    finally:
        line.heal()
        line.runtime.stop()
        line.thread.join(20)
    assert not line.thread.is_alive()
    return line


A_STEP = st.tuples(
    st.frozensets(st.sampled_from([*OF_SOURCE, *OF_SINK, *OTHERS, *FAULTS]), min_size=1, max_size=3),
    st.sampled_from([0.02, 0.2, 0.5]),
)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(A_STEP, min_size=1, max_size=4))
@example([(frozenset({"still", "nan", "sink fails"}), 0.5), (frozenset({"fails"}), 0.02)])
@example([(frozenset({"does not open", "sink does not open"}), 0.5), (frozenset({"suspend", "ones"}), 0.2)])
@example([(frozenset({"hang", "still"}), 0.5), (frozenset({"nobody reads", "fails", "half"}), 0.2)])
@example([(frozenset({"suspend"}), 0.02), (frozenset({"ends", "suspend"}), 0.2)])
def test_whatever_fails_nothing_raw_goes_out_and_all_comes_back(steps: list[tuple[frozenset[str], float]]) -> None:
    line = comes_through(steps)
    assert line.leaks == []
    assert line.error is None


def test_the_property_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were masks of before not forgotten, the room would show where the person was."""
    monkeypatch.setattr(Masks, "forget", lambda self, first_index: None)
    steps = [(frozenset({"fails", "hang"}), 0.3)] * 3  # the engine says nothing of the new picture in time
    line = comes_through(steps)
    assert line.leaks
