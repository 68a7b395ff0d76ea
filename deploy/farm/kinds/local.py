"""This machine, by the interpreter that runs the farm; the device is a folder of its own.

devices:
  local: {kind: local, engines: [cpu, gpu], env: {VK_DRIVER_FILES: /usr/share/vulkan/icd.d/intel_icd.x86_64.json}}
"""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.farm.card import Timing
from deploy.farm.device import Command, DeviceLost, Say
from deploy.farm.entry import DeviceEntry
from deploy.farm.folder import Folder
from deploy.farm.process import Process, environment


class Local:
    """See `device.Device`."""

    Entry = DeviceEntry
    kind = "local"
    timing: Timing = "real"

    def __init__(self, name: str, entry: DeviceEntry, cache: Path) -> None:
        self.name = name
        self._entry = entry
        self._folder = Folder(cache / "devices" / name)

    @property
    def python(self) -> tuple[str, str]:
        """See `device.Device`."""
        return (f"cp{sys.version_info[0]}{sys.version_info[1]}", sysconfig.get_platform().replace("-", "_"))

    def setup(self, say: Say) -> None:
        """There is nothing to build."""

    def open(self) -> None:
        """See `device.Device`."""
        if not Path(sys.executable).is_file():
            raise DeviceLost(f"The interpreter {sys.executable} is gone; run make setup.")

    def put(self, files: Mapping[str, Path]) -> int:
        """See `device.Device`."""
        return self._folder.put(files)

    def start(self, argv: Sequence[str], timeout_s: float) -> Command:
        """See `device.Device`."""
        words = [sys.executable if argv[0] == "python" else argv[0], *argv[1:]]
        return Process(words, self._folder.path, environment(self._entry.env), timeout_s)

    def get(self, path: str, to: Path) -> None:
        """See `device.Device`."""
        self._folder.get(path, to)

    def close(self) -> None:
        """See `device.Device`."""
