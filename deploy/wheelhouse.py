"""The wheels that edgeseg needs on a host, for one that has no network: fetched here, once for each kind of host."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from edgeseg.errors import Unreachable


class Platform(NamedTuple):
    """What wheels are made for. python: such as (3, 11). machine: as uname says. glibc: such as (2, 36)."""

    python: tuple[int, int]
    machine: str
    glibc: tuple[int, int]

    @property
    def name(self) -> str:
        """A folder's name."""
        return f"cp{self.python[0]}{self.python[1]}-glibc{self.glibc[0]}.{self.glibc[1]}-{self.machine}"

    def options(self) -> list[str]:
        """pip's, for all wheels that run there."""
        tags = [f"manylinux_{self.glibc[0]}_{minor}_{self.machine}" for minor in range(self.glibc[1], 16, -1)]
        tags += [f"manylinux2014_{self.machine}", f"linux_{self.machine}"]
        python = ".".join(map(str, self.python))
        return ["--only-binary=:all:", f"--python-version={python}", *(f"--platform={tag}" for tag in tags)]


def fetch(wheel: Path, platform: Platform, folder: Path) -> list[Path]:
    """The wheel's needs for a platform, in a folder of its own. Raises Unreachable with pip's reason."""
    place = folder / platform.name
    place.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"]
    done = subprocess.run(
        [*pip, *platform.options(), f"--dest={place}", str(wheel)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")] or [done.stderr.strip()]
        raise Unreachable(f"pip found no wheels for {platform.name} ({lines[-1].removeprefix('ERROR: ')[:300]}).")
    return sorted(one for one in place.glob("*.whl") if not one.name.startswith("edgeseg-"))
