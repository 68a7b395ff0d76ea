"""A run of `edgeseg run` with its page."""

from __future__ import annotations

from edgeseg.build import Run, Settings
from edgeseg.config.profile import Governor, Limits, Targets
from edgeseg.facts import Emit, Fact, Noted
from edgeseg.governed import Wish
from edgeseg.ports import FrameSink
from edgeseg.remote.around import Attached, Open, Remote
from edgeseg.service.loading import Loaded
from edgeseg.web.server import Web, WebWish


class Paged:
    """The page around a run: made before it, `begin` when it is built, `close` after it. emit: who else takes facts.

    Raises as `Web` does.
    """

    def __init__(self, settings: Settings, wish: Wish | None, web: WebWish, emit: Emit) -> None:
        self._settings, self._emit, self._web_wish = settings, emit, web
        loaded = Loaded(settings, _policy(wish))
        self._remote = Remote("run", lambda: loaded, keep=False)
        self._attached = Attached(self._remote, loaded, wish, self.emit)
        self._web = Web(self._remote, web)
        for text in told(self._web):
            emit(Noted("page", text))
        self._web.start()

    @property
    def url(self) -> str:
        """Where the page is."""
        return self._web.url

    def emit(self, fact: Fact) -> None:
        """For the run."""
        self._remote.emit(fact)
        self._emit(fact)

    def outlet(self, sink: FrameSink, reopen: Open) -> FrameSink:
        """See `build`."""
        return self._attached.outlet(sink, reopen)

    def begin(self, run: Run) -> None:
        """The run is built."""
        if self._web_wish.shows_source:
            self._remote.show_source(run)
        self._attached.start(run, self._settings)

    def close(self) -> None:
        """The run is over."""
        self._attached.close()
        self._web.close()
        self._remote.close()


def told(web: Web) -> list[str]:
    """What whoever starts it is told: where it is, the token if it was made now, and what is not safe."""
    lines = [web.url]
    if web.token is not None:
        lines.append(f"its token, shown this once: {web.token}")
    if web.warning is not None:
        lines.append(web.warning)
    return lines


def _policy(wish: Wish | None) -> tuple[Limits, Governor, Targets]:
    if wish is None:
        return Limits(), Governor(), Targets()
    from edgeseg.probe import probe
    from edgeseg.resolve import resolve

    keys = resolve(probe, profile=wish.profile, instance=wish.instance, config=wish.config).keys
    return keys.limits, keys.governor, keys.targets
