"""farm.yaml: which devices run which candidates on which pictures.

    golden: [../../../shared/golden/stills, ../../edgeseg/golden/small]   # the first that is there
    pictures: all                              # or a number, or {int8: 4, float: 2}
    candidates: {tiers: all, engines: [cpu], threads: [1]}
    budget: {timeout_s: 900, keep_runs: 5}
    devices:
      local: {kind: local}
      pi4: {kind: root, tiers: ["*-int8"], pictures: 4}

Paths are relative to the file. What a device's entry may say besides: `entry.DeviceEntry`, and the kind's own file.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError

from deploy.farm.device import Device
from deploy.farm.entry import DeviceEntry, Engines, Keys, Pictures, Text, ThreadCounts, Tiers, Word, as_list
from deploy.farm.kinds import KINDS
from edgeseg.config.problems import sentences
from edgeseg.config.yaml_lines import SETTINGS, Where, load
from edgeseg.errors import ConfigError, did_you_mean

DEFAULT = Path(__file__).with_name("farm.yaml")


class Candidates(Keys):
    """What devices run unless their entry says otherwise. tiers: names, or patterns such as "*-int8"; "all"."""

    tiers: Tiers = Field(default=["all"])
    engines: Engines = Field(default=["cpu"])
    threads: ThreadCounts = Field(default=[1])


class Budget(Keys):
    """timeout_s: of one candidate on one device. min_inferences, min_seconds: of a timing that is judged.

    keep_runs: of how many runs the cards and masks stay in the folder of runs, this one among them.
    """

    timeout_s: Annotated[float, Field(gt=0, le=86_400)] = 900.0
    min_inferences: Annotated[int, Field(ge=1, le=1_000_000)] = 1024
    min_seconds: Annotated[float, Field(ge=0, le=3600)] = 60.0
    keep_runs: Annotated[int, Field(ge=1, le=1000)] = 5


class FarmKeys(Keys):
    """The keys of farm.yaml; a device's entry is checked by its kind."""

    golden: Annotated[list[Text], BeforeValidator(as_list), Field(min_length=1)]
    models: Text | None = None
    pictures: Pictures = "all"
    candidates: Candidates = Field(default_factory=Candidates)
    budget: Budget = Field(default_factory=Budget)
    devices: Annotated[dict[str, dict[str, Any]], Field(min_length=1)]


@dataclass(frozen=True)
class Farm:
    """A checked farm file. golden: the set's folder. models: a folder of tiers that is looked in first."""

    path: Path
    golden: Path
    models: Path | None
    pictures: Pictures
    candidates: Candidates
    budget: Budget
    entries: Mapping[str, DeviceEntry]

    def tiers_of(self, entry: DeviceEntry) -> list[str]:
        """Its names and patterns of tiers."""
        return entry.tiers or self.candidates.tiers

    def device(self, name: str, cache: Path) -> Device:
        """The device of that name; nothing is done yet."""
        entry = self.entries[name]
        made: Device = _kind(entry.kind)(name, entry, cache)
        return made


def read(path: Path, known_tiers: Callable[[Path | None], Sequence[str]]) -> Farm:
    """The farm file at `path`. known_tiers: of a folder of models, if one is named, all tiers that there are.

    Raises ConfigError with a line "file:line: what" for each fault, all of a kind at once: those in YAML, those in the
    file's own keys, then those in devices, folders and tiers; NotPermitted.
    """
    data, where = load(path, SETTINGS)
    try:
        keys = FarmKeys.model_validate({} if data is None else data)
    except ValidationError as error:
        raise ConfigError("\n".join(sentences(error, FarmKeys, where))) from error
    faults: list[str] = []
    entries: dict[str, DeviceEntry] = {}
    for name, given in keys.devices.items():
        try:
            entries[name] = _entry(name, given, where)
        except ConfigError as error:
            faults += str(error).splitlines()
    golden = [path.parent / one for one in keys.golden]
    there = [one for one in golden if one.exists()]
    if not there:
        faults.append(f"{where(('golden',))}: golden: there is no {' and no '.join(map(str, golden))}.")
    models = path.parent / keys.models if keys.models else None
    if models is not None and not models.is_dir():
        faults.append(f"{where(('models',))}: models: there is no folder {models}.")
    else:
        faults += _unknown_tiers(keys, entries, known_tiers(models), where)
    if faults:
        raise ConfigError("\n".join(sorted(faults, key=_line)))
    return Farm(path, there[0], models, keys.pictures, keys.candidates, keys.budget, entries)


def in_full(farm: Farm) -> Farm:
    """The same farm with all pictures on every device, those that run on demand among them."""
    change = {"pictures": None, "on_demand": False}
    entries = {name: entry.model_copy(update=change) for name, entry in farm.entries.items()}
    return replace(farm, pictures="all", entries=entries)


def matching(words: Sequence[str], known: Sequence[str]) -> list[str]:
    """The tiers that names and patterns mean, in the order of `known`."""
    return [name for name in known if any(word == "all" or fnmatchcase(name, word) for word in words)]


def _entry(name: str, given: Mapping[str, Any], where: Where) -> DeviceEntry:
    place = ("devices", name)
    try:
        _Name(name=name)
    except ValidationError:
        raise ConfigError(
            f"{where(place)}: the device {name!r} must be named by lower-case letters, digits, '.', '_' and '-'."
        ) from None
    kind = given.get("kind")
    if kind is None:
        raise ConfigError(f"{where(place)}: 'devices.{name}.kind' is missing: choose one of {', '.join(KINDS)}.")
    if kind not in KINDS:
        raise ConfigError(
            f"{where((*place, 'kind'))}: devices.{name}: there is no kind {kind!r}; {did_you_mean(str(kind), KINDS)}"
        )
    model: type[DeviceEntry] = _kind(kind).Entry
    try:
        return model.model_validate(given)
    except ValidationError as error:
        lines = sentences(error, model, lambda loc: where((*place, *loc)))
        at = [line.partition(": ") for line in lines]
        raise ConfigError("\n".join(f"{spot}: devices.{name}: {text}" for spot, _, text in at)) from error


class _Name(Keys):
    name: Word


def _kind(name: str) -> Any:
    """The class of a kind; its libraries are imported here. Raises ConfigError if one is missing."""
    module, _, attribute = KINDS[name].partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"The kind {name} needs the package {error.name}, which is not installed: pip install -e '.[farm]'."
        ) from error


def _unknown_tiers(
    keys: FarmKeys, entries: Mapping[str, DeviceEntry], known: Sequence[str], where: Where
) -> Iterator[str]:
    given: list[tuple[tuple[str, ...], list[str]]] = [(("candidates", "tiers"), keys.candidates.tiers)]
    given += [(("devices", name, "tiers"), entry.tiers or []) for name, entry in entries.items()]
    for place, words in given:
        for number, word in enumerate(words):
            if not matching([word], known):
                near = did_you_mean(word, known)
                yield f"{where([*place, number])}: {'.'.join(place)}: no tier is meant by {word!r}; {near}"


def _line(fault: str) -> int:
    """The line that a fault is on, to have them in the order of the file."""
    number = fault.split(": ", 1)[0].rpartition(":")[2]
    return int(number) if number.isdecimal() else 0
