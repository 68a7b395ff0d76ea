"""Another family of models while one whole person is seen: built aside, taken up between two frames, given back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction

import numpy as np
from scene import GREY, Scene, finder, leaks

from edgeseg.backgrounds.color import ColorBackground
from edgeseg.clock import SystemClock
from edgeseg.errors import CandidateError
from edgeseg.facts import Emit, Noted, RungChanged, Tally
from edgeseg.families import Families
from edgeseg.frames import Frame, Mask
from edgeseg.pipeline import Pipeline
from edgeseg.ports import ModelIO
from edgeseg.runtime import Limits, Runtime
from edgeseg.testing.engine import FakeEngine
from edgeseg.testing.source import FakeSource

SCENE, PLACE, CLOCK = Scene(), (128, 76), SystemClock()


class Sink:
    """Checks each frame as it goes out."""

    detail, keeps_alpha, watched = "checked", False, None

    def __init__(self) -> None:
        self.leaks: list[str] = []

    def write(self, frame: Frame) -> None:
        leak = leaks(SCENE, frame, PLACE, "color")
        if leak is not None:
            self.leaks.append(f"{frame.index}: {leak}")

    def close(self) -> None: ...


@contextmanager
def live(emit: Emit) -> Iterator[Runtime]:
    engine = FakeEngine(ModelIO(72, 128), finder())
    pipeline = Pipeline(engine, ColorBackground(GREY), SCENE.known(), CLOCK, follow=True, steady=True, tidy=True)
    source = FakeSource(
        paint=lambda index, planes: SCENE.paint(PLACE, planes),
        size=SCENE.size, count=None, fps=Fraction(50), live=True, clock=CLOCK,
    )  # fmt: skip
    sink = Sink()
    runtime = Runtime(source, pipeline, sink, CLOCK, emit, Limits(max_mask_age_s=5.0))
    thread = threading.Thread(target=runtime.run)
    thread.start()
    try:
        yield runtime
    finally:
        runtime.stop()
        thread.join()
        pipeline.close()
        assert sink.leaks == []


def soon(true: Callable[[], object]) -> bool:
    return any(true() or time.sleep(0.01) for _ in range(1500))


def whole(tall: bool = True) -> Mask:
    alpha = np.zeros((180, 320), np.uint8)
    alpha[20:170, 100 : 140 if tall else 260] = 255
    return Mask(alpha)


def test_the_other_familys_tier_is_taken_up_and_given_back() -> None:
    tally = Tally()
    facts: list[object] = []

    def emit(fact: object) -> None:
        facts.append(fact)
        tally(fact)  # type: ignore[arg-type]

    made: list[FakeEngine] = []

    def make(tier: str) -> FakeEngine:
        made.append(FakeEngine(ModelIO(64, 64, "letterbox"), finder()))
        return made[-1]

    with live(emit) as runtime:
        families = Families(runtime, "selfie", "body", SCENE.size, make, emit)
        runtime.believed.remove(families.saw)  # the scene's own person is no whole one: masks are told by hand
        assert soon(lambda: runtime.shown > 3)
        for n in range(40):
            families.saw(whole(), n / 30)
        assert soon(lambda: runtime.plan.name == "body")
        shown = runtime.shown
        assert soon(lambda: runtime.shown > shown + 5)
        for n in range(40):
            families.saw(whole(tall=False), 2 + n / 30)
        assert soon(lambda: runtime.plan.name == "selfie")
        assert soon(lambda: made[0].closed)
        families.close()
    changes = [fact.rung for fact in facts if isinstance(fact, RungChanged)]
    assert changes == ["body", "selfie"]


def test_one_that_cannot_be_built_leaves_the_old_one() -> None:
    facts: list[object] = []

    def fails(tier: str) -> FakeEngine:
        raise CandidateError("No such tier.")

    with live(facts.append) as runtime:
        families = Families(runtime, "selfie", "body", SCENE.size, fails, facts.append)
        runtime.believed.remove(families.saw)
        before = runtime.plan
        for n in range(80):
            families.saw(whole(), n / 30)
        families.close()
        assert runtime.plan is before
    told = [fact.detail for fact in facts if isinstance(fact, Noted) and fact.what == "family"]
    assert len(told) == 1
    assert "No such tier." in told[0]
