"""Home automation against a real mosquitto: discovery, orders, sensors, the last will."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paging import Paging, paging, soon
from paho.mqtt.enums import CallbackAPIVersion

from edgeseg.errors import UsageError
from edgeseg.mqtt.discovery import Topics, configs, message, titles_of
from edgeseg.mqtt.wish import MqttWish, address

MOSQUITTO = shutil.which("mosquitto") or (shutil.which("/usr/sbin/mosquitto"))


class Broker:
    """A mosquitto on loopback with one user, and an ear that hears all of it."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        passwords = folder / "passwords"
        subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "board", "secret"], check=True, capture_output=True)
        passwords.chmod(0o644)
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\npersistence false\n"
            "user root\n"
        )
        self._process: subprocess.Popen[bytes] | None = None
        self.start()
        self.heard: dict[str, str] = {}
        self.ear = paho.Client(CallbackAPIVersion.VERSION2)
        self.ear.username_pw_set("board", "secret")
        self.ear.on_connect = lambda client, *rest: client.subscribe("#", 1)
        self.ear.on_message = lambda client, data, got: self.heard.update({got.topic: got.payload.decode()})
        self.ear.reconnect_delay_set(1, 1)
        self.ear.connect("127.0.0.1", self.port)
        self.ear.loop_start()

    def start(self) -> None:
        self._process = subprocess.Popen([str(MOSQUITTO), "-c", self._config], stderr=subprocess.DEVNULL)
        soon(self._answers)

    def stop(self) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(10)

    def close(self) -> None:
        self.ear.disconnect()
        self.ear.loop_stop()
        self.stop()

    def order(self, topic: str, text: str, retain: bool = False) -> None:
        self.ear.publish(topic, text, qos=1, retain=retain).wait_for_publish(5)

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def wish(self, password: str = "secret") -> MqttWish:
        return MqttWish(f"127.0.0.1:{self.port}", "board", password)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    if MOSQUITTO is None or shutil.which("mosquitto_passwd") is None:
        pytest.skip("there is no mosquitto here: run tests/lab/setup.sh")
    made = Broker(tmp_path)
    yield made
    made.close()


def topics_of(made: Paging) -> Topics:
    assert made.paged.outside.mqtt is not None
    return made.paged.outside.mqtt.topics


def test_it_appears_obeys_and_goes_away_by_its_will(broker: Broker) -> None:
    with paging(mqtt=broker.wish()) as made:
        topics = topics_of(made)
        soon(lambda: broker.heard.get(topics.availability) == "online")
        soon(lambda: len([topic for topic in broker.heard if topic.startswith("homeassistant/")]) == 6)
        for topic, text in broker.heard.items():
            if topic.startswith("homeassistant/"):
                config = json.loads(text)
                assert (config["state_topic"], config["availability_topic"]) == (topics.state, topics.availability)
        switch = json.loads(broker.heard[f"homeassistant/switch/edgeseg_{topics.id}/on/config"])
        select = json.loads(broker.heard[f"homeassistant/select/edgeseg_{topics.id}/background/config"])
        assert {"blur", "colour"} <= set(select["options"])

        def told() -> dict[str, Any]:
            return dict(json.loads(broker.heard.get(topics.state, "{}")))

        soon(lambda: told().get("on") == "ON" and told().get("background") == "colour")
        broker.order(switch["command_topic"], "OFF")
        soon(lambda: made.run.runtime.covered)
        soon(lambda: told()["on"] == "OFF" and told()["status"] == "off")
        broker.order(switch["command_topic"], "ON")
        soon(lambda: not made.run.runtime.covered)
        broker.order(select["command_topic"], "blur")
        soon(lambda: told()["background"] == "blur")
        broker.order(select["command_topic"], "nonsense \x1b[31m")
        broker.order(topics.on, "OFF", retain=True)  # one of long ago, for whoever connects next
        soon(lambda: any("nonsense" in str(fact) for fact in made.facts))
        made.client.patch("/api/v1/settings", json={"on": True, "mode": "color"})  # by another way: told too
        soon(lambda: told()["background"] == "colour")
        soon(lambda: told()["fps"] and told()["fps"] > 10)
    soon(lambda: broker.heard[topics.availability] == "offline")


def test_an_order_that_was_kept_is_none(broker: Broker) -> None:
    topics = Topics(socket.gethostname(), "run")
    broker.order(topics.on, "OFF", retain=True)
    with paging(mqtt=broker.wish()) as made:
        soon(lambda: broker.heard.get(topics.availability) == "online")
        time.sleep(0.3)
        assert not made.run.runtime.covered


def test_the_will_is_said_for_one_that_dies(broker: Broker) -> None:
    with paging(mqtt=broker.wish()) as made:
        topics = topics_of(made)
        soon(lambda: broker.heard.get(topics.availability) == "online")
        link = made.paged.outside.mqtt
        assert link is not None
        raw = link._client.socket()
        assert raw is not None
        link._client.loop_stop()
        raw.shutdown(socket.SHUT_RDWR)  # as the board's power does, sooner
        soon(lambda: broker.heard[topics.availability] == "offline")


def test_a_broker_that_goes_is_found_again(broker: Broker) -> None:
    with paging(mqtt=broker.wish()) as made:
        topics = topics_of(made)
        soon(lambda: broker.heard.get(topics.availability) == "online")
        broker.stop()
        soon(lambda: any("the broker is gone" in str(fact) for fact in made.facts))
        shown = made.run.runtime.shown
        soon(lambda: made.run.runtime.shown > shown + 10)
        broker.heard.clear()
        broker.start()
        soon(lambda: broker.heard.get(topics.availability) == "online")


def test_a_wrong_password_is_said_and_the_run_goes_on(broker: Broker) -> None:
    with paging(mqtt=broker.wish("wrong")) as made:
        soon(lambda: any("the broker refuses" in str(fact) for fact in made.facts))
        assert "wrong" not in str(made.facts)
        assert "wrong" not in repr(broker.wish("wrong"))
        shown = made.run.runtime.shown
        soon(lambda: made.run.runtime.shown > shown)


def test_without_a_broker_the_run_goes_on() -> None:
    with paging(mqtt=MqttWish("127.0.0.1:1")) as made:
        soon(lambda: any("does not answer" in str(fact) for fact in made.facts))
        assert made.client.get("/readyz").status_code == 200


def test_topics_titles_and_messages() -> None:
    topics = Topics("küche/#", "a b")
    assert topics.base == "edgeseg/k_che___a_b"
    assert titles_of([("1", "blur"), ("2", "sea"), ("3", "sea")]) == {"1": "blur (2)", "2": "sea", "3": "sea (2)"}
    assert len(configs(topics, "homeassistant", "t", ["blur"])) == 6
    keys = ("status", "sentence", "line", "fps", "temp_c", "power_w", "memory_mb")
    now = dict.fromkeys(keys)
    told = json.loads(message(now, {"mode": "image", "background": "2", "on": False}, {"2": "sea"}))
    assert (told["on"], told["background"], told["temperature"]) == ("OFF", "sea", None)


@pytest.mark.parametrize("broker_word", ["", "a b", "host:0", "host:70000", "mqtt://host", "user@host", "host:x"])
def test_a_broker_that_is_no_address_is_refused(broker_word: str) -> None:
    with pytest.raises(UsageError, match="MQTT broker"):
        address(MqttWish(broker_word))


def test_the_port_is_the_usual_one() -> None:
    assert address(MqttWish("h")) == ("h", 1883)
    assert address(MqttWish("[::1]", tls=True)) == ("::1", 8883)
