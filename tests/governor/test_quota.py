"""Under a quota of the control group, whose wall times say nothing of the board."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from ideal_board import LADDER, LOOK_S, Board

from edgeseg.governor import Observation, Reason, Rung, sentence
from edgeseg.governor.quota import LEAST_USABLE, USABLE, Quota, granted

REST = 0.1  # cores, of decoding


@dataclass
class Group:
    """A `see` of a group that is granted some cores; read each half second. late: at which share frames are dropped."""

    cores: Callable[[float], float | None]
    late: float = 0.95
    reading: tuple[float, float] = (0.0, 0.0)

    def __call__(self, seen: Observation, at_s: float) -> Observation:
        cores = self.cores(at_s)
        if cores is None:
            return seen
        rung = next(one for one in LADDER if one.name == seen.rung)
        wanted = REST + rung.cpu_ms * 30 / rung.frames / 1e3
        shown = seen.frames_out
        if wanted > self.late * cores:
            shown = int(shown * min(0.9, (cores - REST) / (wanted - REST)))
        used = REST + rung.cpu_ms * shown / LOOK_S / 1e3
        if round(at_s / LOOK_S) % 2 == 0 or not self.reading[0]:
            self.reading = used + at_s * 1e-9, min(1.0, used / cores)
        throttled = self.reading[1] if self.reading[1] > 0.4 else 0.0
        slow = 20.0 if round(at_s / LOOK_S) % 3 == 0 else 1.0  # it waits, and then it does not
        return replace(
            seen,
            frames_out=shown,
            dropped=seen.frames_in // rung.frames - shown,
            frame_ms=tuple(ms * slow for ms in seen.frame_ms) if throttled else seen.frame_ms,
            cpu_quota=cores,
            cpu_cores=self.reading[0],
            cpu_throttled_share=throttled,
        )


def test_it_goes_straight_to_what_the_quota_lets_run_and_back_when_it_is_gone() -> None:
    board = Board(see=Group(lambda at_s: 0.7 if 10 < at_s <= 30 else 2.0)).run(60)
    assert [name for _, name in board.changes] == ["middle/1", "large/1"]
    (down_s, _), (up_s, _) = board.changes
    assert 10 < down_s <= 11, "two looks after the quota is read"
    assert 34 <= up_s <= 36, "patience, and the quota is no failure of the rung"
    decision = next(decision for at_s, decision, _ in board.log if at_s == down_s)
    assert decision.reason is Reason.LOAD
    assert "of what can be used of 0.7 cores" in sentence(decision)


def test_bursts_of_wall_times_under_a_quota_say_nothing_of_the_board() -> None:
    board = Board(see=Group(lambda at_s: 0.7)).run(60)
    assert len(board.changes) <= 1
    assert board.state.speed.slow == pytest.approx(1.0, abs=0.05)


def test_what_waited_for_a_quota_that_was_not_read_yet_says_nothing_of_the_board() -> None:
    came_s, read_s = 10.0, 10.75
    group = Group(lambda at_s: 0.3 if at_s > came_s else 2.0)

    def late(seen: Observation, at_s: float) -> Observation:
        now = group(seen, at_s)
        if not came_s < at_s < read_s:
            return now
        waited = tuple(ms * 20 for ms in seen.frame_ms)
        return replace(now, frame_ms=waited, cpu_quota=2.0, cpu_cores=0.4, cpu_throttled_share=0.0)

    board = Board(see=late).run(30)
    assert board.state.quota.cores == 0.3
    assert board.state.speed.slow == pytest.approx(1.0, rel=0.05)


def test_where_nothing_fits_the_least_runs() -> None:
    board = Board(see=Group(lambda at_s: 0.2 if at_s > 10 else 2.0)).run(20)
    assert board.running in ("small/2", "small/4 half")


def test_a_quota_of_which_less_is_of_use_is_learned() -> None:
    """With long periods frames are late at two thirds of it."""
    board = Board(see=Group(lambda at_s: 1.0, late=0.7)).run(60)
    assert [name for _, name in board.changes] == ["middle/1"]
    assert LEAST_USABLE < board.state.quota.usable < USABLE


def rung() -> Rung:
    return next(one for one in LADDER if one.name == "middle/1")


def seen(**values: float | None) -> Observation:
    return replace(Observation(0.0, LOOK_S, "middle/1", 8, 8), **values)  # type: ignore[arg-type]


@pytest.mark.parametrize("missing", ["cpu_quota", "cpu_cores"])
def test_what_is_not_known_is_no_quota(missing: str) -> None:
    known = granted(Quota(), rung(), seen(cpu_quota=0.5, cpu_cores=0.6), 1.0, 30.0, 5.0)
    assert known.share(rung(), 30.0) == pytest.approx(0.6 / (0.5 * USABLE))
    lost = granted(known, rung(), seen(**{"cpu_quota": 0.5, "cpu_cores": 0.6, missing: None}), 1.0, 30.0, 5.0)
    assert lost.share(rung(), 30.0) == 0.0


def test_a_board_that_others_slow_down_uses_no_more_than_is_seen() -> None:
    known = granted(Quota(), rung(), seen(cpu_quota=1.0, cpu_cores=0.5), 4.0, 30.0, 5.0)
    assert known.share(rung(), 30.0) == pytest.approx(0.5 / USABLE)


def test_building_the_next_rung_is_not_taken_for_its_use() -> None:
    known = granted(Quota(), rung(), seen(cpu_quota=1.0, cpu_cores=0.55), 1.0, 30.0, 5.0)
    assert granted(known, rung(), seen(cpu_quota=1.0, cpu_cores=0.99), 1.0, 30.0, 0.5).rest == known.rest


def test_an_accelerators_work_is_not_the_processors_and_threads_are_counted() -> None:
    one = Rung("a", "a", 1, 10.0, 5.0, 0.9, 100.0)
    assert (one.cpu_ms, replace(one, threads=2).cpu_ms, replace(one, overlap=1.0).cpu_ms) == (15.0, 25.0, 5.0)


def test_a_rung_that_shows_all_its_frames_is_kept_whatever_the_readings_foretell() -> None:
    def see(seen: Observation, at_s: float) -> Observation:
        if at_s <= 10:
            return replace(seen, cpu_quota=2.0, cpu_cores=0.5 + at_s * 1e-9, cpu_throttled_share=0.0)
        return replace(seen, cpu_quota=0.5, cpu_cores=0.495 + at_s * 1e-9, cpu_throttled_share=0.9)

    board = Board(see=see).run(40)
    assert board.changes == []


def test_what_building_the_next_rung_uses_is_not_counted_as_the_runnings() -> None:
    quotas = []

    def see(seen: Observation, at_s: float) -> Observation:
        quotas.append(board.state.quota.rest)
        is_building = 10.5 < at_s <= 14 and board.running != board.state.wanted
        used = 0.65 + (0.5 if is_building else 0.0) + at_s * 1e-9
        return replace(seen, cpu_quota=2.0, cpu_cores=used, cpu_throttled_share=0.0)

    board = Board(see=see)
    board.run(10)
    before = board.state.quota.rest
    board.state = replace(board.state, wanted="middle/1")  # it is being built, for two seconds
    for _ in range(8):
        board.running = "large/1"
        board.look()
    assert board.state.quota.rest == before
