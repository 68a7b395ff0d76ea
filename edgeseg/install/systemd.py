"""The port to systemd and what belongs to it: few verbs, so that tests can stand in for them."""

from __future__ import annotations

import os
import pwd
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from edgeseg.errors import EdgesegError, NotPermitted, OutputError, Unreachable, one_line
from edgeseg.install.where import USER

_START_S = 1000  # longer than any unit of ours may take


class UnitState(NamedTuple):
    """What systemd says of a unit.

    active: active, activating, inactive, failed ... status: what the service itself says, in one line. restarts: that
    systemd made by itself. pid: 0 if it does not run. is_old: its files changed, or drop-ins came, and were not read.
    """

    load: str = "not-found"
    active: str = "inactive"
    sub: str = "dead"
    enabled: bool = False
    status: str = ""
    restarts: int = 0
    result: str = "success"
    pid: int = 0
    is_old: bool = False


class Systemd(Protocol):
    """All of it raises EdgesegError with what systemd said if it fails."""

    def is_here(self) -> bool:
        """Whether this machine runs systemd."""
        ...

    def reload(self) -> None:
        """Read all units anew."""
        ...

    def show(self, unit: str) -> UnitState:
        """The state of a unit, known or not."""
        ...

    def enable(self, unit: str, on: bool) -> None:
        """Start it at boot, or no more."""
        ...

    def start(self, unit: str) -> None:
        """Start it and wait until it is ready; nothing if it runs."""
        ...

    def restart(self, unit: str) -> None:
        """Stop it and wait for that, forget its faults, and begin to start it."""
        ...

    def stop(self, unit: str) -> None:
        """Stop it and forget its faults; nothing if it does not run."""
        ...

    def running(self) -> list[str]:
        """The instances' units that run, are started or have failed."""
        ...

    def make_user(self, conf: Path) -> None:
        """Have the users of a sysusers.d file."""
        ...

    def remove_user(self) -> None:
        """Have no user and group edgeseg."""
        ...

    def devices(self, module: str | None = None) -> None:
        """Have udev apply its rules anew; load a kernel module before."""
        ...

    def own(self, path: Path, only_to_read: bool = False) -> None:
        """Give something to the user edgeseg, or only to its group."""
        ...


class RealSystemd:
    """The one of this machine."""

    def is_here(self) -> bool:
        """See `Systemd.is_here`; sd_booted(3)."""
        return Path("/run/systemd/system").is_dir()

    def reload(self) -> None:
        """See `Systemd.reload`."""
        _run("systemctl", "daemon-reload")

    def show(self, unit: str) -> UnitState:
        """See `Systemd.show`."""
        if not self.is_here():
            return UnitState()
        names = "LoadState,ActiveState,SubState,UnitFileState,StatusText,NRestarts,Result,MainPID"
        said = _run("systemctl", "show", unit, f"--property={names},NeedDaemonReload,DropInPaths")
        facts = dict(line.partition("=")[::2] for line in said.splitlines())
        return UnitState(
            load=facts.get("LoadState", ""),
            active=facts.get("ActiveState", ""),
            sub=facts.get("SubState", ""),
            enabled=facts.get("UnitFileState", "") in ("enabled", "enabled-runtime"),
            status=facts.get("StatusText", ""),
            restarts=_int(facts.get("NRestarts", "")),
            result=facts.get("Result", ""),
            pid=_int(facts.get("MainPID", "")),
            is_old=facts.get("NeedDaemonReload", "") == "yes" or _has_more(unit, facts.get("DropInPaths", "").split()),
        )

    def enable(self, unit: str, on: bool) -> None:
        """See `Systemd.enable`."""
        _run("systemctl", "--quiet", "enable" if on else "disable", unit)

    def start(self, unit: str) -> None:
        """See `Systemd.start`."""
        _run("systemctl", "start", unit)

    def restart(self, unit: str) -> None:
        """See `Systemd.restart`."""
        self.stop(unit)
        _run("systemctl", "start", "--no-block", unit)

    def stop(self, unit: str) -> None:
        """See `Systemd.stop`."""
        _run("systemctl", "stop", unit, fails=False)
        _run("systemctl", "reset-failed", unit, fails=False)

    def running(self) -> list[str]:
        """See `Systemd.running`."""
        if not self.is_here():
            return []
        said = _run("systemctl", "list-units", "--all", "--plain", "--no-legend", "edgeseg@*.service")
        rows = [line.split() for line in said.splitlines()]
        return sorted(row[0] for row in rows if len(row) > 2 and row[2] in ("active", "activating", "failed"))

    def make_user(self, conf: Path) -> None:
        """See `Systemd.make_user`."""
        _run("systemd-sysusers", str(conf))

    def remove_user(self) -> None:
        """See `Systemd.remove_user`."""
        for tool, database in (("userdel", "passwd"), ("groupdel", "group")):
            if _run("getent", database, USER, fails=False):
                _run(tool, USER)

    def devices(self, module: str | None = None) -> None:
        """See `Systemd.devices`. Where there is no udev, as in a container, there are no devices to name either."""
        if module is not None:
            _run("modprobe", module)
        if Path("/run/udev/control").exists():
            _run("udevadm", "control", "--reload")
            _run("udevadm", "trigger", "--subsystem-match=video4linux", "--subsystem-match=usb")

    def own(self, path: Path, only_to_read: bool = False) -> None:
        """See `Systemd.own`."""
        try:
            user = pwd.getpwnam(USER)
        except KeyError as error:
            raise OutputError(f"There is no user {USER}; systemd-sysusers did not make it.") from error
        os.chown(path, 0 if only_to_read else user.pw_uid, user.pw_gid)


def _run(*argv: str, fails: bool = True) -> str:
    """What a command says; with `fails`, its failure is ours. Raises EdgesegError."""
    try:
        done = subprocess.run(
            argv,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_START_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError as error:
        raise Unreachable(f"There is no {argv[0]} on this machine; edgeseg's service needs it.") from error
    except subprocess.TimeoutExpired as error:
        raise Unreachable(f"{' '.join(argv)} did not end within {_START_S} s.") from error
    if done.returncode and fails:
        raise _meaning(" ".join(argv), done.stderr.strip() or f"exit code {done.returncode}")
    return done.stdout if not done.returncode else ""


def _meaning(command: str, said: str) -> EdgesegError:
    kind = NotPermitted if re.search("denied|authentication|not permitted", said, re.IGNORECASE) else OutputError
    return kind(f"{command} failed: {one_line(' '.join(said.split()))[:400]}")


def journal(units: Sequence[str], lines: int, follow: bool) -> list[str]:
    """The command that shows the units' log."""
    named = [f"--unit={unit}" for unit in units]
    return [
        "journalctl",
        *named,
        f"--lines={lines}",
        "--no-pager",
        "--output=short-iso",
        *(["--follow"] if follow else []),
    ]


def _has_more(unit: str, known: Sequence[str]) -> bool:
    """Whether there are drop-ins of a unit that systemd does not know of: 252 finds none in a folder that is new."""
    template = re.sub(r"@[^.]*\.", "@.", unit)
    folders = {Path(f"/etc/systemd/system/{name}.d") for name in (unit, template)}
    return any(str(path) not in known for folder in folders for path in folder.glob("*.conf"))


def _int(text: str) -> int:
    return int(text) if text.isdigit() else 0
