from __future__ import annotations

import threading

import numpy as np
import pytest

from edgeseg.errors import EngineFault
from edgeseg.frames import F32
from edgeseg.ports import ModelIO
from edgeseg.testing.engine import FAULTS, Call, FakeEngine, Fault

IO = ModelIO(4, 6)
RGB = np.zeros((4, 6, 3), np.float32)
PERSON: F32 = np.linspace(0, 1, 24, dtype=np.float32).reshape(4, 6)


def answer(fault: Fault | None) -> F32:
    engine = FakeEngine(IO, PERSON)
    engine.inject(fault)
    return engine.infer(RGB)


def test_each_fault_is_what_it_says() -> None:
    np.testing.assert_array_equal(answer(None), PERSON)
    assert np.count_nonzero(np.isnan(answer("nan"))) == 1
    assert answer("shape").shape == (3, 6)
    np.testing.assert_allclose(answer("x255"), PERSON * 255)
    np.testing.assert_allclose(answer("half"), PERSON * 0.5 + 0.5)
    assert answer("logits").min() < -5
    assert answer("logits").max() > 5
    assert (answer("ones") == 1).all()
    assert (answer("zeros") == 0).all()
    with pytest.raises(EngineFault, match="told to fail"):
        answer("raise")


def test_a_picture_of_another_kind_of_numbers_is_a_fault() -> None:
    engine = FakeEngine(ModelIO(4, 6, dtype="int8"), PERSON)
    np.testing.assert_array_equal(engine.infer(RGB.astype(np.int8)), PERSON)
    with pytest.raises(EngineFault, match=r"takes int8 \(4, 6, 3\), not uint8 \(4, 6, 3\)"):
        engine.infer(RGB.astype(np.uint8))


def test_orders_are_kept_in_turn_and_remembered() -> None:
    engine = FakeEngine(IO, PERSON)
    engine.inject(None, calls=1)
    engine.inject("zeros", calls=2)
    engine.inject("ones")
    means = [float(engine.infer(RGB).mean()) for _ in range(5)]
    assert means == pytest.approx([0.5, 0, 0, 1, 1])
    engine.heal()
    assert engine.infer(RGB).mean() == pytest.approx(0.5)
    faults = [None, "zeros", "zeros", "ones", "ones", None]
    assert engine.history == [Call(number, fault) for number, fault in enumerate(faults)]  # type: ignore[arg-type]


def test_the_last_answer_is_spoilt_by_the_next_call() -> None:
    engine = FakeEngine(IO, PERSON)
    kept = engine.infer(RGB)
    engine.infer(RGB)
    assert np.isnan(kept).all()
    np.testing.assert_array_equal(PERSON, PERSON.copy())


@pytest.mark.parametrize("let_go", ["release", "heal", "close"])
def test_a_hanging_call_is_let_go(let_go: str) -> None:
    engine = FakeEngine(IO, PERSON)
    engine.inject("hang", calls=1)
    answers: list[F32] = []
    caller = threading.Thread(target=lambda: answers.append(engine.infer(RGB)))
    caller.start()
    assert engine.hanging.wait(10)
    with pytest.raises(EngineFault, match="while a call was running"):
        engine.infer(RGB)
    getattr(engine, let_go)()
    caller.join(10)
    assert not caller.is_alive()
    np.testing.assert_array_equal(answers[0], PERSON)


def test_it_can_be_slow() -> None:
    slept: list[float] = []
    engine = FakeEngine(IO, PERSON, sleep=slept.append)
    engine.delay_s = 0.25
    engine.infer(RGB)
    assert slept == [0.25]


def test_every_fault_can_be_ordered() -> None:
    assert FAULTS == ("raise", "hang", "nan", "shape", "x255", "logits", "half", "ones", "zeros")
