"""A governed run over the API: its ladder, its trace, a rung that is pinned for a while."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from paging import CLOCK, Paging, paging, soon

from edgeseg import governed
from edgeseg.governed import Wish
from edgeseg.governor import Kind, Rung
from edgeseg.governor.trace import read
from edgeseg.ports import ModelIO
from edgeseg.runtime import Plan
from edgeseg.testing.engine import FakeEngine
from tests.runtime.scene import finder


def rung(name: str, cost_ms: float, quality: float, kind: Kind = Kind.NORMAL) -> Rung:
    return Rung(name, name.partition(",")[0], 1, cost_ms, 0.5, quality, 10.0, kind=kind)


LADDER = (
    rung("small", 1.0, 0.5),
    rung("small, half the frames", 1.0, 0.25, Kind.HALF_FPS),
    rung("middle", 2.0, 0.7),
    rung("large", 3.0, 0.9),
    rung("cover", 0.0, 0.0, Kind.COVER),
)


@pytest.fixture
def one(monkeypatch: pytest.MonkeyPatch) -> Iterator[Paging]:
    def plan_of(rung: Rung, *rest: Any) -> Plan:
        return Plan(rung.name, FakeEngine(ModelIO(72, 128), finder()), rung.every, 1)

    monkeypatch.setattr(
        governed, "ladder_of", lambda settings, fps: (LADDER, dict.fromkeys(one.candidate for one in LADDER))
    )
    monkeypatch.setattr(governed, "plan_of", plan_of)
    with paging(govern=Wish(profile="generic"), tier="auto") as made:
        soon(lambda: made.run.runtime.plan.name in {one.name for one in LADDER})
        yield made


def running(made: Paging) -> str:
    return made.run.runtime.plan.name


def test_the_ladder_the_words_and_the_trace(one: Paging) -> None:
    soon(lambda: running(one) == "large", 40)
    found = soon(lambda: one.client.get("/api/v1/ladder").json()["rungs"])
    assert [each["name"] for each in found] == [each.name for each in LADDER]
    assert [each["name"] for each in found if each["runs"]] == ["large"]
    now = one.client.get("/api/v1/state").json()["rung"]
    assert (now["governed"], now["steps_below_best"]) == (True, 0)
    lines = soon(
        lambda: text.splitlines() if "decision" in (text := one.client.get("/api/v1/governor/trace").text) else None
    )
    assert read([line + "\n" for line in lines], "it").ladder == LADDER
    assert json.loads(lines[-1])["decision"]


def test_a_pinned_rung_stays_until_it_is_let_go(one: Paging) -> None:
    soon(lambda: one.client.get("/api/v1/ladder").json()["rungs"])
    assert one.client.put("/api/v1/governor/pin", json={"rung": "nosuch"}).status_code == 409
    assert one.client.put("/api/v1/governor/pin", json={"rung": "middle", "minutes": 5}).status_code == 204
    soon(lambda: running(one) == "middle", 30)
    now = one.client.get("/api/v1/state").json()
    assert now["pin"]["rung"] == "middle"
    assert 200 < now["pin"]["left_s"] <= 300
    assert now["rung"]["steps_below_best"] == 1
    assert len(one.client.get("/api/v1/ladder").json()["rungs"]) == len(LADDER)  # all of it is still told
    start = CLOCK.now()
    soon(lambda: CLOCK.now() - start > 5)  # longer than the governor's patience: it would have gone up
    assert running(one) == "middle"
    assert one.client.delete("/api/v1/governor/pin").status_code == 204
    assert one.client.get("/api/v1/state").json()["pin"] is None
    soon(lambda: running(one) == "large", 40)


def test_a_pin_ends_by_itself(one: Paging) -> None:
    soon(lambda: one.client.get("/api/v1/ladder").json()["rungs"])
    assert one.client.put("/api/v1/governor/pin", json={"rung": "small", "minutes": 0.02}).status_code == 204
    soon(lambda: one.client.get("/api/v1/state").json()["pin"] is None)
    soon(lambda: running(one) == "large", 40)
