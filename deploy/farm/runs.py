"""The folder of runs: `farm-output/RUN/DEVICE/NAME.json`, masks beside it, and which run is taken up again.

A run that was stopped, or whose devices were lost, is taken up by the next one of the same wheel and golden set. A card
is there whole or not at all, whatever happens to this machine.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.farm import card
from deploy.farm.card import Card
from deploy.farm.jobs import Job
from edgeseg.errors import NotPermitted, OutputError, UsageError

ABOUT = "run.json"
_NAME = re.compile(r"\d{8}-\d{6}(-\d+)?")


@dataclass(frozen=True, slots=True)
class Run:
    """One run's folder. resumed: whether it was begun before."""

    folder: Path
    resumed: bool

    def card_of(self, job: Job) -> Card | None:
        """The job's card if it is there and need not be made again: that of a lost device must."""
        made = self.any_card_of(job)
        return None if made is None or (made.fault is not None and made.fault.kind == "lost") else made

    def any_card_of(self, job: Job) -> Card | None:
        """The job's card if it is there."""
        try:
            return card.read(self._path(job))
        except (OSError, ValueError):
            return None

    def keep(self, job: Job, made: Card, masks: Path | None) -> None:
        """Put a job's masks and then its card in their places. Raises OutputError."""
        path = self._path(job)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            own = path.parent / job.candidate.key
            shutil.rmtree(own, ignore_errors=True)
            if masks is not None and masks.is_dir():
                shutil.move(masks, own)
            for older in path.parent.glob(f"{job.candidate.key}-????????????.json"):
                if older != path:  # of the same candidate before something changed: its masks are gone
                    older.unlink()
            write(path, made.to_json())
        except OSError as error:
            raise _unwritable(path, error) from error

    def replace(self, job: Job, made: Card) -> None:
        """Put another card in the place of a job's; its masks stay. Raises OutputError."""
        try:
            write(self._path(job), made.to_json())
        except OSError as error:
            raise _unwritable(self._path(job), error) from error

    def beside(self, job: Job) -> Path:
        """The folder that a card's masks are named from."""
        return self._path(job).parent

    def finish(self, is_complete: bool) -> None:
        """Note whether there is anything left to do. Raises OutputError."""
        _note(self.folder, {**about(self.folder), "complete": is_complete})

    def _path(self, job: Job) -> Path:
        return self.folder / job.device / f"{job.name}.json"


@contextlib.contextmanager
def locked(root: Path) -> Iterator[None]:
    """Nobody else runs a farm into this folder meanwhile; raises NotPermitted if somebody does, OutputError."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = (root / ".lock").open("a", encoding="ascii")
    except OSError as error:
        raise _unwritable(root, error) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise NotPermitted(
                f"Another run of the farm writes to {root}: wait for it, or name another --output."
            ) from None
        yield


def start(root: Path, of: dict[str, Any], when: str, fresh: bool = False) -> Run:
    """The newest run if it is of the same wheel and set and not complete, else a new one.

    of: their digests, and whatever else must be the same. when: the date and time, as YYYYMMDD-HHMMSS. Raises
    OutputError.
    """
    earlier = names(root)
    if earlier and not fresh:
        newest = root / earlier[-1]
        known = about(newest)
        if not known.get("complete", False) and {name: known.get(name) for name in of} == of:
            return Run(newest, True)
    folder, number = root / when, 1
    while folder.exists():
        folder, number = root / f"{when}-{number}", number + 1
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise _unwritable(folder, error) from error
    _note(folder, {**of, "complete": False})
    return Run(folder, False)


def prune(root: Path, keep: int) -> list[str]:
    """Remove all but the newest `keep` runs; their names."""
    old = names(root)[:-keep]
    for name in old:
        shutil.rmtree(root / name, ignore_errors=True)
    return old


def names(root: Path) -> list[str]:
    """All runs, the oldest first."""
    try:
        return sorted((one.name for one in root.iterdir() if _NAME.fullmatch(one.name)), key=_order)
    except OSError:
        return []


def cards(folder: Path, devices: Sequence[str] = ()) -> list[tuple[Card, Path]]:
    """All cards of a run, or those of some devices, each with the folder that its masks are named from.

    Raises UsageError if there are none, or one cannot be read.
    """
    found = []
    for path in sorted(folder.glob("*/*.json")):
        if not devices or path.parent.name in devices:
            try:
                found.append((card.read(path), path.parent))
            except (OSError, ValueError) as error:
                raise UsageError(str(error)) from error
    if not found:
        raise UsageError(f"There are no cards in {folder}: run python -m deploy.farm run first.")
    return found


def about(folder: Path) -> dict[str, Any]:
    """What is noted of a run; nothing where that cannot be read."""
    try:
        known = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def write(path: Path, text: str) -> None:
    """Put a text at `path` so that it is whole or not there, also after a power loss. Raises OSError."""
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _note(folder: Path, known: dict[str, Any]) -> None:
    try:
        write(folder / ABOUT, json.dumps(known, indent=1) + "\n")
    except OSError as error:
        raise _unwritable(folder, error) from error


def _order(name: str) -> tuple[str, int]:
    return name[:15], int(name[16:] or 0)


def _unwritable(path: Path, error: OSError) -> OutputError:
    return OutputError(f"{error.filename or path} cannot be written: {error.strerror or error}.")
