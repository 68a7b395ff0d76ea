"""The service as a whole, with fakes: ready, fed, reloaded, refused, ended."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from notified import soon
from serving import PLACE, SCENE, Serving

from edgeseg import build, search
from edgeseg.errors import ConfigError, NotPermitted, OutputError, SourceError, UsageError
from edgeseg.service import keeper, reload, vitals
from edgeseg.service.lock import alone
from edgeseg.sinks.absent import AbsentSink
from edgeseg.testing.sink import FakeSink
from tests.runtime.scene import leaks


@pytest.fixture
def serving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serving]:
    monkeypatch.setattr(keeper, "TICK_S", 0.05)
    return Serving(tmp_path)


def is_ready(serving: Serving) -> Callable[[], bool]:
    return lambda: "1" in serving.manager.of("READY")


def colour_behind(serving: Serving) -> tuple[int, int, int] | None:
    """The (y, u, v) of a corner in the newest frame."""
    frames = list(serving.sink.frames)
    planes = frames[-1].planes if frames else None
    return None if planes is None else (int(planes.y[0, 0]), int(planes.u[0, 0]), int(planes.v[0, 0]))


def test_it_is_ready_with_the_first_believed_frame_and_not_before(serving: Serving) -> None:
    serving.engine.inject("raise")

    def script() -> None:
        soon(lambda: serving.sink.written > 10, "for covers")
        soon(lambda: serving.manager.count("EXTEND_TIMEOUT_USEC") > 1, "for more time")
        assert serving.manager.of("READY") == []
        assert all(np.ptp(frame.planes.u) == 0 for frame in serving.sink.frames)
        serving.engine.heal()
        soon(is_ready(serving), "for ready")

    # The known-answer test comes first: the engine falls after it.
    serving.engine._orders.clear()
    serving.engine.inject(None, calls=1)
    serving.engine.inject("raise")
    serving.serve(script)
    assert serving.manager.of("READY") == ["1"]
    assert serving.manager.of("STOPPING") == ["1"]
    assert (serving.sink.closes, serving.ended) == (1, [])


def test_covers_alone_make_it_ready_after_some_time(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vitals, "COVERED_S", 0.3)
    serving.engine.inject(None, calls=1)
    serving.engine.inject("raise")
    with pytest.raises(Exception, match=r"All .* frames are covered"):
        serving.serve(lambda: soon(is_ready(serving), "for ready"))
    assert any("covered: " in status for status in serving.manager.of("STATUS"))


def test_the_watchdog_is_fed_while_frames_flow_and_not_when_they_stop(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sink hangs: neither frames nor covers go out."""
    monkeypatch.setattr(vitals, "STILL_S", 0.3)
    free = threading.Event()
    free.set()
    serving.sink.slow = lambda frame: free.wait(30)

    def script() -> None:
        soon(lambda: serving.manager.count("WATCHDOG") > 3, "for food")
        free.clear()
        time.sleep(0.6)
        fed = serving.manager.count("WATCHDOG")
        time.sleep(0.6)
        assert serving.manager.count("WATCHDOG") == fed
        free.set()
        soon(lambda: serving.manager.count("WATCHDOG") > fed, "for food again")

    serving.serve(script)


@pytest.mark.parametrize("lever", ["stall_at", "fail_at", "_count"])
def test_a_camera_that_is_still_fails_or_ends_is_covered_fed_and_found_again(
    serving: Serving, monkeypatch: pytest.MonkeyPatch, lever: str
) -> None:
    monkeypatch.setattr(search, "GIVEN_UP_S", 0.7)
    monkeypatch.setattr(vitals, "STILL_S", 0.3)
    cause = "source_lost"

    def script() -> None:
        soon(is_ready(serving))
        first = serving.source
        serving.gone = SourceError("There is no camera.")
        setattr(first, lever, first._index + 2)
        soon(lambda: f"covered: {cause}" in serving.manager.status, "for the status")
        fed, written = serving.manager.count("WATCHDOG"), serving.sink.written
        soon(lambda: serving.manager.count("WATCHDOG") > fed + 5 and serving.sink.written > written + 20, "for food")
        assert all(np.ptp(frame.planes.y) == 0 for frame in list(serving.sink.frames))
        serving.gone = None
        soon(lambda: serving.source is not first and "covered" not in serving.manager.status, "for the camera")
        soon(lambda: np.ptp(serving.sink.frames[-1].planes.y) > 0, "for the person")
        assert all(leaks(SCENE, frame, PLACE, "color") is None for frame in list(serving.sink.frames))
        first.resume()

    serving.serve(script)
    assert serving.manager.of("READY") == ["1"]


