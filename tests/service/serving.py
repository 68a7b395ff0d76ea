"""A service with fakes around it: source, engine and sink of edgeseg.testing, a manager that listens.

It runs in the test's own thread, for signals come to the main one; a script in another thread does things to it.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

from notified import Manager

from edgeseg.backgrounds.color import ColorBackground
from edgeseg.build import Outlet, Run, Settings, limits_of
from edgeseg.clock import Clock, SystemClock
from edgeseg.config.profile import Governor, Limits, Targets
from edgeseg.errors import EdgesegError
from edgeseg.facts import Emit
from edgeseg.pipeline import Pipeline
from edgeseg.ports import FrameSink, FrameSource, ModelIO
from edgeseg.runtime import Runtime
from edgeseg.service.loading import Loaded
from edgeseg.service.run import run_service
from edgeseg.testing.engine import FakeEngine
from edgeseg.testing.sink import FakeSink
from edgeseg.testing.source import FakeSource
from tests.runtime.scene import GREY, Scene, finder

SCENE = Scene()
PLACE = (128, 76)
CLOCK = SystemClock()
POLICY = (Limits(), Governor(), Targets())


class Serving:
    """One service. Levers: `source`, `engine`, `sink`; `settings`, which the next load gives; `fault`, which it raises.

    ended: exit codes with which the process would have been left at once.
    """

    def __init__(self, folder: Path, *, period_s: float = 20.0) -> None:
        self.manager = Manager(folder / "notify")
        self.source = self.new_source()
        self.engine = FakeEngine(ModelIO(72, 128), finder())
        self.sink: Any = FakeSink(keep=4, watched=True)
        self.settings = Settings(
            source="camera:0",
            background=f"color:{GREY}",
            sink="null",
            max_mask_age_s=5.0,
            seek_s=None,
            idle_after_s=0.1,
        )
        self.policy = POLICY
        self.fault: Exception | None = None
        self.loads = 0
        self.ended: list[int] = []
        self.run: Run | None = None
        self.reopens = True
        self.gone: EdgesegError | None = None  # what an opening of source or sink raises
        self._folder, self._period_s = folder, period_s

    def new_source(self) -> FakeSource:
        return FakeSource(
            paint=lambda index, planes: SCENE.paint(PLACE, planes),
            size=SCENE.size, count=None, fps=Fraction(50), live=True, clock=CLOCK,
        )  # fmt: skip

    def _new_source(self) -> FrameSource:
        if self.gone is not None:
            raise self.gone
        self.source = self.new_source()
        return self.source

    def _new_sink(self) -> FrameSink:
        if self.gone is not None:
            raise self.gone
        self.sink = FakeSink(keep=4, watched=True)
        return self.sink

    def _load(self) -> Loaded:
        self.loads += 1
        if self.fault is not None:
            raise self.fault
        return Loaded(self.settings, self.policy)

    def _build(self, loaded: Loaded, emit: Emit, clock: Clock, outlet: Outlet) -> Run:
        pipeline = Pipeline(self.engine, ColorBackground(GREY), SCENE.known(), clock, refine=False)
        sink = outlet(self.sink, self._new_sink)
        reopen = self._new_source if self.reopens else None
        runtime = Runtime(self.source, pipeline, sink, clock, emit, limits_of(loaded.settings), reopen=reopen)
        self.run = Run(runtime, self.source, sink, pipeline, self.engine, "fake", "cpu")
        return self.run

    def serve(self, script: Callable[[], None], instance: str = "cam") -> None:
        """Run until the script is done, and SIGTERM after it; raises what the service or the script raised."""
        failed: list[BaseException] = []

        def play() -> None:
            try:
                script()
            except BaseException as error:  # noqa: BLE001 - raised below
                failed.append(error)
            finally:
                self.source.resume()
                os.kill(os.getpid(), signal.SIGTERM)

        environ = {
            "NOTIFY_SOCKET": self.manager.address,
            "WATCHDOG_USEC": str(int(self._period_s * 1e6)),
            "RUNTIME_DIRECTORY": str(self._folder / "run"),
        }
        thread = threading.Thread(target=play)
        before = signal.signal(signal.SIGTERM, signal.SIG_IGN)  # for a script that ends after the service did
        try:
            thread.start()
            run_service(instance, environ, loads=self._load, builds=self._build, end=self.ended.append)
        finally:
            thread.join()
            signal.signal(signal.SIGTERM, before)
            self.manager.close()
        if failed:
            raise failed[0]

    def reload(self) -> None:
        os.kill(os.getpid(), signal.SIGHUP)
