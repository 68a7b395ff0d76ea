"""An Arm board's userland on this machine: Debian's, run by qemu as that board's cores. It needs root.

    devices:
      pi-4:
        kind: root
        arch: arm64                  # or armhf: Debian's name of it
        cpu: cortex-a72              # as qemu calls it
        board: raspberry-pi-4        # whose /proc/cpuinfo it reads
        suite: bookworm
        debian: [python3, libstdc++6]
        packages: ["ai-edge-litert==2.3.0"]
        without: []                  # of what edgeseg asks for: what Debian's packages bring

Its numbers are that board's, bit by bit for INT8. Its times are nobody's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from deploy.farm import emulated, roots, wheels
from deploy.farm.card import Timing
from deploy.farm.device import Command, DeviceLost, Say
from deploy.farm.entry import DeviceEntry, Text, Word
from deploy.farm.folder import Folder
from deploy.farm.process import Process
from edgeseg.errors import did_you_mean


def _known(board: str) -> str:
    if board not in emulated.boards():
        raise ValueError(f"there is no cpuinfo of the board {board!r}; {did_you_mean(board, emulated.boards())}")
    return board


class RootEntry(DeviceEntry):
    """See above."""

    arch: Literal["arm64", "armhf"] = "arm64"
    cpu: Word
    board: Annotated[str, AfterValidator(_known)]
    suite: Word = "bookworm"
    debian: list[Text] = Field(default=["python3", "libstdc++6"], min_length=1)
    packages: list[Text] = Field(default_factory=list)
    without: list[Text] = Field(default_factory=list)


class Root:
    """See `device.Device`."""

    Entry = RootEntry
    kind = "root"
    timing: Timing = "emulated"

    def __init__(self, name: str, entry: RootEntry, cache: Path) -> None:
        self.name = name
        self._entry, self._cache = entry, cache
        self._folder = Folder(cache / "devices" / name)
        self._built: roots.Built | None = None

    @property
    def python(self) -> tuple[str, str]:
        """See `device.Device`."""
        return self._opened().target.tag

    def setup(self, say: Say) -> None:
        """See `device.Device`. Roots of the same description are one."""
        roots.build(self._cache, self._recipe(), self._facts, say)

    def open(self) -> None:
        """See `device.Device`."""
        if reason := roots.missing(self._entry.arch):
            raise DeviceLost(reason)
        self._built = roots.built(self._cache, self._recipe())
        if self._built is None:
            raise DeviceLost(f"The root of {self.name} is not built: run python -m deploy.farm setup {self.name}.")
        self._folder.path.mkdir(parents=True, exist_ok=True)

    def put(self, files: Mapping[str, Path]) -> int:
        """See `device.Device`."""
        return self._folder.put(files)

    def start(self, argv: Sequence[str], timeout_s: float) -> Command:
        """See `device.Device`."""
        here, entry = self._opened(), self._entry
        words = emulated.argv(here.root, here.site, self._folder.path, entry.arch, entry.board, argv)
        return Process(words, self._folder.path, emulated.environment(entry.arch, entry.cpu, entry.env), timeout_s)

    def get(self, path: str, to: Path) -> None:
        """See `device.Device`."""
        self._folder.get(path, to)

    def close(self) -> None:
        """See `device.Device`."""
        self._built = None

    def _opened(self) -> roots.Built:
        if self._built is None:
            raise DeviceLost(f"{self.name} is not open.")
        return self._built

    def _recipe(self) -> roots.Recipe:
        entry = self._entry
        needed = wheels.wanted(entry.packages, entry.without)
        return roots.Recipe(entry.arch, entry.suite, tuple(entry.debian), tuple(needed), tuple(entry.without))

    def _facts(self, root: Path) -> str:
        return emulated.facts(root, self._entry.arch, self._entry.cpu, self._entry.board)
