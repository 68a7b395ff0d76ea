"""The command line of the workstation: python -m quantize."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from edgeseg.golden import SMALL
from edgeseg.tiers.catalogue import FILE
from edgeseg.tiers.files import BUILT

app = typer.Typer(
    help="Make model tiers from the pinned models: build, score, report, export, import.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

GOLDEN = Path("../shared/golden")
REPORT, DOCS = Path("bench-output/tiers.html"), Path("docs/tiers.md")
CALIBRATION = Path("../shared/calibration")
AssetDirOption = Annotated[str | None, typer.Option(help="Where the pinned files are kept.")]
GoldenOption = Annotated[Path, typer.Option(help="A folder of golden sets.", readable=False)]


@app.command()
def build(
    names: Annotated[list[str] | None, typer.Argument(help="Which tiers; all if none is named.")] = None,
    output: Annotated[Path, typer.Option(help="Folder for the files.", readable=False)] = BUILT,
    asset_dir: AssetDirOption = None,
) -> None:
    """Make the catalogue's tiers from the pinned models; exit 6 if one is not the file that the catalogue means."""
    from edgeseg.errors import UsageError, did_you_mean
    from edgeseg.tiers.catalogue import catalogue
    from quantize.build import build as build_all
    from quantize.build import drop_others

    known = catalogue()
    for name in names or ():
        if name not in known:
            raise UsageError(f"There is no tier {name!r}; {did_you_mean(name, known)}")
    wanted = [known[name] for name in (names or known)]
    with _bar("building", len(wanted)) as step:
        build_all(wanted, output, asset_dir, step)
    if not names and output.samefile(BUILT):
        drop_others(wanted, output)  # a wheel brings whatever is there
    print(f"{len(wanted)} tiers in {output}")  # noqa: T201


@app.command()
def calibrate(
    names: Annotated[list[str] | None, typer.Argument(help="Families; all if none is named.")] = None,
    pictures: Annotated[
        Path, typer.Option(help="A folder of labelled pictures, or of such folders.", readable=False)
    ] = CALIBRATION,
    asset_dir: AssetDirOption = None,
) -> None:
    """Learn from labelled pictures what INT8 must know, into quantize/calibration; exit 5 if they will not do."""
    from edgeseg.errors import UsageError, did_you_mean
    from quantize.calibrate import calibrate_all
    from quantize.families import FAMILIES

    for name in names or ():
        if name not in FAMILIES:
            raise UsageError(f"There is no family {name!r}; {did_you_mean(name, FAMILIES)}")
    families = [FAMILIES[name] for name in (names or FAMILIES)]
    with _bar("calibrating", sum(len(family.sizes) for family in families)) as step:
        calibrate_all(families, pictures, asset_dir, step)


@app.command()
def catalogue(
    golden: GoldenOption = GOLDEN,
    output: Annotated[Path, typer.Option(help="The catalogue to write.", readable=False)] = FILE,
    asset_dir: AssetDirOption = None,
) -> None:
    """Build, score and time every candidate, and write the catalogue; exit 5 if a precision loses too much."""
    from quantize.admit import admit

    with _bar("scoring", None) as step:
        for line in admit(golden, output, asset_dir, step):
            print(line)  # noqa: T201


@app.command()
def small(
    output: Annotated[Path, typer.Option(help="Folder of the set.", readable=False)] = SMALL,
    asset_dir: AssetDirOption = None,
) -> None:
    """Draw the small golden set that devices carry, and score the catalogue's tiers on it; takes half a minute."""
    from edgeseg.tiers import files
    from edgeseg.tiers.catalogue import catalogue
    from quantize.build import put_all
    from quantize.catalogue import rows, with_small_scores
    from quantize.small_set import write

    for name in write(output, asset_dir):
        print(output / "images" / f"{name}.jpg")  # noqa: T201
    if output.resolve() != SMALL:
        return  # scores are of the set that is shipped
    scored = []
    with _bar("scoring", len(catalogue())) as step:
        for tier in with_small_scores(catalogue().values(), files.load):
            scored.append(tier)
            step(tier.name)
    put_all(FILE.parent, [(FILE.name, rows(scored))])
    print(FILE)  # noqa: T201


