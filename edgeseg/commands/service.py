"""`edgeseg service`: edgeseg as a service of this machine."""

from __future__ import annotations

import typer

from edgeseg.commands.service_run import service_run

service_app = typer.Typer(
    help="edgeseg as a service of this machine.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)
service_app.command("run")(service_run)


@service_app.callback()
def _service() -> None:
    """edgeseg as a service of this machine."""  # a group, though it may have one command only
