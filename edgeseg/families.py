"""Changes the family of models in a live run with what is seen of people: a rung change, built aside.

It looks at each believed mask; the engine of the other tier is built, warmed and proved in a thread of its own, and the
runtime takes it up between two frames. One that cannot be built leaves the old one running.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from edgeseg.build import Run, Settings
from edgeseg.clock import Clock
from edgeseg.errors import EdgesegError
from edgeseg.facts import Emit, Noted, RungChanged
from edgeseg.frames import Mask, Size
from edgeseg.governed import proved_engine
from edgeseg.ports import Engine
from edgeseg.runtime import Runtime
from edgeseg.stages.framing import FamilyChoice, framing_of


def families_of(run: Run, settings: Settings, clock: Clock, emit: Emit) -> Families:
    """For a live run of these settings, which name a tier for whole bodies."""
    body = settings.whole_body
    assert body is not None
    assert run.tier is not None
    settings = replace(settings, tier=run.tier, engine=run.requested or settings.engine)

    def make(tier: str) -> Engine:
        return proved_engine(replace(settings, tier=tier), run.runtime, clock, emit)

    return Families(run.runtime, run.tier, body, run.source.info.size, make, emit)


class Families:
    """Steers a live run between two tiers.

    usual, body: their names; the run begins with the usual one. make: an engine of a tier, warm and proved; raises
    EdgesegError. size: of the frames.
    """

    def __init__(
        self, runtime: Runtime, usual: str, body: str, size: Size, make: Callable[[str], Engine], emit: Emit
    ) -> None:
        self._runtime, self._make, self._emit, self._size = runtime, make, emit, size
        self._tiers = {False: usual, True: body}
        self._choice = FamilyChoice()
        self._running = False
        self._failed = False
        self._building: threading.Thread | None = None
        runtime.believed.append(self.saw)

    def saw(self, mask: Mask, at_s: float) -> None:
        """The next believed mask, of a frame of this time (seconds)."""
        framing = framing_of(mask.alpha, self._size)
        wanted = self._choice.saw(framing, at_s)
        is_busy = self._building is not None and self._building.is_alive()
        if wanted == self._running or self._failed or is_busy:
            return
        tier = self._tiers[wanted]
        self._building = threading.Thread(
            target=self._build, args=(wanted, tier, framing.value), name="edgeseg-build", daemon=True
        )
        self._building.start()

    def close(self) -> None:
        """What is being built is waited for, and no more is."""
        self._failed = True
        if self._building is not None:
            self._building.join(timeout=2.0)

    def _build(self, wanted: bool, tier: str, why: str) -> None:
        try:
            engine = self._make(tier)
        except EdgesegError as error:
            self._failed = True
            self._emit(Noted("family", f"{tier} cannot be built, and the tier before it goes on: {error}"))
            return
        if self._failed:
            engine.close()
            return
        self._runtime.switch(replace(self._runtime.plan, name=tier, engine=engine))
        self._running = wanted
        self._emit(RungChanged(tier, "framing", f"{why}: {tier}"))
