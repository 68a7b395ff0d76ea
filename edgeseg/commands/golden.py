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
    FollowIfOption,
    JsonOption,
    ModelsOption,
    RefineIfOption,
    SoftwareGpuOption,
    SteadyIfOption,
    StillTierOption,
    ThreadsOption,
    TidyIfOption,
    TierOption,
    WholeBodyOption,
)
from edgeseg.commands.tiers import still_settings
from edgeseg.errors import GoldenError, UsageError, did_you_mean
from edgeseg.tiers.catalogue import AUTO, DEFAULT_TIER

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
    tier: StillTierOption = AUTO,
    engine: EngineOption = "cpu",
    allow_software_gpu: SoftwareGpuOption = False,
    engine_library: EngineLibraryOption = None,
    engine_device: EngineDeviceOption = None,
    threads: ThreadsOption = 0,
    refine: RefineIfOption = None,
    follow: FollowIfOption = None,
    steady: SteadyIfOption = None,
    tidy: TidyIfOption = None,
    whole_body: WholeBodyOption = None,
    models: ModelsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score masks on a golden set: all that is done for them, or with --tier NAME one tier by itself.

    Switches that are not given are on without a tier and off with one.
    """
    from edgeseg.screen import counting
    from edgeseg.stills import score

    wish = (allow_software_gpu, engine_library, engine_device)
    settings = still_settings(tier, engine, wish, threads, models)
    settings.whole_body = whole_body
    for name, wanted in (("refine", refine), ("follow", follow), ("steady", steady), ("tidy", tidy)):
        setattr(settings, name, tier == AUTO if wanted is None else wanted)
    with counting("scoring", quiet=as_json) as progress:
        card = score(dataset, settings, progress)
    if as_json:
        print(card.to_json())
    else:
        from edgeseg.screen import print_scorecard

        print_scorecard(card)


@golden_app.command("card")
def golden_card(
    dataset: Annotated[Path, typer.Option(**FILE, help="A folder with a dataset.yaml.")],
    out: Annotated[Path, typer.Option(**FILE, help="Where the card is written, a JSON file.")],
    tier: TierOption = DEFAULT_TIER,
    engine: EngineOption = "cpu",
    allow_software_gpu: SoftwareGpuOption = False,
    engine_library: EngineLibraryOption = None,
    engine_device: EngineDeviceOption = None,
    threads: Annotated[int, typer.Option(help="Threads of the engine.")] = 1,
    models: ModelsOption = None,
    items: Annotated[
        str | None, typer.Option(metavar="A,B", help="Only these pictures, as dataset.yaml names them.")
    ] = (None),
    min_inferences: Annotated[int, typer.Option(metavar="N", help="Time at least so many inferences.")] = 1024,
    min_seconds: Annotated[float, typer.Option(metavar="S", help="And for at least so many seconds.")] = 60.0,
    quick: Annotated[bool, typer.Option("--quick", help="Take the last picture's time, which says nothing.")] = False,
    cool_to: Annotated[float | None, typer.Option(metavar="C", help="Wait first until the chip is so cool.")] = None,
    cool_max: Annotated[float, typer.Option(metavar="S", help="But no longer than so many seconds.")] = 600.0,
    masks: Annotated[Path | None, typer.Option(**FILE, help="Keep each mask as PNG in this folder.")] = None,
    device: Annotated[str, typer.Option(help="What the card calls this device.")] = "this",
    kind: Annotated[str, typer.Option(help="What kind of device it calls it.")] = "local",
    timing: Annotated[str, typer.Option(help="Whether times say anything: real or emulated.")] = "real",
    progress: Annotated[
        bool, typer.Option("--progress", help="Say on stdout what is being done, for programs.")
    ] = False,
) -> None:
    """Score and time one candidate here and write its card, for the device farm.

    A fault of the candidate is in the card, and the exit code is 0 then, too.
    """
    from edgeseg.candidate import Plan, write_card
    from edgeseg.clock import SystemClock
    from edgeseg.golden.card import Asked
    from edgeseg.sensors.system import SystemSensors

    wish = (allow_software_gpu, engine_library, engine_device)
    settings = still_settings(tier, engine, wish, threads, models)
    if threads < 1 or min_inferences < 1 or not 0 <= min_seconds <= 86_400 or not 0 <= cool_max <= 86_400:
        raise UsageError("--threads and --min-inferences are 1 or more; --min-seconds and --cool-max 0 to 86400.")
    if timing not in ("real", "emulated"):
        raise UsageError(f"There is no --timing {timing!r}; {did_you_mean(timing, ('real', 'emulated'))}")
    least = (0, 0.0) if quick else (min_inferences, min_seconds)
    names = tuple(items.split(",")) if items else ()
    plan = Plan(names, masks, *least, cool_to, cool_max)
    clock = SystemClock()
    sensors = SystemSensors(clock=clock)
    told = _tell if progress else _say_nothing
    try:
        asked = Asked(device, kind, timing, tier, engine, threads)
        fault = write_card(dataset, settings, asked, plan, out, clock, sensors, told)
    finally:
        sensors.close()
    print(f"{out}: {'fault: ' + ' '.join(fault.values()) if fault else 'fine'}")


def _tell(what: str, done: int, of: int) -> None:
    print(f"progress {what} {done} {of}", flush=True)


def _say_nothing(what: str, done: int, of: int) -> None:
    pass
