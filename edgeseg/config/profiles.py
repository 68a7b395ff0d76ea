"""Profiles in their folders: found by name, read, and laid over what they extend."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from edgeseg.config.places import yaml_files
from edgeseg.config.problems import sentences
from edgeseg.config.profile import Keys, Profile
from edgeseg.config.yaml_lines import SETTINGS, Where, load
from edgeseg.errors import ConfigError, UsageError, did_you_mean

M = TypeVar("M", bound=Keys)
T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True)
class Written:
    """A file as it was written (plain YAML data), and where each of its values stands."""

    path: Path
    data: Mapping[str, Any]
    where: Where


@dataclass(frozen=True)
class ProfileFile:
    """A profile's own file, without what it extends."""

    name: str
    profile: Profile
    written: Written


def find(folders: Iterable[Path]) -> dict[str, Path]:
    """The profiles' files by name, in the order of the folders; of two of one name the first. Raises NotPermitted."""
    found: dict[str, Path] = {}
    for folder in folders:
        for path in yaml_files(folder):
            found.setdefault(path.stem, path)
    return found


def checked(path: Path, model: type[M]) -> tuple[M, Written]:
    """Read a file of keys. Raises ConfigError with all faults at once, NotPermitted; an empty file says nothing."""
    data, where = load(path, SETTINGS)
    data = {} if data is None else data
    try:
        value = model.model_validate(data)
    except ValidationError as error:
        raise ConfigError("\n".join(sentences(error, model, where))) from error
    return value, Written(path, data, where)


def read(path: Path) -> ProfileFile:
    """One profile's own file; raises as `checked` does."""
    profile, written = checked(path, Profile)
    return ProfileFile(path.stem, profile, written)


def each(do: Callable[[T], U], things: Iterable[T]) -> list[U]:
    """`do` of each; raises one ConfigError with the faults of all."""
    made: list[U] = []
    faults: dict[str, None] = {}  # two profiles may have a faulty one in common
    for thing in things:
        try:
            made.append(do(thing))
        except ConfigError as error:
            faults |= dict.fromkeys(str(error).split("\n"))
    if faults:
        raise ConfigError("\n".join(faults))
    return made


def chain(name: str, found: Mapping[str, Path]) -> list[ProfileFile]:
    """The profile and what it extends, the most general last.

    Raises UsageError if there is no profile of that name; ConfigError if `extends` names none or goes in a circle, or
    if a file is wrong; NotPermitted.
    """
    if name not in found:
        raise UsageError(f"There is no profile {name!r}; {did_you_mean(name, found)}")
    files = [read(found[name])]
    while (above := files[-1].profile.extends) is not None:
        names = [file.name for file in files]
        place = files[-1].written.where(("extends",))
        if above in names:
            circle = " -> ".join([*names[names.index(above) :], above])
            raise ConfigError(f"{place}: 'extends' goes in a circle: {circle}.")
        if above not in found:
            raise ConfigError(f"{place}: there is no profile {above!r} to extend; {did_you_mean(above, found)}")
        files.append(read(found[above]))
    return files
