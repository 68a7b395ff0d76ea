"""Commands, one or a few that belong together a file: thin typer functions that import what they need when they run.

A command is loaded when it is asked for: typer makes every option of every command that it is given, and `edgeseg run`
would wait for those of all others.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, MutableMapping
from typing import Any

import typer.main
from typer.core import TyperGroup

# In the order of `edgeseg --help`; a function is a command, an app of typer a group of them.
COMMANDS = {
    "run": "edgeseg.commands.run:run",
    "demo": "edgeseg.commands.demo:demo",
    "compare": "edgeseg.commands.compare:compare",
    "mask": "edgeseg.commands.tiers:mask",
    "tiers": "edgeseg.commands.tiers:tiers",
    "bench": "edgeseg.commands.tiers:bench",
    "probe": "edgeseg.commands.probe:probe",
    "doctor": "edgeseg.commands.doctor:doctor",
    "profile": "edgeseg.commands.profile:profile_app",
    "config": "edgeseg.commands.config:config_app",
    "calibrate": "edgeseg.commands.calibrate:calibrate",
    "ladder": "edgeseg.commands.calibrate:ladder",
    "governor": "edgeseg.commands.governor:governor_app",
    "golden": "edgeseg.commands.golden:golden_app",
    "top": "edgeseg.commands.top:top",
    "service": "edgeseg.commands.service:service_app",
    "assets": "edgeseg.commands.assets:assets_app",
}


class Lazily(TyperGroup):
    """The class of an app that has COMMANDS."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _Loading(dict.fromkeys(COMMANDS))


class _Loading(MutableMapping[str, Any]):
    """Commands by name, each made at the first look at it."""

    def __init__(self, made: dict[str, Any]) -> None:
        self._made = made

    def __getitem__(self, name: str) -> Any:
        if self._made[name] is None:
            self._made[name] = _command(name)
        return self._made[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._made[name] = command

    def __delitem__(self, name: str) -> None:
        del self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)


def _command(name: str) -> Any:
    module, _, attribute = COMMANDS[name].partition(":")
    found = getattr(importlib.import_module(module), attribute)
    if not isinstance(found, typer.Typer):
        app = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)
        app.command(name)(found)
        found = app
    return typer.main.get_command(found)