@app.command()
def report(
    golden: GoldenOption = GOLDEN,
    output: Annotated[Path, typer.Option(help="The page; it holds golden pictures.", readable=False)] = REPORT,
    docs: Annotated[Path, typer.Option(help="The file whose tables are rewritten.", readable=False)] = DOCS,
    asset_dir: AssetDirOption = None,
) -> None:
    """Measure every candidate, and write a page to look at and the tables of docs/tiers.md; takes ten minutes."""
    from quantize.report.make import report as make_report

    with _bar("measuring", None) as step:
        make_report(golden, output, docs, asset_dir, step)
    print(f"{output}\n{docs}")  # noqa: T201


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A .tflite segmenter, NHWC.", readable=False)],
    name: Annotated[str | None, typer.Option(help="The tier's name; from the file's if not given.")] = None,
    feed: Annotated[str | None, typer.Option(help="What it is fed: unit [0,1], signed [-1,1], bytes [0,255].")] = None,
    channel: Annotated[int | None, typer.Option(help="Which channel is the person, from 0.")] = None,
    output: Annotated[str | None, typer.Option(help="Which output is the mask, where there are several.")] = None,
    fit: Annotated[str, typer.Option(help="stretch or letterbox.")] = "stretch",
    licence: Annotated[str, typer.Option(help="The model's licence, kept in the catalogue.")] = "unknown",
    models: Annotated[Path | None, typer.Option(help="The folder of models; the user's own if not given.")] = None,
    golden: Annotated[Path | None, typer.Option(help="A folder of golden sets to score it on.", readable=False)] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a tier of that name.")] = False,
) -> None:
    """Add a segmenter of your own as a tier: how it is fed is found out on a known picture, or said."""
    from edgeseg.errors import UsageError, did_you_mean
    from edgeseg.tiers.files import own_folder
    from quantize.graph.passes.ports import RANGES
    from quantize.importing import Wish, import_model

    if feed is not None and feed not in RANGES:
        raise UsageError(f"There is no --feed {feed!r}; {did_you_mean(feed, RANGES)}")
    if fit not in ("stretch", "letterbox"):
        raise UsageError(f"There is no --fit {fit!r}; {did_you_mean(fit, ['stretch', 'letterbox'])}")
    wish = Wish(feed, channel, output, "letterbox" if fit == "letterbox" else "stretch", name, licence, replace)
    for line in import_model(file, models or own_folder(), golden, wish):
        print(line)  # noqa: T201


@app.command()
def edgetpu(
    tier: Annotated[str, typer.Argument(help="Which tier, of INT8.")],
    output: Annotated[Path, typer.Option(help="Folder for the file.", readable=False)] = Path("edgetpu"),
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Write a tier's file for Coral's compiler, which is not part of this, and say what it would make of it."""
    import json

    from quantize.edgetpu.export import as_json, export, summary, table

    made = export(tier, output)
    if json_:
        print(json.dumps(as_json(made), indent=2))  # noqa: T201
        return
    Console().print(table(made))
    print(summary(made))  # noqa: T201


@contextmanager
def _bar(what: str, total: int | None) -> Iterator[_Step]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        yield _Step(bars, bars.add_task(what, total=total), what)


class _Step:
    """A progress bar that is told names."""

    def __init__(self, bars: Progress, task: TaskID, what: str) -> None:
        self._bars, self._task, self._what = bars, task, what

    def __call__(self, name: str, total: int | None = None) -> None:
        """`name` is done; `total` if it has become known how many there are."""
        self._bars.update(self._task, advance=1, description=f"{self._what} {name}")
        if total is not None:
            self._bars.update(self._task, total=total)