def test_a_sink_that_fails_is_found_again_and_the_camera_rests_meanwhile(serving: Serving) -> None:
    def script() -> None:
        soon(is_ready(serving))
        first, camera = serving.sink, serving.source
        serving.gone = OutputError("There is no /dev/video10.")
        first.fail_at = first.written + 2
        soon(lambda: "idle" in serving.manager.status and "sink_lost" in serving.manager.status, "for the status")
        soon(lambda: "close" in camera.history, "for the camera's rest")
        fed = serving.manager.count("WATCHDOG")
        soon(lambda: serving.manager.count("WATCHDOG") > fed + 3, "for food")
        serving.gone = None
        soon(lambda: serving.sink is not first and serving.sink.written > 5, "for the sink")
        soon(lambda: "sink_lost" not in serving.manager.status, "for the status")
        soon(lambda: np.ptp(serving.sink.frames[-1].planes.y) > 0, "for the person")
        assert first.closes == 1

    serving.serve(script)
    assert serving.sink.closes == 1


def test_a_sink_that_is_not_there_at_the_start_is_looked_for(serving: Serving) -> None:
    serving.gone = OutputError("There is no /dev/video10.")
    serving.sink = AbsentSink(serving.gone)

    def script() -> None:
        soon(lambda: "idle" in serving.manager.status and "sink_lost" in serving.manager.status, "for the status")
        soon(is_ready(serving))
        serving.gone = None
        soon(lambda: isinstance(serving.sink, FakeSink) and serving.sink.written > 5, "for the sink")
        soon(lambda: "sink_lost" not in serving.manager.status, "for the status")

    serving.serve(script)
    assert serving.sink.closes == 1


def test_it_is_fed_while_it_rests_without_a_reader(serving: Serving) -> None:
    def script() -> None:
        soon(is_ready(serving))
        serving.sink.watched = False
        soon(lambda: "idle" in serving.manager.status, "for idle")
        fed = serving.manager.count("WATCHDOG")
        soon(lambda: serving.manager.count("WATCHDOG") > fed + 3, "for food")

    serving.serve(script)


def test_a_reload_changes_the_background_between_two_frames(serving: Serving) -> None:
    def script() -> None:
        soon(is_ready(serving))
        old = colour_behind(serving)
        levels = len(np.unique(serving.sink.frames[-1].planes.y))
        serving.settings = replace(serving.settings, background="color:#000000", feather=2.0, max_mask_age_s=3.0)
        serving.reload()
        soon(lambda: serving.manager.count("READY") == 2, "for the end of the reload")
        soon(lambda: colour_behind(serving) != old, "for the new colour")
        assert serving.run is not None
        assert serving.run.runtime.limits.max_mask_age_s == 3.0
        assert len(np.unique(serving.sink.frames[-1].planes.y)) > levels  # a soft edge
        assert all(np.ptp(frame.planes.u) == 0 for frame in list(serving.sink.frames))  # colour is of the room alone

    serving.serve(script)
    told = [name for message in serving.manager.heard for name in message if name in ("RELOADING", "READY", "STOPPING")]
    assert told == ["READY", "RELOADING", "READY", "STOPPING"]
    assert "close" not in serving.source.history[:-2]
    reads = [int(word.split()[1]) for word in serving.source.history if word.startswith("read ")]
    assert reads == list(range(len(reads)))  # one source from the beginning to the end


