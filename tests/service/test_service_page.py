"""The page of a service: its settings are kept, its faults do not end the run, the unit's words say what is wanted."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import serving as servings
from serving import Serving

from edgeseg.commands.outside import of_unit
from edgeseg.errors import NotPermitted, UsageError
from edgeseg.mqtt.wish import MqttWish
from edgeseg.outside import Outside, OutsideWish
from edgeseg.tiers.kept import state_folder
from edgeseg.web.access import make_token, token_file
from edgeseg.web.wish import WebWish, address
from tests.web.paging import soon


@pytest.fixture
def serving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serving]:
    monkeypatch.setenv("EDGESEG_STATE", str(tmp_path / "state"))
    made = Serving(tmp_path)
    yield made
    with contextlib.suppress(OSError):  # a service that ran has closed it
        made.manager.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def serve(
    serving: Serving, script: Callable[[httpx.Client], None], monkeypatch: pytest.MonkeyPatch, **environ: str
) -> None:
    """The service with what its unit's environment says, and a script that asks its page."""
    port = free_port()
    besides = of_unit({"EDGESEG_WEB_LISTEN": f"127.0.0.1:{port}", **environ})
    assert besides is not None
    plain = servings.run_service
    monkeypatch.setattr(servings, "run_service", lambda *parts, **more: plain(*parts, **more, besides=besides))

    def play() -> None:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            soon(lambda: answers(client))
            script(client)

    serving.serve(play)


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def settings(client: httpx.Client) -> dict[str, Any]:
    return dict(client.get("/api/v1/settings").json()["settings"])


def test_what_was_set_is_kept_until_the_file_says_something_else(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    def first(client: httpx.Client) -> None:
        assert (
            client.patch("/api/v1/settings", json={"color": "#102030", "mode": "color", "refine": False}).status_code
            == 200
        )
        assert client.patch("/api/v1/settings", json={"on": False}).status_code == 200
        loads = serving.loads
        serving.reload()  # by the owner, who changed nothing
        soon(lambda: serving.loads > loads)
        assert settings(client)["color"] == "#102030"

    serve(serving, first, monkeypatch)
    kept = json.loads((state_folder() / "cam.set.json").read_text())
    assert kept["wanted"]["color"] == "#102030"

    folder = serving._folder / "second"
    folder.mkdir()
    second = Serving(folder)

    def again(client: httpx.Client) -> None:
        assert (settings(client)["color"], settings(client)["on"]) == ("#102030", False)
        assert second.run is not None
        assert second.run.runtime.covered
        second.settings = replace(second.settings, background="color:#505050")
        second.reload()
        soon(lambda: settings(client)["color"] == "#505050")

    monkeypatch.undo()
    monkeypatch.setenv("EDGESEG_STATE", str(serving._folder / "state"))
    serve(second, again, monkeypatch)


def test_what_was_kept_and_holds_no_more_is_forgotten(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    state_folder().mkdir(parents=True)
    wanted = {"tier": "nosuch", "background": "0123456789abcdef", "mode": "image"}
    under = {"tier": serving.settings.tier, "background": None, "mode": "color"}
    (state_folder() / "cam.set.json").write_text(json.dumps({"wanted": wanted, "under": under}))

    def script(client: httpx.Client) -> None:
        assert settings(client)["mode"] == "color"
        assert any(each["kind"] == "refused" for each in client.get("/api/v1/facts").json())

    serve(serving, script, monkeypatch)


def test_a_page_that_cannot_begin_is_told_and_the_run_goes_on(serving: Serving) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        besides = of_unit({"EDGESEG_WEB_LISTEN": listen})
        assert besides is not None
        told: list[str] = []
        beside = besides("cam", serving._load)
        beside.begin(lambda fact: told.append(str(fact)))
        beside.close()
        assert "it does not run" in told[0]
        assert "choose another port" in told[0]


def test_a_service_makes_no_token_for_the_journal(serving: Serving) -> None:
    told: list[str] = []
    wish = OutsideWish(WebWish(f"0.0.0.0:{free_port()}", makes_token=False), is_patient=True)
    outside = Outside("cam", serving._load, wish, keep=True)
    outside.begin(lambda fact: told.append(str(fact)))
    outside.close()
    assert not token_file().exists()
    assert "edgeseg service web token" in told[0]
    token = make_token(token_file())
    again = Outside("cam", serving._load, wish, keep=True)
    again.begin(lambda fact: told.append(str(fact)))
    again.close()
    assert token not in str(told)
    assert "plain HTTP" in str(told)


def test_without_the_packages_it_says_which(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("edgeseg.web.server", "edgeseg.mqtt.link"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.setitem(sys.modules, "paho.mqtt.client", None)
    for wish, words in (
        (OutsideWish(web=WebWish()), r"edgeseg\[web\]"),
        (OutsideWish(mqtt=MqttWish("h")), r"edgeseg\[mqtt\]"),
    ):
        outside = Outside("cam", serving._load, wish, keep=False)
        with pytest.raises(UsageError, match=words):
            outside.begin(lambda fact: None)


def test_the_words_of_a_unit(tmp_path: Path) -> None:
    assert of_unit({}) is None
    assert of_unit({"EDGESEG_WEB_LISTEN": "", "PATH": "/bin"}) is None
    (tmp_path / "mqtt-password").write_text("geheim\n")
    besides = of_unit({
        "EDGESEG_MQTT": "broker", "EDGESEG_MQTT_USER": "board", "CREDENTIALS_DIRECTORY": str(tmp_path),
        "EDGESEG_WEB_LISTEN": "0.0.0.0:8080", "EDGESEG_WEB_HOSTS": "a b", "EDGESEG_WEB_SHOW_SOURCE": "1",
    })  # fmt: skip
    assert besides is not None
    made = besides("cam", lambda: None)  # type: ignore[arg-type, return-value]
    wish = made._wish  # type: ignore[attr-defined]
    assert wish == OutsideWish(
        WebWish("0.0.0.0:8080", ("a", "b"), True, False), MqttWish("broker", "board", "geheim"), True
    )
    made.close()


@pytest.mark.parametrize("listen", ["", "8080", "a b:80", "host:99999", "host:", ":80", "http://h:80"])
def test_what_is_no_place_to_listen_is_refused(listen: str) -> None:
    with pytest.raises(UsageError, match="--web-listen"):
        address(listen)


def test_a_place_that_is_not_ours_is_refused(serving: Serving) -> None:
    outside = Outside("cam", serving._load, OutsideWish(WebWish("203.0.113.9:8080")), keep=False)
    with pytest.raises((UsageError, NotPermitted, Exception), match=r"203\.0\.113\.9"):
        outside.begin(lambda fact: None)
    assert threading.active_count() < 60
