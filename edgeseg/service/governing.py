"""The governor of a service's run, which a new config may end and begin anew."""

from __future__ import annotations

from dataclasses import replace

from edgeseg.build import Run, Settings
from edgeseg.clock import Clock
from edgeseg.config.profile import Limits
from edgeseg.facts import Emit
from edgeseg.governed import Governed, Wish
from edgeseg.sensors.sampler import Sampler
from edgeseg.tiers.catalogue import AUTO


class Governing:
    """Governs a run where its tier is "auto", or where that is asked for, as `edgeseg run` does.

    wish: what to govern by, but for its limits.
    """

    def __init__(self, run: Run, wish: Wish, sampler: Sampler, clock: Clock, emit: Emit) -> None:
        self._run, self._wish, self._sampler = run, wish, sampler
        self._clock, self._emit = clock, emit
        self.only: str | None = None  # see `Wish`; set before `start`
        self._governed: Governed | None = None

    @property
    def governs(self) -> bool:
        """Whether it is at work."""
        return self._governed is not None

    def start(self, settings: Settings, limits: Limits | None = None) -> None:
        """Begin, within these limits; without them it reads what the files say itself."""
        asked = settings.tier == AUTO or self._wish.is_asked
        if asked and self._run.source.info.live and self._run.tier is not None:
            wish = replace(self._wish, limits=limits, only=self.only)
            self._governed = Governed(self._run, settings, wish, self._clock, self._emit, newest=self._sampler.newest)

    def close(self) -> None:
        """Steer no more; more than once does no harm."""
        governed, self._governed = self._governed, None
        if governed is not None:
            governed.close()
