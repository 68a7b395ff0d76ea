"""The port: a device of the farm, whatever its kind. Kinds are leaf files in `kinds/`.

A device is a folder somewhere and a way to run a command in it. All that edgeseg does there, it does through the same
wheel and the same command as a user: the runner puts the wheel's files at `edgeseg/...`, the golden set's at
`golden/...`, and starts ["python", "-m", "edgeseg", ...]; what comes of it is below `out/`. So a kind brings an
interpreter and the packages that edgeseg asks for, and the folder that a command is started in comes first on its path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from deploy.farm.card import Timing
from edgeseg.errors import Unreachable

Say = Callable[[str], None]
"""Told one line of what is going on, for people."""


class DeviceLost(Unreachable):
    """The device cannot be reached (any more), or lacks what edgeseg needs: nothing is known of any candidate."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A command's exit code, None if it was killed for its time; the last of what it said on stderr."""

    code: int | None
    stderr: str


class Command(Protocol):
    """A command that runs on a device."""

    def lines(self) -> Iterator[str]:
        """What it says on stdout, line by line, as it comes. Raises DeviceLost."""
        ...

    def wait(self) -> Ended:
        """Its end, once all lines were read. Raises DeviceLost."""
        ...

    def kill(self) -> None:
        """End it and its children; more than once does no harm."""
        ...


class Device(Protocol):
    """One device.

    name: of its entry in the farm file. kind: of `kinds.KINDS`. timing: whether its times are judged. python: the
    interpreter's tag and platform that its wheels must be for, such as ("cp311", "manylinux_2_27_aarch64").
    """

    name: str
    kind: str
    timing: Timing

    @property
    def python(self) -> tuple[str, str]:
        """See above; known once it is open."""
        ...

    def setup(self, say: Say) -> None:
        """Build what it is made of (a root, a guest, a venv), once; kept until what it is made from changes."""
        ...

    def open(self) -> None:
        """Reach it, reserve it. Raises DeviceLost with the remedy: host unknown, key refused, no Python, wrong CPU."""
        ...

    def put(self, files: Mapping[str, Path]) -> int:
        """Have these files there, by their paths in the device's folder; bytes sent, 0 for what was there already.

        Told apart by their sha256. What an earlier call brought and this one does not name is removed. Raises
        DeviceLost, its disk full included.
        """
        ...

    def start(self, argv: Sequence[str], timeout_s: float) -> Command:
        """Run a command in the device's folder; argv[0] "python" is the device's own interpreter.

        Its path begins with the device's folder. After `timeout_s` it is killed with all its children. Raises
        DeviceLost.
        """
        ...

    def get(self, path: str, to: Path) -> None:
        """Fetch a file or a folder of the device's folder. Raises DeviceLost, FileNotFoundError."""
        ...

    def close(self) -> None:
        """Let go of it, whatever happened; more than once does no harm."""
        ...
