"""One scenario with one policy: what was run, seen and shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from edgeseg.governor import Decision, Ladder, Observation, Policy, Rung, State, decide, start
from edgeseg.simulation.oracle import Oracle
from edgeseg.simulation.plant import Plant, Truth
from edgeseg.simulation.scenarios import Scenario

LOOK_S = 0.25


class Controller(Protocol):
    """Chooses rungs by what it sees."""

    def first(self) -> Rung:
        """The rung to start with."""
        ...

    def act(self, seen: Observation) -> Rung:
        """The rung to run from now on."""
        ...


@dataclass(slots=True)
class Run:
    """looks: what really was, every quarter of a second.

    out_at: when each shown frame came, in seconds. first: a rung's name.
    """

    scenario: Scenario
    policy: str
    first: str
    looks: list[Truth] = field(default_factory=list)
    out_at: list[float] = field(default_factory=list)
    seen: list[Observation] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)


class Governor:
    """edgeseg's own, as a controller."""

    def __init__(self, policy: Policy, ladder: Ladder) -> None:
        self._policy = policy
        self._state: State = start(policy, ladder)
        self.decisions: list[Decision] = []

    def first(self) -> Rung:
        """See `Controller.first`."""
        return self._rung(self._state.wanted)

    def act(self, seen: Observation) -> Rung:
        """See `Controller.act`."""
        self._state, decision = decide(self._policy, self._state, seen)
        self.decisions.append(decision)
        return self._rung(decision.rung)

    def _rung(self, name: str | None) -> Rung:
        rung = self._state.rung(name)
        assert rung is not None
        return rung


def run_with(scenario: Scenario, policy: str, make: Callable[[Policy, Ladder], Controller]) -> Run:
    """Run a scenario to its end with a controller that sees observations alone."""
    controller = make(scenario.policy, scenario.board.ladder)
    plant = Plant(scenario, controller.first())
    run = Run(scenario, policy, plant.truth.rung.name)
    for _ in range(round(scenario.seconds / LOOK_S)):
        seen = plant.advance(LOOK_S)
        run.looks.append(plant.truth)
        run.seen.append(seen)
        plant.switch(controller.act(seen))
    run.out_at = plant.out_at
    if isinstance(controller, Governor):
        run.decisions = controller.decisions
    return run


def run_oracle(scenario: Scenario) -> Run:
    """Run a scenario with the oracle, which sees the plant itself."""
    oracle = Oracle(scenario)
    plant = Plant(scenario, oracle.first())
    run = Run(scenario, "oracle", plant.truth.rung.name)
    for _ in range(round(scenario.seconds / LOOK_S)):
        oracle.act(plant)
        run.seen.append(plant.advance(LOOK_S))
        run.looks.append(plant.truth)
    run.out_at = plant.out_at
    return run
