"""The command line of the workstation: python -m quantize."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

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

    known = catalogue()
    for name in names or ():
        if name not in known:
            raise UsageError(f"There is no tier {name!r}; {did_you_mean(name, known)}")
    wanted = [known[name] for name in (names or known)]
    with _bar("building", len(wanted)) as step:
        build_all(wanted, output, asset_dir, step)
    print(f"{len(wanted)} tiers in {output}")  # noqa: T201


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
