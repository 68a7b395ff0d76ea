"""A live source that is still, fails, comes back as another: the cover goes out meanwhile, and never the room."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from scene import GREY, Scene, finder, leaks

from edgeseg import capture_thread, search, supply
from edgeseg.backgrounds.color import ColorBackground
from edgeseg.capture_thread import _Queue
from edgeseg.clock import SystemClock
from edgeseg.errors import SourceError
from edgeseg.facts import Awake, Degraded, Dropped, Fact, Idle, Recovered, Shown
from edgeseg.frames import Frame, Planes, Size
from edgeseg.pipeline import Pipeline
from edgeseg.ports import FrameSource, ModelIO, SourceInfo
from edgeseg.runtime import Exchange, Limits, Runtime
from edgeseg.search import Search
from edgeseg.steering import Looker
from edgeseg.testing.engine import FakeEngine
from edgeseg.testing.source import FakeSource
from edgeseg.timeline import Timeline

SCENE = Scene()
CLOCK = SystemClock()
SMALL = Size(64, 48)
PLACES = ((60, 76), (196, 76))  # people who are nowhere near each other, in one opening and the next


class Sink:
    """Looks at each frame as it goes out: what leaks, whether it is a cover, when."""

    detail, keeps_alpha = "looked at", False

    def __init__(self) -> None:
        self.watched: bool | None = True
        self.leaks: list[str] = []
        self.covers: list[bool] = []
        self.at_s: list[float] = []
        self.sizes: set[Size] = set()

    def write(self, frame: Frame) -> None:
        if frame.size == SCENE.size:
            seen = [leaks(SCENE, frame, place, "color") for place in PLACES]
            if all(seen):
                self.leaks.append(f"{frame.index}: {seen}")
        self.covers.append(np.ptp(frame.planes.y) == 0)
        self.at_s.append(CLOCK.now())
        self.sizes.add(frame.size)

    def close(self) -> None: ...


class Rig:
    """A live run at 50 frames a second; each opening makes one more source, with the person at the other place."""

    def __init__(self, seek_s: float | None = None, *, reopens: bool = True, idle_after_s: float | None = None) -> None:
        self.facts: list[Fact] = []
        self.sources = [self.source()]
        self.opens: Callable[[], FrameSource] = self.source
        self.sink = Sink()
        self.engine = FakeEngine(ModelIO(72, 128), finder())
        pipeline = Pipeline(self.engine, ColorBackground(GREY), SCENE.known(), CLOCK, refine=False)
        limits = Limits(max_mask_age_s=5.0, seek_s=seek_s, idle_after_s=idle_after_s)
        reopen = self.reopened if reopens else None
        self.runtime = Runtime(self.sources[0], pipeline, self.sink, CLOCK, self.facts.append, limits, reopen=reopen)  # type: ignore[arg-type]
        self.error: Exception | None = None
        self.tries = 0

    def source(self, place: tuple[int, int] | None = None, size: Size = SCENE.size) -> FakeSource:
        where = place or PLACES[len(self.sources) % 2 if hasattr(self, "sources") else 0]

        def paint(index: int, planes: Planes) -> None:
            if planes.size == SCENE.size:
                SCENE.paint(where, planes)
            else:
                planes.fill((150, 128, 128))

        return FakeSource(paint=paint, size=size, count=None, fps=Fraction(50), live=True, clock=CLOCK)

    def reopened(self) -> FrameSource:
        self.tries += 1
        source = self.opens()
        if isinstance(source, FakeSource):
            self.sources.append(source)
        return source

    def __enter__(self) -> Rig:
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert soon(self.shows)
        return self

    def _run(self) -> None:
        try:
            self.runtime.run()
        except Exception as error:  # noqa: BLE001 - looked at by the test
            self.error = error

    def __exit__(self, *what: object) -> None:
        self.runtime.stop()
        for source in self.sources:
            source.resume()
        self._thread.join()
        assert self.sink.leaks == []
        indexes = [fact.index for fact in self.of(Shown)]  # type: ignore[attr-defined]
        assert indexes == sorted(set(indexes)), "frames and covers are numbered on"

    def ended(self) -> Exception | None:
        self._thread.join(30)
        assert not self._thread.is_alive()
        return self.error

    def of(self, kind: type) -> list[Fact]:
        return [fact for fact in list(self.facts) if isinstance(fact, kind)]

    def causes(self, kind: type = Degraded) -> list[str]:
        return [fact.cause for fact in self.of(kind) if fact.cause.startswith("source")]  # type: ignore[attr-defined]

    def stalls(self) -> None:
        """The newest source is still from the next frame on."""
        source = self.sources[-1]
        source.stall_at = source._index + 2

    def fails(self) -> None:
        source = self.sources[-1]
        source.fail_at = source._index + 2

    def covers(self, count: int = 5) -> bool:
        """Whether so many covers came one after the other at the end."""
        return len(self.sink.covers) > count and all(self.sink.covers[-count:])

    def shows(self) -> bool:
        """Whether the person is shown."""
        return len(self.sink.covers) > 3 and not any(self.sink.covers[-3:])


def soon(true: Callable[[], object], seconds: float = 30) -> bool:
    return any(true() or time.sleep(0.01) for _ in range(int(seconds * 100)))


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A still source is given up, and an opening hangs, after a short time."""
    monkeypatch.setattr(search, "GIVEN_UP_S", 0.7)
    monkeypatch.setattr(supply, "OPENING_S", 0.3)
    monkeypatch.setattr(search, "_PAUSES_S", (0.05, 0.05))


