"""`edgeseg config`: a user's own files."""

# ruff: noqa: T201 - what is printed here is the output
from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgeseg.errors import ConfigError

if TYPE_CHECKING:
    from edgeseg.config.places import Places

config_app = typer.Typer(
    help="Config files: what is different here.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

FILE: dict[str, Any] = {"readable": False}


@config_app.callback()
def _config() -> None:
    """Config files: what is different here."""  # a group, though it has one command yet


@config_app.command()
def check(
    path: Annotated[
        Path | None, typer.Argument(**FILE, metavar="[PATH]", help="A config file, or a folder of them.")
    ] = None,
    instance: Annotated[str | None, typer.Option(help="Only this instance; else all that there are.")] = None,
) -> None:
    """Say what is wrong with config files, all at once; exit 2 if anything is."""
    from edgeseg.config.files import instances
    from edgeseg.config.places import Places, places
    from edgeseg.config.profiles import each

    where, config = places(), None
    if path is not None and path.is_dir():
        where = Places((path,), where.profiles)
    else:
        config = path
    names = [instance] if instance else [None, *(instances(where.config) if config is None else ())]
    checked = dict.fromkeys(file for files in each(lambda name: _check(where, name, config), names) for file in files)
    for file in checked:
        print(f"{file}: fine")
    if not checked:
        print(f"No config file in {' or '.join(map(str, where.config))}.")


def _check(where: Places, instance: str | None, config: Path | None) -> list[Path]:
    """The files of one instance; raises ConfigError with their faults."""
    from edgeseg.config.files import config_files
    from edgeseg.probe import probe
    from edgeseg.resolve import resolve
    from edgeseg.run_settings import wrong_words

    effective = resolve(probe, instance=instance, config=config, where=where)
    faults = wrong_words(effective)
    if faults:
        raise ConfigError("\n".join(faults))
    return [one.written.path for one in config_files(where, instance, config)]
