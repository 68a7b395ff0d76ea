"""The page of an instance, on or off: one drop-in says that there is one, and opens the unit's network for it.

So a unit without a page has no network, and one whose page goes has none any more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from edgeseg.errors import NotPermitted, UsageError
from edgeseg.install import doing, durable, release, steps
from edgeseg.install.here import Here
from edgeseg.install.machine import port_is_taken
from edgeseg.install.tools import PAGE_FILE
from edgeseg.install.where import instance_unit

_LISTEN = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):(?P<port>[0-9]{1,5})")
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}")


@dataclass(frozen=True, slots=True)
class PageWish:
    """listen: HOST:PORT. hosts: names by which browsers may call the board. shows_source: the room too.

    wheelhouse: a folder with the page's packages; None: they come from the index. wait_s: in which frames must flow.
    """

    instance: str
    listen: str = "127.0.0.1:8080"
    hosts: tuple[str, ...] = ()
    shows_source: bool = False
    wheelhouse: Path | None = None
    wait_s: float = 90.0


def port_of(listen: str) -> int:
    """Raises UsageError for what is no address to listen on."""
    found = _LISTEN.fullmatch(listen)
    if found is None or not 1 <= int(found["port"]) <= 65535:
        raise UsageError(f"--listen is {listen!r}; write HOST:PORT, such as 0.0.0.0:8080.")
    if (port := int(found["port"])) < 1024:
        raise UsageError(
            f"The service may not listen on port {port}, for it has no rights of root: take one above 1023."
        )
    return port


def drop_in(wish: PageWish) -> str:
    """The text of the drop-in. Raises UsageError for what is no address."""
    port = port_of(wish.listen)
    for host in wish.hosts:
        if not _HOST.fullmatch(host):
            raise UsageError(f"--host is {host!r}, which is no name of a host.")
    lines = [
        f"# Written by edgeseg service web on; edgeseg service web off --instance {wish.instance} takes it away.",
        "[Service]",
        f"Environment=EDGESEG_WEB_LISTEN={wish.listen}",
        *([f'Environment="EDGESEG_WEB_HOSTS={" ".join(wish.hosts)}"'] if wish.hosts else []),
        *(["Environment=EDGESEG_WEB_SHOW_SOURCE=1"] if wish.shows_source else []),
        "PrivateNetwork=no",
        "IPAddressDeny=",
        "RestrictAddressFamilies=AF_INET AF_INET6",
        "SocketBindDeny=any",
        f"SocketBindAllow=tcp:{port}",
        "",
    ]
    return "\n".join(lines)


def turn_on(here: Here, wish: PageWish) -> list[str]:
    """Have a page, and a run with it; the words of what was done. The caller holds the lock. Raises EdgesegError."""
    unit, text = _unit(here, wish.instance), drop_in(wish)
    if wish.wheelhouse is not None and not any(wish.wheelhouse.glob("*.whl")):
        raise UsageError(f"--wheelhouse {wish.wheelhouse} holds no wheels.")
    path, port = here.where.at(f"/etc/systemd/system/{unit}.d/{PAGE_FILE}"), port_of(wish.listen)
    is_ours = path.is_file() and f"SocketBindAllow=tcp:{port}\n" in path.read_text(encoding="utf-8", errors="replace")
    if not is_ours and port_is_taken(port):
        raise NotPermitted(f"Port {port} is in use by another program; choose another by --listen.")
    version = release.current(here.where)
    sealed = release.read_seal(here.where, version) if version is not None else None
    if version is None or sealed is None:
        raise UsageError("edgeseg is not installed as a service here: edgeseg service install does that.")
    folder = here.where.release(version)
    done = []
    if not here.tools.has_page(folder):
        here.say(f"adding the page's packages to {version}; on a small board this takes some minutes")
        here.tools.add_page(folder, wish.wheelhouse)
        release.seal(here.where, version, sealed.wheel, sealed.made, sealed.os_packages)
        done.append(f"add the page's packages to {version}")
    plan: list[steps.Step] = [
        steps.WriteFile(f"/etc/systemd/system/{unit}.d/{PAGE_FILE}", text, stops=unit),
        steps.LoadUnits(unit),
        steps.Start(unit, wish.wait_s),
    ]
    return done + [step.words() for step in doing.do(here, plan)]


def turn_off(here: Here, instance: str, wait_s: float) -> list[str]:
    """Have none, and no network; the words of what was done. The caller holds the lock. Raises EdgesegError."""
    unit = _unit(here, instance)
    path = here.where.at(f"/etc/systemd/system/{unit}.d/{PAGE_FILE}")
    if not path.exists():
        return []
    runs = here.systemd.show(unit).active != "inactive"
    if runs:
        here.systemd.stop(unit)
    durable.remove(path)
    here.systemd.reload()
    if runs:
        doing.do(here, [steps.Start(unit, wait_s)])
    return [f"take away {here.where.seen(path)}"]


def _unit(here: Here, instance: str) -> str:
    unit = instance_unit(instance)
    if not here.where.at(f"/etc/edgeseg/{instance}.yaml").is_file():
        raise UsageError(f"There is no instance {instance!r}; see edgeseg service status.")
    return unit
