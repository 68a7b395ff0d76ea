"""The scenarios: what happens to a board, when, and which sensors fail."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from edgeseg.governor import Policy
from edgeseg.simulation.boards import Board, boards

FILE = Path(__file__).with_name("scenarios.yaml")


@dataclass(frozen=True, slots=True)
class Change:
    """From at_s on `what` is `value`; with until_s it gets there evenly."""

    at_s: float
    what: str
    value: float
    until_s: float | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """A sensor that is silent, repeats its last value or says something else, from at_s to until_s."""

    sensor: str
    at_s: float
    until_s: float
    kind: str
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Noise:
    """How uncertain times and sensors are; see `scenarios.yaml`."""

    times: float
    outlier_share: float
    outlier_times: float
    temp_c: float
    power_share: float
    memory_mb: float


@dataclass(frozen=True, slots=True)
class Scenario:
    """One of them. start: values at time 0. lies: {candidate: what it takes, as a multiple of what its rung says}."""

    name: str
    board: Board
    seconds: int
    policy: Policy
    start: dict[str, float]
    changes: tuple[Change, ...]
    faults: tuple[Fault, ...]
    lies: dict[str, float]
    battery_wh: float | None
    battery_percent: float | None
    noise: Noise
    seed: int

    def value(self, what: str, at_s: float) -> float:
        """What `what` is at a time."""
        value = self.start.get(what, DEFAULTS.get(what, 0.0))
        if what == "camera_fps" and what not in self.start:
            value = self.board.fps
        for change in self.changes:
            if change.what != what or change.at_s > at_s:
                continue
            if change.until_s is None or at_s >= change.until_s:
                value = change.value
            else:
                value += (change.value - value) * (at_s - change.at_s) / (change.until_s - change.at_s)
        return value

    def steps(self) -> list[tuple[float, int]]:
        """(when, -1 where it gets harder at once to hold the frame rate, 1 where easier), in order."""
        harder = {"load": 1, "camera_fps": 1}
        found: dict[float, int] = {}
        for change in self.changes:
            if change.until_s is None and change.what in harder:
                before = self.value(change.what, change.at_s - 1e-6)
                if change.value != before:
                    found[change.at_s] = -1 if change.value > before else 1
        return sorted(found.items())


DEFAULTS = {"load": 1.0, "cooling": 1.0, "ambient_c": 25.0, "load_w": 0.0, "memory_limit_mb": 1e6}


@cache
def scenarios() -> dict[str, Scenario]:
    """All scenarios by name, in the file's order."""
    data = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    outliers, sensors = data["outliers"], data["sensors"]
    noise = Noise(data["noise"], outliers["share"], outliers["times"], **sensors)
    return {name: _scenario(name, row, noise, data["seed"]) for name, row in data["scenarios"].items()}


def _scenario(name: str, row: dict[str, Any], noise: Noise, seed: int) -> Scenario:
    board = boards()[row["board"]]
    changes = [
        Change(then["at"], what, then[what], then.get("until"))
        for then in row.get("then", ())
        for what in then.keys() - {"at", "until"}
    ]
    faults = tuple(
        Fault(fault["sensor"], fault["at"], fault["until"], fault["kind"], fault.get("value"))
        for fault in row.get("faults", ())
    )
    battery = row.get("battery", {})
    return Scenario(
        name=name,
        board=board,
        seconds=row["seconds"],
        policy=Policy(**{"fps": board.fps, **row["policy"]}),
        start=row["start"],
        changes=tuple(sorted(changes, key=lambda change: (change.at_s, change.what))),
        faults=faults,
        lies=row.get("lies", {}),
        battery_wh=battery.get("wh"),
        battery_percent=battery.get("percent"),
        noise=noise,
        seed=seed,
    )
