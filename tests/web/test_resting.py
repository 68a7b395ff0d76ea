"""A run whose page is all that reads it: the camera is on while somebody looks, and no longer."""

from __future__ import annotations

from paging import Paging, colour, paging, soon

from edgeseg.facts import ignore
from edgeseg.ports import SinkWish
from edgeseg.sinks.null import NullSink


def resting(made: Paging) -> bool:
    return made.run.runtime.idle and "close" in made.source.history


def test_the_camera_rests_until_somebody_looks() -> None:
    with paging(sink=NullSink("", SinkWish(), ignore), idle=True, idle_after_s=0.2) as made:
        soon(lambda: resting(made))
        now = made.wait_for("idle")
        assert now["fps"] is None
        assert "nobody reads" in now["sentence"]
        assert made.client.get("/readyz").status_code == 200  # it is meant
        assert made.client.get("/status.txt").text.startswith("idle")
        before = made.source
        assert colour(made.snapshot()) == 0  # wakes it for one picture, of which the room is no part
        assert made.source is not before
        soon(lambda: resting(made))
        with made.client.stream("GET", "/api/v1/preview.mjpg") as stream:
            parts = b""
            for chunk in stream.iter_bytes():
                parts += chunk
                if parts.count(b"--frame") > 20:
                    break
            assert not made.run.runtime.idle
        soon(lambda: resting(made))


def test_another_reader_keeps_it_awake() -> None:
    with paging(idle=True, idle_after_s=0.2) as made:  # the fake sink does not know whether it is read
        shown = made.run.runtime.shown
        soon(lambda: made.run.runtime.shown > shown + 40)
        assert made.run.runtime.idles == 0
