"""What the governor remembers from one look to the next; all of it, so that a trace replays to the same decisions."""

from __future__ import annotations

from dataclasses import dataclass

from edgeseg.governor.decision import Expectation
from edgeseg.governor.heat import Heat
from edgeseg.governor.quota import Quota
from edgeseg.governor.rate import Rate
from edgeseg.governor.rung import Ladder, Rung
from edgeseg.governor.sensing import Sensing
from edgeseg.governor.speed import Speed

NO_SENSING = Sensing()


@dataclass(frozen=True, slots=True)
class Failure:
    """A rung that had to be left soon after it was taken: how often in a row, and until when it is not tried again."""

    rung: str
    count: int
    until_s: float


@dataclass(frozen=True, slots=True)
class State:
    """What is known after a look.

    time_s: seconds that passed, of the governor's own, which neither jumps nor goes back; all times here are of it.
    wanted, running: names of rungs. wanted_s, running_s: since when. arrived_slow: how slow the board was when it
    was taken. arrived_cores: the quota then. looks: how many there were. framed_s: when frames came last.
    over_looks: how many looks in a row the running rung's work did not fit. room_s: since when a better one fits.
    moved_s: when heat last moved it. speeds: what `speed` was at the looks before, oldest first. watts_more: what
    the board takes beyond what the ladder says. memory_more_mb: likewise.
    """

    ladder: Ladder
    wanted: str | None
    running: str | None = None
    time_s: float = 0.0
    now_s: float | None = None
    wanted_s: float = 0.0
    running_s: float = 0.0
    arrived_slow: float = 1.0
    arrived_cores: float | None = None
    looks: int = 0
    framed_s: float = 0.0
    over_looks: int = 0
    room_s: float | None = None
    moved_s: float | None = None
    speed: Speed = Speed()
    speeds: tuple[Speed, ...] = ()
    rate: Rate = Rate()
    quota: Quota = Quota()
    heat: Heat = Heat()
    temp: Sensing = NO_SENSING
    power: Sensing = NO_SENSING
    memory: Sensing = NO_SENSING
    watts_more: tuple[float, ...] = ()
    memory_more_mb: tuple[float, ...] = ()
    memory_limit_mb: float | None = None
    power_limit_w: float | None = None
    failures: tuple[Failure, ...] = ()
    expected: Expectation | None = None
    review_s: float | None = None
    notes: tuple[str, ...] = ()

    def rung(self, name: str | None) -> Rung | None:
        """The rung of that name; None if there is none."""
        return next((rung for rung in self.ladder if rung.name == name), None)

    def blocked_until(self, name: str) -> float:
        """Until when a rung that failed is not taken."""
        return max((failure.until_s for failure in self.failures if failure.rung == name), default=0.0)
