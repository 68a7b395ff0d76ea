"""What was measured on this device, kept as JSON in the state folder, so that it is measured once.

It holds for one board and one runtime, and each candidate for one model file; anything else is measured again. Reading
it imports nothing heavy: `edgeseg run` does so at every start.
"""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from edgeseg.errors import OutputError
from edgeseg.tiers.ladder import Candidate, Measured, Refusal

SCHEMA = 1
VARIABLE = "EDGESEG_STATE"
MACHINE = Path("/var/lib/edgeseg")
FILE_NAME = "ladder.json"
_MOST_BYTES = 4_000_000


class Kept(NamedTuple):
    """All that was measured on a board with a runtime.

    reference_ms: what a frame of the reference took, to which all times are held. when: a date, for people.
    """

    board: str
    runtime: str
    reference_ms: float
    when: str
    measured: tuple[Measured, ...]
    refusals: tuple[Refusal, ...] = ()


def of_models(found: Kept, hashes: Mapping[str, str]) -> Kept:
    """Only what is of these model files (sha256 by tier)."""

    def is_current(one: Measured | Refusal) -> bool:
        return hashes.get(one.candidate.tier) == one.sha256

    measured, refusals = filter(is_current, found.measured), filter(is_current, found.refusals)
    return found._replace(measured=tuple(measured), refusals=tuple(refusals))


def state_folder() -> Path:
    """Where this user's state is: $EDGESEG_STATE, what systemd gives a service, /var/lib/edgeseg for root, else the XDG
    folder (as platformdirs has it, whose import takes longer than reading the file).
    """
    if chosen := os.environ.get(VARIABLE):
        return Path(chosen)
    if given := os.environ.get("STATE_DIRECTORY"):
        return Path(given.split(":")[0])
    if os.geteuid() == 0:
        return MACHINE
    return Path(os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")) / "edgeseg"  # noqa: PTH111


def places(folder: Path | None = None) -> list[Path]:
    """The files that may hold a ladder: the one in `folder` (this user's if not given), then the machine's."""
    if folder is not None or os.environ.get(VARIABLE):
        return [(folder or state_folder()) / FILE_NAME]
    return list(dict.fromkeys([state_folder() / FILE_NAME, MACHINE / FILE_NAME]))


def read(board: str, runtime: str, folder: Path | None = None) -> tuple[Kept | None, str | None]:
    """What is kept for this board and runtime, and if a file is there that is not used, a clause that says why."""
    why = None
    for path in places(folder):
        kept, said = _read(path)
        if kept is not None:
            said = _why_stale(kept, board, runtime, path)
            if said is None:
                return kept, None
        why = why or said
    return None, why


def write(kept: Kept, folder: Path | None = None) -> Path:
    """Keep it, in one step, so that a loss of power leaves the old file or the new one; gives where it is.

    Raises OutputError if it cannot be written; the old file stays then.
    """
    import tempfile  # here, for whoever only reads need not wait for it

    path = (folder or state_folder()) / FILE_NAME
    text = json.dumps({"schema": SCHEMA, **as_json(kept)}, indent=1, allow_nan=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, part = tempfile.mkstemp(prefix=f".{FILE_NAME}-", dir=path.parent)
        try:
            with open(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(part, 0o644)  # noqa: PTH101 - whoever runs edgeseg on this machine may use it
            os.replace(part, path)  # noqa: PTH105
        except BaseException:
            os.unlink(part)  # noqa: PTH108
            raise
        _sync_folder(path.parent)
    except OSError as error:
        raise OutputError(
            f"The ladder cannot be kept in {path.parent}: {error.strerror or error}; make the folder writable, or name"
            f" another one with ${VARIABLE}."
        ) from error
    return path


def as_json(kept: Kept) -> dict[str, Any]:
    """Plain values, keys as the fields are named."""
    rows = {
        name: [one._asdict() | {"candidate": one.candidate._asdict()} for one in getattr(kept, name)]
        for name in ("measured", "refusals")
    }
    return kept._asdict() | rows


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path) -> tuple[Kept | None, str | None]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            text = file.read(_MOST_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None, None
    except OSError as error:
        return None, f"the kept ladder {path} cannot be read: {error.strerror}"
    try:
        return parse(text), None
    except _OtherSchemaError as error:
        return None, f"the kept ladder {path} is of schema {error}, and this version of edgeseg keeps schema {SCHEMA}"
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None, f"the kept ladder {path} is damaged"


def _why_stale(kept: Kept, board: str, runtime: str, path: Path) -> str | None:
    if kept.board != board:
        return f"the kept ladder {path} is of another board ({kept.board}), and this is {board}"
    if kept.runtime != runtime:
        return f"the kept ladder {path} was measured with {kept.runtime}, and {runtime} is installed"
    return None


class _OtherSchemaError(Exception):
    """It was written by another version."""


def parse(text: bytes) -> Kept:
    """What `write` wrote; raises ValueError, TypeError, KeyError, AttributeError, RecursionError for anything else."""
    if len(text) > _MOST_BYTES:
        raise ValueError("longer than any ladder")
    data = json.loads(text)
    if data.pop("schema") != SCHEMA:
        raise _OtherSchemaError(json.loads(text)["schema"])
    measured = tuple(_of(Measured, row) for row in _list(data.pop("measured")))
    refusals = tuple(_of(Refusal, row) for row in _list(data.pop("refusals")))
    kept = Kept(measured=measured, refusals=refusals, **data)
    _check(kept)
    return kept


def _of(kind: Any, row: dict[str, Any]) -> Any:
    candidate = Candidate(**row.pop("candidate"))
    _check(candidate)
    one = kind(candidate=candidate, **row)
    _check(one)
    return one


def _list(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        raise TypeError("not a list")
    return value


def _check(one: Any) -> None:
    """Raise ValueError unless each field holds what its annotation names, and no number is negative or endless."""
    for name, kind in type(one).__annotations__.items():
        value = getattr(one, name)
        if kind is str:
            fine = isinstance(value, str) and value.isprintable()
        elif kind is int:
            fine = type(value) is int and value >= 0
        elif kind is float:
            fine = _is_number(value)
        elif name == "golden":
            fine = isinstance(value, dict) and all(_is_number(score) and score <= 1 for score in value.values())
        else:
            continue
        if not fine:
            raise ValueError(f"{name} is {value!r}")


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < math.inf
