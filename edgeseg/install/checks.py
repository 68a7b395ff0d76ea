"""What stands in the way of an install, all of it at once, each with what to do. Pure, but for looking at two files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from edgeseg.errors import (
    CandidateError,
    EdgesegError,
    NotPermitted,
    OutputError,
    SourceError,
    UsageError,
)
from edgeseg.install.machine import Machine
from edgeseg.install.where import Where, instance_unit
from edgeseg.install.wish import Wish

PYTHONS = ((3, 10), (3, 13))
OLDEST_GLIBC = (2, 28)  # of the wheels of OpenCV and LiteRT
OLDEST_LOOPBACK = (0, 12)  # before it, exclusive_caps hides a device from conferencing programs
NEEDED_MB = 1200  # two releases: the new one lies beside the old one
TESTED = {"debian": ("12", "13"), "raspbian": ("12", "13"), "ubuntu": ("22.04", "24.04")}


class Problem(NamedTuple):
    """A sentence that says what to do, too. kind: the error whose exit code it has; None: only to be told."""

    kind: type[EdgesegError] | None
    sentence: str


def problems(wish: Wish, machine: Machine, where: Where) -> list[Problem]:
    """Those that stop an install first."""
    found = [
        *_rights(machine),
        *_system(machine),
        *_room(machine),
        *_devices(wish, machine, where),
        *_words(wish),
    ]
    return sorted(found, key=lambda one: one.kind is None)


def _rights(machine: Machine) -> Iterator[Problem]:
    if not machine.is_root:
        yield Problem(NotPermitted, "A service is installed by root: run the same with sudo.")
    if not machine.has_systemd:
        yield Problem(
            UsageError,
            "This machine does not run systemd (there is no /run/systemd/system), which starts and watches the service:"
            " run edgeseg run there, by whatever starts programs.",
        )


def _system(machine: Machine) -> Iterator[Problem]:
    low, high = PYTHONS
    if not low <= machine.python <= high:
        yield Problem(
            UsageError,
            f"This is Python {_dots(machine.python)}, and edgeseg is made for {_dots(low)} to {_dots(high)}: run it"
            f" with one of those, such as python{_dots(high)} -m edgeseg.install.",
        )
    if not machine.has_venv:
        yield Problem(UsageError, "This Python cannot make a venv: sudo apt install python3-venv.")
    if machine.glibc is None:
        yield Problem(
            UsageError, "The C library is not glibc, for which alone the wheels are made: use Debian or Ubuntu."
        )
    elif machine.glibc < OLDEST_GLIBC:
        yield Problem(
            UsageError,
            f"glibc is {_dots(machine.glibc)}, and the wheels need {_dots(OLDEST_GLIBC)}: use Debian 12, Ubuntu 22.04"
            " or newer.",
        )
    if machine.os_version not in TESTED.get(machine.os_id, ()):
        yield Problem(None, f"{machine.os_name} is not among the systems that edgeseg is made for; it may work.")


def _room(machine: Machine) -> Iterator[Problem]:
    if machine.root_fs in ("overlay", "overlayfs"):
        yield Problem(
            OutputError,
            "The root file system is an overlay: all that is installed would be gone after a restart. On Raspberry Pi"
            " OS: sudo raspi-config nonint disable_overlayfs, restart, install, then enable_overlayfs.",
        )
    elif machine.read_only:
        yield Problem(OutputError, "The root file system is read-only: sudo mount -o remount,rw / first.")
    if machine.free_mb < NEEDED_MB:
        yield Problem(
            OutputError,
            f"/opt has {machine.free_mb} MB free, and {NEEDED_MB} MB are needed for a release and the next one beside"
            " it: make room (sudo apt clean, journalctl --vacuum-size=50M) or use a larger card.",
        )


def _devices(wish: Wish, machine: Machine, where: Where) -> Iterator[Problem]:
    kind, _, rest = wish.camera.partition(":")
    if kind == "auto" and not machine.cameras and not machine.has_picamera2:
        yield Problem(SourceError, "There is no camera: plug one in, or name what to take with --camera.")
    elif kind == "picamera2" and not machine.has_picamera2:
        yield Problem(SourceError, "There is no picamera2: sudo apt install python3-picamera2 (Raspberry Pi OS).")
    elif kind == "camera":
        node = rest if rest.startswith("/") else f"/dev/video{rest}"
        if not where.at(node).exists():
            there = f"there are {', '.join(machine.cameras)}" if machine.cameras else "there is none at all"
            yield Problem(SourceError, f"There is no camera {node}; {there}.")
    elif kind in ("file", "images") and not where.at(rest).exists():
        yield Problem(SourceError, f"There is no {rest}, which --camera names.")
    if wish.sink.startswith("v4l2:"):
        yield from _loopback(machine)


def _loopback(machine: Machine) -> Iterator[Problem]:
    remedy = (
        "sudo apt install v4l2loopback-dkms (and the headers of the kernel: raspberrypi-kernel-headers on Raspberry"
    )
    remedy += " Pi OS, linux-headers-$(uname -r) elsewhere); or install without a virtual webcam by --sink null"
    if machine.loopback is None and not machine.loopback_installed:
        sentence = f"v4l2loopback, which makes the virtual webcam, is not installed for the kernel {machine.kernel}"
        yield Problem(OutputError, f"{sentence}: {remedy}.")
    elif machine.loopback and _numbers(machine.loopback) < OLDEST_LOOPBACK:
        sentence = f"v4l2loopback is {machine.loopback}, and {_dots(OLDEST_LOOPBACK)} or newer is needed"
        yield Problem(OutputError, f"{sentence}: {remedy}.")


def _words(wish: Wish) -> Iterator[Problem]:
    try:
        instance_unit(wish.instance)
    except UsageError as error:
        yield Problem(UsageError, str(error))
    for option, value in (("--camera", wish.camera), ("--sink", wish.sink), ("--background", wish.background)):
        if not value.strip() or not value.isprintable():
            yield Problem(UsageError, f"{option} is {value!r}; write what edgeseg run takes there.")
    if wish.sink == "-":
        yield Problem(
            UsageError, "--sink - writes to standard output, which a service has not: name a device or a file."
        )
    for option, folder in (("--wheel", wish.wheel), ("--wheelhouse", wish.wheelhouse)):
        if folder is not None and not folder.exists():
            yield Problem(UsageError, f"{option} is {folder}, and that is not there.")
    if wish.wheelhouse is not None and wish.wheelhouse.is_dir() and not any(wish.wheelhouse.glob("*.whl")):
        yield Problem(UsageError, f"--wheelhouse {wish.wheelhouse} holds no wheels.")


def refuse(found: list[Problem], say: Callable[[str], None]) -> None:
    """Say all of them; raises the first's error if any stops the install."""
    stops = [one for one in found if one.kind is not None]
    for one in found:
        if one.kind is None or len(stops) > 1:
            say(one.sentence)
    if not stops:
        return
    kind = stops[0].kind
    assert kind is not None
    many = f"{len(stops)} things stand in the way of the install; nothing was changed."
    raise kind(many if len(stops) > 1 else stops[0].sentence)


def runs_as(path: Path) -> Problem | None:
    """Whether the release's own interpreter starts; a system upgrade takes its Python away."""
    python = path / "bin" / "python"
    if python.exists():
        return None
    return Problem(CandidateError, f"{path} has lost its Python (a system upgrade?): install again with a wheel.")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())


def _dots(numbers: tuple[int, ...]) -> str:
    return ".".join(map(str, numbers))