@pytest.mark.parametrize("reopens", [False, True])
def test_a_still_source_is_covered_and_goes_on_by_itself(monkeypatch: pytest.MonkeyPatch, reopens: bool) -> None:
    monkeypatch.setattr(search, "GIVEN_UP_S", 60.0)
    with Rig(reopens=reopens, seek_s=None if reopens else 0.0) as rig:
        rig.stalls()
        assert soon(lambda: rig.covers(10))
        between_s = np.median(np.diff(rig.sink.at_s[-9:]))
        assert between_s > 0.015, "no faster than the source"
        assert rig.runtime.pauses == (True, 1)
        rig.sources[-1].resume()
        assert soon(rig.shows)
        assert rig.runtime.pauses == (False, 1)
    assert rig.causes() == rig.causes(Recovered) == ["source_still"]
    assert len(rig.sources) == 1
    assert rig.error is None


def test_what_was_queued_meanwhile_is_not_shown() -> None:
    """The fake gives at once what it should have given; so does a driver with its buffers."""
    with Rig(seek_s=0.0) as rig:
        rig.stalls()
        assert soon(lambda: rig.covers(10))
        before = rig.sources[-1]._index
        rig.sources[-1].resume()
        assert soon(rig.shows)
    stale = rig.facts.count(Dropped("stale"))
    assert stale >= capture_thread._QUEUED
    assert rig.sources[-1]._index > before + stale


def test_one_that_stays_still_is_opened_anew(hasty: None) -> None:
    with Rig() as rig:
        rig.stalls()
        assert soon(lambda: len(rig.sources) == 2)
        assert soon(rig.shows)
        assert soon(lambda: "close" in rig.sources[0].history)
    assert rig.causes() == ["source_still", "source_lost"]
    assert sorted(rig.causes(Recovered)) == ["source_lost", "source_still"]


def test_one_that_fails_is_opened_anew_and_nothing_of_before_counts() -> None:
    with Rig() as rig:
        for _ in range(3):
            rig.fails()
            openings = len(rig.sources)
            assert soon(lambda openings=openings: len(rig.sources) > openings)  # type: ignore[misc]
            assert soon(rig.shows)
    assert rig.causes() == ["source_lost"] * 3
    assert rig.error is None


