"""The governor of a service's run, which a new config may end and begin anew."""

from __future__ import annotations

from edgeseg.build import Run, Settings
from edgeseg.clock import Clock
from edgeseg.facts import Emit
from edgeseg.governed import Governed, Wish
from edgeseg.sensors.sampler import Sampler
from edgeseg.tiers.catalogue import AUTO


class Governing:
    """Governs a run where its tier is "auto", as `edgeseg run` does."""

    def __init__(self, run: Run, instance: str, sampler: Sampler, clock: Clock, emit: Emit) -> None:
        self._run, self._instance, self._sampler = run, instance, sampler
        self._clock, self._emit = clock, emit
        self._governed: Governed | None = None

    def start(self, settings: Settings) -> None:
        """Begin; it reads what the files say of limits itself."""
        if settings.tier == AUTO and self._run.source.info.live and self._run.tier is not None:
            wish = Wish(instance=self._instance, is_asked=False)
            self._governed = Governed(self._run, settings, wish, self._clock, self._emit, newest=self._sampler.newest)

    def close(self) -> None:
        """Steer no more; more than once does no harm."""
        governed, self._governed = self._governed, None
        if governed is not None:
            governed.close()
