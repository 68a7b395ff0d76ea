"""A whole board that qemu emulates: processor, memory, SD card, sensors, with Debian's kernel for it. It needs root.

    devices:
      pi-3:
        kind: guest
        machine: raspi3b               # as qemu calls it
        suite: bookworm
        packages: ["ai-edge-litert==2.3.0"]
        boot_s: 600                    # how long it may take until it answers

It is put together and started by the first command: what was brought by then is on its card, which reads faster than
its network. It has no network but a port of this machine's loopback, and its card forgets all when it is closed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from deploy.farm import emulated, guests, roots, wheels
from deploy.farm.card import Timing
from deploy.farm.device import Command, DeviceLost, Say
from deploy.farm.entry import DeviceEntry, Text, Word
from deploy.farm.folder import Folder
from deploy.farm.machine import Machine
from deploy.farm.remote import HostEntry, Remote


class GuestEntry(DeviceEntry):
    """See above; packages, without, debian: as for roots."""

    machine: Literal["raspi3b"] = "raspi3b"
    suite: Word = "bookworm"
    debian: list[Text] = Field(default=["python3", "libstdc++6"], min_length=1)
    packages: list[Text] = Field(default_factory=list)
    without: list[Text] = Field(default_factory=list)
    boot_s: Annotated[float, Field(gt=0, le=7200)] = 600.0


class Guest:
    """See `device.Device`."""

    Entry = GuestEntry
    kind = "guest"
    timing: Timing = "emulated"

    def __init__(self, name: str, entry: GuestEntry, cache: Path) -> None:
        self.name = name
        self._entry, self._cache = entry, cache
        self._folder = Folder(cache / "devices" / name)
        host = HostEntry(kind="ssh", folder=guests.FOLDER, env=entry.env)
        self._remote = Remote(name, host, cache, time.time, guests.SITE)
        self._built: guests.Built | None = None
        self._machine: Machine | None = None

    @property
    def python(self) -> tuple[str, str]:
        """See `device.Device`."""
        return self._opened().target.tag

    def setup(self, say: Say) -> None:
        """See `device.Device`. Guests of the same description boot from the same."""
        guests.build(self._cache, self._recipe(), self._entry.machine, self._facts, say)

    def open(self) -> None:
        """See `device.Device`. It is not started yet."""
        if reason := guests.missing():
            raise DeviceLost(reason)
        self._built = guests.built(self._cache, self._recipe(), self._entry.machine)
        if self._built is None:
            raise DeviceLost(f"The guest {self.name} is not built: run python -m deploy.farm setup {self.name}.")

    def put(self, files: Mapping[str, Path]) -> int:
        """See `device.Device`."""
        return self._remote.put(files) if self._machine else self._folder.put(files)

    def start(self, argv: Sequence[str], timeout_s: float) -> Command:
        """See `device.Device`."""
        self._boot()
        return self._remote.start(argv, timeout_s)

    def get(self, path: str, to: Path) -> None:
        """See `device.Device`."""
        self._boot()
        self._remote.get(path, to)

    def close(self) -> None:
        """See `device.Device`. It is switched off, whatever it does."""
        self._remote.close()
        machine, self._machine, self._built = self._machine, None, None
        if machine is not None:
            machine.off()

    def _boot(self) -> None:
        built = self._opened()
        if self._machine is None:
            self._folder.path.mkdir(parents=True, exist_ok=True)
            inside = f"{guests.FOLDER}/devices/{self.name}"
            guests.card(built, self._folder.path, inside, card := self._cache / "devices" / f"{self.name}.card")
            self._machine = Machine(self._entry.machine, built, card)
            self._machine.reached(self._remote.open, self._entry.boot_s)

    def _opened(self) -> guests.Built:
        if self._built is None:
            raise DeviceLost(f"{self.name} is not open.")
        return self._built

    def _recipe(self) -> roots.Recipe:
        entry = self._entry
        needed = tuple(wheels.wanted(entry.packages, entry.without))
        return roots.Recipe("arm64", entry.suite, (*entry.debian, *guests.DEBIAN), needed, tuple(entry.without))

    def _facts(self, root: Path) -> str:
        board = guests.MACHINES[self._entry.machine]
        return emulated.facts(root, "arm64", board.cpu, board.board)
