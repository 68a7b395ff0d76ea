"""Whether the run is ready and well: what its facts say, and when. The watchdog is fed by this and nothing else."""

from __future__ import annotations

from edgeseg.facts import Awake, Degraded, Fact, Idle, Recovered, Shown

COVERED_S = 10.0  # a run that shows covers alone for so long is ready too: they are safe, and a restart helps nobody
STILL_S = 3.0  # no frame for so long, and the watchdog is fed no more
_FRAMES = 5  # or for so many frames of a slow source


class Vitals:
    """An `Emit` that keeps what matters. now: the clock.

    The first safe frame is one whose mask was believed, or that is shown as it is because that was asked for.
    """

    def __init__(self, now: float) -> None:
        self.safe = False  # the first safe frame went out
        self.resting = False  # nobody reads the sink, and that is meant
        self._causes: list[str] = []  # of what is degraded now
        self.at_s = now  # when something was seen that should be
        self._covered_s: float | None = None  # since when there were covers, until the first safe frame

    def take(self, fact: Fact, now: float) -> None:
        """Take one fact that came now."""
        if isinstance(fact, Shown):
            self.at_s = now
            if fact.mask != "cover":
                self.safe = True
            elif self._covered_s is None:
                self._covered_s = now
        elif isinstance(fact, Idle):
            self.at_s, self.resting, self.safe = now, True, True
        elif isinstance(fact, Awake):
            self.at_s, self.resting = now, False
        elif isinstance(fact, Degraded):
            self._causes = [*(cause for cause in self._causes if cause != fact.cause), fact.cause]
        elif isinstance(fact, Recovered):
            self._causes = [cause for cause in self._causes if cause != fact.cause]

    @property
    def degraded(self) -> str | None:
        """What is wrong now, the newest of it; None if nothing is."""
        return self._causes[-1] if self._causes else None

    def moved(self, now: float) -> None:
        """Something that takes its time was begun on purpose, such as opening another camera."""
        self.at_s = now

    def is_ready(self, now: float) -> bool:
        """Whether the service may say so."""
        return self.safe or (self._covered_s is not None and now - self._covered_s >= COVERED_S)

    def is_well(self, now: float, written_at: float | None, fps: float | None) -> bool:
        """Whether frames flow, or the rest is meant and the cover flows.

        written_at: when the sink took something last. fps: of the source.
        """
        if self.resting:
            return written_at is not None and now - written_at <= STILL_S
        return now - self.at_s <= max(STILL_S, _FRAMES / fps if fps else 0.0)
