"""Groups of commands, one a file: thin typer functions that import what they need when they run.

A group is loaded when it is asked for: typer makes every option of every command that it is given, and `edgeseg run`
would wait for those of all others.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

import typer.main
from typer.core import TyperGroup

GROUPS = {
    "profile": "edgeseg.commands.profile:profile_app",
    "config": "edgeseg.commands.config:config_app",
}


class WithGroups(TyperGroup):
    """The class of an app that has GROUPS below its own commands."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _Loading(self.commands)


class _Loading(MutableMapping[str, Any]):
    """Commands by name, and the GROUPS, each made at the first look at it."""

    def __init__(self, commands: Mapping[str, Any]) -> None:
        self._made: dict[str, Any] = {**commands, **dict.fromkeys(GROUPS)}

    def __getitem__(self, name: str) -> Any:
        if self._made[name] is None:
            module, _, app = GROUPS[name].partition(":")
            self._made[name] = typer.main.get_command(getattr(importlib.import_module(module), app))
        return self._made[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._made[name] = command

    def __delitem__(self, name: str) -> None:
        del self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)
