"""The command line of the farm: python -m deploy.farm."""

# ruff: noqa: T201 - what is printed here is the output
from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Run a golden set on every tier of every device, and judge it against what was accepted before.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_HERE = Path(__file__).parent
FarmOption = Annotated[Path, typer.Option("--farm", metavar="FILE", readable=False, help="The farm file.")]
OutputOption = Annotated[Path, typer.Option(metavar="DIR", readable=False, help="The folder of runs.")]
CacheOption = Annotated[
    Path | None, typer.Option(metavar="DIR", readable=False, help="Where what devices are made of is kept.")
]
BaselinesOption = Annotated[Path, typer.Option(metavar="DIR", readable=False, help="What was accepted before.")]
RunArgument = Annotated[str | None, typer.Argument(metavar="[RUN]", help="A run's name; the newest if not given.")]
FARM, OUTPUT, BASELINES = _HERE / "farm.yaml", Path("farm-output"), _HERE / "baselines"


@app.command()
def devices(farm: FarmOption = FARM, cache: CacheOption = None) -> None:
    """List the devices: what each is, and whether it is ready or what is missing."""
    from deploy.farm import screen, session
    from deploy.farm.device import DeviceLost

    read = session.read(farm)
    lines = []
    for name, entry in read.entries.items():
        device = read.device(name, session.cache_of(cache))
        try:
            device.open()
            python, platform = device.python
            ready, about = "ready", f"{python} {platform}, {device.timing} times"
        except (DeviceLost, OSError) as error:
            ready, about = str(error), f"{device.timing} times"
        finally:
            device.close()
        lines.append([name, entry.kind, about, ready])
    screen.rows("", ["device", "kind", "what", "ready"], lines)


@app.command()
def setup(
    names: Annotated[
        list[str] | None, typer.Argument(help="Which devices; all but those on demand if none is named.")
    ] = None,
    farm: FarmOption = FARM,
    cache: CacheOption = None,
) -> None:
    """Build what devices are made of, once; what is built already is kept. Exit 69 if one cannot be built."""
    from deploy.farm import session
    from deploy.farm.device import DeviceLost
    from edgeseg.command import say

    read = session.read(farm)
    failed: DeviceLost | None = None
    for name in session.chosen(read, names or ()):
        device = read.device(name, session.cache_of(cache))
        try:
            device.setup(lambda line, name=name: say(f"{name}: {line}", "farm"))  # type: ignore[misc]
            print(f"{name}: set up")
        except DeviceLost as error:
            say(f"{name}: {error}", "farm")
            failed = failed or error
        finally:
            device.close()
    if failed is not None:
        raise failed


