"""`edgeseg service run`: what the unit of an instance starts."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from edgeseg.errors import EdgesegError


def service_run(
    instance: Annotated[str, typer.Option(help="The config file NAME.yaml in /etc/edgeseg.")],
) -> None:
    """Run one instance as its unit does: ready with the first safe frame, SIGHUP reloads, SIGTERM ends within 2 s."""
    from edgeseg.service.journal import is_journal
    from edgeseg.service.run import run_service

    besides = None
    if any(name.startswith(("EDGESEG_WEB", "EDGESEG_MQTT")) for name in os.environ):
        from edgeseg.commands.outside import of_unit

        besides = of_unit(os.environ)
    try:
        run_service(instance, besides=besides)
    except EdgesegError as error:
        if not is_journal(os.environ):
            raise
        raise typer.Exit(error.exit_code) from error  # the journal has it, with its fields
