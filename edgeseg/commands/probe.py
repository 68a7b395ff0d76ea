"""`edgeseg probe`: what this board is."""

# ruff: noqa: T201 - what is printed here is the output
from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from edgeseg.command import say
from edgeseg.commands.options import FILE, JsonOption


def probe(
    root: Annotated[Path, typer.Option(**FILE, metavar="DIR", help="A saved board, unpacked.")] = Path("/"),
    as_json: JsonOption = False,
    save: Annotated[
        Path | None, typer.Option(**FILE, metavar="FILE.tar", help="Also pack the files that were read, to send them.")
    ] = None,
) -> None:
    """Show what this board is, has and can, and where each fact was read. Changes nothing."""
    from edgeseg.probe import probe_and_pack
    from edgeseg.probe.saved import check_root, write

    check_root(root)
    found, packed = probe_and_pack(root)
    if save is not None:
        write(save, packed, say)
    if as_json:
        print(json.dumps(asdict(found)))
    else:
        from edgeseg.screen import print_probe

        print_probe(found)
