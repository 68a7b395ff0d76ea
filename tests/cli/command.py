"""Runs the installed `edgeseg` command as people do, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

COMMAND = Path(sys.executable).with_name("edgeseg")
NO_INDEX = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/nowhere", "PIP_CONFIG_FILE": os.devnull}


@dataclass(frozen=True)
class Done:
    """What came of a command."""

    code: int
    out: bytes
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def sentences(self) -> list[str]:
        """What it said of itself: the lines of stderr that begin with its name."""
        assert "Traceback" not in self.err, self.err
        return [line.removeprefix("edgeseg: ") for line in self.err.splitlines() if line.startswith("edgeseg: ")]


def words(args: str | tuple[str, ...]) -> list[str]:
    """The command and its arguments; a string is split at its blanks."""
    if not COMMAND.exists():
        pytest.skip(f"edgeseg is not installed beside {sys.executable}")
    return [str(COMMAND), *(args.split() if isinstance(args, str) else args)]


def edgeseg(
    args: str | tuple[str, ...],
    cwd: Path,
    env: dict[str, str] | None = None,
    before: tuple[str, ...] = (),
    timeout_s: float = 90,
) -> Done:
    """Run it in `cwd` until it ends; `before` goes before the command."""
    done = subprocess.run(
        [*before, *words(args)],
        cwd=cwd,
        env=os.environ | (env or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=timeout_s,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr.decode("utf-8", "replace"))
