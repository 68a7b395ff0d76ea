"""The port to a release's own programs: making its venv, and asking it what it can do."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from edgeseg.errors import CandidateError, EdgesegError, NotPermitted, OutputError, Unreachable, UsageError, one_line
from edgeseg.install.wheel import Wheel
from edgeseg.install.where import Where

Say = Callable[[str], None]
"""Told one line of what is going on, for people."""

PAGE_FILE = "page.conf"
"""The drop-in of an instance that has a page."""
PAGE_EXTRAS = ("web", "mqtt")
"""What a release with a page is installed with."""

_KINDS = {2: UsageError, 4: CandidateError, 7: OutputError, 8: NotPermitted, 69: Unreachable}
_BUILD_S, _CHECK_S = 3600, 900  # pip on a slow card; the golden set on a Raspberry Pi 3


@dataclass(frozen=True, slots=True)
class Score:
    """What the candidate that an instance takes scores on a golden set (`dataset`, with its version)."""

    instance: str
    tier: str
    engine: str
    dataset: str
    miou: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a release found when it checked itself here.

    calibrated: whether this device's tiers are measured with it. memory_mb: that an instance may take, as the board's
    profile or a config file says; None: no limit.
    """

    version: str
    calibrated: bool
    scores: tuple[Score, ...]
    memory_mb: int | None = None

    @classmethod
    def of(cls, data: Any) -> Checked:
        """Of `as_json`. Raises TypeError, KeyError."""
        return cls(
            data["version"], bool(data["calibrated"]), tuple(Score(**row) for row in data["scores"]), data["memory_mb"]
        )

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


class Tools(Protocol):
    """All of it raises EdgesegError with the reason."""

    def build(self, folder: Path, wheel: Wheel, wheelhouse: Path | None, os_packages: bool, say: Say) -> None:
        """Make a release's venv at `folder`, its units at `folder/units`."""
        ...

    def check(self, folder: Path, golden: Path | None = None) -> Checked:
        """Let a release score the tiers that its instances take, on its own golden set or another."""
        ...

    def has_page(self, folder: Path) -> bool:
        """Whether a release has the packages of the page."""
        ...

    def add_page(self, folder: Path, wheelhouse: Path | None) -> None:
        """Add them, from a folder of wheels or from the index."""
        ...

    def golden(self, folder: Path) -> Path:
        """The golden set of a release."""
        ...

    def config_faults(self, folder: Path) -> str:
        """What a release says against the config files of this machine; empty if nothing."""
        ...


class RealTools:
    """By the programs in the release's venv."""

    def __init__(self, where: Where) -> None:
        self._where = where

    def build(self, folder: Path, wheel: Wheel, wheelhouse: Path | None, os_packages: bool, say: Say) -> None:
        """See `Tools.build`."""
        say(f"making the venv {folder}")
        folder.parent.mkdir(parents=True, exist_ok=True)
        _run(
            [_base_python(), "-m", "venv", *(["--system-site-packages"] if os_packages else []), str(folder)], _BUILD_S
        )
        python = str(folder / "bin" / "python")
        say(f"installing {wheel.path.name} and what it needs; on a small board this takes some minutes")
        pip = _pip(python, wheelhouse)
        if os_packages and (numpy := _os_numpy(python)):
            # The system's simplejpeg and picamera2 are built for the system's numpy: another one breaks them.
            say(f"using the system's Python packages, and its numpy {numpy}")
            pip += [f"numpy=={numpy}"]
        paged = any(self._where.at("/etc/systemd/system").glob(f"edgeseg@*.service.d/{PAGE_FILE}"))
        _run([*pip, wheel.requirement + (f"[{','.join(PAGE_EXTRAS)}]" if paged else "")], _BUILD_S, of_pip)
        _compile(python, folder)
        inside = _run([python, "-c", "import edgeseg; print(edgeseg.__file__)"], _CHECK_S)
        units = Path(inside.strip()).parent / "_data" / "systemd"
        (folder / "units").symlink_to(os.path.relpath(units, folder))
        if os_packages:
            self._check_os_packages(python)

    def check(self, folder: Path, golden: Path | None = None) -> Checked:
        """See `Tools.check`."""
        more = [] if golden is None else ["--golden", str(golden)]
        said = _run([_edgeseg(folder), "service", "self-check", "--json", *more], _CHECK_S, env=self._env())
        try:
            return Checked.of(json.loads(said))
        except (ValueError, TypeError, KeyError) as error:
            raise CandidateError(f"{folder} did not say how it scores: {one_line(said)[:200]!r}.") from error

    def has_page(self, folder: Path) -> bool:
        """See `Tools.has_page`."""
        asked = "from importlib.util import find_spec as f; print(all(map(f, ('fastapi', 'uvicorn', 'simplejpeg'))))"
        return _run([str(folder / "bin" / "python"), "-c", asked], _CHECK_S).strip() == "True"

    def add_page(self, folder: Path, wheelhouse: Path | None) -> None:
        """See `Tools.add_page`."""
        python = str(folder / "bin" / "python")
        asked = (
            "import sys\nfrom importlib.metadata import requires\nfor one in requires('edgeseg'):\n"
            "    if any(f'extra == {q}{name}{q}' in one for name in sys.argv[1:] for q in '\"\\''):\n"
            "        print(one.split(';')[0])"
        )
        wanted = _run([python, "-c", asked, *PAGE_EXTRAS], _CHECK_S).split("\n")
        _run([*_pip(python, wheelhouse), *(one.strip() for one in wanted if one.strip())], _BUILD_S, of_pip)
        _compile(python, folder)

    def golden(self, folder: Path) -> Path:
        """See `Tools.golden`; through the units' link, for that is inside the package."""
        return (folder / "units").resolve().parents[1] / "golden" / "small"

    def config_faults(self, folder: Path) -> str:
        """See `Tools.config_faults`."""
        try:
            _run([_edgeseg(folder), "config", "check", str(self._where.config)], _CHECK_S, env=self._env())
        except UsageError as error:
            return str(error)
        return ""

    def _env(self) -> dict[str, str]:
        return {"EDGESEG_STATE": str(self._where.state), "PYTHONDONTWRITEBYTECODE": "1"}

    @staticmethod
    def _check_os_packages(python: str) -> None:
        """What comes from the system must load beside what the release brought."""
        for name in ("simplejpeg", "picamera2"):
            there = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({name!r}) is None)"
            if subprocess.run([python, "-c", there], check=False).returncode == 0:
                _run([python, "-c", f"import {name}"], _CHECK_S, functools.partial(_does_not_load, name))


