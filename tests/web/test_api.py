"""The API of a run that goes on: what it tells, what it changes, what it refuses."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from paging import Paging, colour, paging, picture, soon
from websockets.sync.client import connect

from edgeseg.frames import U8
from edgeseg.stages.pixels import i420_to_rgb


@pytest.fixture(scope="module")
def one() -> Iterator[Paging]:
    with paging() as made:
        yield made


def patch(one: Paging, change: dict[str, Any], **headers: str) -> Any:
    return one.client.patch("/api/v1/settings", json=change, headers=headers)


def corner(bgr: U8) -> list[int]:
    return [int(value) for value in np.median(bgr[4:24, 4:24].reshape(-1, 3), axis=0)]


def test_the_state_is_that_of_the_run(one: Paging) -> None:
    now = soon(lambda: state if (state := one.client.get("/api/v1/state").json())["fps"] else None)
    assert 20 < now["fps"] < 60
    assert (now["status"], now["size"], now["source"]) == ("running", "256x144", one.source.info.detail)
    assert now["stages"]["infer"]["p95_ms"] > 0
    assert now["frames"]["shown"] <= one.run.runtime.shown
    assert now["temp_c"] is None or now["temp_c"] > 0


def test_the_history_has_columns_of_one_length(one: Paging) -> None:
    soon(lambda: one.client.get("/api/v1/history").json())
    columns = one.client.get("/api/v1/history").json()
    assert len({len(column) for column in columns.values()}) == 1
    assert {"at", "fps", "temp_c", "power_w", "memory_mb"} <= set(columns)


def test_a_background_is_changed_in_the_next_frames(one: Paging) -> None:
    for given, bgr in (("#ff0000", [0, 0, 255]), ("#0000ff", [255, 0, 0])):
        assert patch(one, {"mode": "color", "color": given}).json()["changed"] == "background"
        assert corner(one.snapshot()) == pytest.approx(bgr, abs=6)
    answer = patch(one, {"mode": "color", "color": "#4a4a4a"}).json()
    assert answer["settings"]["color"] == "#4a4a4a"
    assert answer["revision"] == one.client.get("/api/v1/state").json()["revision"]


def test_the_preview_shows_what_goes_out_and_nothing_of_the_room(one: Paging) -> None:
    patch(one, {"mode": "color", "color": "#4a4a4a"})
    with one.client.stream("GET", "/api/v1/preview.mjpg") as stream:
        assert stream.headers["content-type"] == "multipart/x-mixed-replace; boundary=frame"
        parts = b""
        for chunk in stream.iter_bytes():
            parts += chunk
            if parts.count(b"--frame") > 12:
                break
    shown = [part.split(b"\r\n\r\n", 1)[1] for part in parts.split(b"--frame\r\n")[1:-1]]
    assert len(shown) >= 11
    assert all(colour(picture(jpeg)) == 0 for jpeg in shown)
    frame = SCENE_RGB()
    assert colour(frame) > 0.5  # what the room would have been


def SCENE_RGB() -> U8:  # noqa: N802
    from paging import PLACE, SCENE

    from edgeseg.frames import BT601, Planes

    planes = Planes.allocate(SCENE.size)
    SCENE.paint(PLACE, planes)
    rgb = np.empty((SCENE.size.height, SCENE.size.width, 3), np.uint8)
    i420_to_rgb(planes, BT601, rgb)
    return rgb


def test_nothing_is_encoded_while_nobody_looks(one: Paging) -> None:
    preview = one.remote.preview
    soon(lambda: preview.viewers == 0)
    before, shown = preview.encoded, one.run.runtime.shown
    soon(lambda: one.run.runtime.shown > shown + 20)
    assert preview.encoded <= before + 1


def test_the_source_is_hidden_unless_the_owner_said_so(one: Paging) -> None:
    answer = one.client.get("/api/v1/source.mjpg")
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:edgeseg:source-hidden")
    assert one.client.get("/api/v1/state").json()["source_view"] is False
    with paging(shows_source=True) as open_one:
        assert open_one.client.get("/api/v1/state").json()["source_view"] is True
        with open_one.client.stream("GET", "/api/v1/source.mjpg") as stream:
            parts = b""
            for chunk in stream.iter_bytes():
                parts += chunk
                if parts.count(b"--frame") > 2:
                    break
        assert colour(picture(parts.split(b"--frame\r\n")[1].split(b"\r\n\r\n", 1)[1])) > 0.3
        assert colour(open_one.snapshot()) == 0


def test_off_shows_nobody_and_on_shows_somebody_again(one: Paging) -> None:
    patch(one, {"mode": "color", "color": "#4a4a4a"})

    def darkest() -> int:
        return int(one.snapshot()[40:110, 100:156].min())

    soon(lambda: darkest() < 60)
    assert patch(one, {"on": False}).json()["settings"]["on"] is False
    assert soon(lambda: darkest() > 60)
    assert one.wait_for("off")["line"] == "off, nobody is shown"
    assert patch(one, {"on": True}).json()["changed"] == "on"
    soon(lambda: darkest() < 60)


def test_two_who_change_the_same_thing(one: Paging) -> None:
    tag = one.client.get("/api/v1/settings").headers["etag"]
    first = patch(one, {"mode": "color", "color": "#102030"}, **{"If-Match": tag})
    assert first.status_code == 200
    second = patch(one, {"mode": "color", "color": "#302010"}, **{"If-Match": tag})
    assert (second.status_code, second.json()["type"]) == (412, "urn:edgeseg:stale")
    assert one.client.get("/api/v1/settings").json()["settings"]["color"] == "#102030"
    assert patch(one, {"color": "#302010"}, **{"If-Match": first.headers["etag"]}).status_code == 200


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"blur_strength": 101}, 422, "must be 100 or less, not 101"),
        ({"blur_strength": True}, 422, "write a whole number, not True"),
        ({"blurr": 5}, 422, "there is no such setting"),
        ({"color": "red"}, 422, "six hexadecimal digits"),
        ({"target_fps": 0}, 422, "must be 1 or more, not 0"),
        ({"background": "0123456789abcdef"}, 404, "no background"),
        ({"background": "../../etc/passwd"}, 422, "id of a picture"),
        ({"source": "gst:videotestsrc"}, 409, "no camera"),
        ({"source": "/etc/passwd"}, 409, "no camera"),
        ({"tier": "nosuch"}, 409, "no tier"),
        ({"mode": "video"}, 409, "config file"),
        ({"mode": "none"}, 409, "cannot follow"),
        ({"mode": "image"}, 409, "No picture is chosen"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_words(one: Paging, change: dict[str, Any], status: int, words: str) -> None:
    before = one.client.get("/api/v1/settings").json()
    answer = patch(one, change)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert words in answer.json()["detail"]
    assert one.client.get("/api/v1/settings").json() == before


def test_what_was_set_is_taken_back(one: Paging) -> None:
    patch(one, {"mode": "color", "color": "#123456", "target_fps": 20, "temp_limit_c": 70})
    view = one.client.get("/api/v1/settings").json()["settings"]
    assert (view["target_fps"], view["temp_limit_c"]) == (20, 70)
    after = one.client.delete("/api/v1/settings").json()["settings"]
    assert (after["color"], after["target_fps"], after["temp_limit_c"]) == ("#4a4a4a", None, None)


def test_a_target_holds_at_once(one: Paging) -> None:
    patch(one, {"target_fps": 10})
    soon(lambda: (one.client.get("/api/v1/state").json()["fps"] or 50) < 13)
    patch(one, {"target_fps": None})
    soon(lambda: (one.client.get("/api/v1/state").json()["fps"] or 0) > 20)


def test_the_socket_tells_the_state_and_who_changed_what(one: Paging) -> None:
    with connect(one.url.replace("http", "ws") + "/api/v1/live") as socket:
        first, second = (json.loads(socket.recv(5)) for _ in range(2))
        assert (first["type"], second["type"]) == ("state", "settings")
        patch(one, {"mode": "color", "color": "#778899"})
        told, until = [], time.monotonic() + 10
        while not {"fact", "settings", "state"} <= {each["type"] for each in told}:
            assert time.monotonic() < until
            told.append(json.loads(socket.recv(5)))
        settings = next(each for each in told if each["type"] == "settings")
        assert settings["settings"]["color"] == "#778899"
        fact = next(each["fact"] for each in told if each["type"] == "fact")
        assert (fact["kind"], fact["what"]) == ("changed", "background")


def test_health_line_and_badge(one: Paging) -> None:
    patch(one, {"on": True})
    assert one.client.get("/healthz").status_code == 200
    assert one.client.get("/readyz").json()["status"] in ("running", "degraded")
    line = one.client.get("/status.txt").text
    assert line.endswith("fake on fake\n") or "fps" in line
    svg = one.client.get("/status.svg")
    assert svg.headers["content-type"] == "image/svg+xml"
    assert svg.text.startswith("<svg")


def test_figures(one: Paging) -> None:
    soon(lambda: 'edgeseg_stage_seconds_count{stage="infer"}' in one.client.get("/metrics").text)
    text = one.client.get("/metrics").text
    for name in ("edgeseg_fps", "edgeseg_memory_bytes", 'edgeseg_frames_shown_total{mask="own"}', "edgeseg_info"):
        assert f"\n{name}" in text
    assert "edgeseg_temperature_celsius nan" not in text.lower()


def test_a_stalled_pipeline_is_said_while_the_page_lives() -> None:
    with paging() as made:
        made.source.stall_at = made.source._index + 1
        made.run.runtime._supply._reopen = None
        now = soon(lambda: state if (state := made.client.get("/api/v1/state").json())["status"] != "running" else None)
        assert now["status"] in ("stalled", "degraded")
        made.remote.live.ended = "the camera is gone."
        ready = made.client.get("/readyz")
        assert (ready.status_code, ready.json()["detail"]) == (503, "The pipeline has ended: the camera is gone.")
        assert made.client.get("/healthz").status_code == 200


def test_without_a_ladder_nobody_governs_and_no_rung_is_pinned(one: Paging) -> None:
    found = one.client.get("/api/v1/ladder").json()
    assert (found["rungs"], bool(found["note"])) == ([], True)
    answer = one.client.put("/api/v1/governor/pin", json={"rung": "x", "minutes": 1})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:edgeseg:refused")
    assert one.client.delete("/api/v1/governor/pin").status_code == 204
