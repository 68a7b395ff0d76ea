from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edgeseg.failover.patience import Patience, Record, failed, fell

PATIENCE = Patience(first_s=1, most_s=300, steady_s=60, flaps=5, within_s=600, bench_s=3600)


def waits(record: Record, now: float) -> float:
    return record.try_at - now


def test_the_wait_doubles_and_stays_at_the_most() -> None:
    record, now, seen = fell(PATIENCE, Record(), 0.0, 1000.0), 0.0, []
    for _ in range(12):
        seen.append(waits(record, now))
        now = record.try_at
        record = failed(PATIENCE, record, now)
    assert seen == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]


def test_what_served_long_enough_is_as_good_as_new() -> None:
    record = Record(failures=7)
    assert waits(fell(PATIENCE, record, 5000.0, 60.0), 5000.0) == 1
    assert waits(fell(PATIENCE, record, 5000.0, 59.0), 5000.0) == 128


def test_five_falls_in_ten_minutes_are_benched_and_then_it_begins_anew() -> None:
    record = Record()
    for n in range(4):
        record = fell(PATIENCE, record, n * 100.0, 61.0)
        assert not record.is_benched
    record = fell(PATIENCE, record, 400.0, 61.0)
    assert record.is_benched
    assert waits(record, 400.0) == 3600
    again = fell(PATIENCE, record, 5000.0, 100.0)
    assert not again.is_benched
    assert waits(again, 5000.0) == 1


def test_five_falls_in_a_day_are_not() -> None:
    record = Record()
    for n in range(20):
        record = fell(PATIENCE, record, n * 3600.0, 3000.0)
        assert not record.is_benched
        assert waits(record, n * 3600.0) == 1


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1e5)), max_size=60))
def test_it_is_always_tried_again_and_never_before_a_second(events: list[tuple[bool, float]]) -> None:
    record, now = Record(), 0.0
    for falls, later in events:
        now = max(now, record.try_at) + later
        record = fell(PATIENCE, record, now, later) if falls else failed(PATIENCE, record, now)
        assert PATIENCE.first_s <= waits(record, now) + 1e-6
        assert waits(record, now) <= PATIENCE.bench_s + 1e-6
        assert len(record.falls) < PATIENCE.flaps
