"""Another source in the place of the one that is shown: nothing raw, nothing lost, and the old one back if it fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from scene import GREY, Scene, finder, leaks

from edgeseg.backgrounds.color import ColorBackground
from edgeseg.clock import SystemClock
from edgeseg.errors import SourceError
from edgeseg.facts import Dropped, Fact, Shown
from edgeseg.frames import Frame
from edgeseg.pipeline import Pipeline
from edgeseg.ports import FrameSource, ModelIO
from edgeseg.runtime import Exchange, Limits, Runtime
from edgeseg.testing.engine import FakeEngine
from edgeseg.testing.source import FakeSource

SCENE = Scene()
HERE, THERE = (60, 76), (196, 76)  # people who are nowhere near each other
CLOCK = SystemClock()


class Sink:
    """Notes each frame that shows the room of either place, and where the person is in the last one."""

    detail, keeps_alpha, watched = "checked", False, None

    def __init__(self) -> None:
        self.leaks: list[str] = []
        self.sees: object = None
        self.written = 0

    def write(self, frame: Frame) -> None:
        seen = {place: leaks(SCENE, frame, place, "color") for place in (HERE, THERE)}
        if all(seen.values()):
            self.leaks.append(f"{frame.index}: {seen}")
        people = [place for place in (HERE, THERE) if frame.planes.y[place[1], place[0]] < 60]
        self.sees = people[0] if len(people) == 1 else None
        self.written += 1

    def close(self) -> None: ...


class Rig:
    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.sink = Sink()
        self.first = source(HERE)
        engine = FakeEngine(ModelIO(72, 128), finder())
        pipeline = Pipeline(engine, ColorBackground(GREY), SCENE.known(), CLOCK, refine=False)
        self.again = source(HERE)
        self.runtime = Runtime(
            self.first, pipeline, self.sink, CLOCK, self.facts.append, Limits(max_mask_age_s=5.0),
            reopen=lambda: self.again,
        )  # fmt: skip

    def __enter__(self) -> Rig:
        self.thread = threading.Thread(target=self.runtime.run)
        self.thread.start()
        assert soon(lambda: self.sink.sees == HERE)
        return self

    def __exit__(self, *what: object) -> None:
        self.runtime.stop()
        self.thread.join()
        assert self.sink.leaks == []


def source(place: tuple[int, int]) -> FakeSource:
    return FakeSource(
        paint=lambda index, planes: SCENE.paint(place, planes),
        size=SCENE.size, count=None, fps=Fraction(50), live=True, clock=CLOCK,
    )  # fmt: skip


def soon(true: Callable[[], object]) -> bool:
    return any(true() or time.sleep(0.01) for _ in range(3000))


def test_one_that_is_read_aside_follows_without_a_cover() -> None:
    with Rig() as rig:
        second = source(THERE)
        wanted = Exchange(lambda: second, None)
        rig.runtime.read_aside(wanted)
        assert wanted.capture is not None
        assert soon(lambda: wanted.capture.source is second and wanted.capture.count)  # type: ignore[union-attr]
        rig.runtime.exchange(wanted)
        assert wanted.done.wait(30)
        assert soon(lambda: rig.sink.sees == THERE)
        assert soon(lambda: rig.first.history[-1] == "end" or "close" in rig.first.history)
    assert wanted.error is None
    assert Dropped("source_changed") not in rig.facts
    indexes = [fact.index for fact in rig.facts if isinstance(fact, Shown)]
    assert indexes == sorted(set(indexes))


def test_where_the_old_one_must_be_closed_first_the_cover_is_shown() -> None:
    with Rig() as rig:
        opened: list[bool] = []

        def reopen() -> FrameSource:
            opened.append("close" in rig.first.history)
            time.sleep(0.3)  # as cameras do
            return source(THERE)

        wanted = Exchange(reopen, None)
        rig.runtime.exchange(wanted)
        assert wanted.done.wait(30)
        assert soon(lambda: rig.sink.sees == THERE)
    assert opened == [True]
    assert wanted.error is None


def test_one_that_cannot_be_opened_gives_the_old_one_back() -> None:
    with Rig() as rig:

        def fails() -> FrameSource:
            raise SourceError("There is no such camera.")

        wanted = Exchange(fails, None)
        rig.runtime.exchange(wanted)
        assert wanted.done.wait(30)
        assert soon(lambda: rig.again.history and rig.sink.sees == HERE)
    assert str(wanted.error) == "There is no such camera."


def test_limits_hold_from_the_next_frame_on() -> None:
    with Rig() as rig:
        done = threading.Event()

        def change() -> None:
            rig.runtime.limit(replace(rig.runtime.limits, fps=Fraction(10)))
            done.set()

        rig.runtime.between(change)
        assert done.wait(30)
        assert soon(lambda: rig.facts.count(Dropped("fps_limit")) > 5)
