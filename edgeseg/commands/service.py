"""`edgeseg service`: the service that systemd runs."""

from __future__ import annotations

from typing import Annotated

import typer

from edgeseg.errors import EdgesegError

service_app = typer.Typer(
    help="edgeseg as a service of the system.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)


@service_app.callback()
def _service() -> None:
    """edgeseg as a service of the system."""  # a group, though it may have one command only


@service_app.command("run")
def service_run(
    instance: Annotated[str, typer.Option(help="The config file NAME.yaml in /etc/edgeseg.")],
) -> None:
    """Run one instance as its unit does: ready with the first safe frame, SIGHUP reloads, SIGTERM ends within 2 s."""
    import os

    from edgeseg.service.run import run_service

    in_journal = bool(os.environ.get("JOURNAL_STREAM"))
    try:
        run_service(instance)
    except EdgesegError as error:
        if not in_journal:
            raise
        raise typer.Exit(error.exit_code) from error  # the journal has it, with its fields
