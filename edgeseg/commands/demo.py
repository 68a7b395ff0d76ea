"""`edgeseg demo`: the main job, on what there is."""

# ruff: noqa: T201 - what is printed here is the output
from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgeseg.command import say
from edgeseg.commands.options import FILE, AssetDirOption, JsonOption, ModelsOption, OfflineOption, TierOption
from edgeseg.commands.run import run_once
from edgeseg.stopping import stoppable_run
from edgeseg.tiers.catalogue import DEFAULT_TIER

if TYPE_CHECKING:
    from edgeseg.build import Settings


def demo(
    output: Annotated[Path, typer.Option(**FILE, help="Folder for what it makes.")] = Path("edgeseg-demo"),
    source: Annotated[str, typer.Option(help="auto: a camera, and where there is none the pinned clip.")] = "auto",
    tier: TierOption = DEFAULT_TIER,
    background: Annotated[str, typer.Option(help="As for `edgeseg run`.")] = "color:#3c7a5a",
    frames: Annotated[int, typer.Option(min=1, help="Frames to take from a camera.")] = 300,
    models: ModelsOption = None,
    asset_dir: AssetDirOption = None,
    offline: OfflineOption = False,
    as_json: JsonOption = False,
) -> None:
    """Cut a person out of a camera's picture, or of a clip where there is no camera, and show the result."""
    from edgeseg.build import Settings
    from edgeseg.clock import SystemClock
    from edgeseg.demo import make
    from edgeseg.report import ProcessStart

    settings = Settings(
        source=source,
        background=background,
        tier=tier,
        frames=frames,
        models=models or None,
    )
    start = ProcessStart.of(SystemClock())

    def run_one(one: Settings) -> dict[str, Any]:
        with stoppable_run(say) as stoppable:
            return run_once(one, start, as_json, stoppable)

    made = make(settings, lambda name: _found(name, asset_dir or None, offline), output, run_one)
    if as_json:
        print(json.dumps({**made.figures, "sheet": str(made.sheet)}))
    else:
        from edgeseg.screen import print_demo

        print_demo(made)


def _found(name: str, asset_dir: str | None, offline: bool) -> str:
    """The path of an asset, fetched with a progress bar if it is not here."""
    from edgeseg.assets import store
    from edgeseg.screen import download_bar

    with download_bar() as progress:
        return str(store.find(name, asset_dir, offline=offline, progress=progress))
