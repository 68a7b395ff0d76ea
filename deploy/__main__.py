"""`python -m deploy`: what a workstation does for its hosts. The farm is `python -m deploy.farm`."""

# ruff: noqa: T201 - what is printed here is the output
from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from edgeseg.command import run_command, say
from edgeseg.errors import Unreachable, one_line

app = typer.Typer(
    help="Bring edgeseg to hosts.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
)
FILE: dict[str, Any] = {"readable": False}


@app.callback()
def _deploy() -> None:
    """Bring edgeseg to hosts."""  # a group, though it has one command yet


@app.command()
def install(
    hosts: Annotated[list[str], typer.Argument(metavar="HOST...", help="[USER@]HOST, as ssh takes it.")],
    wheel: Annotated[Path | None, typer.Option(**FILE, help="The wheel; else dist/edgeseg-*.whl (make wheel).")] = None,
    wheelhouse: Annotated[
        Path | None,
        typer.Option(**FILE, metavar="DIR", help="Collect the wheels it needs here, for hosts without a network."),
    ] = None,
    instance: Annotated[str, typer.Option(help="Name of the instance.")] = "camera",
    camera: Annotated[str, typer.Option("--camera", "--source", help="As edgeseg run --source.")] = "auto",
    sink: Annotated[str, typer.Option(help="As edgeseg run --sink.")] = "v4l2:/dev/video10",
    background: Annotated[str, typer.Option(help="As edgeseg run --background.")] = "blur",
    calibrate: Annotated[bool, typer.Option("--calibrate/--no-calibrate", help="Measure the tiers.")] = True,
    watch: Annotated[float, typer.Option(min=1, metavar="S", help="Seconds for which an upgrade is watched.")] = 60.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Install edgeseg as a service on hosts, or upgrade it there; exit 69 if a host failed."""
    from deploy.installing import Order, bring
    from deploy.transport import OpenSsh
    from edgeseg.install.wheel import at_hand, read_wheel

    given = ("--instance", instance, "--camera", camera, "--sink", sink, "--background", background)
    options = (*given, *(() if calibrate else ("--no-calibrate",)))
    order = Order(read_wheel(at_hand(wheel)), wheelhouse, options, watch, dry_run, camera)
    reached = [OpenSsh(host) for host in dict.fromkeys(hosts)]
    ends = bring(order, reached, lambda host, line: say(line.removeprefix("edgeseg: "), host))
    if as_json:
        print(json.dumps([asdict(one) for one in ends]))
    else:
        for one in ends:
            why = f": {one.reason}" if one.reason else ""
            for line in f"{one.host}: {one.result}{why}".splitlines():
                print(one_line(line))
    failed = [one.host for one in ends if one.result == "failed"]
    if failed:
        raise typer.Exit(Unreachable.exit_code)


if __name__ == "__main__":
    run_command(app, "deploy")
