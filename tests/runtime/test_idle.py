"""A live run without a reader rests: what stops, what the sink gets meanwhile, how it comes back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from scene import GREY, Scene, finder

from edgeseg.attention import ASK_S, Attention
from edgeseg.backgrounds.color import ColorBackground
from edgeseg.build import is_camera
from edgeseg.clock import SystemClock
from edgeseg.errors import OutputError, SourceError
from edgeseg.facts import Awake, Degraded, Dropped, Fact, Idle, Shown, Tally
from edgeseg.pipeline import Mode, Pipeline
from edgeseg.ports import FrameSource, ModelIO
from edgeseg.runtime import Limits, Plan, Runtime
from edgeseg.screen import Watch
from edgeseg.steering import Looker
from edgeseg.testing.engine import FakeEngine
from edgeseg.testing.sink import FakeSink
from edgeseg.testing.source import FakeSource

SCENE = Scene()
CLOCK = SystemClock()
PLACE = (128, 76)


class Rig:
    """A live run at 50 frames a second into a sink with the lever `watched`; each opening makes one more source."""

    def __init__(self, *, hides: bool = True, reopens: bool = True, after_s: float | None = 0.1) -> None:
        self.facts: list[Fact] = []
        self.sources = [self.source()]
        self.opens: Callable[[], FrameSource] = self.source
        self.engine = FakeEngine(ModelIO(72, 128), finder())
        self.sink = FakeSink(keep=4, watched=True)
        background = ColorBackground(GREY)
        pipeline = Pipeline(self.engine, background, SCENE.known(), CLOCK, refine=False)
        if not hides:
            pipeline = Pipeline(None, None, None, CLOCK, mode=Mode.NONE)
        limits = Limits(idle_after_s=after_s, max_mask_age_s=5.0)
        reopen = self.reopened if reopens else None
        self.runtime = Runtime(
            self.sources[0], pipeline, self.sink, CLOCK, self.facts.append, limits, name="first", reopen=reopen
        )
        self.error: Exception | None = None

    def source(self) -> FakeSource:
        return FakeSource(
            paint=lambda index, planes: SCENE.paint(PLACE, planes),
            size=SCENE.size, count=None, fps=Fraction(50), live=True, clock=CLOCK,
        )  # fmt: skip

    def reopened(self) -> FrameSource:
        source = self.opens()
        if isinstance(source, FakeSource):
            self.sources.append(source)
        return source

    def __enter__(self) -> Rig:
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def _run(self) -> None:
        try:
            self.runtime.run()
        except Exception as error:  # noqa: BLE001 - looked at by the test
            self.error = error

    def __exit__(self, *what: object) -> None:
        self.runtime.stop()
        self._thread.join()

    def ended(self) -> Exception | None:
        self._thread.join(30)
        return self.error

    def of(self, kind: type) -> list[Fact]:
        return [fact for fact in list(self.facts) if isinstance(fact, kind)]

    def rests(self) -> None:
        """Nobody reads from now on; wait until the run rests and the sink has the cover."""
        assert soon(lambda: self.runtime.shown >= 3)
        times, written = len(self.of(Idle)), self.sink.written
        self.sink.watched = False
        assert soon(lambda: len(self.of(Idle)) > times and self.sources[-1].history[-1] == "end")
        assert soon(lambda: self.sink.written > written and is_cover(self.sink.frames[-1]))

    def wakes(self) -> None:
        """Somebody reads; wait until frames come again."""
        shown = self.runtime.shown
        self.sink.watched = True
        assert soon(lambda: self.runtime.shown > shown + 2)


def is_cover(frame) -> bool:  # type: ignore[no-untyped-def]
    return np.ptp(frame.planes.y) == 0 and bool((frame.planes.u == 128).all())


def soon(true: Callable[[], object], seconds: float = 30) -> bool:
    return any(true() or time.sleep(0.01) for _ in range(int(seconds * 100)))


def test_without_a_reader_camera_and_engine_rest_and_with_one_they_come_back() -> None:
    with Rig() as rig:
        rig.rests()
        assert rig.runtime.idle
        calls, shown = len(rig.engine.history), rig.runtime.shown
        time.sleep(0.3)
        assert (len(rig.engine.history), rig.runtime.shown) == (calls, shown)
        assert len(rig.sources) == 1
        rig.wakes()
        assert not rig.runtime.idle
        assert len(rig.sources) == 2
        assert not is_cover(rig.sink.frames[-1])
    indices = [fact.index for fact in rig.of(Shown)]  # type: ignore[attr-defined]
    assert indices == sorted(set(indices)), "frames are numbered on"
    assert [type(fact) for fact in rig.facts if isinstance(fact, Idle | Awake)] == [Idle, Awake]
    assert [fact.cause for fact in rig.of(Dropped) if fact.cause != "output_busy"] == ["idle"]  # type: ignore[attr-defined]
    assert not rig.of(Degraded) or {fact.cause for fact in rig.of(Degraded)} == {"mask_late"}  # type: ignore[attr-defined]
    assert rig.runtime.idles == 1
    assert rig.runtime.idle_s >= 0.3
    assert rig.error is None
    assert all("close" in source.history for source in rig.sources)


def test_frames_a_second_are_those_of_the_time_awake() -> None:
    with Rig() as rig:
        rig.rests()
        time.sleep(1.0)
        rig.wakes()
        between_s = rig.runtime.idle_s
        rig.rests()
        time.sleep(0.5)
    runtime = rig.runtime
    assert runtime.first_shown_at is not None
    assert runtime.last_shown_at is not None
    assert runtime.idle_s >= between_s + 0.5, "the rest in which it was stopped"
    awake_s = runtime.last_shown_at - runtime.first_shown_at - between_s
    assert runtime.fps == pytest.approx((runtime.shown - 1) / awake_s)
    assert max(runtime.times.since("work", 0)[0]) < between_s, "covers are not a frame's work"


def test_it_rests_as_often_as_it_must() -> None:
    with Rig() as rig:
        for _ in range(3):
            rig.rests()
            rig.wakes()
    assert rig.runtime.idles == 3
    assert len(rig.sources) == 4


def test_where_nothing_is_hidden_it_rests_too_and_shows_black() -> None:
    with Rig(hides=False) as rig:
        rig.rests()
        assert np.unique(rig.sink.frames[-1].planes.y).tolist() == [16]
        rig.wakes()


@pytest.mark.parametrize(
    ("watched", "options"),
    [(None, {}), (True, {}), (False, {"reopens": False}), (False, {"after_s": None}), (False, {"after_s": 3600.0})],
)
def test_it_goes_on_where_it_cannot_know_or_need_not_rest(watched: bool | None, options: dict) -> None:  # type: ignore[type-arg]
    with Rig(**options) as rig:
        rig.sink.watched = watched
        assert soon(lambda: rig.runtime.shown >= 40)  # at 50 a second: longer than its patience
    assert not rig.of(Idle)
    assert rig.error is None


def test_the_reader_sees_the_cover_while_the_camera_opens() -> None:
    opens = threading.Event()
    with Rig() as rig:

        def slowly() -> FrameSource:
            opens.wait(30)
            return rig.source()

        rig.opens = slowly
        rig.rests()
        rig.sink.watched = True
        written = rig.sink.written
        assert soon(lambda: rig.sink.written >= written + 3)
        assert all(is_cover(frame) for frame in list(rig.sink.frames))
        assert rig.runtime.idle
        opens.set()
        rig.wakes()


def test_a_camera_that_does_not_open_again_ends_the_run_as_at_the_start() -> None:
    def gone() -> FrameSource:
        raise SourceError("There is no camera any more.")

    with Rig() as rig:
        rig.opens = gone
        rig.rests()
        rig.sink.watched = True
        assert str(rig.ended()) == "There is no camera any more."
    assert rig.sink.closes


def test_a_sink_that_fails_meanwhile_ends_the_run() -> None:
    with Rig() as rig:
        rig.rests()
        rig.sink.fail_at = 0
        assert isinstance(rig.ended(), OutputError)


def test_it_can_be_stopped_while_it_rests_and_while_the_camera_opens() -> None:
    with Rig() as rig:
        rig.rests()
    assert rig.error is None
    assert rig.runtime.idles == 1
    assert rig.runtime.idle_s > 0
    opens = threading.Event()
    with Rig() as rig:
        rig.opens = lambda: opens.wait(30) and rig.source()  # type: ignore[assignment,return-value]
        rig.rests()
        rig.sink.watched = True
        assert soon(lambda: rig.of(Awake))
    assert rig.error is None
    opens.set()
    assert soon(lambda: "close" in rig.sources[-1].history), "what opens too late is closed"


def test_after_a_rest_the_engine_is_put_to_the_test_before_it_is_believed() -> None:
    """It answers nonsense that is no leap: as if its memory had been lost."""
    with Rig() as rig:
        rig.rests()
        rig.engine.inject("zeros")
        shown = rig.runtime.shown
        rig.sink.watched = True
        assert soon(lambda: rig.runtime.shown > shown + 5)
        assert all(is_cover(frame) for frame in list(rig.sink.frames))
        assert soon(lambda: "engine_fault" in {fact.cause for fact in rig.of(Degraded)})  # type: ignore[attr-defined]
        rig.engine.heal()
        assert soon(lambda: not is_cover(rig.sink.frames[-1]))


def test_the_governor_sees_nothing_of_a_rest() -> None:
    with Rig() as rig:
        looker = Looker(rig.runtime, CLOCK)
        assert soon(lambda: rig.runtime.shown >= 3)
        seen = looker.look(None)
        assert seen is not None
        assert seen.frames_out > 0
        rig.rests()
        assert looker.look(None) is None
        time.sleep(0.5)
        assert looker.look(None) is None
        rig.wakes()
        assert looker.look(None) is None, "it begins in the rest"
        time.sleep(0.2)
        seen = looker.look(None)
        assert seen is not None
        assert seen.span_s < 30
        assert seen.frames_out > 0
        rig.rests()
        rig.wakes()
        assert looker.look(None) is None, "a whole rest between two looks"


def test_a_plan_is_taken_up_while_it_rests() -> None:
    """So that the governor does not think that it was never built."""
    other = FakeEngine(ModelIO(48, 80), finder())
    with Rig() as rig:
        rig.rests()
        rig.runtime.switch(Plan("second", other))
        assert soon(lambda: rig.runtime.plan.name == "second")
        assert soon(lambda: rig.engine.closed)
        rig.wakes()
        assert other.history


def lost(attention: Attention, *at_s: float) -> list[bool]:
    return [attention.is_lost(now_s) for now_s in at_s]


def test_patience_begins_when_nobody_is_seen_and_anew_after_each_reader() -> None:
    sink = FakeSink(watched=False)
    attention = Attention(sink, 2.0)
    assert lost(attention, 100, 101, 101.9, 102) == [False, False, False, True]
    attention.regain()
    assert lost(attention, 110, 111.9, 112) == [False, False, True]
    sink.watched = True
    assert lost(attention, 113, 120) == [False, False]
    sink.watched = False
    assert lost(attention, 121, 122.9) == [False, False]
    sink.watched = True
    assert lost(attention, 123) == [False], "somebody came at the last moment"
    sink.watched = False
    assert lost(attention, 124, 126) == [False, True]


def test_without_patience_a_reader_is_still_one() -> None:
    sink = FakeSink(watched=True)
    attention = Attention(sink, 0.0)
    assert lost(attention, 1, 2, 3) == [False, False, False]
    sink.watched = False
    assert lost(attention, 4) == [True]


def test_a_sink_is_not_asked_at_each_frame() -> None:
    sink = FakeSink(watched=True)
    attention = Attention(sink, 2.0)
    for frame in range(300):
        assert not attention.is_lost(frame / 30)
    assert sink.asked <= 10 / ASK_S + 1


@pytest.mark.parametrize(
    ("spec", "is_one"),
    [
        ("auto", True),
        ("camera:0", True),
        ("picamera2", True),
        ("gst:v4l2src", True),
        ("clip.mp4", False),
        ("file:a", False),
        ("images:a", False),
    ],
)
def test_what_can_be_opened_anew(spec: str, is_one: bool) -> None:
    assert is_camera(spec) is is_one


def test_people_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    watch = Watch(Tally(), quiet=False)
    watch(Idle("nobody reads /dev/video10"))
    watch(Awake("somebody reads /dev/video10", 61.4))
    assert capsys.readouterr().err == (
        "idle: nobody reads /dev/video10\nawake after 61 s: somebody reads /dev/video10\n"
    )
