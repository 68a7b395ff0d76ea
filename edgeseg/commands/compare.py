"""`edgeseg compare`: ways of making masks, side by side."""

# ruff: noqa: T201 - what is printed here is the output
from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from edgeseg.commands.options import FILE, JsonOption, ModelsOption, ThreadsOption, TierOption
from edgeseg.errors import UsageError
from edgeseg.tiers.catalogue import DEFAULT_TIER


def compare(
    source: Annotated[str, typer.Option(help="A file, a picture or a folder of pictures.")],
    ways: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="WORDS", help="A way: tier=NAME, follow, steady, tidy, no-refine ... Give two."),
    ] = None,
    output: Annotated[Path, typer.Option(**FILE, help="Folder for the video and the page.")] = Path("edgeseg-compare"),
    background: Annotated[str, typer.Option(help="As for `edgeseg run`.")] = "color:#3c7a5a",
    frames: Annotated[int | None, typer.Option(min=1, help="Stop after so many frames.")] = None,
    tier: TierOption = DEFAULT_TIER,
    threads: ThreadsOption = 0,
    models: ModelsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a video of ways of making masks side by side, and a page with their figures."""
    from edgeseg.build import Settings, is_camera
    from edgeseg.compare import compare as run
    from edgeseg.compare import way_of
    from edgeseg.screen import counting

    if not ways or len(ways) < 2:
        raise UsageError('Give --with twice or more, such as --with "no-refine" --with "follow steady tidy".')
    if is_camera(source):
        raise UsageError(f"{source} gives no frame twice; record it with edgeseg run, and compare on the file.")
    common = Settings(
        source=source, background=background, frames=frames, tier=tier, threads=threads, models=models or None
    )
    made = [way_of(words, common) for words in ways]
    with counting("comparing", quiet=as_json) as progress:
        page = run(made, common, output, progress)
    if as_json:
        print(json.dumps({"page": str(page), "ways": [{"with": way.words, **way.figures} for way in made]}))
        return
    for way in made:
        figures = way.figures
        print(
            f"{way.words or 'as it is'}: {figures['ms']:.2f} ms a frame, flicker {figures['flicker']:.4%},"
            f" {way.covered} covered"
        )
    print(page)
