"""`edgeseg doctor`: why it is slow, and whether the accelerator is used."""

# ruff: noqa: T201 - what is printed here is the output
from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeseg.command import say
from edgeseg.commands.options import (
    FILE,
    EngineDeviceOption,
    EngineLibraryOption,
    JsonOption,
    ModelsOption,
    SoftwareGpuOption,
    ThreadsOption,
    given,
)
from edgeseg.errors import UsageError

if TYPE_CHECKING:
    from edgeseg.doctor.examine import Report


def doctor(
    context: typer.Context,
    root: Annotated[
        Path, typer.Option(**FILE, metavar="DIR", help="A saved board, unpacked; nothing is tried.")
    ] = Path("/"),
    tier: Annotated[str, typer.Option(help="The tier to try the engines with; auto: the one that run takes.")] = "auto",
    engine: Annotated[str, typer.Option(help="An engine that should serve: cpu, gpu, npu or edgetpu.")] = "auto",
    allow_software_gpu: SoftwareGpuOption = False,
    engine_library: EngineLibraryOption = None,
    engine_device: EngineDeviceOption = None,
    threads: ThreadsOption = 0,
    models: ModelsOption = None,
    profile: Annotated[str | None, typer.Option(help="Take this profile, see `edgeseg profile list`.")] = None,
    instance: Annotated[str | None, typer.Option(help="Also take the config file NAME.yaml.")] = None,
    config: Annotated[Path | None, typer.Option(**FILE, help="A config file, instead of config.yaml.")] = None,
    bundle: Annotated[
        Path | None, typer.Option(**FILE, metavar="FILE.tar", help="Also pack what an issue report needs.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="End with exit code 4 if there is a fault.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Say what is in the way and the way out: why it is slow, and whether the accelerator is used.

    Each engine that is asked for, and each whose hardware is here, is really tried. Changes nothing.
    """
    from edgeseg.build import Settings
    from edgeseg.clock import SystemClock
    from edgeseg.doctor import bundle as bundles
    from edgeseg.doctor.asked import Options
    from edgeseg.doctor.examine import examine
    from edgeseg.doctor.report import as_json as plain
    from edgeseg.probe.saved import check_root

    check_root(root)
    if config is not None:
        _check_file(config)
    settings = Settings(
        tier=tier,
        engine=engine,
        allow_software_gpu=allow_software_gpu,
        engine_library=engine_library or None,
        engine_device=engine_device or None,
        threads=threads,
        models=models or None,
    )
    options = Options(settings, frozenset(given(context)), profile, instance, config)
    with _waiting(quiet=as_json) as told:
        report = examine(options, SystemClock(), root, told=told)
    if as_json:
        print(json.dumps(plain(report)))
    else:
        _print(report)
    if bundle is not None:
        from edgeseg.doctor.private import LEFT_OUT

        bundles.write(bundle, bundles.pack(report))
        say(f"{bundle} is for an issue report; left out: {LEFT_OUT}.")
    if strict and any(one.severity == "fault" for one in report.findings):
        raise typer.Exit(4)


def _check_file(config: Path) -> None:
    """What is wrong inside of it becomes findings; that there is none is a mistake on the command line."""
    try:
        if config.is_dir():
            raise UsageError(f"--config {config} is a folder; name a file in it.")
        if not config.exists():
            raise UsageError(f"--config {config} is not there; check the path.")
    except OSError as error:
        raise UsageError(f"--config {config} cannot be used: {error.strerror}.") from error


def _print(report: Report) -> None:
    """On a terminal in its width, and in colours."""
    from rich.console import Console
    from rich.text import Text

    from edgeseg.doctor.page import WIDTH, page

    console = Console(highlight=False)
    if not console.is_terminal:
        for line in page(report):
            print(line)
        return
    for line in page(report, min(console.width, 100) if console.width >= 40 else WIDTH):
        console.print(Text.assemble((line.lead, line.style), line.rest), soft_wrap=True)


@contextmanager
def _waiting(quiet: bool) -> Iterator[Callable[[str], None]]:
    """What is being done, on a terminal while it lasts."""
    from rich.console import Console

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda what: None
        return
    with console.status("looking at the board") as status:
        yield status.update
