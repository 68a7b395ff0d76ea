"""`edgeseg golden`: pictures with human masks."""

# ruff: noqa: T201 - what is printed here is the output
from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgeseg.command import say
from edgeseg.commands.golden_make import golden_add, golden_import
from edgeseg.commands.options import (
    FILE,
    EngineDeviceOption,
    EngineLibraryOption,
    EngineOption,
    JsonOption,
    ModelsOption,
    SoftwareGpuOption,
    ThreadsOption,
    TierOption,
)
from edgeseg.commands.tiers import still_settings
from edgeseg.errors import GoldenError
from edgeseg.tiers.catalogue import DEFAULT_TIER

golden_app = typer.Typer(
    help="Golden sets: pictures with human masks.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)
golden_app.command("import")(golden_import)
golden_app.command("add")(golden_add)


@golden_app.command("check")
def golden_check(
    folder: Annotated[Path, typer.Argument(**FILE, metavar="DIR", help="A folder with a dataset.yaml.")],
) -> None:
    """Say what is wrong with a golden set; exit 5 if anything is. What is odd is a warning."""
    from edgeseg.golden.checking import examine

    found = examine(folder)
    problems = found.faults
    for warning in found.warnings:
        say(warning, "warning")
    for problem in problems:
        print(problem)
    if problems:
        raise GoldenError(f"The golden set {folder} has {len(problems)} problem{'s' if len(problems) > 1 else ''}.")
    print(f"{folder}: fine")


@golden_app.command("evaluate")
def golden_evaluate(
    dataset: Annotated[Path, typer.Option(**FILE, help="A folder with a dataset.yaml.")],
    tier: TierOption = DEFAULT_TIER,
    engine: EngineOption = "cpu",
    allow_software_gpu: SoftwareGpuOption = False,
    engine_library: EngineLibraryOption = None,
    engine_device: EngineDeviceOption = None,
    threads: ThreadsOption = 0,
    refine: Annotated[bool, typer.Option("--refine/--no-refine", help="Score with the refine stage.")] = False,
    models: ModelsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score one tier on one engine on a golden set."""
    from edgeseg.screen import counting
    from edgeseg.stills import score

    wish = (allow_software_gpu, engine_library, engine_device)
    settings = still_settings(tier, engine, wish, threads, models, refine)
    with counting("scoring", quiet=as_json) as progress:
        card = score(dataset, settings, progress)
    if as_json:
        print(card.to_json())
    else:
        from edgeseg.screen import print_scorecard

        print_scorecard(card)
