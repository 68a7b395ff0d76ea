"""A host by ssh as a device: what the kinds `ssh` and `labgrid` have in common. No sudo is needed over there.

FOLDER/there-HASH.py      what runs commands over there, from `there.py`
FOLDER/packages-HASH/     edgeseg's packages, and the wheels that they came by
FOLDER/devices/NAME/      the device's own folder
"""

from __future__ import annotations

import hashlib
import json
import shlex
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import asyncssh
from pydantic import Field

from deploy.farm import there, wheels
from deploy.farm.card import Timing
from deploy.farm.device import Command, DeviceLost, Say
from deploy.farm.entry import DeviceEntry, Text
from deploy.farm.fitness import skew, unfit
from deploy.farm.hops import Way
from deploy.farm.link import Link, Running
from deploy.farm.roots import target_of

_PROGRAM = Path(there.__file__).read_text(encoding="utf-8")
_SLACK = 20_000_000  # bytes that a disk keeps free


class HostEntry(DeviceEntry):
    """user: there. key, known_hosts: files here. folder: there, from the user's home; python: its interpreter there.

    machine: what the host must be, as uname says; None: any that there are wheels for. packages, without: as for roots.
    """

    user: Text | None = None
    key: Text | None = None
    known_hosts: Text = "~/.ssh/known_hosts"
    jump: Text | None = None
    folder: Text = "~/.cache/edgeseg-farm"
    python: Text = "python3"
    machine: Text | None = None
    alive_s: Annotated[float, Field(gt=0, le=600)] = 10.0
    packages: list[Text] = Field(default_factory=list)
    without: list[Text] = Field(default_factory=list)


class HostDevice(ABC):
    """A host as a `device.Device`; which one, and how it is had, the kind says."""

    timing: Timing = "real"

    def __init__(self, name: str, entry: HostEntry, cache: Path) -> None:
        self.name = name
        self._remote = Remote(name, entry, cache, time.time)

    @abstractmethod
    def _reach(self) -> None:
        """Have `_remote` open. Raises DeviceLost."""

    @property
    def python(self) -> tuple[str, str]:
        """See `device.Device`."""
        return self._remote.target.tag

    def setup(self, say: Say) -> None:
        """See `device.Device`. It is let go of again."""
        try:
            self._reach()
            self._remote.setup(say)
        finally:
            self.close()

    def open(self) -> None:
        """See `device.Device`."""
        self._reach()
        self._remote.check()

    def put(self, files: Mapping[str, Path]) -> int:
        """See `device.Device`."""
        return self._remote.put(files)

    def start(self, argv: Sequence[str], timeout_s: float) -> Command:
        """See `device.Device`."""
        return self._remote.start(argv, timeout_s)

    def get(self, path: str, to: Path) -> None:
        """See `device.Device`."""
        self._remote.get(path, to)

    def close(self) -> None:
        """See `device.Device`."""
        self._remote.close()