def test_one_whose_first_frame_takes_longer_than_that_is_found_too(
    hasty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each opening that gives nothing is waited for twice as long as the one before."""
    monkeypatch.setattr(supply, "OPENING_S", 10.0)

    with Rig() as rig:

        def slow() -> FrameSource:
            source = rig.source()
            source.stall_at = 0
            threading.Timer(2.4, source.resume).start()
            return source

        rig.opens = slow
        rig.fails()
        assert soon(lambda: len(rig.sources) > 1)
        assert soon(rig.shows)
    assert len(rig.sources) > 2, "the first one was given up"


def test_it_is_looked_for_as_long_as_it_takes(hasty: None) -> None:
    def gone() -> FrameSource:
        raise SourceError("There is no camera.")

    with Rig() as rig:
        rig.opens = gone
        rig.fails()
        assert soon(lambda: rig.tries > 6)
        assert rig.covers()
        rig.opens = rig.source
        assert soon(rig.shows)
    assert rig.causes() == ["source_lost"], "told once"
    assert rig.error is None


def test_a_run_with_less_patience_ends_with_what_was_wrong_first(hasty: None) -> None:
    def gone() -> FrameSource:
        raise SourceError("There is no camera.")

    with Rig(seek_s=0.4) as rig:
        rig.opens = gone
        rig.fails()
        assert "as it was told" in str(rig.ended())
        assert rig.tries > 1
        assert rig.covers()


@pytest.mark.parametrize(("seek_s", "goes_on"), [(5.0, False), (None, True)])
def test_a_source_that_ends_is_lost_only_where_it_must_not_end(seek_s: float | None, goes_on: bool) -> None:
    with Rig(seek_s) as rig:
        rig.sources[0]._count = rig.sources[0]._index + 3
        if goes_on:
            assert soon(lambda: len(rig.sources) == 2)
            assert soon(rig.shows)
        else:
            assert rig.ended() is None
            assert rig.tries == 0


def test_openings_that_hang_are_few_and_hold_up_nobody(hasty: None) -> None:
    free = threading.Event()

    def hangs() -> FrameSource:
        free.wait(30)
        return rig.source()

    with Rig() as rig:
        rig.opens = hangs
        rig.fails()
        assert soon(lambda: rig.tries == search.OPENINGS)
        time.sleep(1.0)
        assert rig.tries == search.OPENINGS
        assert rig.covers()
        free.set()
        assert soon(rig.shows)
    opened = rig.sources[1:]
    assert soon(lambda: all("close" in source.history for source in opened)), "what opens too late is closed"


def test_it_ends_at_once_while_it_looks_and_while_an_opening_hangs(hasty: None) -> None:
    free = threading.Event()
    with Rig() as rig:
        rig.opens = lambda: free.wait(30) and rig.source()  # type: ignore[assignment,return-value]
        rig.fails()
        assert soon(rig.covers)
        rig.runtime.stop()
        assert rig.ended() is None
    free.set()


def test_without_a_reader_nobody_looks_for_it(hasty: None) -> None:
    def gone() -> FrameSource:
        raise SourceError("There is no camera.")

    with Rig(idle_after_s=0.1) as rig:
        rig.opens = gone
        rig.fails()
        assert soon(rig.covers)
        for times in (1, 2):  # and it comes and goes
            rig.sink.watched = False
            assert soon(lambda times=times: rig.runtime.idles == times and rig.runtime.idle)  # type: ignore[misc]
            time.sleep(0.2)
            tries = rig.tries
            time.sleep(0.4)
            assert rig.tries == tries
            rig.sink.watched = True
            assert soon(lambda tries=tries: rig.tries > tries + 1)  # type: ignore[misc]
        rig.opens = rig.source
        assert soon(rig.shows)
        assert not rig.runtime.idle
    assert len(rig.of(Idle)) == len(rig.of(Awake)) == 2


def test_another_source_takes_the_place_of_a_lost_one(hasty: None) -> None:
    def gone() -> FrameSource:
        raise SourceError("There is no camera.")

    with Rig() as rig:
        rig.opens = gone
        rig.fails()
        assert soon(rig.covers)
        wanted = Exchange(lambda: rig.source(PLACES[1]), None)
        rig.runtime.exchange(wanted)
        assert wanted.done.wait(30)
        assert soon(rig.shows)
        assert wanted.error is None
        rig.stalls()


def test_one_that_hangs_when_it_is_to_take_the_place_gives_the_old_one_back(hasty: None) -> None:
    free = threading.Event()
    with Rig() as rig:
        wanted = Exchange(lambda: free.wait(30) and rig.source(PLACES[1]), None)  # type: ignore[arg-type,return-value]
        rig.runtime.exchange(wanted)
        assert wanted.done.wait(30)
        assert str(wanted.error) == "The new source gives no frame."
        assert soon(lambda: len(rig.sources) > 1 and rig.shows())
        free.set()


def test_it_may_come_back_with_another_size() -> None:
    with Rig() as rig:
        rig.opens = lambda: rig.source(size=Size(128, 72))
        rig.fails()
        assert soon(lambda: Size(128, 72) in rig.sink.sizes)
    assert rig.error is None


def test_a_size_that_changes_midway_meets_no_mask_of_before() -> None:
    with Rig() as rig:
        source = rig.sources[0]
        first = source._index + 2
        source._sizes = dict.fromkeys(range(first, first + 10**5), Size(128, 72))
        assert soon(lambda: Size(128, 72) in rig.sink.sizes)
    masks = {fact.index: fact.mask for fact in rig.of(Shown)}  # type: ignore[attr-defined]
    assert masks[min(index for index in masks if index >= first)] in ("own", "cover")


def test_the_governor_judges_nothing_by_covers() -> None:
    with Rig() as rig:
        looker = Looker(rig.runtime, CLOCK)
        looker.look(None)
        rig.stalls()
        assert soon(lambda: rig.covers(10))
        assert looker.look(None) is None
        rig.sources[-1].resume()
        assert soon(rig.shows)
        assert looker.look(None) is None
        assert soon(lambda: looker.look(None) is not None)


def test_a_search_is_at_once_and_then_each_second() -> None:
    one, times = Search(SourceError("gone"), 100.0), []
    for tenth in range(60):
        now_s = 100.0 + tenth / 10
        if one.is_due(now_s):
            one.tried(now_s)
            times.append(round(now_s - 100, 1))
    assert times == [0.0, 0.3, 0.8, 1.8, 2.8, 3.8, 4.8, 5.8]


def test_a_queue_is_what_comes_at_once_after_a_gap() -> None:
    queue, at_s = _Queue(0.033, 0.0), 0.0
    assert not queue.holds(0.0, 0.033)
    reads = [2.0, 0.001, 0.001, 0.001, 0.001, 0.001, 0.03, 0.033]  # as long as each took
    held = []
    for took_s in reads:
        start_s, at_s = at_s, at_s + took_s
        held.append(queue.holds(start_s, at_s))
    assert held == [True] * 6 + [False] * 2


def test_a_queue_of_a_source_that_never_waits_has_an_end() -> None:
    queue = _Queue(0.033, 0.0)
    assert queue.holds(0.0, 2.0)
    held = [queue.holds(2.0 + step / 100, 2.0 + step / 100 + 0.001) for step in range(100)]
    assert held.index(False) * 0.01 == pytest.approx(capture_thread._LONGEST_S, abs=0.03)
    assert not any(held[held.index(False) :])


def made(index: int, at_s: float, size: Size = SMALL) -> Frame:
    return Frame(Planes.allocate(size), size, index, index * 20_000, captured_at=at_s)


def test_numbers_and_times_run_on_over_covers_and_openings() -> None:
    line, first, second = Timeline(SourceInfo(SMALL, None, True, "x"), 0.0), object(), object()
    assert line.continues(made(0, 9.0), 0.5), "before the first frame there is nothing to forget"
    given = [line.follow(made(index, 10 + index * 0.02), first) for index in range(3)]
    given += [line.cover(10.06), line.cover(10.08)]
    given += [line.follow(made(5, 10.10), first), line.follow(made(6, 10.12), first)]
    assert not line.continues(made(0, 11.0), 0.5)
    given += [line.follow(made(0, 11.0), second)]
    assert [frame.index for frame in given] == list(range(8))
    times = [frame.time_s for frame in given]
    assert times == pytest.approx([0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 1.0])
    assert not line.continues(made(9, 11.02, Size(32, 32)), 0.5), "nor with another size"
    assert line.black().index == 7
    assert np.ptp(line.cover(12.0).planes.y) == 0