@app.command()
def run(
    farm: FarmOption = FARM,
    only: Annotated[list[str] | None, typer.Option(metavar="DEVICE,...", help="Only these devices.")] = None,
    report: Annotated[Path | None, typer.Option(metavar="DIR", readable=False, help="Write the report there.")] = None,
    output: OutputOption = OUTPUT,
    cache: CacheOption = None,
    baselines: BaselinesOption = BASELINES,
    wheel: Annotated[
        Path | None, typer.Option(metavar="FILE", readable=False, help="This wheel, and not one of the checkout.")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="All pictures on every device, and those devices that run on demand.")
    ] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Take up no run that was stopped.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object at the end.")] = False,
) -> None:
    """Run the farm, or go on with a run that was stopped; exit 5 if anything regressed, 69 if a device was lost."""
    from deploy.farm import farmfile, screen, session
    from deploy.farm import report as reports
    from deploy.farm.report import listing
    from deploy.farm.verdict import exit_code
    from edgeseg.command import say
    from edgeseg.stopping import interruptible

    read = farmfile.in_full(session.read(farm)) if full else session.read(farm)
    names = session.chosen(read, [name for one in only or () for name in one.split(",")])
    now = datetime.now().astimezone()
    try:
        with interruptible():
            done = session.run(
                read,
                names,
                output,
                session.cache_of(cache),
                session.baselines_of(baselines, read.golden),
                now.strftime("%Y%m%d-%H%M%S"),
                screen.watching,
                wheel=wheel,
                fresh=fresh,
            )
    except KeyboardInterrupt:
        say("Stopped; the same command goes on from here.", "farm")
        raise typer.Exit(130) from None
    say(f"The cards are in {done.run.folder}.", "farm")
    if report is not None:
        written = reports.write(
            report,
            done.outcomes,
            done.golden,
            session.baselines_of(baselines, read.golden),
            now.isoformat(" ", "seconds"),
        )
        say(f"The report is {written[0]}.", "farm")
    if as_json:
        print(listing.render(done.outcomes), end="")
    else:
        screen.verdicts(done.outcomes)
    raise typer.Exit(exit_code(outcome.verdict for outcome in done.outcomes))


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", readable=False, help="Where it is written.")],
    name: RunArgument = None,
    output: OutputOption = OUTPUT,
    baselines: BaselinesOption = BASELINES,
) -> None:
    """Judge a run anew and write its report: report.html, report.json, junit.xml."""
    from deploy.farm import report as reports
    from deploy.farm import runs, screen, session
    from deploy.farm.judging import judged
    from deploy.farm.statistics import units_of
    from deploy.farm.verdict import exit_code

    place = _run_of(output, name)
    golden = session.sound(Path(runs.about(place).get("golden_path", "")))
    own = baselines / golden.file.name
    outcomes = judged(runs.cards(place), own, units=units_of(golden))
    when = datetime.now().astimezone().isoformat(" ", "seconds")
    for path in reports.write(folder, outcomes, golden, own, when):
        print(path)
    screen.verdicts(outcomes)
    raise typer.Exit(exit_code(outcome.verdict for outcome in outcomes))


@app.command()
def approve(
    name: RunArgument = None,
    reason: Annotated[str, typer.Option(help="Why it is right; asked for on a terminal.")] = "",
    only: Annotated[list[str] | None, typer.Option(metavar="DEVICE,...", help="Only these devices.")] = None,
    with_faults: Annotated[bool, typer.Option("--with-faults", help="Accept refusals and other faults, too.")] = False,
    partial: Annotated[bool, typer.Option("--partial", help="Accept fewer candidates or pictures than before.")] = (
        False
    ),
    who: Annotated[str | None, typer.Option(help="Who accepts it; the user of git if not given.")] = None,
    output: OutputOption = OUTPUT,
    baselines: BaselinesOption = BASELINES,
) -> None:
    """Accept a run as the baseline: shows what changes, and keeps the reason."""
    import sys

    from rich.console import Console

    from deploy.farm import approval, runs
    from edgeseg import __version__
    from edgeseg.errors import UsageError

    place = _run_of(output, name)
    if not partial and not runs.about(place).get("complete", False):
        raise UsageError(f"The run {place.name} is not complete: go on with it by run, or give --partial.")
    done = runs.cards(place, [device for one in only or () for device in one.split(",")])
    own = baselines / done[0][0].golden.name
    found = approval.changes(own, [card for card, _ in done])
    if not found:
        print("Nothing changes.")
        return
    Console(stderr=True).print(approval.table(found))
    if not reason and sys.stdin.isatty():
        reason = typer.prompt("Why is that right", err=True)
    today = datetime.now().astimezone().date().isoformat()
    who = who or approval.git_user(_HERE)
    approval.approve(own, done, reason, who, today, __version__, with_faults=with_faults, partial=partial)
    print(f"{len(found)} candidates were accepted into {own}.")


def _run_of(output: Path, name: str | None) -> Path:
    from deploy.farm import runs
    from edgeseg.errors import UsageError, did_you_mean

    known = runs.names(output)
    if not known:
        raise UsageError(f"There are no runs in {output}: run python -m deploy.farm run first.")
    if name is not None and name not in known:
        raise UsageError(f"There is no run {name!r} in {output}; {did_you_mean(name, known)}")
    return output / (name or known[-1])