@pytest.mark.parametrize(
    ("fault", "change", "sentence"),
    [
        (ConfigError("cam.yaml:3: 'bogus' is no key\nmore"), {}, "cam.yaml:3: 'bogus' is no key (and 1 more)"),
        (NotPermitted("cam.yaml may not be read"), {}, "cam.yaml may not be read"),
        (RuntimeError("odd"), {}, "a bug: RuntimeError: odd"),
        (None, {"background": "image:/nowhere.jpg"}, "/nowhere.jpg"),
        (None, {"background": "none"}, "background none cannot follow"),
        (None, {"sink": "v4l2:/dev/video99"}, "/dev/video99"),
        (None, {"segmenter": "chroma"}, "segmenter cannot change while it runs"),
        (None, {"source": "camera:99"}, "camera"),
        (None, {"source": "clip.mp4"}, "is no camera"),
        (None, {"tier": "no-such-tier"}, "no-such-tier"),
    ],
)  # fmt: skip
def test_what_is_refused_leaves_the_old_one_running_and_says_why(
    serving: Serving, fault: Exception | None, change: dict[str, str], sentence: str
) -> None:
    good = serving.settings

    def script() -> None:
        soon(is_ready(serving))
        serving.fault, serving.settings = fault, replace(good, **change)  # type: ignore[arg-type]
        serving.reload()
        soon(lambda: serving.manager.count("READY") == 2, "for the end of the reload")
        soon(lambda: sentence in serving.manager.status, f"for {sentence!r} in {serving.manager.status!r}")
        assert "new config refused, the old one goes on" in serving.manager.status
        shown = serving.sink.written
        soon(lambda: serving.sink.written > shown + 3, "for frames")
        serving.fault, serving.settings = None, good
        serving.reload()
        soon(lambda: serving.manager.count("READY") == 3, "for the end of the second reload")
        soon(lambda: "refused" not in serving.manager.status, "for a status without trouble")

    serving.serve(script)
    assert serving.sink.closes == 1


