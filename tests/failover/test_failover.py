from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from edgeseg.clock import SystemClock
from edgeseg.errors import CandidateError, EdgesegError, EngineFault
from edgeseg.facts import ENGINE_LOST, Degraded, Fact, Noted, Recovered
from edgeseg.failover.engine import Failover
from edgeseg.failover.patience import Patience
from edgeseg.ports import Engine, ModelIO
from edgeseg.testing.engine import FakeEngine

IO = ModelIO(4, 6)
QUICK = Patience(first_s=0.02, most_s=0.08, flaps=1000)
SLOW = Patience(first_s=1000.0, most_s=1000.0)


class Accelerators:
    """Makes fakes that answer 0.75, one after the other, and remembers them."""

    def __init__(self) -> None:
        self.made: list[FakeEngine] = []
        self.refuse: EdgesegError | None = None
        self.io = IO

    def __call__(self) -> FakeEngine:
        if self.refuse is not None:
            raise self.refuse
        self.made.append(FakeEngine(self.io, np.full((self.io.height, self.io.width), 0.75, np.float32), engine="gpu"))
        return self.made[-1]


def picture() -> npt.NDArray[np.float32]:
    return np.zeros((4, 6, 3), np.float32)


def cpu() -> FakeEngine:
    return FakeEngine(IO, np.full((4, 6), 0.25, np.float32))


@contextmanager
def failover(
    make: Callable[[], Engine], substitute: Engine | None, **options: Any
) -> Iterator[tuple[Failover, list[Fact]]]:
    facts: list[Fact] = []
    options = {"fault": lambda engine: None, "patience": QUICK, **options}
    fault = options.pop("fault")
    made = Failover("gpu", make, substitute, fault, SystemClock(), facts.append, **options)
    try:
        yield made, facts
    finally:
        made.close()
        assert not any(thread.name == "edgeseg-failover" for thread in threading.enumerate())


def soon(true: Callable[[], object]) -> bool:
    return any(true() or time.sleep(0.01) for _ in range(1000))


def who(engine: Failover) -> str:
    return {0.75: "gpu", 0.25: "cpu"}[float(engine.infer(picture())[0, 0])]


def test_the_frame_on_which_it_falls_is_answered_by_the_cpu() -> None:
    make = Accelerators()
    with failover(make, cpu(), patience=SLOW) as (engine, facts):
        assert [who(engine), engine.report.engine] == ["gpu", "gpu"]
        make.made[0].inject("raise")
        assert [who(engine), engine.report.engine, engine.falls] == ["cpu", "cpu", 1]
        assert soon(lambda: make.made[0].closed)
        assert who(engine) == "cpu"
        (fact,) = facts
        assert isinstance(fact, Degraded)
        assert fact.cause == ENGINE_LOST
        assert fact.detail.endswith("The cpu engine serves; gpu is tried again in 1000 s.")


def test_it_comes_back_between_two_frames_once_it_works() -> None:
    make = Accelerators()
    with failover(make, cpu()) as (engine, facts):
        make.made[0].inject("raise")
        make.refuse = CandidateError("No device.")
        assert who(engine) == "cpu"
        assert soon(lambda: sum(isinstance(fact, Noted) for fact in facts) >= 1)
        assert who(engine) == "cpu"
        make.refuse = None
        assert soon(lambda: who(engine) == "gpu")
        assert isinstance(facts[-1], Recovered)
        noted = [fact.detail for fact in facts if isinstance(fact, Noted)]
        assert noted[0] == "gpu is not back: No device; it is tried again in 0.04 s."
        assert len(make.made) == 2


def test_the_same_refusal_is_not_told_for_ever() -> None:
    make = Accelerators()
    make.refuse = CandidateError("No device.")
    tries: list[float] = []

    def counted() -> Engine:
        tries.append(time.monotonic())
        return make()

    with failover(counted, cpu(), patience=Patience(first_s=0.005, most_s=0.01, flaps=1000)) as (_, facts):
        assert soon(lambda: len(tries) > 12)
        assert sum(isinstance(fact, Noted) for fact in facts) == 0  # the first fact said it


