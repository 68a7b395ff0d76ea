"""`edgeseg profile`: the kinds of boards, what they say, and which one this board is."""

# ruff: noqa: T201 - what is printed here is the output
from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgeseg.errors import UsageError

if TYPE_CHECKING:
    from edgeseg.config.effective import Effective
    from edgeseg.config.match import Match, Ranking
    from edgeseg.config.places import Places

profile_app = typer.Typer(
    help="Profiles: what to aim at and to try on a kind of board.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

FILE: dict[str, Any] = {"readable": False}
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
RootOption = Annotated[Path, typer.Option(**FILE, metavar="DIR", help="A saved board, unpacked.")]


@profile_app.command("list")
def list_profiles(as_json: JsonOption = False) -> None:
    """List the profiles that there are."""
    from edgeseg.commands.shown import columns
    from edgeseg.config.places import places
    from edgeseg.config.profiles import each, find, read

    files = each(read, find(places().profiles).values())
    rows = [(file.name, file.profile.title, file.profile.extends or "", str(file.written.path)) for file in files]
    if as_json:
        print(json.dumps([dict(zip(("name", "title", "extends", "path"), row, strict=True)) for row in rows]))
    else:
        print("\n".join(columns([("profile", "title", "extends", "file"), *rows])))


@profile_app.command()
def show(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Which; the one that fits this board.")] = None,
    effective: Annotated[bool, typer.Option("--effective", help="With the config files laid over it.")] = False,
    instance: Annotated[str | None, typer.Option(help="And with the file of this instance.")] = None,
    config: Annotated[Path | None, typer.Option(**FILE, help="Instead of the folders' config.yaml.")] = None,
    root: RootOption = Path("/"),
    as_json: JsonOption = False,
) -> None:
    """Show what a profile says in the end, and which line of which file says it."""
    from edgeseg.commands.shown import columns, value
    from edgeseg.config.places import Places, places
    from edgeseg.config.quantities import plain

    if (instance or config) and not effective:
        raise UsageError("--instance and --config belong to --effective.")
    where = places()
    found = _effective(where if effective else Places((), where.profiles), name, instance, config, root)
    if as_json:
        keys = {key: {"value": plain(one), "origin": origin} for key, one, origin in found.items()}
        print(json.dumps({"profile": found.profile, "keys": keys}))
    else:
        rows = columns((key, value(one), origin) for key, one, origin in found.items())
        print("\n".join([f"profile: {found.profile}", *rows]))


def _effective(where: Places, name: str | None, instance: str | None, config: Path | None, root: Path) -> Effective:
    from edgeseg.probe import probe
    from edgeseg.probe.saved import check_root
    from edgeseg.resolve import resolve

    check_root(root)
    return resolve(lambda: probe(root), profile=name, instance=instance, config=config, where=where)


@profile_app.command()
def check(
    files: Annotated[
        list[Path] | None, typer.Argument(**FILE, metavar="[FILE]...", help="Profiles; all that there are.")
    ] = None,
) -> None:
    """Say what is wrong with profiles, all at once; exit 2 if anything is."""
    from edgeseg.config.places import places
    from edgeseg.config.profiles import each, find
    from edgeseg.resolve import layers

    where = places()

    def check_one(path: Path) -> None:
        # What it extends may lie beside it.
        layers(path.stem, {**find([path.parent, *where.profiles]), path.stem: path})

    paths = files or list(find(where.profiles).values())
    each(check_one, paths)
    for path in paths:
        print(f"{path}: fine")


@profile_app.command()
def match(root: RootOption = Path("/"), as_json: JsonOption = False) -> None:
    """Say which profile fits this board, by which rule and evidence, what came second and why."""
    from edgeseg import resolve
    from edgeseg.config.places import places
    from edgeseg.probe import probe
    from edgeseg.probe.saved import check_root

    check_root(root)
    ranking = resolve.match(probe(root), places())
    if as_json:
        best = ranking.matches[0].profile if ranking.matches else None
        print(json.dumps({"profile": best, **asdict(ranking)}))
    else:
        print("\n".join(_explained(ranking)))


def _explained(ranking: Ranking) -> list[str]:
    """The ranking in sentences."""
    from edgeseg.commands.shown import words

    lines = [] if ranking.matches else ["No profile fits this board."]
    for number, one in enumerate(ranking.matches):
        lines += [f"{one.profile} {'fits too' if number else 'fits best'}: {one.place}", *_evidence(one)]
        if one.why_not:
            lines.append(f"    after the one before, for {one.why_not}")
    for miss in ranking.misses:
        here = f"here it is {words(miss.found)}" if miss.found else "here there is none that is known"
        lines.append(f"{miss.profile} does not fit: it wants {miss.fact} {words(miss.wanted)}, and {here}")
    return lines


def _evidence(one: Match) -> list[str]:
    if not one.met:
        return ["    its rule asks for nothing"]
    lines = []
    for met in one.met:
        covered = "" if met.pattern == met.clue.value else f", which {met.pattern} covers"
        lines.append(f"    {met.fact} is {met.clue.value}{covered} ({met.clue.where})")
    return lines


@profile_app.command()
def schema(
    config: Annotated[bool, typer.Option("--config", help="Of config files instead of profiles.")] = False,
) -> None:
    """Print a JSON Schema, for editors that complete and check YAML."""
    from edgeseg.config.profile import ConfigFile, Profile

    model = ConfigFile if config else Profile
    made = model.model_json_schema()
    print(json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **made}, indent=2))
