"""A user's config files: config.yaml, and NAME.yaml of one instance (a camera), which lies over it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeseg.config.places import CONFIG, INSTANCE, Places, is_there, yaml_files
from edgeseg.config.profile import ConfigFile
from edgeseg.config.profiles import Written, checked, each
from edgeseg.errors import UsageError, did_you_mean


@dataclass(frozen=True)
class ConfigWritten:
    """A checked config file."""

    file: ConfigFile
    written: Written


def config_files(where: Places, instance: str | None = None, config: Path | None = None) -> list[ConfigWritten]:
    """All that there are, the least important first: the machine's, the user's, then the instance's in that order.

    `config` stands in for the config.yaml of the folders. Raises UsageError if there is no such instance, ConfigError
    with the faults of all files, NotPermitted.
    """
    paths = [config] if config is not None else [path for folder in where.config if is_there(path := folder / CONFIG)]
    if instance is not None:
        paths += _of_instance(where.config, instance)
    return each(_read, paths)


def _read(path: Path) -> ConfigWritten:
    return ConfigWritten(*checked(path, ConfigFile))


def instances(folders: Iterable[Path]) -> list[str]:
    """The names of the instances that have a file. Raises NotPermitted."""
    files = [path for folder in folders for path in yaml_files(folder) if path.name != CONFIG]
    return list(dict.fromkeys(path.stem for path in files))


def check_instance(name: str) -> None:
    """Raise UsageError for a name that no instance can have."""
    if not INSTANCE.fullmatch(name) or f"{name}.yaml" == CONFIG:
        raise UsageError(f"{name!r} cannot name an instance: write lower-case letters, digits, '.', '_' and '-'.")


def _of_instance(folders: Sequence[Path], name: str) -> list[Path]:
    check_instance(name)
    paths = [path for folder in folders if is_there(path := folder / f"{name}.yaml")]
    if not paths:
        meant = instances(folders)
        there = " or ".join(map(str, folders))
        hint = f" {did_you_mean(name, meant)}" if meant else " write one."
        raise UsageError(f"There is no instance {name!r}: no {name}.yaml in {there};{hint}")
    return paths
