"""The driver: order, drops, old masks, hangs, ends. Only waits for what must happen; no test is decided by speed."""

from __future__ import annotations

import threading
import time
from fractions import Fraction

import numpy as np
import pytest
from scene import Scene, finder

from edgeseg.backgrounds.color import ColorBackground
from edgeseg.capture_thread import Mailbox
from edgeseg.clock import SystemClock
from edgeseg.errors import CandidateError, OutputClosed, OutputError, SourceError
from edgeseg.facts import Degraded, Dropped, Fact, Recovered, Shown, Tally
from edgeseg.frames import Planes, Size
from edgeseg.pipeline import Mode, Pipeline
from edgeseg.ports import ModelIO
from edgeseg.runtime import Limits, Runtime
from edgeseg.testing.engine import FakeEngine
from edgeseg.testing.sink import FakeSink
from edgeseg.testing.source import FakeSource

SCENE = Scene()
CLOCK = SystemClock()


class Rig:
    """A runtime on fakes, with its facts."""

    def __init__(self, *, live: bool = False, count: int | None = 10, limits: Limits | None = None, **source: object):
        self.engine = FakeEngine(ModelIO(72, 128), finder())
        self.sink = FakeSink()
        self.facts: list[Fact] = []
        self.pipeline = Pipeline(self.engine, ColorBackground("#4a4a4a"), SCENE.known(), CLOCK, refine=False)
        self.source = FakeSource(
            paint=self._paint,
            size=SCENE.size,
            count=count,
            fps=Fraction(100),
            live=live,
            clock=CLOCK,
            **source,  # type: ignore[arg-type]
        )
        self.runtime = Runtime(self.source, self.pipeline, self.sink, CLOCK, self.facts.append, limits or Limits())

    def _paint(self, index: int, planes: Planes) -> None:
        if planes.size == SCENE.size:
            SCENE.paint((60 + 10 * index % 130, 76), planes)
        else:
            planes.fill((150, 128, 128))

    def causes(self, kind: type) -> list[str]:
        return [fact.cause for fact in self.facts if isinstance(fact, kind)]

    @property
    def shown(self) -> list[tuple[int, str]]:
        return [(fact.index, fact.mask) for fact in self.facts if isinstance(fact, Shown)]


def _threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("edgeseg")}


def test_from_a_file_every_frame_has_its_own_mask_and_none_is_lost() -> None:
    rig = Rig(count=30)
    rig.runtime.run()
    assert rig.shown == [(n, "own") for n in range(30)]
    for frame in rig.sink.frames:  # the mask of another frame would cut the person at another place
        person = SCENE.person((60 + 10 * frame.index % 130, 76)) > 0
        dark = frame.planes.y < 56
        assert np.count_nonzero(dark & person) / np.count_nonzero(dark | person) > 0.8
    assert rig.source.history[-1] == "close"
    assert rig.sink.closes
    assert not _threads()


def test_a_slow_sink_loses_nothing_from_a_file() -> None:
    rig = Rig(count=8)
    rig.sink.slow = lambda frame: time.sleep(0.02)
    rig.runtime.run()
    assert [index for index, _ in rig.shown] == list(range(8))
    assert not rig.causes(Dropped)


def test_live_a_slow_sink_drops_and_every_drop_is_told() -> None:
    rig = Rig(live=True, count=30)
    rig.sink.slow = lambda frame: time.sleep(0.05)
    rig.runtime.run()
    indices = [index for index, _ in rig.shown]
    assert indices == sorted(set(indices))
    assert rig.causes(Dropped) == ["output_busy"] * (30 - len(indices))
    assert len(indices) < 30


def test_live_a_slow_engine_costs_mask_age_and_not_frames() -> None:
    rig = Rig(live=True, count=40, limits=Limits(max_mask_age_s=30))
    rig.engine.delay_s = 0.06
    rig.runtime.run()
    origins = [mask for _, mask in rig.shown]
    assert "carried" in origins
    after_first = origins[min(i for i, mask in enumerate(origins) if mask != "cover") :]
    assert "cover" not in after_first


def test_live_a_mask_that_is_too_old_covers() -> None:
    rig = Rig(live=True, count=60, limits=Limits(max_mask_age_s=0.05))
    asked = threading.Event()

    def hang_later(frame: object) -> None:
        if not asked.is_set() and any(mask == "own" for _, mask in rig.shown):
            rig.engine.inject("hang")
            asked.set()

    rig.sink.slow = hang_later
    try:
        rig.runtime.run()
    finally:
        rig.engine.heal()
    assert asked.is_set()
    assert rig.shown[-1][1] == "cover"
    assert "mask_late" in rig.causes(Degraded)
    covered = rig.sink.frames[-1]
    assert np.unique(covered.planes.y).size == 1