def test_another_sink_takes_the_place_of_the_old_one(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    second = FakeSink(keep=2)
    monkeypatch.setattr(reload, "open_sink", lambda spec, wish, emit: second)

    def script() -> None:
        soon(is_ready(serving))
        serving.settings = replace(serving.settings, sink="images:elsewhere")
        serving.reload()
        soon(lambda: second.written > 3, "for frames in the new sink")
        soon(lambda: serving.sink.closes == 1, "for the old one's end")

    serving.serve(script)
    assert second.closes == 1
    reads = [word for word in serving.source.history if word.startswith("read ")]
    assert serving.sink.written + second.written <= len(reads)


def test_another_camera_takes_the_place_of_the_old_one(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    second = serving.new_source()
    monkeypatch.setattr(build, "open_source", lambda *words: second)

    def script() -> None:
        soon(is_ready(serving))
        serving.settings = replace(serving.settings, source="camera:1")
        serving.reload()
        soon(lambda: "close" in serving.source.history, "for the old camera's end")
        shown = serving.sink.written
        soon(lambda: serving.sink.written > shown + 5, "for frames of the new one")
        assert all(leaks(SCENE, frame, PLACE, "color") is None for frame in list(serving.sink.frames))

    serving.serve(script)
    assert serving.run is not None
    assert serving.run.source is second
    assert "close" in second.history


def test_the_end_waits_for_no_camera_that_hangs(serving: Serving) -> None:
    serving.source.stall_at = 5

    def script() -> None:
        soon(lambda: any(word.startswith("stall") for word in serving.source.history), "for the stall")
        os.kill(os.getpid(), signal.SIGTERM)
        soon(lambda: serving.sink.closes == 1, "for the sink's end")

    start = time.monotonic()
    serving.serve(script)
    assert serving.ended in ([], [0])  # whole, whether the camera was waited for or not
    assert time.monotonic() - start < 20


def test_a_sink_that_hangs_is_left_after_the_time_that_there_is(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "END_S", 0.3)
    free: list[bool] = []
    hangs: list[bool] = []

    def slow(frame: object) -> None:
        while stuck and not free:
            hangs.append(True)
            time.sleep(0.01)

    stuck: list[bool] = []
    serving.sink.slow = slow

    def script() -> None:
        soon(is_ready(serving))
        stuck.append(True)
        soon(lambda: hangs, "for the sink")
        os.kill(os.getpid(), signal.SIGTERM)
        soon(lambda: serving.ended, "for the end at once")
        free.append(True)

    serving.serve(script)
    assert serving.ended[0] == 7


def test_the_end_is_told_and_the_sink_is_closed_within_two_seconds(serving: Serving) -> None:
    began: list[float] = []

    def script() -> None:
        soon(is_ready(serving))
        began.append(time.monotonic())

    serving.serve(script)
    assert serving.manager.heard[-1] == {"STOPPING": "1", "STATUS": "closing"}
    assert serving.sink.closes == 1
    assert serving.ended == []  # the keeper had no need to end it, which it does after 1.8 s


def test_a_wrong_config_at_the_start_is_told_to_systemd(serving: Serving) -> None:
    serving.fault = ConfigError("cam.yaml:1: wrong\ncam.yaml:2: wrong too")
    with pytest.raises(ConfigError):
        serving.serve(lambda: soon(lambda: "failed" in serving.manager.status))
    assert serving.manager.status == "failed: cam.yaml:1: wrong"
    assert serving.manager.of("READY") == []


def test_a_source_that_ends_and_cannot_be_opened_again_is_a_fault(serving: Serving) -> None:
    serving.reopens = False
    serving.source._count = 20
    with pytest.raises(SourceError, match="gives no more frames"):
        serving.serve(lambda: soon(lambda: "failed" in serving.manager.status))


@pytest.mark.parametrize("name", ["", "config", "Cam", "a/b", "../x", "a b", "cam\n", "-x", "ä", "x" * 65])
def test_odd_names_are_refused(serving: Serving, name: str) -> None:
    with pytest.raises(UsageError, match="cannot name an instance"):
        serving.serve(lambda: None, instance=name)


def test_a_second_one_is_refused_with_the_first_ones_number(serving: Serving, tmp_path: Path) -> None:
    with (
        alone("cam", tmp_path / "run"),
        pytest.raises(NotPermitted, match=f"'cam' runs already as process {os.getpid()}"),
    ):
        serving.serve(lambda: None)
    with alone("cam", tmp_path / "run"):
        pass  # whoever held it has let it go


def test_restarts_are_counted_until_it_ends_in_good_order(serving: Serving, tmp_path: Path) -> None:
    for before in range(3):
        with contextlib.suppress(OSError), alone("cam", tmp_path / "run") as restarts:
            assert restarts == before
            raise OSError("as a process that falls")

    def script() -> None:
        soon(lambda: "restarted 3 times" in serving.manager.status, "for the status")

    serving.serve(script)
    with alone("cam", tmp_path / "run") as restarts:
        assert restarts == 0


def test_the_end_waits_for_no_camera_that_does_not_open(serving: Serving) -> None:
    opening = threading.Event()

    def hangs() -> object:
        opening.set()
        time.sleep(60)
        raise AssertionError("nobody waited for it")

    serving._new_source = hangs  # type: ignore[method-assign,assignment]

    def script() -> None:
        soon(is_ready(serving))
        serving.source.fail_at = serving.source._index + 2
        soon(opening.is_set, "for the opening")

    start = time.monotonic()
    serving.serve(script)
    assert time.monotonic() - start < 40
    assert serving.sink.closes == 1


def test_a_signal_before_there_is_a_run_ends_it_at_once(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    building: list[bool] = []

    def build(*parts: object) -> object:
        building.append(True)
        time.sleep(60)
        raise AssertionError("nobody ended it")

    monkeypatch.setattr(serving, "_build", build)
    start = time.monotonic()
    serving.serve(lambda: soon(lambda: building))
    assert time.monotonic() - start < 50
    assert (serving.manager.of("READY"), serving.sink.written) == ([], 0)
