"""Virtual environments of any interpreter here, filled by our own pip: what the kind `venv` is built of."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.farm.device import DeviceLost
from deploy.farm.folder import lost
from deploy.farm.process import environment

_ASK = (
    "import json, sys, sysconfig; v = sys.version_info;"
    "print(json.dumps([v[0], v[1], v[2], sysconfig.get_platform().replace('-', '_')]))"
)
_PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input", "--python")


def interpreter(python: str) -> str:
    """The path of an interpreter that is given by its command or path. Raises DeviceLost if there is none."""
    found = shutil.which(python)
    if found is None:
        raise DeviceLost(f"There is no {python} here: install it, or name another under 'python'.")
    return found


def version(path: str) -> tuple[int, int, int, str]:
    """Its version, such as (3, 11, 2), and its platform as sysconfig calls it. Raises DeviceLost."""
    major, minor, micro, platform = json.loads(_run([path, "-c", _ASK], f"{path} does not run"))
    return (major, minor, micro, platform)


def make(venv: Path, path: str, requirements: Sequence[str]) -> None:
    """Make the venv of the interpreter at `path`; it gets its name when it is whole. Raises DeviceLost."""
    part = venv.with_name(f"{venv.name}.part")
    failed = f"The venv of {path} cannot be made"
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.parent.mkdir(parents=True, exist_ok=True)
        # Making a pip for it would take longer than all the rest.
        _run([path, "-m", "venv", "--without-pip", str(part)], failed)
        if requirements:
            _run([*_PIP, str(part / "bin" / "python"), "install", *requirements], failed)
        part.rename(venv)  # nothing is run by its scripts, which know the old name
    except OSError as error:
        raise lost(venv, error) from error


def _run(argv: Sequence[str], failed: str) -> str:
    try:
        done = subprocess.run(
            argv, env=environment({}), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise DeviceLost(f"{argv[0]} cannot be run: {error.strerror}.") from error
    if done.returncode:
        raise DeviceLost(f"{failed}: {_why(done.stderr or done.stdout)[:500].rstrip('.')}.")
    return done.stdout


def _why(said: str) -> str:
    """The line that says why a program failed: the last one with an error, as pip and Python end, else the first, for
    what pyenv's shims and Debian's venv say goes on with advice."""
    lines = [line.strip() for line in said.splitlines() if line.strip()] or ["it says nothing"]
    errors = [line for line in lines if "error" in line.lower()]
    return errors[-1].removeprefix("ERROR: ") if errors else lines[0]
