"""Changing the plan of a live run: nothing is lost, nothing raw, the old engine is closed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction

from scene import GREY, Scene, finder, leaks

from edgeseg.backgrounds.color import ColorBackground
from edgeseg.clock import SystemClock
from edgeseg.facts import ENGINE_LOST, Recovered, Shown, Tally
from edgeseg.frames import Frame
from edgeseg.pipeline import Pipeline
from edgeseg.ports import ModelIO
from edgeseg.runtime import Limits, Plan, Runtime
from edgeseg.testing.engine import FakeEngine
from edgeseg.testing.source import FakeSource

SCENE = Scene()
PLACE = (128, 76)
CLOCK = SystemClock()


class Sink:
    """Checks each frame as it goes out."""

    detail, keeps_alpha = "checked", False

    def __init__(self) -> None:
        self.indexes: list[int] = []
        self.leaks: list[str] = []

    def write(self, frame: Frame) -> None:
        self.indexes.append(frame.index)
        leak = leaks(SCENE, frame, PLACE, "color")
        if leak is not None:
            self.leaks.append(f"{frame.index}: {leak}")

    def close(self) -> None: ...


class Live:
    def __init__(self) -> None:
        self.engine = FakeEngine(ModelIO(72, 128), finder())
        self.tally, self.sink = Tally(), Sink()
        self.masks: list[str] = []
        self.recovered: list[str] = []
        pipeline = Pipeline(self.engine, ColorBackground(GREY), SCENE.known(), CLOCK, refine=False)
        source = FakeSource(
            paint=lambda index, planes: SCENE.paint(PLACE, planes),
            size=SCENE.size, count=None, fps=Fraction(50), live=True, clock=CLOCK,
        )  # fmt: skip
        self.runtime = Runtime(source, pipeline, self.sink, CLOCK, self.take, Limits(max_mask_age_s=5.0))

    def take(self, fact: object) -> None:
        self.tally(fact)  # type: ignore[arg-type]
        if isinstance(fact, Recovered):
            self.recovered.append(fact.cause)
        if isinstance(fact, Shown):
            self.masks.append(fact.mask)


@contextmanager
def live() -> Iterator[Live]:
    made = Live()
    thread = threading.Thread(target=made.runtime.run)
    thread.start()
    try:
        yield made
    finally:
        made.runtime.stop()
        thread.join()
        assert made.sink.leaks == []


def soon(true: Callable[[], object]) -> bool:
    return any(true() or time.sleep(0.01) for _ in range(1000))


def own(run: Live, more: int) -> bool:
    count = run.masks.count("own")
    return soon(lambda: run.masks.count("own") >= count + more)


def test_engines_change_between_frames_and_none_is_lost() -> None:
    with live() as run:
        assert own(run, 3)
        first = run.masks.index("own")
        before = run.engine
        for number, size in enumerate([(48, 80), (144, 256), (96, 96), (72, 128)]):
            after = FakeEngine(ModelIO(*size), finder())
            run.runtime.switch(Plan(str(number), after))
            assert soon(lambda after=after: len(after.history) >= 3)
            assert run.runtime.plan.name == str(number)
            assert soon(lambda before=before: before.closed)
            asked = len(before.history)
            assert own(run, 3)
            assert len(before.history) == asked
            before = after
    assert "cover" not in run.masks[first:]
    lost = set(range(run.sink.indexes[-1] + 1)) - set(run.sink.indexes)
    assert len(lost) <= run.tally.drops["output_busy"] + run.tally.drops["stale"]  # a slow machine's; none for a change


class LostEngine(FakeEngine):
    """One whose substitute serves."""

    is_lost = True


def test_a_lost_engine_that_is_changed_for_another_is_missed_no_more() -> None:
    with live() as run:
        assert own(run, 2)
        for number, engine in enumerate([LostEngine, LostEngine, FakeEngine]):
            assert run.recovered == []
            run.runtime.switch(Plan(str(number), engine(ModelIO(72, 128), finder())))
            assert soon(lambda number=number: run.runtime.plan.name == str(number))
            assert own(run, 2)
        assert run.recovered == [ENGINE_LOST]


def test_every_third_frame_is_inferred_and_the_others_carry_its_mask() -> None:
    with live() as run:
        assert own(run, 2)
        run.runtime.switch(Plan("third", run.engine, every=3))
        assert soon(lambda: run.runtime.plan.name == "third")
        calls, shown = len(run.engine.history), run.runtime.shown
        assert soon(lambda: run.runtime.shown >= shown + 30)
        calls, shown = len(run.engine.history) - calls, run.runtime.shown - shown
        assert shown / 3 - 2 <= calls <= shown / 3 + 2
        assert not run.engine.closed
    assert "carried" in run.masks


def test_half_the_frames_are_left_out_and_counted() -> None:
    with live() as run:
        assert own(run, 2)
        run.runtime.switch(Plan("half", run.engine, frames=2))
        assert soon(lambda: run.tally.drops["half_fps"] >= 10)
    tail = run.sink.indexes[-5:]
    assert all(index % 2 == tail[0] % 2 for index in tail) or run.tally.drops["output_busy"]


def test_cover_only_shows_nobody_and_comes_back() -> None:
    with live() as run:
        assert own(run, 2)
        run.runtime.switch(Plan("cover", None))
        assert soon(lambda: run.masks[-3:] == ["cover"] * 3)
        assert soon(lambda: run.engine.closed)
        run.runtime.switch(Plan("back", FakeEngine(ModelIO(72, 128), finder())))
        assert own(run, 3)