def test_a_hung_engine_covers_the_file_and_comes_back() -> None:
    rig = Rig(count=None, limits=Limits(engine_timeout_s=0.1))
    rig.engine.inject(None, 6)
    rig.engine.inject("hang", 1)

    def watch(frame: object) -> None:
        masks = [mask for _, mask in rig.shown]
        if masks.count("cover") == 3:
            rig.engine.release()
        if masks.count("cover") >= 3 and masks[-1:] == ["own"]:
            threading.Thread(target=rig.runtime.stop).start()
        time.sleep(0.005)

    rig.sink.slow = watch
    rig.runtime.run()
    masks = [mask for _, mask in rig.shown]
    assert masks[0] == "own"
    assert "cover" in masks
    assert masks[-1] == "own"
    assert rig.causes(Degraded) == ["engine_hung"]
    assert rig.causes(Recovered) == ["engine_hung"]


def test_a_fault_covers_its_frame_and_is_told_once() -> None:
    rig = Rig(count=6)
    rig.engine.inject(None, 2)  # the known-answer test and the first frame
    rig.engine.inject("nan", 2)
    rig.runtime.run()
    assert [mask for _, mask in rig.shown] == ["own", "cover", "cover", "own", "own", "own"]
    assert rig.causes(Degraded) == ["engine_fault"]
    assert rig.causes(Recovered) == ["engine_fault"]


def test_an_engine_that_does_not_know_the_answer_is_refused_at_the_start() -> None:
    rig = Rig()
    rig.engine.inject("ones")
    with pytest.raises(CandidateError, match="known-answer picture"):
        rig.runtime.run()
    assert all(mask == "cover" for _, mask in rig.shown)
    assert not _threads()


def test_a_file_without_one_believed_mask_is_no_success() -> None:
    rig = Rig(count=4)
    rig.engine.inject(None, 1)
    rig.engine.inject("raise")
    with pytest.raises(CandidateError, match=r"All 4 frames are covered.*told to fail"):
        rig.runtime.run()
    assert rig.sink.written == 4


def test_a_stop_before_the_first_mask_is_no_fault() -> None:
    rig = Rig(live=True, count=None, limits=Limits(engine_timeout_s=60))
    rig.engine.inject(None, 1)  # the known answer
    rig.engine.inject("hang")
    rig.sink.slow = lambda frame: rig.sink.written == 2 and rig.runtime.stop()
    rig.runtime.run()
    rig.engine.heal()
    assert {mask for _, mask in rig.shown} == {"cover"}


def test_an_engine_that_dies_of_anything_only_covers() -> None:
    rig = Rig(count=4)
    calls = iter(range(100))

    def die(rgb: np.ndarray) -> np.ndarray:
        if next(calls) == 2:
            raise MemoryError("no room")
        return finder()(rgb)

    rig.engine._mask = die
    rig.runtime.run()
    assert [mask for _, mask in rig.shown] == ["own", "cover", "own", "own"]


def test_the_sources_error_comes_out_and_what_was_read_is_written() -> None:
    rig = Rig(count=20, fail_at=5)
    with pytest.raises(SourceError, match="frame 5"):
        rig.runtime.run()
    assert rig.sink.written == 5
    assert rig.sink.closes


def test_the_sinks_error_comes_out_and_all_is_closed() -> None:
    rig = Rig(count=None)
    rig.sink.fail_at = 3
    with pytest.raises(OutputError, match="no space"):
        rig.runtime.run()
    assert rig.source.history[-1] in ("close", "end")
    assert rig.sink.closes
    assert not _threads()


def test_a_reader_that_went_away_is_a_normal_end() -> None:
    rig = Rig(count=None)
    rig.sink.fail_at, rig.sink.error = 3, OutputClosed("gone")
    rig.runtime.run()
    assert rig.sink.written == 3


@pytest.mark.parametrize("live", [False, True])
def test_stop_ends_soon_from_another_thread(live: bool) -> None:
    rig = Rig(count=None, live=live)
    timer = threading.Timer(0.2, rig.runtime.stop)
    timer.start()
    rig.runtime.run()
    timer.join()
    assert rig.sink.closes
    assert not _threads()


def test_stop_while_the_source_stalls() -> None:
    rig = Rig(count=None, stall_at=3)
    timer = threading.Timer(0.2, rig.runtime.stop)
    timer.start()
    rig.runtime.run()
    timer.join()
    assert rig.sink.written == 3


def test_stop_while_the_engine_hangs() -> None:
    rig = Rig(count=None, limits=Limits(engine_timeout_s=60))
    rig.engine.inject(None, 3)
    rig.engine.inject("hang")
    timer = threading.Timer(0.3, rig.runtime.stop)
    timer.start()
    rig.runtime.run()
    timer.join()
    rig.engine.heal()
    assert rig.sink.closes


def test_frames_limits_what_is_shown() -> None:
    rig = Rig(count=None, limits=Limits(frames=7))
    rig.runtime.run()
    assert rig.sink.written == 7
    assert len([entry for entry in rig.source.history if entry.startswith("read")]) == 7


def test_fps_thins_out_and_counts() -> None:
    rig = Rig(count=20, limits=Limits(fps=Fraction(25)))
    rig.runtime.run()
    assert [index for index, _ in rig.shown] == [0, 4, 8, 12, 16]
    assert rig.causes(Dropped) == ["fps_limit"] * 15


