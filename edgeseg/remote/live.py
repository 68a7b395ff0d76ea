"""What happened in a run and what is so now: facts counted, figures sampled once a second and kept for ten minutes."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from edgeseg.build import Run
from edgeseg.clock import Clock
from edgeseg.config.secrets import hidden
from edgeseg.errors import one_line
from edgeseg.facts import Awake, Degraded, Dropped, Fact, Idle, Noted, Opened, Recovered, RungChanged, Shown
from edgeseg.readings import Reading
from edgeseg.service.status import Rate

KEPT_S = 600  # of samples, one a second
KEPT_FACTS = 200
STALLED_S = 3.0  # no frame for so long and no rest: the pipeline is stuck


class Sample(NamedTuple):
    """One second. at: UNIX time. What is not known is None."""

    at: float
    fps: float | None
    temp_c: float | None
    power_w: float | None
    memory_mb: float | None
    latency_ms: float | None


@dataclass(frozen=True, slots=True)
class Happened:
    """A fact with the time when it came (UNIX)."""

    number: int
    at: float
    since: float  # the same by the run's clock, which nobody sets
    kind: str
    what: str
    detail: str

    def as_json(self) -> dict[str, Any]:
        """For the WebSocket and the list of facts."""
        return {"number": self.number, "at": self.at, "kind": self.kind, "what": self.what, "detail": self.detail}


@dataclass(slots=True)
class Counts:
    """What only grows, since the start."""

    shown: Counter[str] = field(default_factory=Counter)  # frames by mask
    drops: Counter[str] = field(default_factory=Counter)  # by cause
    degraded: Counter[str] = field(default_factory=Counter)  # by cause
    rung_changes: Counter[str] = field(default_factory=Counter)  # by reason
    refused: int = 0  # changes of settings


class Live:
    """An `Emit` for a run, and its figures. newest: what the sensors said last, once somebody reads them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.counts = Counts()
        self._began_s = clock.now()
        self.facts: deque[Happened] = deque(maxlen=KEPT_FACTS)
        self.samples: deque[Sample] = deque(maxlen=KEPT_S)
        self.degraded: dict[str, Happened] = {}  # what is degraded now, by cause
        self.resting: str | None = None
        self.rung: RungChanged | None = None
        self.ended: str | None = None  # why the run is over, while the page lives on
        self.told: list[Callable[[Happened], object]] = []
        self.ticked: list[Callable[[], object]] = []
        self.fps: float | None = None
        self.run: Run | None = None
        self.newest: Callable[[], Reading] = lambda: Reading(clock.now())
        self._rate = Rate()
        self._table: tuple[float, dict[str, dict[str, float]]] = (-1.0, {})
        self._opened_at = 0.0
        self._shown_at: float | None = None
        self._number = 0
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._tick_on, name="edgeseg-live", daemon=True)

    def __call__(self, fact: Fact) -> None:
        """Take one fact, from any thread."""
        if isinstance(fact, Shown):
            self.counts.shown[fact.mask] += 1
            self._shown_at = self._clock.now()
            return
        if isinstance(fact, Dropped):
            self.counts.drops[fact.cause] += 1
            return
        happened = self._happened(fact)
        if isinstance(fact, Degraded):
            self.counts.degraded[fact.cause] += 1
            self.degraded = {**self.degraded, fact.cause: happened}
        elif isinstance(fact, Recovered):
            self.degraded = {cause: one for cause, one in self.degraded.items() if cause != fact.cause}
        elif isinstance(fact, RungChanged):
            self.counts.rung_changes[fact.reason] += 1
            self.rung = fact
        elif isinstance(fact, Idle):
            self.resting = fact.reason
        elif isinstance(fact, Awake):
            self.resting = None
            self._shown_at = self._clock.now()
        self._tell(happened)

    def start(self, run: Run, newest: Callable[[], Reading]) -> None:
        """Begin to sample."""
        self.run, self.newest, self._opened_at = run, newest, self._clock.now()
        self._thread.start()

    def close(self) -> None:
        """Sample no more."""
        self._closed.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=2.0)

    @property
    def uptime_s(self) -> float:
        """Since the start, a suspend counted."""
        return self._clock.now() - self._began_s

    def stages(self) -> dict[str, dict[str, float]]:
        """The stages' times as `StageTimes.table` has them, made at most once a second."""
        run, now = self.run, self._clock.now()
        if run is not None and now - self._table[0] >= 1.0:
            self._table = now, run.runtime.times.table()
        return self._table[1]

    def note(self, kind: str, what: str, detail: str) -> None:
        """Something that is no fact of the run: a setting that was changed or refused."""
        self._tell(self._made(kind, what, detail))

    def status(self) -> tuple[str, str]:
        """(a stable word, a sentence): starting, running, covered, idle, stalled or ended."""
        if self.ended is not None:
            return "ended", f"The pipeline has ended: {self.ended}"
        if self.run is None:
            return "starting", "The camera and the model are being opened."
        if self.resting is not None:
            return "idle", f"It rests, camera and model with it: {self.resting}."
        quiet_s = self._clock.now() - (self._shown_at if self._shown_at is not None else self._opened_at)
        if quiet_s > STALLED_S:
            return (
                "stalled",
                f"No frame has gone out for {quiet_s:.0f} s: the pipeline hangs, or the sink takes nothing.",
            )
        if self._shown_at is None:
            return "starting", "The first frame is being made."
        if self.degraded:
            worst = list(self.degraded.values())[-1]
            return "degraded", f"{worst.detail}"
        return "running", "Frames flow."

    def _happened(self, fact: Fact) -> Happened:
        if isinstance(fact, Degraded):
            return self._made("degraded", fact.cause, fact.detail)
        if isinstance(fact, Recovered):
            return self._made("recovered", fact.cause, "")
        if isinstance(fact, RungChanged):
            return self._made("rung", fact.rung, fact.detail)
        if isinstance(fact, Idle):
            return self._made("idle", "", fact.reason)
        if isinstance(fact, Awake):
            return self._made("awake", "", fact.reason)
        if isinstance(fact, Opened):
            return self._made("opened", fact.what, fact.detail)
        assert isinstance(fact, Noted)
        return self._made("noted", fact.what, fact.detail)

    def _made(self, kind: str, what: str, detail: str) -> Happened:
        with self._lock:
            self._number += 1
            return Happened(self._number, time.time(), self._clock.now(), kind, what, one_line(hidden(detail)))

    def _tell(self, happened: Happened) -> None:
        before = self.facts[-1] if self.facts else None
        if before is not None and happened.since - before.since < 1.0 and _same(before, happened):
            return  # again and again
        self.facts.append(happened)
        for tell in tuple(self.told):
            tell(happened)

    def _tick_on(self) -> None:
        while not self._closed.wait(1.0):
            self._tick()

    def _tick(self) -> None:
        run = self.run
        assert run is not None
        runtime = run.runtime
        if runtime.idle or self.ended:
            self._rate.forget()
            self.fps = None
        else:
            self.fps = self._rate(self._clock.now(), runtime.shown)
        reading = self.newest()
        latency = runtime.times.percentile_ms("latency", 0.5) if not runtime.idle else 0.0
        self.samples.append(
            Sample(
                round(time.time(), 1),
                _rounded(self.fps),
                _rounded(reading.temp_c),
                _rounded(reading.power_w, 2),
                _rounded(reading.rss_mb),
                _rounded(latency) or None,
            )
        )
        for tick in tuple(self.ticked):
            tick()


def _same(one: Happened, other: Happened) -> bool:
    return replace(one, number=0, at=0.0) == replace(other, number=0, at=0.0)


def _rounded(value: float | None, digits: int = 1) -> float | None:
    return None if value is None else round(value, digits)
