"""A systemd for tests: units run the release that /opt/edgeseg/current leads to when they are started."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from edgeseg.errors import OutputError
from edgeseg.install.shipped import CALIBRATE
from edgeseg.install.systemd import UnitState
from edgeseg.install.where import USER, Where

WANTS = "/etc/systemd/system/multi-user.target.wants"
_UNITS = "/etc/systemd/system"
FINE, FAILS, RESTARTS, NEVER_READY, NO_FRAMES, SLOW, HOT, COVERED = (
    "fine",
    "fails",
    "restarts",
    "never ready",
    "no frames",
    "slow",
    "hot",
    "covered",
)
_STATUS = {
    FINE: "29.9 fps, 61 C",
    SLOW: "9.8 fps, 61 C",
    NO_FRAMES: "0.0 fps, 61 C",
    HOT: "29.9 fps, 91 C",
    COVERED: "29.9 fps, 61 C, covered: source_lost",
}


@dataclass
class _Running:
    release: str
    asked: int = 0


@dataclass
class FakeSystemd:
    """Obeys `Systemd` on the folder `where.root`. What is enabled lies there as links, so a new one is a restart.

    Levers: `here`; `behaves`, how each version's service fares (FINE if not said); `broken`, verbs that fail.
    History: `calls`, `started`, each start as (unit, release).
    """

    where: Where
    here: bool = True
    behaves: dict[str, str] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    started: list[tuple[str, str]] = field(default_factory=list)
    _known: set[str] = field(default_factory=set)
    _running: dict[str, _Running] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._read()

    def boot(self) -> None:
        """What is enabled is started."""
        for link in sorted(self.where.at(WANTS).glob("edgeseg@*.service")):
            self.start(link.name)

    def is_here(self) -> bool:
        """See `Systemd.is_here`."""
        return self.here

    def reload(self) -> None:
        """See `Systemd.reload`."""
        self._call("reload")
        self._read()

    def show(self, unit: str) -> UnitState:
        """See `Systemd.show`."""
        if self._file(unit) not in self._known:
            return UnitState()
        enabled = (self.where.at(WANTS) / unit).is_symlink()
        one = self._running.get(unit)
        if one is None:
            return UnitState("loaded", enabled=enabled)
        one.asked += 1
        how = self.behaves.get(one.release, FINE)
        if how == FAILS:
            return UnitState("loaded", "failed", "failed", enabled, result="exit-code")
        if how == NEVER_READY:
            return UnitState("loaded", "activating", "start", enabled, "looking for a camera")
        restarts = max(0, one.asked - 3) if how == RESTARTS else 0
        return UnitState("loaded", "active", "running", enabled, _STATUS.get(how, _STATUS[FINE]), restarts, pid=100)

    def enable(self, unit: str, on: bool) -> None:
        """See `Systemd.enable`."""
        self._call(f"{'enable' if on else 'disable'} {unit}")
        link = self.where.at(WANTS) / unit
        link.unlink(missing_ok=True)
        if on:
            if self._file(unit) not in self._known:
                raise OutputError(f"systemctl enable {unit} failed: Unit file {unit} does not exist.")
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(f"{_UNITS}/{self._file(unit)}")

    def start(self, unit: str) -> None:
        """See `Systemd.start`."""
        self._call(f"start {unit}")
        if "@" in unit and unit not in self._running:
            release = self.where.current.readlink().name
            self._running[unit] = _Running(release)
            self.started.append((unit, release))
        if unit == CALIBRATE:
            (self.where.state / "ladder.json").write_text("{}\n")

    def restart(self, unit: str) -> None:
        """See `Systemd.restart`."""
        self._running.pop(unit, None)
        self.start(unit)

    def stop(self, unit: str) -> None:
        """See `Systemd.stop`."""
        self._call(f"stop {unit}")
        self._running.pop(unit, None)

    def running(self) -> list[str]:
        """See `Systemd.running`."""
        return sorted(self._running)

    def runs(self, unit: str) -> str | None:
        """The release that a unit was started from."""
        one = self._running.get(unit)
        return one.release if one else None

    def make_user(self, conf: Path) -> None:
        """See `Systemd.make_user`."""
        self._call("make_user")
        passwd = self.where.at("/etc/passwd")
        passwd.write_text(passwd.read_text() + f"{USER}:x:990:990::/:/usr/sbin/nologin\n")

    def remove_user(self) -> None:
        """See `Systemd.remove_user`."""
        self._call("remove_user")
        passwd = self.where.at("/etc/passwd")
        lines = passwd.read_text().splitlines(keepends=True)
        passwd.write_text("".join(line for line in lines if not line.startswith(f"{USER}:")))

    def devices(self, module: str | None = None) -> None:
        """See `Systemd.devices`."""
        self._call(f"devices {module}")

    def own(self, path: Path, only_to_read: bool = False) -> None:
        """See `Systemd.own`."""
        self._call(f"own {path.name}")

    def _call(self, what: str) -> None:
        self.calls.append(what)
        verb = what.partition(" ")[0]
        if verb in self.broken:
            raise OutputError(f"systemctl {what} failed: it was told to.")

    def _read(self) -> None:
        folder = self.where.at(_UNITS)
        files = folder.glob("edgeseg*.service") if folder.is_dir() else ()
        self._known = {path.name for path in files if path.is_file() and self._is_whole(path)}

    def _is_whole(self, path: Path) -> bool:
        """Whether a release's drop-in, if it has one, leads somewhere."""
        release = path.with_name(f"{path.name}.d") / "00-release.conf"
        return not release.is_symlink() or self.where.at(str(release.readlink())).exists()

    @staticmethod
    def _file(unit: str) -> str:
        name, at, rest = unit.partition("@")
        return f"{name}@.{rest.rpartition('.')[2]}" if at else unit
