"""What is installed, what runs and how it fares: for people, and as JSON. Nothing in it needs root."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from edgeseg.install import history, release
from edgeseg.install.health import Seen
from edgeseg.install.lock import is_held
from edgeseg.install.systemd import Systemd
from edgeseg.install.where import Where


def status(where: Where, systemd: Systemd) -> dict[str, Any]:
    """All of it. release: None if nothing is installed. upgrade: null, or the one at work or interrupted."""
    tried = history.trial(where)
    last = history.outcomes(where)[-1:]
    units = sorted({*systemd.running(), *_configured(where)})
    return {
        "release": release.current(where),
        "previous": release.current(where, "previous"),
        "is_whole": is_whole(where),
        "upgrade": {**asdict(tried), "at_work": is_held(where)} if tried else None,
        "last": asdict(last[0]) if last else None,
        "instances": [_instance(systemd, unit) for unit in units],
    }


def is_whole(where: Where) -> bool:
    """Whether the release that would start now is a whole one."""
    version = release.current(where)
    return version is not None and release.read_seal(where, version) is not None


def lines(found: dict[str, Any]) -> list[str]:
    """The same for people."""
    if found["release"] is None:
        return ["edgeseg is not installed as a service here."]
    before = f" (before it: {found['previous']})" if found["previous"] else ""
    told = [f"release {found['release']}{before}"]
    if not found["is_whole"]:
        told.append("that release is not whole: install it again from its wheel")
    tried = found["upgrade"]
    if tried and tried["at_work"]:
        told.append(f"an upgrade to {tried['new']} is at work since {tried['when']}")
    elif tried:
        told.append(
            f"an upgrade to {tried['new']} was interrupted: sudo edgeseg service settle goes back to {tried['old']}"
        )
    last = found["last"]
    if last:
        why = f": {last['reason']}" if last["reason"] else ""
        told.append(f"last change: {last['old']} to {last['new']}, {last['result']} on {last['when']}{why}")
    for one in found["instances"]:
        restarts = f", restarted {one['restarts']} times" if one["restarts"] else ""
        boot = "" if one["enabled"] else ", does not start with the machine"
        said = f": {one['status']}" if one["status"] else ""
        told.append(f"{one['instance']}: {one['active']} ({one['sub']}){restarts}{boot}{said}")
    return told


def _configured(where: Where) -> list[str]:
    """Those that were installed have a file; config.yaml is of all."""
    try:
        names = [
            path.stem for path in where.config.iterdir() if path.suffix == ".yaml" and not path.name.startswith(".")
        ]
    except OSError:
        return []
    return [f"edgeseg@{name}.service" for name in names if name != "config"]


def _instance(systemd: Systemd, unit: str) -> dict[str, Any]:
    state = systemd.show(unit)
    seen = Seen(0, state)
    return {
        "instance": unit.removeprefix("edgeseg@").removesuffix(".service"),
        "unit": unit,
        **state._asdict(),
        "fps": seen.fps,
        "temp_c": seen.temp_c,
    }
