"""The port to a host: run a command there, send files there; and OpenSSH behind it, with the user's own settings."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from edgeseg.errors import UsageError, one_line

_REACH_S = 15
_OPTIONS = ("-o", "BatchMode=yes", "-o", f"ConnectTimeout={_REACH_S}", "-o", "ServerAliveInterval=15")
_LOST = 255  # of ssh itself, whatever the command there said


class Said(NamedTuple):
    """The end of a command on a host. code: None if the host was not reached, or lost."""

    code: int | None
    stdout: str
    stderr: str


class Transport(Protocol):
    """One host."""

    name: str

    def run(self, argv: Sequence[str], told: Callable[[str], None], stdin: str = "") -> Said:
        """Run a command, telling the lines of its stderr as they come."""
        ...

    def send(self, files: Sequence[Path], folder: str) -> Said:
        """Put files into a folder that is there, below the user's home."""
        ...


class OpenSsh:
    """By ssh and scp: aliases, keys, jumps and known hosts are those of the user's ~/.ssh."""

    def __init__(self, name: str, options: Sequence[str] = ()) -> None:
        if not name or name.startswith("-") or any(c.isspace() for c in name):
            raise UsageError(f"{name!r} is no host; write [USER@]HOST, or a name of ~/.ssh/config.")
        self.name = name
        self._options = (*_OPTIONS, *options)

    def run(self, argv: Sequence[str], told: Callable[[str], None], stdin: str = "") -> Said:
        """See `Transport.run`."""
        command = ["ssh", *self._options, self.name, "--", shlex.join(argv)]
        return _run(command, told, stdin)

    def send(self, files: Sequence[Path], folder: str) -> Said:
        """See `Transport.send`."""
        return _run(["scp", "-q", *self._options, *map(str, files), f"{self.name}:{folder}/"], lambda line: None, "")


def _run(command: list[str], told: Callable[[str], None], stdin: str) -> Said:
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace"
        )
    except FileNotFoundError:
        raise UsageError(f"There is no {command[0]} on this machine: sudo apt install openssh-client.") from None
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        try:
            process.stdin.write(stdin)
            process.stdin.close()
        except BrokenPipeError:
            pass  # why is on its stderr
        lines = []
        for line in process.stderr:  # what we run there says little on stdout: it cannot fill its pipe meanwhile
            lines.append(line)
            told(one_line(line.rstrip("\n")))
        stdout = process.stdout.read()
    return Said(None if process.returncode == _LOST else process.returncode, stdout, "".join(lines))
