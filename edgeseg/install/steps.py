"""The steps of an install. Each says what it does, sees whether it is done, and names what it will leave.

What is left outside of /opt/edgeseg is in the manifest; `uninstall` takes it away from there, so no step undoes itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edgeseg.errors import EdgesegError
from edgeseg.install import durable, release
from edgeseg.install.health import prove
from edgeseg.install.here import Here
from edgeseg.install.manifest import Entry
from edgeseg.install.shipped import CALIBRATE
from edgeseg.install.wheel import Wheel
from edgeseg.install.where import USER


class Step(Protocol):
    """One step."""

    def words(self) -> str:
        """What it does, for people."""
        ...

    def leaves(self) -> Sequence[Entry]:
        """What it puts outside of /opt/edgeseg."""
        ...

    def is_done(self, here: Here) -> bool:
        """Whether there is nothing to do."""
        ...

    def do(self, here: Here) -> None:
        """Do it. Raises EdgesegError, OSError."""
        ...


class _LeavesNothing:
    def leaves(self) -> Sequence[Entry]:
        """See `Step.leaves`."""
        return ()


@dataclass(frozen=True)
class MakeRelease(_LeavesNothing):
    """A venv with the wheel and what it needs."""

    wheel: Wheel
    wheelhouse: Path | None
    os_packages: bool

    def words(self) -> str:
        """See `Step.words`."""
        source = f"wheels of {self.wheelhouse}" if self.wheelhouse else "the Python index that pip is set up for"
        lent = ", with the system's Python packages (picamera2, libcamera) in it" if self.os_packages else ""
        return f"make the release /opt/edgeseg/releases/{self.wheel.version} of {self.wheel.path} and {source}{lent}"

    def is_done(self, here: Here) -> bool:
        """See `Step.is_done`."""
        return release.read_seal(here.where, self.wheel.version) is not None

    def do(self, here: Here) -> None:
        """See `Step.do`."""
        release.sweep(here.where)
        folder = here.where.release(self.wheel.version)
        folder.parent.mkdir(parents=True, exist_ok=True)
        here.tools.build(folder, self.wheel, self.wheelhouse, self.os_packages, here.say)
        release.seal(here.where, self.wheel.version, self.wheel.sha256, here.today(), self.os_packages)


@dataclass(frozen=True)
class MakeCurrent(_LeavesNothing):
    """The release is the one that runs."""

    version: str

    def words(self) -> str:
        """See `Step.words`."""
        return f"let /opt/edgeseg/current lead to {self.version}"

    def is_done(self, here: Here) -> bool:
        """See `Step.is_done`."""
        return release.current(here.where) == self.version

    def do(self, here: Here) -> None:
        """See `Step.do`."""
        release.switch(here.where, self.version)


@dataclass(frozen=True)
class Link:
    """A link through /opt/edgeseg/current."""

    path: str
    target: str

    def words(self) -> str:
        """See `Step.words`."""
        return f"link {self.path} -> {self.target}"

    def leaves(self) -> Sequence[Entry]:
        """See `Step.leaves`."""
        return (*_folders(self.path), Entry("file", self.path))

    def is_done(self, here: Here) -> bool:
        """See `Step.is_done`."""
        path = here.where.at(self.path)
        return path.is_symlink() and str(path.readlink()) == self.target

    def do(self, here: Here) -> None:
        """See `Step.do`."""
        path = here.where.at(self.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        durable.link(path, self.target)


@dataclass(frozen=True)
class WriteFile:
    """A file of this machine's own. only_new: one that is there stays as it is. is_secret: for the service alone.

    stops: the unit that must be started anew with it.
    """

    path: str
    text: str
    only_new: bool = False
    is_state: bool = False
    is_secret: bool = False
    stops: str = ""

    def words(self) -> str:
        """See `Step.words`."""
        return f"write {self.path}" + (", unless there is one" if self.only_new else "")

    def leaves(self) -> Sequence[Entry]:
        """See `Step.leaves`."""
        return (*_folders(self.path, self.is_state), Entry("file", self.path, self.is_state))

    def is_done(self, here: Here) -> bool:
        """See `Step.is_done`."""
        path = here.where.at(self.path)
        return path.is_file() and (self.only_new or path.read_text(encoding="utf-8", errors="replace") == self.text)

    def do(self, here: Here) -> None:
        """See `Step.do`."""
        path = here.where.at(self.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        durable.write(path, self.text.encode(), 0o640 if self.is_secret else 0o644)
        if self.is_secret:
            here.systemd.own(path, only_to_read=True)
        if self.stops and here.systemd.show(self.stops).active != "inactive":
            here.systemd.stop(self.stops)


@dataclass(frozen=True)
class MakeUser:
    """The service's own user, as the release's sysusers.d file has it."""

    conf: str

    def words(self) -> str:
        """See `Step.words`."""
        return f"make the user {USER} (by {self.conf})"

    def leaves(self) -> Sequence[Entry]:
        """See `Step.leaves`."""
        return (Entry("user", USER, is_state=True),)  # who owns the state

    def is_done(self, here: Here) -> bool:
        """See `Step.is_done`."""
        try:
            lines = here.where.at("/etc/passwd").read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return False
        return any(line.startswith(f"{USER}:") for line in lines)

    def do(self, here: Here) -> None:
        """See `Step.do`."""
        here.systemd.make_user(here.where.at(self.conf))


@dataclass(frozen=True)
class MakeState:
    """The folder of what is measured here."""

    path: str = "/var/lib/edgeseg"

    def words(self) -> str:
        """See `Step.words`."""
        return f"make {self.path}, the service's own folder"

    def leaves(self) -> Sequence[Entry]:
        """See `Step.leaves`."""
        return (Entry("tree", self.path, is_state=True), Entry("tree", "/run/edgeseg"))

    def is_done(self, here: Here) -> bool:
        """See `Step.is_done`."""
        return here.where.at(self.path).is_dir()

    def do(self, here: Here) -> None:
        """See `Step.do`."""
        path = here.where.at(self.path)
        path.mkdir(parents=True, mode=0o755)
        here.systemd.own(path)


@dataclass(frozen=True)
class Devices(_LeavesNothing):
    """udev's new rules, and the virtual webcam's module."""

    module: str | None

    def words(self) -> str:
        """See `Step.words`."""
        load = f"load the kernel's module {self.module} and " if self.module else ""
        return f"{load}let udev read its rules"

    def is_done(self, here: Here) -> bool:
        """See `Step.is_done`; the rules are read whenever the mark is not of this release's rules."""
        loaded = self.module is None or here.where.at(f"/sys/module/{self.module}").is_dir()
        return loaded and (here.where.base / "rules").is_file() and _rules(here) == _marked(here)

    def do(self, here: Here) -> None:
        """See `Step.do`."""
        here.systemd.devices(self.module)
        durable.write(here.where.base / "rules", _rules(here))