class Remote:
    """The device's body. now: seconds since 1970, to tell how wrong the host's clock is.

    site: where edgeseg's packages are over there already; None: they are sent by `setup`.
    """

    def __init__(
        self, name: str, entry: HostEntry, cache: Path, now: Callable[[], float], site: str | None = None
    ) -> None:
        self._site = site
        self._name, self._entry, self._cache, self._now = name, entry, cache, now
        self._link: Link | None = None
        self._facts: dict[str, Any] = {}
        self._host = ""
        self._why = f"{name} is not open."

    @property
    def target(self) -> wheels.Target:
        """The interpreter there, once it is open."""
        self._opened()
        return target_of(self._facts)

    def setup(self, say: Say) -> None:
        """Bring the packages there if they are not; told before anything is sent: what makes the host unfit."""
        if late := skew(self._facts["now"], self._now()):
            say(f"{self._host}: {late}")
        if self._has(f"{self._packages()}/site"):
            return
        with self._alone(self._packages()):
            if not self._has(f"{self._packages()}/site"):
                self._install(say)

    def _install(self, say: Say) -> None:
        found = wheels.fetch(self._wanted(), self.target, self._entry.without, self._cache / "packages", say)
        say(f"sending {sum(one.stat().st_size for one in found) / 1e6:.0f} MB of packages to {self._host}")
        self._put(self._packages(), {f"wheels/{one.name}": one for one in found})
        self._ask("unpack", self._packages(), ["site"], [f"wheels/{one.name}" for one in found])

    def open(self, way: Way) -> None:
        """Connect, and refuse a host that cannot do it. Raises DeviceLost."""
        self.close()
        self._host = str(way.to)
        self._link = Link(way)
        python = shlex.quote(self._entry.python)
        code, out, err = self._link.ask(f"{python} - facts {shlex.quote(self._entry.folder)}", _PROGRAM)
        if code in (126, 127):
            raise DeviceLost(f"There is no {self._entry.python} on {self._host}: install Python 3.10 or newer there.")
        if "SyntaxError" in err:  # of `there.py`
            raise DeviceLost(f"The {self._entry.python} on {self._host} is too old: 3.10 or newer is needed.")
        self._facts = self._answer(code, out, err)
        if reason := unfit(self._facts, self._entry.machine):
            raise DeviceLost(f"{self._host} cannot run edgeseg: {reason}")

    def check(self) -> None:
        """Raises DeviceLost if the packages are not there."""
        if not self._has(f"{self._packages()}/site"):
            raise DeviceLost(
                f"edgeseg's packages are not on {self._host}: run python -m deploy.farm setup {self._name}."
            )

    def put(self, files: Mapping[str, Path]) -> int:
        """See `device.Device.put`."""
        return self._put(self._own(), files)

    def start(self, argv: Sequence[str], timeout_s: float) -> Running:
        """See `device.Device.start`. It ends by itself if this end is lost."""
        program = self._entry.python if argv[0] == "python" else argv[0]
        path = f"{self._own()}:{self._site or f'{self._packages()}/site'}"
        variables = {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1", "LC_ALL": "C.UTF-8", **self._entry.env}
        words = ["exec", "env", *(f"{name}={value}" for name, value in variables.items())]
        words += [self._entry.python, self._brought(), "run", self._own(), str(timeout_s), program, *argv[1:]]
        return self._opened().start(shlex.join(words))

    def get(self, path: str, to: Path) -> None:
        """See `device.Device.get`."""
        self._opened().fetch(f"{self._own()}/{path}", to)

    def close(self, why: str | None = None) -> None:
        """See `device.Device.close`. why: what is told to whoever still uses it."""
        link, self._link = self._link, None
        self._why = why or f"{self._name} is not open."
        if link is not None:
            link.close(why)

    def _put(self, folder: str, files: Mapping[str, Path]) -> int:
        sums = {path: hashlib.sha256(source.read_bytes()).hexdigest() for path, source in files.items()}
        said = self._ask("want", folder, [], sums)
        missing: list[str] = said["missing"]
        size = sum(files[path].stat().st_size for path in missing)
        if size + _SLACK > said["free"]:
            raise self._full(size, said["free"])
        if not missing:
            return 0
        try:
            self._opened().send({f"{folder}/{path}": files[path] for path in missing})
        except asyncssh.SFTPError as error:
            free = self._ask("want", folder, [], sums)["free"]
            if free < size:
                raise self._full(size, free) from error
            raise DeviceLost(f"{self._host} took no files into {folder}: {error.reason}.") from error
        if left := self._ask("want", folder, [], sums)["missing"]:
            raise DeviceLost(f"{left[0]} is on {self._host} with other bytes than were sent: its disk may be failing.")
        return size

    @contextmanager
    def _alone(self, folder: str) -> Iterator[None]:
        """Nobody else sets up that folder of the host meanwhile."""
        holder = self._opened().start(shlex.join([self._entry.python, self._brought(), "lock", folder]))
        try:
            if not next(holder.lines(), ""):
                raise DeviceLost(f"{folder} on {self._host} cannot be locked: {holder.wait().stderr.strip()[-300:]}.")
            yield
        finally:
            holder.kill()

    def _full(self, size: int, free: int) -> DeviceLost:
        need = (size + _SLACK) / 1e6
        return DeviceLost(f"The disk of {self._host} is full: {need:.0f} MB are needed, and {free / 1e6:.0f} MB free.")

    def _ask(self, what: str, folder: str, more: Sequence[str], question: object) -> dict[str, Any]:
        words = shlex.join([self._entry.python, self._brought(), what, folder, *more])
        answer = self._answer(*self._opened().ask(words, json.dumps(question)))
        if answer.get("error") in ("ENOSPC", "EDQUOT"):
            raise DeviceLost(f"The disk of {self._host} is full: {answer['path']} cannot be written.")
        if "error" in answer:
            raise DeviceLost(f"{answer['path']} cannot be used on {self._host}: {answer['error']}.")
        return answer

    def _answer(self, code: int, out: str, err: str) -> dict[str, Any]:
        try:
            answer = json.loads(out.splitlines()[-1])
        except (ValueError, IndexError):
            said = (err or out).strip().splitlines()[-1:] or ["nothing"]
            raise DeviceLost(f"Python on {self._host} ended with {code} and said: {said[0][:300]}") from None
        return dict(answer)

    def _brought(self) -> str:
        """Where `there.py` is over there; it is sent the first time."""
        path = f"{self._folder()}/there-{hashlib.sha256(_PROGRAM.encode()).hexdigest()[:12]}.py"
        if not self._has(path):
            folder, quoted = shlex.quote(self._folder()), shlex.quote(path)
            words = f"umask 077 && mkdir -p {folder} && cat > {quoted}.$$ && mv {quoted}.$$ {quoted}"
            code, _, err = self._opened().ask(words, _PROGRAM)
            if code:
                raise DeviceLost(f"{self._folder()} on {self._host} cannot be written: {err.strip()[:300]}.")
        return path

    def _has(self, path: str) -> bool:
        known: set[str] = self._facts.setdefault("known", set())
        if path not in known and self._opened().ask(f"test -e {shlex.quote(path)}")[0] == 0:
            known.add(path)
        return path in known

    def _wanted(self) -> list[str]:
        return wheels.wanted(self._entry.packages, self._entry.without)

    def _packages(self) -> str:
        about = json.dumps([sorted(self._wanted()), sorted(self._entry.without), self.target.tag])
        return f"{self._folder()}/packages-{hashlib.sha256(about.encode()).hexdigest()[:12]}"

    def _own(self) -> str:
        return f"{self._folder()}/devices/{self._name}"

    def _opened(self) -> Link:
        if self._link is None:
            raise DeviceLost(self._why)
        return self._link

    def _folder(self) -> str:
        """edgeseg's over there."""
        self._opened()
        return str(self._facts["folder"])
