"""Applies a new config to a run that goes on.

What can fail is made aside first: engine, background, sink, source. Then the showing thread takes it up between two
frames. Whatever is refused leaves the old one running.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from edgeseg.build import (
    Opener,
    Run,
    Settings,
    check_words,
    edges_of,
    flip_of,
    is_camera,
    limits_of,
    named,
    open_background,
    open_sink,
    open_sink_anew,
    refuse_same_file,
    settled,
)
from edgeseg.clock import Clock
from edgeseg.config.profile import Limits
from edgeseg.errors import NotPermitted, OutputError, SourceError, UsageError
from edgeseg.facts import Emit
from edgeseg.governed import proved_engine
from edgeseg.pipeline import Mode
from edgeseg.ports import Background, Engine, FrameSink, SinkWish, SourceWish
from edgeseg.runtime import Exchange, Plan
from edgeseg.service.changes import ENGINE, changed, needs_source, refuse, words
from edgeseg.service.governing import Governing
from edgeseg.service.loading import Loaded
from edgeseg.service.outlet import Outlet

_OPEN_S, _FRAME_S = 15.0, 5.0  # that a source may take to open; that the next frame may take
_LOOK_S = 0.02
_GOVERNED = ENGINE | {"fps", "max_mask_age_s"}  # what the governor's ladder and policy are made of


class Reloader:
    """Changes `run`. load: reads the config files. anew: how a person starts it anew."""

    def __init__(
        self,
        run: Run,
        outlet: Outlet,
        loaded: Loaded,
        load: Callable[[], Loaded],
        governing: Governing,
        clock: Clock,
        emit: Emit,
        anew: str,
    ) -> None:
        self._run, self._outlet, self._governing = run, outlet, governing
        self._settings, self._policy, self._load = loaded.settings, loaded.policy, load
        self._clock, self._emit, self._anew = clock, emit, anew
        self._turn = threading.Lock()

    @property
    def loaded(self) -> Loaded:
        """What runs."""
        return Loaded(self._settings, self._policy)

    def reload(self) -> str:
        """Take up what the files say now; gives what changed, in words.

        Raises EdgesegError if something is wrong or cannot be: the old one goes on, but for what had changed before a
        source or sink was refused in the end. One at a time, from any thread.
        """
        with self._turn:
            return self._reload()

    def govern(self) -> None:
        """Begin to steer anew, by what holds now."""
        with self._turn:
            self._govern(None, self._settings, self._policy[0])

    def _reload(self) -> str:
        loaded = self._load()
        old, new = self._settings, loaded.settings
        fields, policy = changed(old, new), loaded.policy != self._policy
        check_words(named(new))
        refuse_same_file(new)
        refuse(fields, old, new, self._run.source.info.live, self._anew)
        self._change(fields, new, loaded.policy[0], policy)
        self._settings, self._policy = new, loaded.policy
        return words(fields, policy) or "nothing"

    def _change(self, fields: frozenset[str], new: Settings, limits: Limits, policy: bool) -> None:
        rate = self._run.source.info.fps
        with contextlib.ExitStack() as undo:  # closes what was made aside, if anything of it is refused
            background = self._background(new, undo) if "background" in fields else None
            engine = self._engine(new, undo) if fields & ENGINE else None
            sink, reopen = self._sink(new, undo) if "sink" in fields else (None, None)
            if needs_source(fields, new, rate, is_camera(new.source)):
                self._exchange(self._source(new, undo))
                held = replace(self._settings, source=new.source, size=new.size, hflip=new.hflip, vflip=new.vflip)
                self._settings = held
            if sink is not None:
                self._outlet.change(sink, _FRAME_S, reopen)
                self._settings = replace(self._settings, sink=new.sink)
            undo.pop_all()
        self._between(new, background)
        if engine is not None or policy or fields & _GOVERNED:
            self._govern(engine, new, limits)

    def _background(self, new: Settings, undo: contextlib.ExitStack) -> Background | None:
        mode, background = open_background(new.background)
        if background is not None:
            undo.callback(background.close)
        if mode is not self._run.pipeline.mode:
            raise UsageError(f"background {new.background} cannot be shown without a restart.")
        return background

    def _engine(self, new: Settings, undo: contextlib.ExitStack) -> tuple[Settings, Engine] | None:
        """The settings with tier and engine named, and the engine; None where there is none to change."""
        if self._run.tier is None:
            return None
        chosen = settled(new, self._run.pipeline.mode, new.fps or self._run.source.info.fps, self._emit)
        engine = proved_engine(chosen, self._run.runtime, self._clock, self._emit)
        undo.callback(engine.close)
        return chosen, engine

    def _sink(self, new: Settings, undo: contextlib.ExitStack) -> tuple[FrameSink, Callable[[], FrameSink]]:
        alpha = self._run.pipeline.mode is Mode.ALPHA
        wish = SinkWish(new.fps or self._run.source.info.fps, None, alpha)
        sink = open_sink(new.sink, wish, self._emit)
        undo.callback(sink.close)
        if alpha and not sink.keeps_alpha:
            raise UsageError(f"The sink {new.sink} cannot hold transparency.")
        return sink, partial(open_sink_anew, new.sink, wish, self._emit)

    def _source(self, new: Settings, undo: contextlib.ExitStack) -> Exchange:
        """Another source, read aside already unless its device is the one that is open."""
        if not is_camera(new.source):
            raise UsageError(f"source {new.source} is no camera; the old one goes on: {self._anew}")
        wish = SourceWish(new.size, new.fps, new.realtime)
        wanted = Exchange(Opener(new.source, wish, self._clock, self._emit), flip_of(new))
        runtime = self._run.runtime
        if runtime.idle:
            wanted.open().close()  # nothing else is open: whether it can be is seen at once
            return wanted
        if new.source == self._settings.source:
            return wanted
        runtime.read_aside(wanted)
        capture = wanted.capture
        assert capture is not None
        undo.callback(lambda: None if wanted.done.is_set() and wanted.error is None else capture.close())
        until = self._clock.now() + _OPEN_S
        while capture.source is None and not capture.is_over and self._clock.now() < until:
            self._clock.sleep(_LOOK_S)
        if isinstance(capture.error, NotPermitted):  # by another name it may be the one that is open
            wanted.capture = None
        elif capture.error is not None:
            raise capture.error
        elif capture.source is None:
            raise SourceError(f"The source {new.source} did not open within {_OPEN_S:g} s.")
        return wanted

    def _exchange(self, wanted: Exchange) -> None:
        self._run.runtime.exchange(wanted)
        if not wanted.done.wait(_OPEN_S + _FRAME_S):
            raise SourceError(f"No frame came within {_OPEN_S + _FRAME_S:g} s.")
        if wanted.error is not None:
            raise wanted.error
        if wanted.capture is not None and wanted.capture.source is not None:
            self._run.source = wanted.capture.source

    def _between(self, new: Settings, background: Background | None) -> None:
        """All that is small, in one go."""
        runtime, pipeline = self._run.runtime, self._run.pipeline
        done, before = threading.Event(), []

        def change() -> None:
            if background is not None:
                before.append(pipeline.stand_before(background))
            pipeline.make(refine=new.refine, steady=new.steady, tidy=new.tidy, edges=edges_of(new))
            runtime.limit(limits_of(new))
            done.set()

        runtime.between(change)
        if not done.wait(_FRAME_S):
            raise OutputError(f"No frame came within {_FRAME_S:g} s; the new config is taken up with the next one.")
        for old in before:
            if old is not None:
                old.close()

    def _govern(self, engine: tuple[Settings, Engine] | None, new: Settings, limits: Limits) -> None:
        """Begin to steer anew, from the new engine if there is one."""
        self._governing.close()
        if engine is not None:
            chosen, made = engine
            plan = Plan("", made, new.every)
            self._run.runtime.switch(plan)
            until = self._clock.now() + _FRAME_S
            while self._run.runtime.plan is not plan and self._clock.now() < until:
                self._clock.sleep(_LOOK_S)
            self._run.tier, self._run.requested, self._run.engine = chosen.tier, chosen.engine, made
        self._governing.start(new, limits)
