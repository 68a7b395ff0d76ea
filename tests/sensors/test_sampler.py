from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from edgeseg.clock import SystemClock
from edgeseg.facts import Fact, Noted
from edgeseg.readings import Reading
from edgeseg.sensors.sampler import Sampler
from edgeseg.testing.sensors import FakeSensors

FAST = {"fast_s": 0.01, "slow_s": 0.05}


def wait_for(what: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not what():
        assert time.monotonic() < deadline, "it did not happen in 10 s"
        time.sleep(0.005)


@pytest.fixture
def fake() -> FakeSensors:
    return FakeSensors(SystemClock(), temp_c=45.0, battery_percent=90.0)


def test_the_newest_reading_is_there_and_renewed(fake: FakeSensors) -> None:
    sampler = Sampler(lambda: fake, clock=SystemClock(), **FAST)
    wait_for(lambda: sampler.newest().temp_c == 45.0)
    fake.set(temp_c=60.0)
    wait_for(lambda: sampler.newest().temp_c == 60.0)
    assert sampler.stop()
    assert fake.history[-1] == "close"


def test_importing_it_looks_at_no_board() -> None:
    asked = (
        "import sys, edgeseg.sensors.sampler; sys.exit(any(name.startswith('edgeseg.probe') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0


def test_slow_values_are_read_more_seldom(fake: FakeSensors) -> None:
    sampler = Sampler(lambda: fake, clock=SystemClock(), fast_s=0.005, slow_s=1000)
    wait_for(lambda: len(fake.history) > 5)
    sampler.stop()
    assert fake.history[:6] == ["read slow", "read", "read", "read", "read", "read"]


def test_it_stops_at_once_and_more_than_once(fake: FakeSensors) -> None:
    sampler = Sampler(lambda: fake, clock=SystemClock(), fast_s=1000)
    wait_for(lambda: fake.history)
    assert sampler.stop(wait_s=30), "long before its period is over"
    assert sampler.stop()


def test_a_driver_that_hangs_keeps_nobody_waiting_and_its_last_word_is_forgotten(fake: FakeSensors) -> None:
    class Later(SystemClock):
        ahead_s = 0.0

        def now(self) -> float:
            return super().now() + self.ahead_s

    clock = Later()
    sampler = Sampler(lambda: fake, clock=clock, **FAST)
    wait_for(lambda: sampler.newest().temp_c == 45.0)
    fake.hang = threading.Event()
    time.sleep(0.05)
    assert sampler.newest().temp_c == 45.0
    clock.ahead_s = 6.0
    assert sampler.newest().temp_c is None, "six seconds old is too old"
    assert not sampler.stop(wait_s=0.05), "it hangs still"
    fake.hang.set()
    assert sampler.stop(wait_s=30)


def test_before_the_first_reading_nothing_is_known() -> None:
    made, go = threading.Event(), threading.Event()

    def make() -> FakeSensors:
        made.set()
        go.wait(30)
        return FakeSensors(SystemClock(), temp_c=50.0)

    sampler = Sampler(make, clock=SystemClock(), **FAST)
    made.wait(30)
    reading = sampler.newest()
    assert reading == Reading(reading.at_s)
    go.set()
    wait_for(lambda: sampler.newest().temp_c == 50.0)
    sampler.stop()


def test_a_bug_in_a_reader_is_told_and_ends_nothing_else() -> None:
    facts: list[Fact] = []

    class Broken(FakeSensors):
        def read(self, slow: bool = True) -> Reading:
            raise ZeroDivisionError("a bug")

    broken = Broken(SystemClock())
    sampler = Sampler(lambda: broken, clock=SystemClock(), emit=facts.append, **FAST)
    wait_for(lambda: facts)
    assert facts == [Noted("sensor", "the sensors are read no more: ZeroDivisionError: a bug")]
    assert sampler.newest().temp_c is None
    assert sampler.stop(wait_s=30)
    assert broken.history == ["close"]
