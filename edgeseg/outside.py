"""What goes on beside a run, put together: the page and home automation, around one `Remote`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgeseg.build import Run, Settings
from edgeseg.config.profile import Governor, Limits, Targets
from edgeseg.errors import EdgesegError, UsageError
from edgeseg.facts import Emit, Fact, Noted
from edgeseg.governed import Wish
from edgeseg.mqtt.wish import MqttWish
from edgeseg.ports import FrameSink
from edgeseg.readings import Reading
from edgeseg.service.governing import Governing
from edgeseg.service.loading import Loaded
from edgeseg.service.reload import Reloader
from edgeseg.web.wish import WebWish

if TYPE_CHECKING:
    from edgeseg.mqtt.link import Mqtt
    from edgeseg.remote.around import Attached, Open, Remote
    from edgeseg.web.server import Web


@dataclass(frozen=True, slots=True)
class OutsideWish:
    """web, mqtt: None: it is not wanted. is_patient: one that cannot begin is told of, and the run goes on."""

    web: WebWish | None = None
    mqtt: MqttWish | None = None
    is_patient: bool = False


class Outside:
    """A `Beside` for a service's run, or, by `RunOutside`, for one of `edgeseg run`. keep: settings are kept."""

    def __init__(self, name: str, load: Callable[[], Loaded], wish: OutsideWish, keep: bool) -> None:
        from edgeseg.remote.around import Remote

        self._wish = wish
        self.remote: Remote = Remote(name, load, keep)
        self.web: Web | None = None
        self.mqtt: Mqtt | None = None

    def begin(self, emit: Emit) -> None:
        """See `Beside.begin`. Raises EdgesegError unless the wish is patient."""
        for what, begin in (("page", self._begin_web), ("mqtt", self._begin_mqtt)):
            try:
                begin(emit)
            except EdgesegError as error:
                if not self._wish.is_patient:
                    self.close()
                    raise
                emit(Noted(what, f"it does not run: {error}"))

    def load(self) -> Loaded:
        """See `Beside.load`."""
        return self.remote.control.load()

    def emit(self, fact: Fact) -> None:
        """See `Beside.emit`."""
        self.remote.emit(fact)

    def tapped(self, sink: FrameSink) -> FrameSink:
        """See `Beside.tapped`."""
        return self.remote.tapped(sink)

    def wish(self, wish: Wish) -> Wish:
        """See `Beside.wish`."""
        return self.remote.wish(wish)

    def attach(self, run: Run, reloader: Reloader, governing: Governing, newest: Callable[[], Reading]) -> None:
        """See `Beside.attach`."""
        if self._wish.web is not None and self._wish.web.shows_source:
            self.remote.show_source(run)
        self.remote.attach(run, reloader, governing, newest)

    def close(self) -> None:
        """See `Beside.close`."""
        self.remote.live.ended = self.remote.live.ended or "the run is over."
        for part in (self.mqtt, self.web, self.remote):
            if part is not None:
                part.close()
        self.mqtt = self.web = None

    def _begin_web(self, emit: Emit) -> None:
        if self._wish.web is None:
            return
        try:
            from edgeseg.web.server import Web
        except ImportError as error:
            raise _missing("web", error) from error
        self.web = Web(self.remote, self._wish.web)
        for line in self.web.told:
            emit(Noted("page", line))
        self.web.start()

    def _begin_mqtt(self, emit: Emit) -> None:
        if self._wish.mqtt is None:
            return
        try:
            from edgeseg.mqtt.link import Mqtt
        except ImportError as error:
            raise _missing("mqtt", error) from error
        self.mqtt = Mqtt(self.remote, self._wish.mqtt, emit)
        self.mqtt.start()


class RunOutside:
    """The same around a run of `edgeseg run`, with what a service has besides: settings that change while it lasts.

    emit: who else takes the run's facts. Raises as `Outside.begin` does.
    """

    def __init__(self, settings: Settings, govern: Wish | None, wish: OutsideWish, emit: Emit) -> None:
        self._settings, self._emit = settings, emit
        loaded = Loaded(settings, _policy(govern))
        self.outside = Outside("run", lambda: loaded, wish, keep=False)
        self.outside.begin(emit)
        from edgeseg.remote.around import Attached

        self._attached: Attached = Attached(self.outside.remote, loaded, govern, self.emit)

    def emit(self, fact: Fact) -> None:
        """For the run."""
        self.outside.emit(fact)
        self._emit(fact)

    def outlet(self, sink: FrameSink, reopen: Open) -> FrameSink:
        """See `build`."""
        return self._attached.outlet(sink, reopen)

    def begin(self, run: Run) -> None:
        """The run is built."""
        self._attached.start(run, self._settings, self.outside.attach)

    def close(self) -> None:
        """The run is over."""
        self._attached.close()
        self.outside.close()


def _missing(extra: str, error: ImportError) -> UsageError:
    return UsageError(f"--{extra} needs packages that are not here ({error.name}): pip install 'edgeseg[{extra}]'")


def _policy(wish: Wish | None) -> tuple[Limits, Governor, Targets]:
    if wish is None:
        return Limits(), Governor(), Targets()
    from edgeseg.probe import probe
    from edgeseg.resolve import resolve

    keys = resolve(probe, profile=wish.profile, instance=wish.instance, config=wish.config).keys
    return keys.limits, keys.governor, keys.targets
