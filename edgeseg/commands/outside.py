"""What options and a unit's environment say of the page and of MQTT."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from edgeseg.errors import NotPermitted, UsageError
from edgeseg.mqtt.wish import MqttWish
from edgeseg.outside import Outside, OutsideWish
from edgeseg.service.beside import Besides
from edgeseg.service.loading import Loaded
from edgeseg.web.wish import WebWish, address

# Of a unit's drop-in: `edgeseg service web on` writes it.
LISTEN, HOSTS, SHOW_SOURCE = "EDGESEG_WEB_LISTEN", "EDGESEG_WEB_HOSTS", "EDGESEG_WEB_SHOW_SOURCE"
BROKER, USER, TLS = "EDGESEG_MQTT", "EDGESEG_MQTT_USER", "EDGESEG_MQTT_TLS"
PASSWORD = "mqtt-password"  # a credential of systemd (LoadCredential=), and no word of the environment


def wished(
    web: bool,
    listen: str,
    hosts: Sequence[str],
    shows_source: bool,
    mqtt: str | None,
    user: str | None,
    password: Path | None,
    tls: bool,
) -> OutsideWish:
    """By the options of `edgeseg run`. Raises UsageError, NotPermitted."""
    address(listen)
    page = WebWish(listen, tuple(hosts), shows_source) if web else None
    broker = MqttWish(mqtt, user, _read(password) if password else None, tls) if mqtt is not None else None
    return OutsideWish(page, broker)


def of_unit(environ: Mapping[str, str]) -> Besides | None:
    """By the environment of a service's unit; None where it says nothing of either."""
    listen, broker = environ.get(LISTEN), environ.get(BROKER)
    if not listen and not broker:
        return None
    page = None
    if listen:
        hosts = tuple(environ.get(HOSTS, "").split())
        page = WebWish(listen, hosts, environ.get(SHOW_SOURCE) == "1", makes_token=False)
    mqtt = None
    if broker:
        folder = environ.get("CREDENTIALS_DIRECTORY")
        password = Path(folder) / PASSWORD if folder else None
        given = _read(password) if password is not None and password.exists() else None
        mqtt = MqttWish(broker, environ.get(USER), given, environ.get(TLS) == "1")
    wish = OutsideWish(page, mqtt, is_patient=True)

    def make(instance: str, load: Callable[[], Loaded]) -> Outside:
        return Outside(instance, load, wish, keep=True)

    return make


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except PermissionError as error:
        raise NotPermitted(f"The password file {path} may not be read by this user.") from error
    except (OSError, ValueError) as error:
        raise UsageError(f"The password file {path} cannot be read.") from error
