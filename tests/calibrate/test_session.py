"""A session measures the most promising first, refuses with reasons, keeps to its time and loses nothing to Ctrl-C."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from edgeseg.calibrate.session import FIRST_LOOK, Session
from edgeseg.calibrate.steps import Outcome, Step
from edgeseg.calibrate.turns import MAX_S, MIN_RUNS, Times, percentile
from edgeseg.errors import AssetError, CandidateError, EngineFault
from edgeseg.ports import EngineReport
from edgeseg.tiers.catalogue import DEFAULT_TIER, catalogue
from edgeseg.tiers.ladder import Candidate
from edgeseg.tiers.selection import Allowed, candidates

TIERS = catalogue()
ALL = candidates(TIERS.values(), Allowed())


class FakeTime:
    """A clock that only the fake lines move."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class FakeLine:
    """A started candidate whose frames take as long as its pixels say, times how slow the machine is just now."""

    def __init__(self, world: World, candidate: Candidate) -> None:
        tier = TIERS[candidate.tier]
        self._world, self._candidate = world, candidate
        self._frame_s = tier.height * tier.width * 1e-7 * (6 if tier.family == "body" else 1) / candidate.threads
        self.infer_s = 0.0
        self.memory_mb = world.memory_mb.get(candidate.tier, 100.0)
        self.closed = False

    @property
    def report(self) -> EngineReport:
        return EngineReport(self._candidate.engine, "fake 1", self._candidate.threads, "XNNPACK", 9, 9)

    def frame_s(self) -> float:
        self._world.frames += 1
        self._world.on_frame(self._world.frames)
        seconds = self._frame_s * self._world.slowness()
        self._world.clock.seconds += seconds
        self.infer_s = seconds / 2
        return seconds

    def score(self) -> float:
        self._world.clock.seconds += self._frame_s * 7
        return self._world.scores.get(self._candidate, TIERS[self._candidate.tier].golden["small"])

    def close(self) -> None:
        assert not self.closed
        self.closed = True


class World:
    """A device that is none, with levers."""

    def __init__(self) -> None:
        self.clock = FakeTime()
        self.scores: dict[Candidate, float] = {}
        self.memory_mb: dict[str, float] = {}
        self.failing: dict[Candidate, Exception] = {}
        self.started: list[Candidate] = []
        self.lines: list[FakeLine] = []
        self.steps: list[Step] = []
        self.frames = 0
        self.on_frame: Callable[[int], None] = lambda number: None
        self.slowness: Callable[[], float] = lambda: 1.0

    def start(self, candidate: Candidate) -> FakeLine:
        self.clock.seconds += 0.05
        self.started.append(candidate)
        if candidate in self.failing:
            raise self.failing[candidate]
        line = FakeLine(self, candidate)
        self.lines.append(line)
        return line

    def run(self, wanted=ALL, time_s: float = 600.0, allowed: Allowed = Allowed(), **more) -> Outcome:  # noqa: B008
        session = Session(TIERS, allowed, self.start, self.clock, time_s, self.steps.append, **more)
        outcome = session.run(wanted)
        assert all(line.closed for line in self.lines)
        return outcome


@pytest.fixture
def world() -> World:
    return World()


def test_everything_is_measured_when_there_is_time(world: World) -> None:
    out = world.run()
    assert {one.candidate for one in out.measured} == set(ALL)
    assert not out.refusals
    assert not out.left
    for one in out.measured:
        tier = TIERS[one.candidate.tier]
        ms = tier.height * tier.width * 1e-4 * (6 if tier.family == "body" else 1)
        assert one.ms == pytest.approx(ms, rel=0.01)
        assert one.runs >= MIN_RUNS
        assert (one.score, one.sha256) == (tier.golden["small"], tier.sha256)


def test_the_most_promising_is_first_and_time_is_kept(world: World) -> None:
    out = world.run(time_s=4.0)
    first = [one.candidate.tier for one in out.measured]
    assert first[0].startswith("selfie-288x288")
    assert out.left
    assert {one.tier for one in out.left} >= {name for name in TIERS if name.startswith("body")}
    assert len(out.left) + len(out.measured) == len(ALL)
    assert world.steps[-1].seconds < 4.0 + MAX_S
    assert {step.seconds < 4.0 * FIRST_LOOK + MAX_S for step in world.steps if "closer" not in step.what} == {True}


def test_a_slow_device_measures_two_seconds_of_each_and_no_more(world: World) -> None:
    world.slowness = lambda: 100.0  # 8 s a frame of 288x288
    (one,) = world.run([Candidate("selfie-288x288-fp32", "cpu", 1)], time_s=30.0).measured
    assert 3 < one.runs <= 9


def test_a_machine_that_slows_down_for_a_while_changes_no_order(world: World) -> None:
    """Everything takes three times as long for some seconds; ratios to the reference hold."""
    world.slowness = lambda: 3.0 if int(world.clock.seconds) % 7 < 3 else 1.0
    out = world.run()
    ms = {one.candidate.tier: one.ms for one in out.measured}
    for family in ("selfie-landscape", "body"):
        of_family = [tier for tier in TIERS.values() if tier.family == family and tier.precision == "fp32"]
        of_family.sort(key=lambda tier: tier.height * tier.width)
        times = [ms[tier.name] for tier in of_family]
        assert times == sorted(times)
    assert ms["selfie-288x288-fp32"] == pytest.approx(288 * 288 * 1e-4, rel=0.1)


