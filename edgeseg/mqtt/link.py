"""The link to a broker: tells the state, takes orders, and is away by last will when the board is."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edgeseg.errors import EdgesegError
from edgeseg.facts import Emit, Noted
from edgeseg.mqtt.discovery import BLUR, COLOR, Topics, configs, message, titles_of
from edgeseg.mqtt.wish import MqttWish, address
from edgeseg.remote.around import Remote
from edgeseg.remote.state import state

EVERY_S = 5  # the state, where nothing else changed
_KEEPALIVE_S = 20
_ORDERS = 8  # that may wait; more are dropped, for whoever sends them does not look


class Mqtt:
    """One run at one broker, from `start` to `close`. A broker that is away is tried again and again.

    board: the board's name; None: its host's. Raises UsageError for a wrong address.
    """

    def __init__(self, remote: Remote, wish: MqttWish, emit: Emit, board: str | None = None) -> None:
        self._remote, self._wish, self._emit = remote, wish, emit
        self._address = address(wish)
        self._title = board or socket.gethostname()
        self.topics = Topics(self._title, remote.name)
        self._told: str | None = None  # what was wrong last, said once
        self._ticks = 0
        self._newest = self._options = ""
        self._orders: queue.Queue[tuple[str, str] | None] = queue.Queue(_ORDERS)
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"edgeseg-{self.topics.id}"[:60])
        if wish.user is not None:
            client.username_pw_set(wish.user, wish.password)
        if wish.tls:
            client.tls_set()
        client.will_set(self.topics.availability, "offline", qos=1, retain=True)
        client.reconnect_delay_set(1, 30)
        client.on_connect, client.on_disconnect = self._connected, self._disconnected
        client.on_connect_fail, client.on_message = self._failed, self._came
        self._client = client
        self._worker = threading.Thread(target=self._obey_all, name="edgeseg-mqtt-orders", daemon=True)

    def start(self) -> None:
        """Connect, in threads of its own."""
        self._worker.start()
        self._remote.live.ticked.append(self._tick)
        self._remote.control.changed.append(self.publish)
        self._client.connect_async(*self._address, keepalive=_KEEPALIVE_S)
        self._client.loop_start()

    def close(self) -> None:
        """Say that it is away, and let go."""
        if self._client.is_connected():
            with contextlib.suppress(ValueError, RuntimeError):  # it has just gone: then the will says it
                self._client.publish(self.topics.availability, "offline", qos=1, retain=True).wait_for_publish(1.0)
        self._client.disconnect()
        self._client.loop_stop()
        self._orders.put(None)
        if self._worker.ident is not None:
            self._worker.join(2.0)

    def publish(self) -> None:
        """Tell the state if it is another than was told; what can be chosen too."""
        if not self._client.is_connected():
            return
        control = self._remote.control
        titles = self._titles()
        options = [BLUR, COLOR, *titles.values()]
        if str(options) != self._options:
            self._options = str(options)
            title = f"edgeseg {self._title} {self._remote.name}"
            for topic, text in configs(self.topics, self._wish.discovery, title, options).items():
                self._client.publish(topic, text, qos=1, retain=True)
        text = message(state(self._remote), control.view if control.is_attached else None, titles)
        if text != self._newest:
            self._newest = text
            self._client.publish(self.topics.state, text, qos=0, retain=True)

    def _tick(self) -> None:
        self._ticks += 1
        if self._ticks % EVERY_S == 0:
            self.publish()

    def _titles(self) -> dict[str, str]:
        return titles_of([(one.id, one.title) for one in self._remote.gallery.items()])

    def _connected(self, client: paho.Client, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._say(f"the broker refuses: {reason}")
            return
        self._say(f"connected with {self._wish.broker}, as {self.topics.base}")
        client.subscribe([(self.topics.on, 1), (self.topics.background, 1), (f"{self._wish.discovery}/status", 0)])
        client.publish(self.topics.availability, "online", qos=1, retain=True)
        self._options = self._newest = ""
        self.publish()

    def _disconnected(self, client: paho.Client, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._say(f"the broker is gone ({reason}); it is tried again")

    def _failed(self, client: paho.Client, data: Any) -> None:
        self._say(f"{self._wish.broker} does not answer; it is tried again")

    def _came(self, client: paho.Client, data: Any, got: paho.MQTTMessage) -> None:
        text = got.payload[:200].decode("utf-8", "replace").strip()
        if got.topic == f"{self._wish.discovery}/status":
            if text == "online":  # Home Assistant has begun anew
                self._options = self._newest = ""
                self._offer((got.topic, ""))
        elif not got.retain:  # an order of long ago is none
            self._offer((got.topic, text))

    def _offer(self, order: tuple[str, str]) -> None:
        try:
            self._orders.put_nowait(order)
        except queue.Full:
            self._say("orders come faster than they can be followed; some are dropped")

    def _obey_all(self) -> None:
        while (order := self._orders.get()) is not None:
            topic, text = order
            try:
                change = self._change(topic, text)
                if change:
                    self._remote.control.change(change)
            except EdgesegError as error:
                self._say(f"{text[:60]!r} was refused: {error}")
                self._newest = ""  # whoever ordered it shows it as done
            self.publish()

    def _change(self, topic: str, text: str) -> dict[str, Any]:
        if topic == self.topics.on and text in ("ON", "OFF"):
            return {"on": text == "ON"}
        if topic == self.topics.background:
            if text in (BLUR, COLOR):
                return {"mode": "blur" if text == BLUR else "color"}
            for name, title in self._titles().items():
                if title == text:
                    return {"mode": "image", "background": name}
        if topic.startswith(self.topics.base):
            self._say(f"{text[:60]!r} is no order for {topic}")
            self._newest = ""
        return {}

    def _say(self, text: str) -> None:
        if text != self._told:
            self._told = text
            self._emit(Noted("mqtt", text))
