"""Commands about one tier: `edgeseg tiers`, `mask`, `bench`."""

# ruff: noqa: T201 - what is printed here is the output
from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgeseg.commands.options import (
    FILE,
    EngineDeviceOption,
    EngineLibraryOption,
    EngineOption,
    FollowOption,
    JsonOption,
    ModelsOption,
    RefineOption,
    SoftwareGpuOption,
    StillTierOption,
    ThreadsOption,
    TidyOption,
    TierOption,
    WholeBodyOption,
)
from edgeseg.tiers.catalogue import AUTO, DEFAULT_TIER

if TYPE_CHECKING:
    from edgeseg.build import Settings

EngineWords = tuple[bool, str | None, str | None]


def tiers(models: ModelsOption = None, as_json: JsonOption = False) -> None:
    """List the model tiers."""
    from edgeseg.tiers import files

    rows: list[dict[str, Any]] = []
    for tier in files.tiers(models or None).values():
        path = files.find(tier, models or None)
        row = {"name": tier.name, "precision": tier.precision, "height": tier.height, "width": tier.width}
        row |= {"golden": dict(tier.golden), "bytes": tier.bytes, "sha256": tier.sha256}
        row |= {"path": str(path or files.BUILT / files.file_name(tier)), "here": path is not None}
        rows.append(row | {"default": tier.name == DEFAULT_TIER})
    if as_json:
        print(json.dumps(rows))
    else:
        from edgeseg.screen import print_tiers

        print_tiers(rows)


def mask(
    picture: Annotated[Path, typer.Argument(**FILE, metavar="IN", help="A picture.")],
    output: Annotated[Path, typer.Argument(**FILE, metavar="OUT", help="The mask, 8 bits, the picture's size.")],
    tier: StillTierOption = AUTO,
    engine: EngineOption = "cpu",
    allow_software_gpu: SoftwareGpuOption = False,
    engine_library: EngineLibraryOption = None,
    engine_device: EngineDeviceOption = None,
    threads: ThreadsOption = 0,
    refine: RefineOption = True,
    follow: FollowOption = True,
    tidy: TidyOption = True,
    whole_body: WholeBodyOption = None,
    models: ModelsOption = None,
) -> None:
    """Write the person mask of one picture."""
    from edgeseg.stills import write_mask

    wish = (allow_software_gpu, engine_library, engine_device)
    settings = still_settings(tier, engine, wish, threads, models)
    settings.refine, settings.follow, settings.tidy, settings.whole_body = refine, follow, tidy, whole_body
    write_mask(picture, output, settings)


def bench(
    tier: TierOption = DEFAULT_TIER,
    per_op: Annotated[bool, typer.Option("--per-op", help="Also the time of each op, and what is not delegated.")] = (
        False
    ),
    engine: EngineOption = "cpu",
    allow_software_gpu: SoftwareGpuOption = False,
    engine_library: EngineLibraryOption = None,
    engine_device: EngineDeviceOption = None,
    threads: ThreadsOption = 0,
    runs: Annotated[int, typer.Option(help="Inferences to time.")] = 200,
    models: ModelsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Time one inference of a tier, on noise, and with --per-op the ops in it."""
    from edgeseg.bench.tier_times import tier_times

    wish = (allow_software_gpu, engine_library, engine_device)
    settings = engine_settings(tier, engine, wish, threads, models)
    figures = tier_times(settings, runs, per_op)
    if as_json:
        print(json.dumps(figures))
    else:
        from edgeseg.screen import print_bench

        print_bench(figures)


def engine_settings(tier: str, engine: str, wish: EngineWords, threads: int, models: str | None) -> Settings:
    """The settings of a command that asks an engine without a run."""
    from edgeseg.build import Settings

    software, library, device = wish
    return Settings(
        tier=tier,
        engine=engine,
        allow_software_gpu=software,
        engine_library=library or None,
        engine_device=device or None,
        engine_deadline_s=30.0,  # nobody waits for the next frame
        threads=threads,
        models=models or None,
    )


def still_settings(tier: str, engine: str, wish: EngineWords, threads: int, models: str | None) -> Settings:
    """The same for pictures, masks as the engine gives them; raises UsageError for words that name nothing."""
    from edgeseg.build import check_words

    settings = engine_settings(tier, engine, wish, threads, models)
    settings.refine = False
    check_words(replace(settings, tier=DEFAULT_TIER) if tier == AUTO else settings)
    return settings
