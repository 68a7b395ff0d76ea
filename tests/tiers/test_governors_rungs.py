"""What was measured, as the governor's rungs."""

from __future__ import annotations

from ladders import measured

from edgeseg.governed import COVER, HALF_QUALITY, HALVED, governors
from edgeseg.governor import Kind
from edgeseg.tiers.ladder import Rung


def test_each_rung_costs_its_inference_and_the_rest_and_the_cheapest_come_at_half_the_rate_too() -> None:
    rungs = tuple(Rung(measured(f"t{n}", ms=5.0 + n, infer_ms=2.0 + n), quality=0.9 + n / 100) for n in range(4))
    made = governors(rungs)
    normal = [rung for rung in made if rung.kind is Kind.NORMAL]
    assert [(rung.cost_ms, rung.frame_ms, rung.load_ms()) for rung in normal] == [
        (2.0 + n, 3.0, 5.0 + n) for n in range(4)
    ]
    halved = [rung for rung in made if rung.kind is Kind.HALF_FPS]
    assert [rung.quality for rung in halved] == [rung.quality * HALF_QUALITY for rung in normal[:HALVED]]
    assert [rung.name for rung in made if rung.kind is Kind.COVER] == [COVER]
    assert len({rung.name for rung in made}) == len(made)


def test_an_accelerator_works_beside_the_processor() -> None:
    both = [Rung(measured("t", engine=engine, ms=30.0, infer_ms=22.0), quality=0.9) for engine in ("cpu", "edgetpu")]
    assert [governors((rung,))[0].load_ms() for rung in both] == [30.0, 22.0]


def test_a_frame_that_a_busy_board_measured_shorter_than_its_inference_still_costs_something_besides() -> None:
    figures = ((9.0, 6.0), (9.0, 12.0), (10.0, 6.0))
    rungs = tuple(
        Rung(measured(f"t{n}", ms=ms, infer_ms=infer), quality=0.9 + n / 100) for n, (ms, infer) in enumerate(figures)
    )
    costs = [rung.frame_ms for rung in governors(rungs) if rung.kind is Kind.NORMAL]
    assert costs == [3.0, 1.5, 4.0]
    bad = governors((Rung(measured("t", ms=9.0, infer_ms=12.0), quality=0.9),))
    assert bad[0].frame_ms > 0
