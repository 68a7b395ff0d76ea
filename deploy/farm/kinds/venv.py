"""Another interpreter of this machine, or other packages, in a venv that is built once and kept.

    devices:
      tflite-2.14:
        kind: venv
        python: python3.11
        packages: ["tflite-runtime==2.14.0", "numpy<2"]
        without: [ai-edge-litert]      # of what edgeseg itself asks for

It holds edgeseg's own dependencies, but for those `without`, and `packages`. It is known by the hash of all that, so
that a change of the entry builds another one.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

from pydantic import Field

from deploy.farm.card import Timing
from deploy.farm.device import Command, DeviceLost, Say
from deploy.farm.entry import DeviceEntry, Text
from deploy.farm.folder import Folder, lost
from deploy.farm.process import Process, environment

_ASK = (
    "import json, sys, sysconfig; v = sys.version_info;"
    "print(json.dumps([v[0], v[1], v[2], sysconfig.get_platform().replace('-', '_')]))"
)
_PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input", "--python")


class VenvEntry(DeviceEntry):
    """python: a command or a path. packages: more requirements, as pip has them. without: names of distributions."""

    python: Text = "python3"
    packages: list[Text] = Field(default_factory=list)
    without: list[Text] = Field(default_factory=list)


class Venv:
    """See `device.Device`."""

    Entry = VenvEntry
    kind = "venv"
    timing: Timing = "real"

    def __init__(self, name: str, entry: VenvEntry, cache: Path) -> None:
        self.name = name
        self._entry, self._cache = entry, cache
        self._folder = Folder(cache / "devices" / name)
        self._version: tuple[int, int, int, str] | None = None

    @property
    def python(self) -> tuple[str, str]:
        """See `device.Device`."""
        major, minor, _, platform = self._asked()
        return (f"cp{major}{minor}", platform)

    def setup(self, say: Say) -> None:
        """Make the venv, in a folder that gets its name when it is whole."""
        venv = self._venv()
        if (venv / "bin" / "python").exists():
            return
        part = venv.with_name(f"{venv.name}.part")
        wanted = self._requirements()
        say(f"making a venv of {self._entry.python} with {len(wanted)} packages and what they need")
        try:
            shutil.rmtree(part, ignore_errors=True)
            part.parent.mkdir(parents=True, exist_ok=True)
            # Our own pip fills it: making one for it takes longer than all the rest.
            self._run([self._interpreter(), "-m", "venv", "--without-pip", str(part)])
            if wanted:
                self._run([*_PIP, str(part / "bin" / "python"), "install", *wanted])
            part.rename(venv)  # nothing is run by its scripts, which know the old name
        except OSError as error:
            raise lost(venv, error) from error

    def open(self) -> None:
        """See `device.Device`."""
        if not (self._venv() / "bin" / "python").exists():
            raise DeviceLost(f"The venv of {self.name} is not built: run python -m deploy.farm setup {self.name}.")

    def put(self, files: Mapping[str, Path]) -> int:
        """See `device.Device`."""
        return self._folder.put(files)

    def start(self, argv: Sequence[str], timeout_s: float) -> Command:
        """See `device.Device`."""
        words = [str(self._venv() / "bin" / "python") if argv[0] == "python" else argv[0], *argv[1:]]
        return Process(words, self._folder.path, environment(self._entry.env), timeout_s)

    def get(self, path: str, to: Path) -> None:
        """See `device.Device`."""
        self._folder.get(path, to)

    def close(self) -> None:
        """See `device.Device`."""

    def _venv(self) -> Path:
        about = json.dumps([self._asked(), sorted(self._requirements())])
        return self._cache / "venvs" / hashlib.sha256(about.encode()).hexdigest()[:16]

    def _requirements(self) -> list[str]:
        """What edgeseg's own metadata ask for, without what is left out, and what the entry adds."""
        left_out = {_name(one) for one in self._entry.without}
        own = [one for one in metadata.requires("edgeseg") or () if "extra ==" not in one]
        return [one for one in own if _name(one) not in left_out] + self._entry.packages

    def _interpreter(self) -> str:
        found = shutil.which(self._entry.python)
        if found is None:
            raise DeviceLost(f"There is no {self._entry.python} here: install it, or name another under 'python'.")
        return found

    def _asked(self) -> tuple[int, int, int, str]:
        if self._version is None:
            self._version = tuple(json.loads(self._run([self._interpreter(), "-c", _ASK])))
        return self._version

    def _run(self, argv: Sequence[str]) -> str:
        try:
            done = subprocess.run(
                argv, env=environment({}), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
            )
        except OSError as error:
            raise DeviceLost(f"{argv[0]} cannot be run: {error.strerror}.") from error
        if done.returncode:
            words = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()][-1:]
            what = " ".join(word for word in argv[1:] if not word.startswith("-"))[:80]
            raise DeviceLost(f"The venv of {self.name} cannot be made: {what}: {' '.join(words)[:500].rstrip('.')}.")
        return done.stdout


def _name(requirement: str) -> str:
    """The distribution that a requirement is of, as the index spells names."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^A-Za-z0-9._-]", requirement.strip(), maxsplit=1)[0]).lower()