def test_one_that_does_not_start_is_tried_again_and_the_cpu_serves_meanwhile() -> None:
    make = Accelerators()
    make.refuse = CandidateError("No device.")
    with failover(make, cpu()) as (engine, facts):
        assert who(engine) == "cpu"
        assert isinstance(facts[0], Degraded)
        make.refuse = None
        assert soon(lambda: who(engine) == "gpu")
        assert engine.falls == 0


def test_one_that_does_not_know_the_known_answer_does_not_come_back() -> None:
    make = Accelerators()
    knows = False
    with failover(make, cpu(), fault=lambda engine: None if knows else "fails") as (engine, facts):
        assert soon(lambda: len(make.made) >= 3)
        assert who(engine) == "cpu"
        assert all(one.closed for one in make.made[:-1])
        assert "The gpu engine fails. The cpu engine serves" in str(facts[0])
        knows = True
        assert soon(lambda: who(engine) == "gpu")


def test_a_doubt_makes_it_fall_at_the_next_frame() -> None:
    make = Accelerators()
    with failover(make, cpu(), patience=SLOW) as (engine, facts):
        engine.distrust("It called everything a person.")
        assert who(engine) == "cpu"
        assert "everything a person" in str(facts[0])
        engine.distrust("The cpu is doubted: nobody else is there.")
        assert who(engine) == "cpu"
        assert len(facts) == 1


def test_a_device_that_goes_takes_its_engine_with_it_and_brings_it_back() -> None:
    make, there = Accelerators(), True
    with failover(make, cpu(), present=lambda: there) as (engine, facts):
        assert who(engine) == "gpu"
        there = False
        assert soon(lambda: who(engine) == "cpu")
        assert "is gone" in str(facts[0])
        time.sleep(1.2)  # two looks: without the device it is not tried
        assert len(make.made) == 1
        there = True
        assert soon(lambda: who(engine) == "gpu")


def test_one_that_flaps_is_benched() -> None:
    make = Accelerators()
    patience = Patience(first_s=0.01, most_s=0.02, flaps=3, within_s=600, bench_s=1000)
    with failover(make, cpu(), patience=patience) as (engine, facts):
        for _ in range(3):
            assert soon(lambda: who(engine) == "gpu")
            make.made[-1].inject("raise", calls=1)
            assert who(engine) == "cpu"
        assert "gpu fell 3 times within 10 minutes and rests for 17 minutes" in str(facts[-1])
        time.sleep(0.2)
        assert who(engine) == "cpu"
        assert len(make.made) == 3


def test_a_required_one_has_nobody_behind_it() -> None:
    make = Accelerators()
    lost: list[EdgesegError] = []
    with failover(make, None) as (engine, facts):
        engine.lose = lost.append
        make.made[0].inject("raise")
        with pytest.raises(EngineFault):
            engine.infer(picture())
        assert "required" in str(lost[0])
        assert lost[0].exit_code == 4
        with pytest.raises(EngineFault):
            engine.infer(picture())
        assert facts == []
    make.refuse = CandidateError("No device.")
    with pytest.raises(CandidateError, match="No device"), failover(make, None):
        pass


def test_a_substitute_that_takes_other_pictures_is_refused() -> None:
    make = Accelerators()
    make.io = ModelIO(8, 8)
    with failover(make, cpu(), patience=SLOW) as (engine, facts):
        assert engine.io == IO
        assert "twin" in str(facts[0])
        assert make.made[0].closed


def test_closing_ends_all_of_them() -> None:
    make, substitute = Accelerators(), cpu()
    with failover(make, substitute) as (engine, _):
        assert who(engine) == "gpu"
    assert substitute.closed
    assert make.made[0].closed