@pytest.mark.parametrize("wanted", [15, 24, 60, 80, 96])
def test_a_rate_that_does_not_divide_the_sources_is_kept_on_average(wanted: int) -> None:
    rig = Rig(count=100, limits=Limits(fps=Fraction(wanted)))  # of 100 a second
    rig.runtime.run()
    assert abs(len(rig.shown) - wanted) <= 1


def test_a_size_that_changes_midway_is_followed() -> None:
    rig = Rig(count=6, sizes={0: SCENE.size, 3: Size(100, 75)})
    rig.runtime.run()
    assert [frame.size for frame in rig.sink.frames] == [SCENE.size] * 3 + [Size(100, 75)] * 3
    assert [mask for _, mask in rig.shown] == ["own"] * 6


def test_nothing_is_hidden_only_when_asked() -> None:
    source = FakeSource(count=3, clock=CLOCK)
    sink, tally = FakeSink(), Tally()
    Runtime(source, Pipeline(None, None, None, CLOCK, mode=Mode.NONE), sink, CLOCK, tally).run()
    assert tally.masks == {"none": 3}
    with pytest.raises(ValueError, match="do not fit"):
        Pipeline(None, None, None, CLOCK, mode=Mode.ALPHA)


def test_a_mailbox_keeps_the_newest() -> None:
    box: Mailbox[int] = Mailbox()
    assert box.put(1, 0) is None
    assert box.put(2, 0) == 1
    assert box.put(3, 0.01) == 2
    assert box.get() == 3
    box.put(4, None)
    box.close()
    assert box.put(5, None) is None
    assert box.get() == 4
    assert box.get() is None


def test_memory_of_times_is_bounded() -> None:
    from edgeseg.facts import StageTimes

    times = StageTimes(keep=10)
    for n in range(1000):
        times.add("stage", n / 1000)
    assert times.table() == {"stage": {"p50_ms": 995.0, "p95_ms": 999.0}}


@pytest.mark.parametrize("every", [2, 3, 4])
def test_from_a_file_each_kth_frame_has_its_own_mask_and_none_is_lost(every: int) -> None:
    rig = Rig(count=14, limits=Limits(infer_every=every))
    rig.runtime.run()
    assert rig.shown == [(n, "carried" if n % every else "own") for n in range(14)]
    for frame in list(rig.sink.frames)[::every]:
        person = SCENE.person((60 + 10 * frame.index % 130, 76)) > 0
        dark = frame.planes.y < 56
        assert np.count_nonzero(dark & person) / np.count_nonzero(dark | person) > 0.8
    assert not rig.causes(Degraded)
    table = rig.runtime.times.table()
    assert {"carry", "mask_age"} <= set(table)
    assert table["mask_age"]["p95_ms"] == (every - 1) * 10


def test_from_a_file_a_frame_is_asked_about_before_its_mask_grows_too_old() -> None:
    """At 100 frames a second a mask of 25 ms serves two more frames."""
    rig = Rig(count=7, limits=Limits(infer_every=4, max_mask_age_s=0.025))
    rig.runtime.run()
    assert rig.shown == [(n, "carried" if n % 3 else "own") for n in range(7)]


def test_from_a_file_a_fault_is_made_good_by_the_next_frame() -> None:
    rig = Rig(count=10, limits=Limits(infer_every=4, max_mask_age_s=0.015))
    rig.engine.inject(None, 3)  # the known answer, and the first two masks
    rig.engine.inject("raise", 1)
    rig.runtime.run()
    origins = [mask for _, mask in rig.shown]
    assert origins[:4] == ["own", "carried", "own", "carried"]
    assert origins[4] == "cover"
    assert origins[-1] != "cover"
    assert rig.causes(Degraded)[0] == "engine_fault"


def test_how_often_is_inferred_can_change_while_it_runs() -> None:
    rig = Rig(count=24, limits=Limits())

    def change(frame: object) -> None:
        rig.runtime.infer_every = 1 if len(rig.shown) < 8 else 3

    rig.sink.slow = change
    rig.runtime.run()
    origins = [mask for _, mask in rig.shown]
    assert origins[:8] == ["own"] * 8
    assert origins.count("carried") >= 8
    assert [index for index, _ in rig.shown] == list(range(24))


def test_live_only_each_kth_frame_is_asked_about() -> None:
    rig = Rig(live=True, count=40, limits=Limits(infer_every=4, max_mask_age_s=30))
    rig.runtime.run()
    asked = len(rig.engine.history) - 1  # but for the known answer
    assert asked <= -(-len(rig.shown) // 4)
    origins = [mask for _, mask in rig.shown]
    assert origins.count("own") <= asked
    assert origins.count("carried") >= len(origins) // 2


def test_live_a_frame_is_asked_about_before_its_mask_grows_too_old() -> None:
    rig = Rig(live=True, count=30, limits=Limits(infer_every=1000, max_mask_age_s=0.05))
    rig.runtime.run()
    assert len(rig.engine.history) > 3
