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
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import Field

from deploy.farm import venvs, wheels
from deploy.farm.card import Timing
from deploy.farm.device import Command, DeviceLost, Say
from deploy.farm.entry import DeviceEntry, Text
from deploy.farm.folder import Folder
from deploy.farm.process import Process, environment


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
        """Make the venv, if it is not there."""
        if not self._built():
            wanted = self._requirements()
            say(f"making a venv of {self._entry.python} with {len(wanted)} packages and what they need")
            venvs.make(self._venv(), venvs.interpreter(self._entry.python), wanted)

    def open(self) -> None:
        """See `device.Device`."""
        if not self._built():
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

    def _built(self) -> bool:
        return (self._venv() / "bin" / "python").exists()

    def _venv(self) -> Path:
        about = json.dumps([self._asked(), sorted(self._requirements())])
        return self._cache / "venvs" / hashlib.sha256(about.encode()).hexdigest()[:16]

    def _requirements(self) -> list[str]:
        return wheels.wanted(self._entry.packages, self._entry.without)

    def _asked(self) -> tuple[int, int, int, str]:
        if self._version is None:
            self._version = venvs.version(venvs.interpreter(self._entry.python))
        return self._version
