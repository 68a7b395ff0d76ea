"""The command line. `main` turns every error of ours into one sentence and its exit code."""

from __future__ import annotations

from typing import Annotated, NoReturn

import typer

from edgeseg import __version__
from edgeseg.command import run_command
from edgeseg.commands import Lazily

app = typer.Typer(
    cls=Lazily,
    help="Real-time person segmentation and background removal on small devices.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
) -> None:
    if version:
        print(__version__)  # noqa: T201
        raise typer.Exit


def main() -> NoReturn:
    """The body of the `edgeseg` command."""
    run_command(app, "edgeseg")