def _edgeseg(folder: Path) -> str:
    return str(folder / "bin" / "edgeseg")


def _base_python() -> str:
    """The system's interpreter, also if this program runs in a venv: that may go."""
    name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    found = Path(sys.base_prefix) / "bin" / name
    return str(found) if found.exists() else sys.executable


def _os_numpy(python: str) -> str:
    code = (
        "import importlib.metadata as m, importlib.util as u; print(m.version('numpy') if u.find_spec('numpy') else '')"
    )
    return _run([python, "-c", code], _CHECK_S).strip()


def _does_not_load(name: str, said: str) -> EdgesegError:
    return CandidateError(
        f"The system's {name} does not load in the release ({_last(said)}):"
        f" sudo apt install --reinstall python3-{name}."
    )


def _compile(python: str, folder: Path) -> None:
    """Nothing is written into a release once it is sealed, so all is compiled before; packages' own tests never run."""
    compiled = [python, "-m", "compileall", "-q", "-j", "0", "-x", "/tests/", str(folder / "lib")]
    _run(compiled, _BUILD_S, lambda said: None)


def _pip(python: str, wheelhouse: Path | None) -> list[str]:
    source = [] if wheelhouse is None else ["--no-index", f"--find-links={wheelhouse}"]
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-compile"]
    return [*pip, "--root-user-action=ignore", "--no-cache-dir", "--only-binary=:all:", *source]


def of_pip(said: str) -> EdgesegError:
    """What pip said when it failed, as an error for people."""
    if "Retrying (" in said or "Temporary failure" in said:
        return Unreachable("The Python index does not answer pip: try again later, or bring wheels with --wheelhouse.")
    if "ResolutionImpossible" in said:
        return OutputError(
            "The wheels at hand do not fit together (and the system's numpy, where its packages are lent): collect them"
            " for this machine by python -m deploy install, or let pip ask its index, without --wheelhouse."
        )
    lines = [line.removeprefix("ERROR: ") for line in said.splitlines() if line.startswith("ERROR:")]
    if "No space left" in said:
        return OutputError("The disk is full: make room, then install again.")
    return OutputError(f"pip could not install edgeseg: {_last(chr(10).join(lines) or said)}.")


def _run(
    argv: Sequence[str],
    timeout_s: float,
    meaning: Callable[[str], EdgesegError | None] | None = None,
    env: dict[str, str] | None = None,
) -> str:
    """What a program prints. meaning: the error of what it said if it failed, or None. Raises EdgesegError."""
    try:
        done = subprocess.run(
            argv,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**_plain_environment(), **(env or {})},
        )
    except subprocess.TimeoutExpired as error:
        raise CandidateError(f"{argv[0]} {argv[1]} did not end within {timeout_s:g} s.") from error
    except OSError as error:
        raise CandidateError(f"{argv[0]} does not start: {error.strerror}; install the release anew.") from error
    if done.returncode:
        said = done.stderr or done.stdout
        kind = _KINDS.get(done.returncode, CandidateError)
        fault = meaning(said) if meaning else kind(_of_ours(said) or f"{argv[0]} failed.")
        if fault is not None:
            raise fault
    return done.stdout


def _plain_environment() -> dict[str, str]:
    """Without what makes another Python than the release's own look elsewhere for packages."""
    left_out = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")
    return {name: value for name, value in os.environ.items() if name not in left_out}


def _of_ours(said: str) -> str:
    """What our own program said in the end, without what libraries said before it."""
    lines = said.strip().splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("edgeseg: ")]
    return "\n".join(lines[starts[-1] if starts else 0 :]).removeprefix("edgeseg: ")


def _last(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return one_line(lines[-1].rstrip("."))[:400] if lines else "without a word"
