"""A run with its page around fakes: the scene of which nothing but the room has colour. uvicorn, on loopback."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from typing import Any

import cv2
import httpx
import numpy as np

from edgeseg.build import Run, Settings, limits_of, open_background
from edgeseg.clock import SystemClock
from edgeseg.facts import Fact
from edgeseg.frames import U8
from edgeseg.governed import Wish
from edgeseg.mqtt.wish import MqttWish
from edgeseg.outside import OutsideWish, RunOutside
from edgeseg.pipeline import Pipeline
from edgeseg.ports import FrameSink, ModelIO
from edgeseg.runtime import Runtime
from edgeseg.testing.engine import FakeEngine
from edgeseg.testing.sink import FakeSink
from edgeseg.testing.source import FakeSource
from edgeseg.web import server
from edgeseg.web.wish import WebWish
from tests.runtime.scene import GREY, Scene, finder

SCENE = Scene()
PLACE = (128, 76)
CLOCK = SystemClock()


class Paging:
    """A run of the scene, live at 50 frames a second, and its page. Levers: source, engine, sink."""

    def __init__(
        self,
        wish: WebWish,
        mqtt: MqttWish | None = None,
        govern: Wish | None = None,
        sink: FrameSink | None = None,
        **changes: Any,
    ) -> None:
        self.settings = replace(
            Settings(
                source="scene.webm",
                background=f"color:{GREY}",
                sink="null",
                max_mask_age_s=5.0,
                idle=False,
                seek_s=None,
            ),
            **changes,
        )
        self.facts: list[Fact] = []
        self.source = self.new_source()
        self.engine = FakeEngine(ModelIO(72, 128), finder())
        self.sink: FrameSink = sink or FakeSink(keep=4, watched=None)
        self.paged = RunOutside(self.settings, govern, OutsideWish(web=wish, mqtt=mqtt), self.facts.append)
        self.remote, self.web = self.paged.outside.remote, self.paged.outside.web
        _, background = open_background(self.settings.background)
        pipeline = Pipeline(self.engine, background, SCENE.known(), CLOCK, refine=self.settings.refine)
        outlet = self.paged.outlet(self.sink, lambda: self.sink)
        runtime = Runtime(
            self.source, pipeline, outlet, CLOCK, self.paged.emit, limits_of(self.settings), reopen=self._reopen
        )
        self.run = Run(runtime, self.source, outlet, pipeline, self.engine, "fake", "cpu")
        self.paged.begin(self.run)
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="test-run")
        self._thread.start()
        assert self.web is not None
        self.url = self.web.url.rstrip("/")
        self.client = httpx.Client(base_url=self.url, timeout=20.0)

    def _reopen(self) -> FakeSource:
        self.source = self.new_source()
        return self.source

    def _run(self) -> None:
        try:
            self.run.runtime.run()
        except Exception as error:  # noqa: BLE001 - looked at by the test
            self.error = error

    def new_source(self) -> FakeSource:
        return FakeSource(
            paint=lambda index, planes: SCENE.paint(PLACE, planes),
            size=SCENE.size, count=None, fps=Fraction(50), live=True, clock=CLOCK,
        )  # fmt: skip

    def close(self) -> None:
        self.client.close()
        self.source.resume()
        self.run.runtime.stop()
        self._thread.join(10)
        self.paged.close()
        self.run.pipeline.close()

    def snapshot(self) -> U8:
        """The picture that goes out, (H, W, 3) BGR."""
        answer = self.client.get("/api/v1/snapshot.jpg")
        assert answer.status_code == 200, answer.text
        return picture(answer.content)

    def wait_for(self, status: str) -> dict[str, Any]:
        return soon(lambda: now if (now := self.client.get("/api/v1/state").json())["status"] == status else None)


@contextmanager
def paging(
    listen: str = "127.0.0.1:0",
    *,
    hosts: tuple[str, ...] = (),
    shows_source: bool = False,
    mqtt: MqttWish | None = None,
    govern: Wish | None = None,
    sink: FrameSink | None = None,
    **changes: Any,
) -> Iterator[Paging]:
    made = Paging(WebWish(listen, hosts, shows_source), mqtt, govern, sink, **changes)
    try:
        soon(lambda: made.run.runtime.shown)
        yield made
    finally:
        made.close()


def picture(jpeg: bytes) -> U8:
    found = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert found is not None
    return np.asarray(found, np.uint8)


def colour(bgr: U8) -> float:
    """The share of pixels that have any colour: the room, in this scene (JPEG makes some levels of its own)."""
    wide = bgr.astype(np.int16)
    return float(np.mean(wide.max(axis=2) - wide.min(axis=2) > 24))


def soon(what: Callable[[], Any], for_s: float = 20.0) -> Any:
    until = time.monotonic() + for_s
    while not (found := what()):
        assert time.monotonic() < until, "it did not come true"
        time.sleep(0.02)
    return found


def no_rate_limit(patch: Any) -> None:
    """For tests that ask a thousand times."""
    plain = server.rules
    patch.setattr(server, "rules", lambda *parts: replace(plain(*parts), rate=1e6, burst=1e6))
