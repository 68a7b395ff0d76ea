"""A board without chance for the governor's tests, and a ladder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from edgeseg.governor import Decision, Kind, Ladder, Observation, Policy, Rung, State, decide, start

LOOK_S = 0.25


def rung(name: str, cost_ms: float, quality: float, every: int = 1, **more: Any) -> Rung:
    power_w = round(3 + (5 + cost_ms / every) * 0.05, 3)
    given = {"candidate": name.split("/")[0], "frame_ms": 5.0, "memory_mb": 100 + cost_ms, "power_w": power_w, **more}
    return Rung(name=name, every=every, cost_ms=cost_ms, quality=quality, **given)


LADDER: Ladder = (
    rung("cover", 0.0, 0.0, kind=Kind.COVER, power_w=3.2, memory_mb=80.0),
    rung("small/4 half", 4.0, 0.4, every=4, kind=Kind.HALF_FPS, power_w=3.15),
    rung("small/2", 4.0, 0.88, every=2),
    rung("small/1", 4.0, 0.90),
    rung("middle/1", 10.0, 0.93),
    rung("large/1", 20.0, 0.95),
)


@dataclass
class Board:
    """Runs what is decided, a look later. see: may change what is seen. slow: how many times as slow it is when."""

    policy: Policy = field(default_factory=Policy)
    ladder: Ladder = LADDER
    slow: Callable[[float], float] = lambda at_s: 1.0
    fps: Callable[[float], float] = lambda at_s: 30.0
    see: Callable[[Observation, float], Observation] = lambda seen, at_s: seen
    has_power: bool = False
    has_memory: bool = False
    watts_more: float = 0.0
    lies: dict[str, float] = field(default_factory=dict)
    at_s: float = 0.0
    due: float = 0.0  # frames that came in part
    room: float = 0.0  # frames for which there was time in part
    log: list[tuple[float, Decision, Observation]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.state: State = start(self.policy, self.ladder)
        self.running = self.state.wanted

    def look(self) -> Decision:
        self.at_s += LOOK_S
        now = next(one for one in self.ladder if one.name == self.running)
        self.due += self.fps(self.at_s) * LOOK_S
        came = int(self.due + 1e-9)
        self.due -= came
        slow = self.slow(self.at_s)
        load_ms = now.load_ms(slow, self.lies.get(now.candidate, 1.0))
        self.room += LOOK_S * 1e3 / load_ms if load_ms else came
        shown = min(came // now.frames, int(self.room + 1e-9))
        self.room = min(1.0, self.room - shown)
        seen = Observation(
            now_s=1000.0 + self.at_s,
            span_s=LOOK_S,
            rung=self.running,
            frames_in=came,
            frames_out=shown,
            dropped=came // now.frames - shown,
            frame_ms=(now.frame_ms * slow,) * shown,
            infer_ms=(now.cost_ms * slow * self.lies.get(now.candidate, 1.0),) * max(1, shown // now.every),
        )
        if now.power_w is not None and self.has_power:
            seen = replace(seen, power_w=now.power_w + self.watts_more)
        if self.has_memory:
            seen = replace(seen, memory_mb=now.memory_mb)
        seen = self.see(seen, self.at_s)
        self.state, decision = decide(self.policy, self.state, seen)
        self.running = decision.rung
        self.log.append((self.at_s, decision, seen))
        return decision

    def run(self, seconds: float) -> Board:
        for _ in range(round(seconds / LOOK_S)):
            self.look()
        return self

    @property
    def changes(self) -> list[tuple[float, str | None]]:
        return [(at_s, decision.rung) for at_s, decision, _ in self.log if decision.changed]


def with_values(**values: Any) -> Callable[[Observation, float], Observation]:
    """A `see` that sets fields; a callable is asked with the time."""
    return lambda seen, at_s: replace(
        seen, **{name: value(at_s) if callable(value) else value for name, value in values.items()}
    )
