"""Doing a plan, and undoing all of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from edgeseg.errors import EdgesegError, OutputError, UsageError
from edgeseg.install import durable, release
from edgeseg.install.checks import Problem
from edgeseg.install.here import Here
from edgeseg.install.manifest import Entry
from edgeseg.install.shipped import CALIBRATE
from edgeseg.install.steps import Step
from edgeseg.install.wheel import Wheel


def to_do(here: Here, steps: Sequence[Step]) -> list[Step]:
    """Those that are not done."""
    return [step for step in steps if not step.is_done(here)]


def in_the_way(here: Here, steps: Sequence[Step], wheel: Wheel) -> Iterator[Problem]:
    """Another release, and files of others where ours are to be."""
    runs = release.current(here.where)
    sealed = release.read_seal(here.where, wheel.version)
    if runs is not None and runs != wheel.version:
        yield Problem(
            UsageError,
            f"{runs} is installed; to change to {wheel.version}: sudo edgeseg service upgrade {wheel.path}"
            f" (and an instance is added with the wheel of {runs}).",
        )
    elif sealed is not None and sealed.wheel != wheel.sha256:
        yield Problem(
            UsageError,
            f"{wheel.version} is installed already, from another wheel: give the new one another version and upgrade.",
        )
    for step in to_do(here, steps):
        yield from (Problem(OutputError, one) for one in _of_others(here, step))


def add_new(here: Here, steps: Sequence[Step]) -> list[Step]:
    """Do what a release has that the one before it had not; where somebody else's file is, only say so."""
    new = []
    for step in to_do(here, steps):
        others = _of_others(here, step)
        for one in others:
            here.say(one)
        if not others:
            new.append(step)
    return do(here, new)


def _of_others(here: Here, step: Step) -> list[str]:
    """A sentence for each file that is where one of ours is to be."""
    files = [entry for entry in step.leaves() if entry.kind == "file" and entry not in here.manifest.entries]
    return [f"{one.what} is there, and not by this install: move it away." for one in files if _is_there(here, one)]


def do(here: Here, steps: Sequence[Step]) -> list[Step]:
    """Do what is not done, in order; gives what was. The caller holds the lock. Raises EdgesegError.

    What a step leaves is in the manifest before it is done. A failure stops here; the same again goes on from there.
    """
    done = []
    for step in steps:
        if step.is_done(here):
            continue
        here.say(step.words())
        # A folder that is there before us is not ours to take away.
        here.manifest.add(*(one for one in step.leaves() if one.kind != "folder" or not _is_there(here, one)))
        try:
            step.do(here)
        except OSError as error:
            raise OutputError(f"{step.words()} failed: {error.strerror or error} ({error.filename}).") from error
        done.append(step)
    return done


def uninstall(here: Here, keep_state: bool) -> list[str]:
    """Take away what was installed, the last first; what was. With `keep_state` settings and measurements stay.

    The caller holds the lock, whose file goes with the rest. What runs is stopped first. Raises UsageError where
    nothing was installed.
    """
    entries = list(here.manifest.entries)
    if not any(path.name != "lock" for path in here.where.base.iterdir()):
        raise UsageError("edgeseg is not installed as a service here: there is nothing to take away.")
    units = [entry.what for entry in entries if entry.kind == "unit"]
    for unit in dict.fromkeys([*here.systemd.running(), *units, CALIBRATE]):
        if here.systemd.show(unit).load == "loaded":
            here.systemd.stop(unit)
    kept = [entry for entry in entries if keep_state and entry.is_state]
    gone = [entry.what for entry in reversed(entries) if entry not in kept and _take_away(here, entry)]
    if kept:  # the list of them stays, or nobody would know later whose they are
        for path in here.where.base.iterdir():
            if path.name not in ("manifest.json", "lock"):
                durable.remove(path)
        here.manifest.keep(kept)
        durable.remove(here.where.base / "lock")
    else:
        durable.remove(here.where.base)
        gone.append(here.where.seen(here.where.base))
    with contextlib.suppress(EdgesegError):
        here.systemd.reload()
        here.systemd.devices()
    return gone


def _is_there(here: Here, entry: Entry) -> bool:
    path = here.where.at(entry.what)
    return path.exists() or path.is_symlink()


def _take_away(here: Here, entry: Entry) -> bool:
    """Whether there was anything."""
    if entry.kind == "unit":
        here.systemd.enable(entry.what, on=False)
        return True
    if entry.kind == "user":
        here.systemd.remove_user()
        return True
    there, path = _is_there(here, entry), here.where.at(entry.what)
    if entry.kind == "folder":
        with contextlib.suppress(OSError):
            path.rmdir()
            return True
        return False
    durable.remove(path)
    return there
