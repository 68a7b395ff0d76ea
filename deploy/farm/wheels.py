"""The wheels that edgeseg needs on another interpreter and machine, fetched on this one by its own pip.

pip alone cannot: it asks a requirement's markers of the machine that it runs on, and gives up where a package is to
come from the device's system. So pip fetches single wheels, and what these ask for is read here.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.parser import HeaderParser
from importlib import metadata
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name, parse_wheel_filename

from deploy.farm.device import DeviceLost, Say

_OLDEST_GLIBC = 17
_PIP = (sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps")


@dataclass(frozen=True, slots=True)
class Target:
    """An interpreter elsewhere. python: such as (3, 11, 2). machine: as uname says. glibc: such as (2, 36)."""

    python: tuple[int, int, int]
    machine: str
    glibc: tuple[int, int]

    @property
    def tag(self) -> tuple[str, str]:
        """As `device.Device.python` has it."""
        return (f"cp{self.python[0]}{self.python[1]}", f"manylinux_{self.glibc[0]}_{self.glibc[1]}_{self.machine}")

    def options(self) -> list[str]:
        """pip's, for all wheels that run there."""
        minors = range(self.glibc[1], _OLDEST_GLIBC - 1, -1)
        platforms = [f"manylinux_{self.glibc[0]}_{minor}_{self.machine}" for minor in minors]
        platforms += [f"manylinux2014_{self.machine}", f"linux_{self.machine}"]
        version = ".".join(map(str, self.python[:2]))
        return ["--only-binary=:all:", f"--python-version={version}", *(f"--platform={one}" for one in platforms)]

    def environment(self) -> dict[str, str]:
        """The variables of markers (PEP 508) that differ there."""
        return {
            "python_version": ".".join(map(str, self.python[:2])),
            "python_full_version": ".".join(map(str, self.python)),
            "platform_machine": self.machine,
            "sys_platform": "linux",
            "platform_system": "Linux",
            "os_name": "posix",
            "implementation_name": "cpython",
            "platform_python_implementation": "CPython",
        }


def wanted(packages: Iterable[str], without: Iterable[str]) -> list[str]:
    """What edgeseg's own metadata ask for, without the distributions that are left out, and `packages`."""
    left_out = {canonicalize_name(name) for name in without}
    own = [one for one in metadata.requires("edgeseg") or () if "extra ==" not in one]
    named = {canonicalize_name(_parsed(one).name) for one in packages}
    return [one for one in own if canonicalize_name(_parsed(one).name) not in left_out | named] + list(packages)


def fetch(
    requirements: Iterable[str],
    target: Target,
    without: Iterable[str],
    folder: Path,
    say: Say,
    held: Mapping[str, str] | None = None,
    extras: Iterable[str] = (),
) -> list[Path]:
    """The wheels of the requirements and of all that they need there, but for what is left out, in `folder`.

    held: distributions that are there and stay as they are, with their versions: they are left out too, and of all else
    the newest is taken that takes them. extras: of whose metadata the requirements are. What was fetched for the same
    requirements is taken from there. Raises DeviceLost with pip's reason.
    """
    fixed: dict[str, str] = {canonicalize_name(name): version for name, version in (held or {}).items()}
    left_out = frozenset(canonicalize_name(name) for name in without)
    asked, chosen = list(requirements), frozenset(extras)
    more = [sorted(one) for one in (fixed.items(), chosen) if one]
    about = repr((sorted(asked), sorted(left_out), target, *more)).encode()
    folder = folder / f"{'-'.join(target.tag)}-{hashlib.sha256(about).hexdigest()[:12]}"
    whole = folder / "whole"
    if not whole.exists():
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.whl"):
            old.unlink()
        _close([(one, chosen) for one in asked], target, left_out, fixed, folder, say)
        whole.touch()
    return sorted(folder.glob("*.whl"))


def _close(
    level: list[tuple[str, frozenset[str]]],
    target: Target,
    left_out: frozenset[str],
    held: Mapping[str, str],
    folder: Path,
    say: Say,
) -> None:
    """Fetch level by level: what was asked for, what that needs, and so on; each with the extras that ask for it."""
    have: set[str] = set()
    while level:
        specs: dict[str, Requirement] = {}
        for text, extras in level:
            one = _parsed(text)
            name = canonicalize_name(one.name)
            if name in left_out | held.keys() | have or not _applies(one, target, extras):
                continue
            if name in specs:
                specs[name].specifier &= one.specifier
                specs[name].extras |= one.extras
            else:
                one.marker = None
                specs[name] = one
        if not specs:
            return
        level = _level(specs, target, held, folder, say)
        have |= set(specs)


def _level(
    specs: dict[str, Requirement], target: Target, held: Mapping[str, str], folder: Path, say: Say
) -> list[tuple[str, frozenset[str]]]:
    """Fetch these; gives what they need, with the extras that are wanted of whoever needs it."""
    say(f"fetching {', '.join(sorted(specs))} for {' '.join(target.tag)}")
    _pip([*target.options(), f"--dest={folder}", *map(str, specs.values())])
    needs: list[tuple[str, frozenset[str]]] = []
    older: dict[str, Requirement] = {}
    for wheel in list(folder.glob("*.whl")):
        name, version, *_ = parse_wheel_filename(wheel.name)
        if name not in specs:
            continue
        extras = frozenset(specs[name].extras)
        wanted = [one for one in map(_parsed, requires(wheel)) if _applies(one, target, extras)]
        if all(_takes(one, held) for one in wanted):
            needs += [(str(one), extras) for one in wanted]
        else:  # it wants a newer one than there is: perhaps the release before it does not
            specs[name].specifier &= SpecifierSet(f"<{version}")
            older[name] = specs[name]
            wheel.unlink()
    return needs + (_level(older, target, held, folder, say) if older else [])


def _takes(one: Requirement, held: Mapping[str, str]) -> bool:
    version = held.get(canonicalize_name(one.name))
    return version is None or one.specifier.contains(version, prereleases=True)


def _applies(one: Requirement, target: Target, extras: frozenset[str]) -> bool:
    if one.marker is None:
        return True
    return any(one.marker.evaluate({**target.environment(), "extra": extra}) for extra in extras or {""})


def requires(wheel: Path) -> list[str]:
    """What a wheel's own metadata ask for (PEP 508)."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name))
        return HeaderParser().parsestr(archive.read(name).decode("utf-8")).get_all("Requires-Dist") or []


def _parsed(text: str) -> Requirement:
    try:
        return Requirement(text)
    except InvalidRequirement as error:
        raise DeviceLost(f"{text!r} under 'packages' is no requirement as pip has them: {error}.") from error


def _pip(options: list[str]) -> None:
    done = subprocess.run([*_PIP, *options], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return
    if "Retrying (" in done.stderr:
        raise DeviceLost("The Python index does not answer pip, which fetches the device's packages: try again later.")
    lines = [line.removeprefix("ERROR: ") for line in done.stderr.splitlines() if line.startswith("ERROR:")]
    raise DeviceLost(f"pip found no wheel for the device: {(lines or [done.stderr])[-1].strip().rstrip('.')[:500]}.")
