"""What may go on beside a service's run: the page, home automation. The service knows no more of it than this."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from edgeseg.build import Run
from edgeseg.facts import Emit, Fact
from edgeseg.governed import Wish
from edgeseg.ports import FrameSink
from edgeseg.readings import Reading
from edgeseg.service.governing import Governing
from edgeseg.service.loading import Loaded
from edgeseg.service.reload import Reloader


class Beside(Protocol):
    """Made before a run, attached to it, closed after it."""

    def begin(self, emit: Emit) -> None:
        """Nothing is built yet; facts of its own go to `emit`. What fails is told, and does not end it."""
        ...

    def load(self) -> Loaded:
        """What the files say, with what was set from outside laid over it. Raises as `loading.load` does."""
        ...

    def emit(self, fact: Fact) -> None:
        """Take a fact of the run."""
        ...

    def tapped(self, sink: FrameSink) -> FrameSink:
        """The sink to write into instead."""
        ...

    def wish(self, wish: Wish) -> Wish:
        """What to govern by instead."""
        ...

    def attach(self, run: Run, reloader: Reloader, governing: Governing, newest: Callable[[], Reading]) -> None:
        """This is the run."""
        ...

    def close(self) -> None:
        """It is over; more than once does no harm."""
        ...


Besides = Callable[[str, Callable[[], Loaded]], Beside]
"""Makes one for an instance, of what its files say."""