@dataclass(frozen=True)
class LoadUnits(_LeavesNothing):
    """systemd knows the units."""

    unit: str

    def words(self) -> str:
        """See `Step.words`."""
        return "let systemd read its units"

    def is_done(self, here: Here) -> bool:
        """See `Step.is_done`."""
        state = here.systemd.show(self.unit)
        return state.load == "loaded" and not state.is_old

    def do(self, here: Here) -> None:
        """See `Step.do`."""
        here.systemd.reload()


@dataclass(frozen=True)
class SelfCheck(_LeavesNothing):
    """What the release scores on this device, kept to compare the next one with."""

    version: str

    def words(self) -> str:
        """See `Step.words`."""
        return "score the model on the small golden set, on this device"

    def is_done(self, here: Here) -> bool:
        """See `Step.is_done`."""
        return here.kept_check(self.version) is not None

    def do(self, here: Here) -> None:
        """See `Step.do`."""
        checked = here.tools.check(here.where.release(self.version))
        here.keep_check(checked)
        for one in checked.scores:
            here.say(f"{one.instance}: {one.tier} on {one.engine} scores {one.miou:.1%} on {one.dataset}")


@dataclass(frozen=True)
class Memory:
    """How much memory the instance may take."""

    unit: str
    version: str

    @property
    def path(self) -> str:
        """The drop-in."""
        return f"/etc/systemd/system/{self.unit}.d/memory.conf"

    def words(self) -> str:
        """See `Step.words`."""
        return f"write {self.path}: the memory that the board's profile allows"

    def leaves(self) -> Sequence[Entry]:
        """See `Step.leaves`."""
        return (*_folders(self.path), Entry("file", self.path))

    def is_done(self, here: Here) -> bool:
        """See `Step.is_done`; nothing to do where there is no limit."""
        checked = here.kept_check(self.version)
        return here.where.at(self.path).is_file() or (checked is not None and checked.memory_mb is None)

    def do(self, here: Here) -> None:
        """See `Step.do`. The governor holds the limit itself; systemd slows down at it, and ends what is far above."""
        checked = here.kept_check(self.version)
        if checked is None or checked.memory_mb is None:
            return
        high, most = checked.memory_mb * 1_000_000, checked.memory_mb * 1_250_000
        text = f"# By edgeseg service install, of limits.memory_mb.\n[Service]\nMemoryHigh={high}\nMemoryMax={most}\n"
        path = here.where.at(self.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        durable.write(path, text.encode())
        here.systemd.reload()


@dataclass(frozen=True)
class Calibrate(_LeavesNothing):
    """Which tiers this device can run."""

    def words(self) -> str:
        """See `Step.words`."""
        return "measure which tiers this device can run (a minute or so)"

    def is_done(self, here: Here) -> bool:
        """See `Step.is_done`."""
        return (here.where.state / "ladder.json").exists()

    def do(self, here: Here) -> None:
        """See `Step.do`; without a measurement the default tier runs, so its failure is only told."""
        try:
            here.systemd.start(CALIBRATE)
        except EdgesegError as error:
            here.say(str(error))
        if not self.is_done(here):
            here.say("Nothing was measured; the default tier is used until edgeseg calibrate has run.")


@dataclass(frozen=True)
class Enable:
    """Started at boot."""

    unit: str

    def words(self) -> str:
        """See `Step.words`."""
        return f"enable {self.unit}, so that it starts with the machine"

    def leaves(self) -> Sequence[Entry]:
        """See `Step.leaves`."""
        return (Entry("unit", self.unit),)

    def is_done(self, here: Here) -> bool:
        """See `Step.is_done`."""
        return here.systemd.show(self.unit).enabled

    def do(self, here: Here) -> None:
        """See `Step.do`."""
        here.systemd.enable(self.unit, on=True)


@dataclass(frozen=True)
class Start(_LeavesNothing):
    """Runs, and frames flow."""

    unit: str
    wait_s: float

    def words(self) -> str:
        """See `Step.words`."""
        return f"start {self.unit} and wait until frames flow, {self.wait_s:g} s at most"

    def is_done(self, here: Here) -> bool:
        """See `Step.is_done`."""
        return here.systemd.show(self.unit).active == "active"

    def do(self, here: Here) -> None:
        """See `Step.do`."""
        here.systemd.restart(self.unit)
        prove(here, [self.unit], self.wait_s)


def _folders(path: str, is_state: bool = False) -> list[Entry]:
    """The folders above a file that may be missing on a lean system, from above; they go if they are empty then."""
    above = [folder for folder in reversed(Path(path).parents) if len(folder.parts) > 2]
    return [Entry("folder", str(folder), is_state) for folder in above]


def _rules(here: Here) -> bytes:
    links = sorted(here.where.at("/etc/udev/rules.d").glob("*edgeseg*"))
    return b"".join(_content(here, path) for path in links)


def _content(here: Here, path: Path) -> bytes:
    """What a link leads to, below our root."""
    target = here.where.at(str(path.readlink())) if path.is_symlink() else path
    return target.read_bytes() if target.exists() else b""


def _marked(here: Here) -> bytes:
    return (here.where.base / "rules").read_bytes()
