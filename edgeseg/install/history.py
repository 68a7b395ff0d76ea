"""What came of upgrades, and the one that is being tried: small JSON files that only root writes and all may read."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from edgeseg.errors import OutputError
from edgeseg.install.durable import read_json, remove, write_json
from edgeseg.install.where import Where

_MOST = 100

KEPT, REFUSED, ROLLED_BACK, ASKED = "kept", "refused", "rolled back", "asked for"


@dataclass(frozen=True, slots=True)
class Outcome:
    """result: kept, refused (before the switch), rolled back (after it) or asked for (a user's roll back)."""

    when: str
    old: str
    new: str
    result: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """An upgrade between its switch and its end.

    units: the instances that ran before it. before: the release before the old one, to which one could go back.
    """

    when: str
    old: str
    new: str
    units: tuple[str, ...]
    before: str | None = None


def outcomes(where: Where) -> list[Outcome]:
    """What came of upgrades, the newest last. Raises OutputError if the file is damaged."""
    try:
        return [Outcome(**row) for row in read_json(where.base / "history.json") or []]
    except TypeError as error:
        raise OutputError(f"{where.base / 'history.json'} is damaged; remove it.") from error


def note(where: Where, outcome: Outcome) -> None:
    """Write one down, durably."""
    rows = [asdict(one) for one in (*outcomes(where), outcome)]
    write_json(where.base / "history.json", rows[-_MOST:])


def trial(where: Where) -> Trial | None:
    """The upgrade that is being tried, or was when the power went."""
    data = read_json(where.base / "trial.json")
    if data is None:
        return None
    try:
        return Trial(data["when"], data["old"], data["new"], tuple(data["units"]), data.get("before"))
    except (TypeError, KeyError, AttributeError) as error:
        raise OutputError(f"{where.base / 'trial.json'} is damaged; remove it.") from error


def begin(where: Where, one: Trial) -> None:
    """From here on, whoever finds the trial without its upgrade at work goes back to the old release."""
    write_json(where.base / "trial.json", asdict(one))


def end(where: Where) -> None:
    """The trial is over."""
    remove(where.base / "trial.json")
