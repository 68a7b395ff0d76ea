"""`edgeseg golden import` and `add`: where golden sets come from."""

# ruff: noqa: T201 - what is printed here is the output
from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeseg.command import say
from edgeseg.commands.options import FILE, JsonOption, ModelsOption, StillTierOption
from edgeseg.errors import UsageError
from edgeseg.tiers.catalogue import AUTO

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edgeseg.golden.adding import About
    from edgeseg.golden.dataset import Item
    from edgeseg.golden.writing import NewItem


FramingOption = Annotated[str | None, typer.Option(help="How much of the person is seen, such as upper-body.")]
TagOption = Annotated[list[str] | None, typer.Option("--tag", help="A tag; more than once. empty: nobody is there.")]


def golden_import(
    folder: Annotated[Path, typer.Argument(**FILE, metavar="DIR", help="The golden set to make.")],
    images: Annotated[Path, typer.Option(**FILE, help="The folder of pictures.")],
    name: Annotated[str, typer.Option(help="The set's name: lower-case letters, digits, dot, dash.")],
    licence: Annotated[str, typer.Option(help="Under which terms the pictures may be used.")],
    source: Annotated[str, typer.Option(help="Where they come from, and who made the masks.")],
    masks: Annotated[Path | None, typer.Option(**FILE, help="The folder of masks, named as the pictures.")] = None,
    coco: Annotated[Path | None, typer.Option(**FILE, metavar="JSON", help="COCO annotations of instances.")] = None,
    mask_suffix: Annotated[str, typer.Option(help="What masks' names have more than pictures', such as _mask.")] = "",
    threshold: Annotated[int | None, typer.Option(help="Cut grey masks: so much and more is the person's.")] = None,
    with_crowds: Annotated[bool, typer.Option("--with-crowds", help="COCO's pictures with a crowd, too.")] = False,
    with_empty: Annotated[bool, typer.Option("--with-empty", help="COCO's pictures without people, too.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="COCO: the first so many pictures.")] = None,
    framing: FramingOption = None,
    tag: TagOption = None,
    link: Annotated[bool, typer.Option("--link", help="Hard links to the pictures where the disk allows.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Write over the golden set in DIR.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a golden set of a folder of pictures and one of masks, or of COCO's people, and check it."""
    from edgeseg.golden.dataset import load
    from edgeseg.golden.writing import Head, check_words, write_set

    if (masks is None) == (coco is None):
        raise UsageError("Give --masks DIR or --coco JSON: where the masks come from.")
    tags = tuple(tag or ())
    check_words({"name": name, "licence": licence, "source": source}, {"framing": framing, "tags": list(tags)})
    items: Iterator[NewItem]
    if masks is not None:
        if with_crowds or with_empty or limit is not None:
            raise UsageError("--with-crowds, --with-empty and --limit belong to --coco.")
        from edgeseg.golden.pairs import PairsWish, pairs

        items = pairs(images, masks, PairsWish(threshold, mask_suffix, framing, tags))
    else:
        assert coco is not None
        if threshold is not None or mask_suffix:
            raise UsageError("--threshold and --mask-suffix belong to --masks.")
        from edgeseg.golden.coco import CocoWish, people

        items = people(coco, images, CocoWish(with_crowds, with_empty, limit, framing, tags), _warn)
    found = write_set(folder, Head(name, licence, source), items, replace=replace, link=link)
    for warning in found.warnings:
        _warn(warning)
    made = load(folder).file.items
    empty = sum(item.is_empty for item in made)
    if as_json:
        print(json.dumps({"dataset": str(folder), "items": len(made), "empty": empty}))
    else:
        print(f"{folder}: {len(made)} pictures, {empty} without a person; fine")


def golden_add(
    image: Annotated[Path, typer.Argument(**FILE, metavar="IMAGE", help="A picture, or with --accept its name.")],
    dataset: Annotated[Path, typer.Option(**FILE, help="The golden set.")],
    framing: FramingOption = None,
    tag: TagOption = None,
    licence: Annotated[str | None, typer.Option(help="The picture's licence, if it is not the set's.")] = None,
    source: Annotated[str | None, typer.Option(help="The picture's source, if it is not the set's.")] = None,
    tier: StillTierOption = AUTO,
    models: ModelsOption = None,
    edit: Annotated[bool, typer.Option("--edit", help="Open the mask in EDGESEG_MASK_EDITOR, or in xdg-open.")] = False,
    accept: Annotated[bool, typer.Option("--accept", help="Take in the corrected mask.")] = False,
    clean: Annotated[bool, typer.Option("--clean", help="Cut what is neither 0 nor 255 in it at 128.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Forget the proposal that waits, and propose anew.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Propose a mask of a picture; once it is corrected, --accept takes it into the set."""
    from edgeseg.golden import adding

    if accept:
        _take_in(dataset, image, clean, as_json)
        return
    from edgeseg.commands.tiers import still_settings
    from edgeseg.stills import segmenting

    if again:
        adding.forget(dataset, image)
    about = _asked(adding.About(framing, tuple(tag or ()), licence, source), as_json)
    settings = still_settings(tier, "cpu", (False, None, None), 0, models)
    settings.refine = settings.follow = settings.tidy = True
    with segmenting(settings) as segment:
        proposal = adding.propose(dataset, image, about, segment)
    if edit and _corrected(proposal):
        _take_in(dataset, image, clean, as_json)
        return
    command = f"edgeseg golden add {shlex.quote(image.name)} --dataset {shlex.quote(str(dataset))} --accept"
    if as_json:
        print(json.dumps({"mask": str(proposal.mask), "overlay": str(proposal.overlay), "accepted": False}))
    else:
        print(f"Proposed: {proposal.mask} (see {proposal.overlay}).\nCorrect it in any editor, then: {command}")


def _corrected(proposal: object) -> bool:
    """Open the editor; whether the mask is corrected now."""
    from edgeseg.golden.adding import Proposal
    from edgeseg.golden.editing import open_editor

    assert isinstance(proposal, Proposal)
    if open_editor(proposal.mask, proposal.overlay, os.environ):
        return True
    return sys.stdin.isatty() and typer.confirm("Is the corrected mask saved?", default=True, err=True)


def _take_in(dataset: Path, image: Path, clean: bool, as_json: bool) -> None:
    from edgeseg.golden import adding
    from edgeseg.golden.dataset import load

    name = adding.name_of(image)
    item: Item
    try:
        item = adding.accept(dataset, name, clean)
    except adding.GreyMask as error:
        asked = f"{str(error).partition(':')[0]}. Cut it at 128?"
        if as_json or not sys.stdin.isatty() or not typer.confirm(asked, err=True):
            raise
        item = adding.accept(dataset, name, clean=True)
    file = load(dataset).file
    if as_json:
        print(json.dumps({"mask": item.mask, "accepted": True, "version": file.version, "items": len(file.items)}))
    else:
        print(f"{name} is in {dataset}, which is now version {file.version} with {len(file.items)} pictures.")


def _asked(about: About, as_json: bool) -> About:
    """What the options leave open, asked of whoever sits there."""
    from dataclasses import replace

    if as_json or not sys.stdin.isatty():
        return about
    if about.framing is None:
        said = typer.prompt("Framing (head-shoulders, upper-body, full-body; nothing: none)", default="", err=True)
        about = replace(about, framing=said.strip() or None)
    if not about.tags:
        said = typer.prompt("Tags, with blanks between (empty: nobody is there)", default="", err=True)
        about = replace(about, tags=tuple(said.replace(",", " ").split()))
    if about.licence is None:
        said = typer.prompt("Licence (nothing: the set's)", default="", show_default=False, err=True)
        about = replace(about, licence=said.strip() or None)
    return about


def _warn(text: str) -> None:
    say(text, "warning")