def test_a_low_score_is_refused_with_the_figures_before_it_is_timed(world: World) -> None:
    bad = Candidate("selfie-288x288-int8", "cpu", 1)
    world.scores[bad] = 0.5
    out = world.run([bad])
    assert not out.measured
    assert world.frames == 0
    (refusal,) = out.refusals
    assert refusal.candidate == bad
    assert "mean IoU 0.5000 on the small golden set instead of 0.9598" in refusal.reason


@pytest.mark.parametrize(
    "error",
    [
        CandidateError("There is no GPU here; plug one in."),
        AssetError("It is not the tier of the catalogue."),
        EngineFault("The engine failed."),
    ],
)
def test_what_cannot_start_is_refused_with_its_reason(world: World, error: Exception) -> None:
    bad, good = ALL[0], ALL[3]
    world.failing[bad] = error
    out = world.run([bad, good])
    assert [one.candidate for one in out.measured] == [good]
    assert [(one.candidate, one.reason) for one in out.refusals] == [(bad, str(error).rstrip("."))]


def test_an_engine_that_fails_later_is_refused_too(world: World) -> None:
    def fail(number: int) -> None:
        raise EngineFault("It died at frame 20.")

    world.on_frame = lambda number: fail(number) if number == 20 else None
    out = world.run(ALL[:2])
    assert [one.reason for one in out.refusals] == ["It died at frame 20"]
    assert len(out.measured) == 1


def test_an_engine_that_starts_with_none_of_three_tiers_is_given_up(world: World) -> None:
    allowed = Allowed(engines=("gpu", "cpu"))
    wanted = candidates(TIERS.values(), allowed)
    for one in wanted:
        if one.engine == "gpu":
            world.failing[one] = CandidateError("libvulkan.so.1 is missing.")
    out = world.run(wanted, allowed=allowed)
    assert sum(one.engine == "gpu" for one in world.started) == 3
    refused = [one for one in out.refusals if one.candidate.engine == "gpu"]
    assert len(refused) == len(TIERS)
    assert refused[-1].reason == (
        "the engine gpu started with none of 3 tiers, the last time: libvulkan.so.1 is missing"
    )
    assert len(out.measured) == len(TIERS)


def test_engines_that_take_all_the_time_to_fail_leave_one_candidate(world: World) -> None:
    allowed = Allowed(engines=("npu", "cpu"))
    wanted = candidates(TIERS.values(), allowed)
    world.failing = {one: CandidateError("It hangs.") for one in wanted if one.engine == "npu"}
    out = world.run(wanted, allowed=allowed, time_s=0.01)
    assert len(out.measured) == 1


def test_one_that_takes_too_much_memory_is_refused(world: World) -> None:
    world.memory_mb["selfie-288x288-fp32"] = 600.4
    out = world.run([Candidate("selfie-288x288-fp32", "cpu", 1)], allowed=Allowed(memory_mb=512))
    assert [one.reason for one in out.refusals] == ["it takes 600 MB, and 512 are allowed"]


@pytest.mark.parametrize("at", [1, 60, 200, 700])
def test_ctrl_c_keeps_what_was_measured(world: World, at: int) -> None:
    def press(number: int) -> None:
        if number == at:
            raise KeyboardInterrupt

    world.on_frame = press
    out = world.run()
    assert out.interrupted
    assert len(out.left) + len(out.measured) == len(ALL)
    assert all(one.ms > 0 and one.runs for one in out.measured)
    assert bool(out.measured) == (at > 100)


def test_without_the_default_tier_another_one_is_the_reference(world: World) -> None:
    world.failing[Candidate(DEFAULT_TIER, "cpu", 1)] = CandidateError("It is in none of the folders.")
    out = world.run([Candidate("selfie-288x288-fp32", "cpu", 1), Candidate("selfie-landscape-96x160-fp32", "cpu", 1)])
    assert out.measured[1].ms / out.measured[0].ms == pytest.approx(96 * 160 / 288 / 288, rel=0.01)


def test_what_is_added_later_is_held_to_the_reference_that_was_kept(world: World) -> None:
    """The machine is twice as slow on the second day: the new candidate's time fits to the old ones."""
    old = world.run(ALL[:3])
    world.slowness = lambda: 2.0
    new = world.run(ALL[3:6], known=old.measured, reference_ms=old.reference_ms)
    assert new.reference_ms == old.reference_ms
    tier = TIERS[new.measured[0].candidate.tier]
    assert new.measured[0].ms == pytest.approx(tier.height * tier.width * 1e-4, rel=0.01)


def test_progress_is_told(world: World) -> None:
    world.run(ALL[:4])
    assert [step.done for step in world.steps] == sorted(step.done for step in world.steps)
    assert str(ALL[0]) in {step.what for step in world.steps}
    assert any("closer look" in step.what for step in world.steps)


def test_enough_is_thirty_frames_or_two_seconds() -> None:
    quick, slow = Times(), Times()
    for _ in range(10):
        assert not quick.is_enough
        quick.add(([0.001] * 3, [0.001] * 3), ([0.002] * 3, []))
    assert quick.is_enough
    assert quick.ratio == pytest.approx(0.5)
    slow.add(([1.0] * 3, [1.0] * 3), ([2.0] * 3, []))
    assert not slow.is_enough  # one round tells nothing of the spread
    slow.add(([1.0] * 3, [1.0] * 3), ([2.0] * 3, []))
    assert slow.is_enough


def test_percentiles() -> None:
    assert percentile([3.0], 95) == 3.0
    assert percentile([1.0, 2.0, 3.0, 4.0, 5.0], 25) == 2.0
