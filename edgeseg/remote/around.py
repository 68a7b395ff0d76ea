"""All that is remote of one run, put together: made before it, attached to it, closed after it."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgeseg.build import Run, Settings
from edgeseg.clock import Clock, SystemClock
from edgeseg.facts import Emit, Fact
from edgeseg.governed import Wish
from edgeseg.ports import FrameSink
from edgeseg.readings import Reading
from edgeseg.remote.control import Control
from edgeseg.remote.gallery import Gallery
from edgeseg.remote.live import Live
from edgeseg.remote.preview import Picture, Preview
from edgeseg.remote.tap import Tap
from edgeseg.sensors.sampler import Sampler
from edgeseg.sensors.system import SystemSensors
from edgeseg.service.governing import Governing
from edgeseg.service.loading import Loaded
from edgeseg.service.outlet import Outlet
from edgeseg.service.reload import Reloader
from edgeseg.tiers.kept import state_folder

Open = Callable[[], FrameSink]
Attach = Callable[[Run, Reloader, Governing, Callable[[], Reading]], None]
KEPT_LOOKS = 1200  # of the governor's trace: five minutes


class Trace:
    """The newest part of the governor's trace, with its first line.

    ladder: the device's rungs, cheapest first, as plain values. is_pinned: whether what comes is of one rung alone.
    """

    def __init__(self, is_pinned: Callable[[], bool]) -> None:
        self._first, self._is_pinned = "", is_pinned
        self.ladder: list[dict[str, Any]] = []
        self._looks: deque[str] = deque(maxlen=KEPT_LOOKS)

    def write(self, text: str, /) -> int:
        """Take one line."""
        if text.startswith('{"edgeseg_governor_trace"'):
            self._first = text
            self._looks.clear()
            if not (self._is_pinned() and self.ladder):
                self.ladder = json.loads(text)["ladder"]
        else:
            self._looks.append(text)
        return len(text)

    def lines(self) -> list[str]:
        """What is kept of it."""
        return [self._first, *self._looks] if self._first else []


class Remote:
    """What the outside sees and changes of one run.

    name: of the instance. load: what the files say. keep: whether settings are kept for the next start. pictured: is
    given each encoded picture, in the encoder's thread.
    """

    def __init__(self, name: str, load: Callable[[], Loaded], keep: bool, clock: Clock | None = None) -> None:
        self.name, self.keeps, self.clock = name, keep, clock or SystemClock()
        folder = state_folder()
        self.live = Live(self.clock)
        self.pictured: list[Callable[[Picture], object]] = []
        self.preview = Preview(self.clock, self._picture)
        self.gallery = Gallery(folder / "backgrounds")
        kept: Path | None = folder / f"{name}.set.json" if keep else None
        self.control = Control(load, self.gallery, self.live, self.clock, kept)
        self.trace = Trace(lambda: self.control.pin is not None)
        self.control.rungs = lambda: [one["name"] for one in self.trace.ladder if one["kind"] != "cover"]
        self.shows_source = False

    def emit(self, fact: Fact) -> None:
        """Take a fact of the run."""
        self.live(fact)

    def _picture(self, picture: Picture) -> None:
        for take in self.pictured:
            take(picture)

    def tapped(self, sink: FrameSink) -> FrameSink:
        """The sink with the preview in it."""
        return Tap(sink, self.preview, lambda: self.preview.viewers > 0)

    def wish(self, wish: Wish) -> Wish:
        """The same wish, whose trace is seen here too."""
        return replace(wish, writes=self.trace)

    def attach(self, run: Run, reloader: Reloader, governing: Governing, newest: Callable[[], Reading]) -> None:
        """From here on it is this run that is seen and changed."""
        self.control.attach(run, reloader, governing)
        self.live.start(run, newest)

    def show_source(self, run: Run) -> None:
        """Let the source side be looked at; only because the owner said so on the board."""
        self.shows_source = True
        run.runtime.show_source_to(self.preview.offer_source)

    def close(self) -> None:
        """Nothing more is seen."""
        self.control.close()
        self.live.close()
        self.preview.close()


class Attached:
    """The parts around a run of `edgeseg run` that the service has anyway: what can be changed while it lasts."""

    def __init__(self, remote: Remote, loaded: Loaded, wish: Wish | None, emit: Emit) -> None:
        self._remote, self._loaded, self._wish, self._emit = remote, loaded, wish, emit
        clock = remote.clock
        self._outlets: list[Outlet] = []
        self._sampler = Sampler(lambda: SystemSensors(clock=clock, emit=emit), clock=clock, emit=emit)
        self._governing: Governing | None = None

    def outlet(self, sink: FrameSink, reopen: Open) -> FrameSink:
        """See `build`: another sink can take its place, and what goes out is seen."""
        self._outlets.append(Outlet(sink, self._remote.clock.now, self._emit))
        return self._remote.tapped(self._outlets[-1])

    def start(self, run: Run, settings: Settings, attach: Attach) -> None:
        """Begin to govern, and attach the run."""
        clock = self._remote.clock
        wish = self._remote.wish(self._wish or Wish(is_asked=False))
        governing = self._governing = Governing(run, wish, self._sampler, clock, self._emit)
        load, anew = self._remote.control.load, "end it, and start it with the other setting"
        reloader = Reloader(run, self._outlets[0], self._loaded, load, governing, clock, self._emit, anew)
        attach(run, reloader, governing, self._sampler.newest)
        if self._wish is not None:
            governing.start(settings, self._loaded.policy[0])

    def close(self) -> None:
        """Govern no more."""
        if self._governing is not None:
            self._governing.close()
        self._sampler.stop(0.2)
