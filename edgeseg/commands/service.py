"""`edgeseg service`: edgeseg as a service of this machine."""

from __future__ import annotations

import typer

from edgeseg.commands import installed
from edgeseg.commands.service_run import service_run
from edgeseg.commands.service_web import web_app

service_app = typer.Typer(
    help="edgeseg as a service of this machine.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)
installed.add_to(service_app)
service_app.command("run")(service_run)
service_app.add_typer(web_app, name="web")
