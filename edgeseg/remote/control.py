"""Changes of a run from outside: checked, taken up between two frames, refused in words.

What is set lies over what the files say, key by key. It is kept for the next start, until the files say something else
of that key, or somebody takes it back.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from edgeseg.build import Run, check_words, is_camera, named
from edgeseg.clock import Clock
from edgeseg.errors import EdgesegError, UsageError, one_line
from edgeseg.pipeline import Mode
from edgeseg.remote.gallery import Gallery
from edgeseg.remote.live import Live
from edgeseg.remote.wanted import CONFIGURED, KEYS, View, laid, view
from edgeseg.service.governing import Governing
from edgeseg.service.loading import Loaded
from edgeseg.service.reload import Reloader

Change = Mapping[str, Any]


class Refused(EdgesegError):
    """A change that cannot be; setting: of which key, if it is of one."""

    exit_code = 2

    def __init__(self, why: str, setting: str | None = None) -> None:
        super().__init__(why)
        self.setting = setting


class Stale(EdgesegError):
    """Somebody else has changed the settings meanwhile."""

    exit_code = 2


class Control:
    """The settings of one run as the outside sees and changes them.

    load: what the files say. keep: the file in which what was set is kept; None: it lasts as long as the process.
    """

    def __init__(
        self, load: Callable[[], Loaded], gallery: Gallery, live: Live, clock: Clock, keep: Path | None = None
    ) -> None:
        self.gallery, self._live, self._clock, self._keep = gallery, live, clock, keep
        self._files = load
        self._wanted, self._under = _kept(keep)  # what was set, and what the files said of it then
        self._turn = threading.Lock()
        self._run: Run | None = None
        self._reloader: Reloader | None = None
        self._governing: Governing | None = None
        self._pin: tuple[str, float] | None = None
        self._unpin: threading.Timer | None = None
        self.changed: list[Callable[[], object]] = []
        self.rungs: Callable[[], list[str]] = list  # that may be pinned, by name

    def load(self) -> Loaded:
        """What is to run: for the first build, and for each reload. Raises as the files' own reading does."""
        loaded = self._files()
        base = view(loaded, True, {}, self._picture)
        stale = [key for key, under in self._under.items() if key != "on" and base.get(key) != under]
        for key in stale:  # the owner has written something else
            self._wanted.pop(key, None)
            self._under.pop(key, None)
        if not self._wanted:
            return loaded
        try:
            whole = laid(loaded, self._wanted, self.gallery.path)
            check_words(named(whole.settings))
        except (EdgesegError, ValueError, TypeError) as error:
            if self._run is not None:
                raise
            self._live.note("refused", ", ".join(self._wanted), f"What was set before does not hold any more: {error}")
            self._wanted, self._under = {}, {}
            return loaded
        return whole

    def attach(self, run: Run, reloader: Reloader, governing: Governing) -> None:
        """From here on it is this run that is changed."""
        self._run, self._reloader, self._governing = run, reloader, governing
        if not self._wanted.get("on", True) and self._why_not_off(run) is None:
            run.runtime.covered = True

    def close(self) -> None:
        """Change nothing more."""
        if self._unpin is not None:
            self._unpin.cancel()

    @property
    def view(self) -> View:
        """Every setting as it is now."""
        run, reloader, _ = self._parts()
        return view(reloader.loaded, not run.runtime.covered, self._wanted, self._picture)

    @property
    def revision(self) -> str:
        """Changes whenever a setting does, whoever did it."""
        return _revision(self.view)

    @property
    def is_attached(self) -> bool:
        """Whether there is a run."""
        return self._run is not None

    def change(self, wanted: Change, revision: str | None = None) -> str:
        """Have this so from the next frame on; gives what changed, in words. revision: that the caller saw.

        Raises Stale if that is not the newest, Refused or another EdgesegError with the reason: all is as before then.
        """
        run, reloader, _ = self._parts()
        with self._turn:
            if revision is not None and revision != self.revision:
                raise Stale("Somebody else has changed the settings since they were read; look at them again.")
            try:
                self._check(wanted, run)
                return self._changed(wanted, run, reloader)
            except EdgesegError as error:
                self._live.counts.refused += 1
                self._live.note("refused", ", ".join(wanted), str(error))
                raise

    def forget(self) -> str:
        """Take back all that was set: the files hold again."""
        run, reloader, _ = self._parts()
        with self._turn:
            before = self._wanted, self._under
            self._wanted, self._under = {}, {}
            try:
                words = reloader.reload()
            except EdgesegError:
                self._wanted, self._under = before
                raise
            run.runtime.covered = False
            self._done("all taken back")
            return words

    @property
    def pin(self) -> tuple[str, float] | None:
        """(the rung, for how many seconds more) if one is pinned."""
        pin = self._pin
        return (pin[0], max(0.0, pin[1] - self._clock.now())) if pin is not None else None

    def pin_rung(self, rung: str | None, minutes: float = 0.0) -> None:
        """Let the governor keep to this rung for so long, within its limits; None: let it choose again.

        Raises Refused if nobody governs, or there is no such rung.
        """
        _, reloader, governing = self._parts()
        with self._turn:
            if self._unpin is not None:
                self._unpin.cancel()
                self._unpin = None
            if rung is None and self._pin is None:
                return
            if rung is not None:
                if not governing.governs:
                    raise Refused("Nobody governs this run: the tier was chosen by name, or nothing was measured here.")
                if rung not in self.rungs():
                    raise Refused(f"There is no rung {rung[:80]!r} on this device's ladder.", "rung")
                self._pin = rung, self._clock.now() + 60 * minutes
                self._unpin = threading.Timer(60 * minutes, lambda: self.pin_rung(None))
                self._unpin.daemon = True
                self._unpin.start()
            else:
                self._pin = None
            governing.only = rung
            reloader.govern()
            self._live.note("pinned" if rung else "unpinned", rung or "", f"for {minutes:g} minutes" if rung else "")
        for tell in tuple(self.changed):
            tell()

    def _changed(self, wanted: Change, run: Run, reloader: Reloader) -> str:
        before = self._wanted, self._under
        base = view(self._files(), True, {}, self._picture)
        self._wanted = {**self._wanted, **wanted}
        if "background" in wanted and "mode" not in wanted:
            self._wanted["mode"] = "image"
        self._under = {key: base.get(key) for key in self._wanted}
        told = []
        try:
            if set(wanted) - {"on"}:
                told.append(reloader.reload())
        except EdgesegError:
            self._wanted, self._under = before
            raise
        if "on" in wanted and run.runtime.covered is bool(wanted["on"]):
            run.runtime.covered = not wanted["on"]
            told.append("on" if wanted["on"] else "off")
        words = ", ".join(word for word in told if word != "nothing") or "nothing"
        self._done(words)
        return words

    def _done(self, words: str) -> None:
        if words != "nothing":
            self._live.note("changed", words, "from outside")
        _keep(self._keep, self._wanted, self._under)
        for tell in tuple(self.changed):
            tell()

    def _check(self, wanted: Change, run: Run) -> None:
        for key, value in wanted.items():
            if key not in KEYS:
                raise Refused(f"There is no setting {key[:40]!r}.", key)
            if key == "background" and value not in (None, CONFIGURED):
                self.gallery.item(value)
            if key == "source" and value != self.view["source"]:
                if value not in {one["id"] for one in sources()}:
                    raise Refused(f"There is no camera {value[:80]!r} on this board.", key)
                if not is_camera(self._settled_source()):
                    raise Refused("A file is read, whose place no camera can take while it runs.", key)
        if wanted.get("on") is False and (why := self._why_not_off(run)) is not None:
            raise Refused(why, "on")
        mode = wanted.get("mode")
        if mode == "video" and self.view["mode"] != "video":
            raise Refused("A video can be named in the config file only, and none is.", "mode")
        if mode == "image" and "background" not in wanted and self.view["background"] is None:
            raise Refused("No picture is chosen; give background too.", "background")

    def _settled_source(self) -> str:
        _, reloader, _ = self._parts()
        return reloader.loaded.settings.source

    @staticmethod
    def _why_not_off(run: Run) -> str | None:
        if run.pipeline.mode is Mode.NONE:
            return "With background none nothing is hidden, so there is no cover to show; choose another background."
        return None if run.source.info.live else "A file is read, and each of its frames is shown."

    def _picture(self, where: str) -> str | None:
        name = Path(where).stem
        with contextlib.suppress(UsageError):
            if self.gallery.path(name) == Path(where):
                return name
        return None

    def _parts(self) -> tuple[Run, Reloader, Governing]:
        if self._run is None or self._reloader is None or self._governing is None:
            raise Refused("The camera and the model are still being opened; try again in a moment.")
        return self._run, self._reloader, self._governing


def sources() -> list[dict[str, str]]:
    """The cameras that may be chosen: {"id": as --source has it, "title": for people}."""
    from edgeseg.capture.v4l2_devices import cameras

    found = [{"id": f"camera:{one.path}", "title": one_line(f"{one.name} ({one.path})")} for one in cameras()]
    return [{"id": "auto", "title": "the first camera that is found"}, *found]


def _revision(settings: View) -> str:
    return hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()[:12]


def _kept(path: Path | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """(what was set, what the files said then); nothing where there is no such file, or it is broken."""
    if path is None:
        return {}, {}
    try:
        kept = json.loads(path.read_bytes())
        wanted, under = kept["wanted"], kept["under"]
        if not isinstance(wanted, dict) or not isinstance(under, dict):
            return {}, {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}, {}
    return {key: value for key, value in wanted.items() if key in KEYS and key in under}, under


def _keep(path: Path | None, wanted: Mapping[str, Any], under: Mapping[str, Any]) -> None:
    if path is None:
        return
    with contextlib.suppress(OSError):  # it holds until the process ends
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_suffix(".new")
        aside.write_text(json.dumps({"wanted": dict(wanted), "under": dict(under)}))
        aside.replace(path)
