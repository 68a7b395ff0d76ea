"""Which broker, and who we are to it. Light: read before paho is there."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from edgeseg.errors import UsageError

PORT, TLS_PORT = 1883, 8883
_BROKER = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[^\s:\[\]/@]+)(?::(?P<port>[0-9]{1,5}))?")


@dataclass(frozen=True, slots=True)
class MqttWish:
    """broker: HOST or HOST:PORT. discovery: the prefix of Home Assistant's topics."""

    broker: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    discovery: str = "homeassistant"


def address(wish: MqttWish) -> tuple[str, int]:
    """(host, port) of the broker; raises UsageError."""
    found = _BROKER.fullmatch(wish.broker)
    port = int(found["port"] or (TLS_PORT if wish.tls else PORT)) if found is not None else 0
    if found is None or not 1 <= port <= 65535:
        raise UsageError(f"The MQTT broker is {wish.broker!r}; write HOST or HOST:PORT, such as homeassistant.local.")
    return found["host"].strip("[]"), port
