"""`edgeseg governor`: try it on simulated boards, replay and draw its traces."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

if TYPE_CHECKING:
    from edgeseg.governor.trace import Trace
    from edgeseg.simulation.run import Run
    from edgeseg.simulation.score import Row

LONGEST = 1_000_000  # characters of a trace's line: a ladder of a thousand rungs has less
governor_app = typer.Typer(help="The governor: simulate it, replay and draw its traces.", no_args_is_help=True)

FILE: dict[str, Any] = {"readable": False}
TraceArgument = Annotated[Path, typer.Argument(**FILE, metavar="FILE", help="What --trace wrote.")]


@governor_app.command()
def simulate(
    scenario: Annotated[str, typer.Option(help="Its name, or all.")] = "all",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON list and nothing else.")] = False,
    plot: Annotated[Path | None, typer.Option(**FILE, metavar="FILE", help="Draw one scenario to a PNG.")] = None,
    trace: Annotated[Path | None, typer.Option(**FILE, metavar="FILE", help="Write one scenario's trace.")] = None,
) -> None:
    """Hold the governor against an oracle and two rivals on simulated boards."""
    from edgeseg.errors import UsageError, did_you_mean
    from edgeseg.simulation.scenarios import scenarios
    from edgeseg.simulation.table import compared, means

    known = scenarios()
    if scenario != "all" and scenario not in known:
        raise UsageError(f"There is no scenario {scenario!r}; {did_you_mean(scenario, [*known, 'all'])}")
    if scenario == "all" and (plot is not None or trace is not None):
        raise UsageError("--plot and --trace take one scenario; name it with --scenario.")
    from edgeseg.screen import counting

    names = list(known) if scenario == "all" else [scenario]
    rows: list[Row] = []
    with counting("simulating", quiet=as_json) as progress:
        for number, name in enumerate(names):
            found, runs = compared(known[name])
            rows += found
            if progress is not None:
                progress(number + 1, len(names))
    own, oracle = runs["edgeseg"], runs["oracle"]
    if trace is not None:
        _write(trace, own)
    if plot is not None:
        from edgeseg.simulation.plot import draw

        best = [(look.at_s, look.rung.quality) for look in oracle.looks]
        draw(_trace_of(own), plot, f"{scenario} on {own.scenario.board.name}, simulated", best)
    if as_json:
        print(json.dumps([row.as_json() for row in rows]))  # noqa: T201
        return
    from edgeseg.screen import print_table

    policies = list(dict.fromkeys(row.policy for row in rows))
    total = [means(rows, policy) for policy in policies] if scenario == "all" else []
    print_table([_shown(row) for row in (*rows, *total)])


@governor_app.command()
def replay(
    file: TraceArgument,
    every: Annotated[bool, typer.Option("--every", help="Explain every look, not changes and notes alone.")] = False,
) -> None:
    """Decide again on what a trace holds, explain each decision, and check that it is the same."""
    from dataclasses import fields

    from edgeseg.errors import GoldenError
    from edgeseg.governor import sentence
    from edgeseg.governor.trace import replayed

    trace = _read(file)
    zero_s = trace.looks[0].seen.now_s if trace.looks else 0.0
    changes = 0
    for number, (look, decision) in enumerate(replayed(trace), 1):
        if decision != look.decision:
            names = [one.name for one in fields(decision)]
            name = next(one for one in names if getattr(look.decision, one) != getattr(decision, one))
            held, now = getattr(look.decision, name), getattr(decision, name)
            raise GoldenError(
                f"{file} replays otherwise from look {number} on, at {look.seen.now_s - zero_s:.2f} s: its {name} is"
                f" {held!r}, and now it is {now!r}; another edgeseg wrote it, or it was changed since."
            )
        changes += decision.changed
        if every or decision.changed or decision.notes:
            print(f"{look.seen.now_s - zero_s:8.2f} s  {sentence(decision)}")  # noqa: T201
    print(f"{len(trace.looks)} looks, {changes} changes of the rung: every decision is the same.")  # noqa: T201


@governor_app.command()
def plot(
    file: TraceArgument,
    output: Annotated[Path, typer.Option("--output", **FILE, metavar="PNG", help="The picture.")] = Path(
        "governor.png"
    ),
) -> None:
    """Draw a trace: frame rate, rung, temperature, power and memory over time."""
    from edgeseg.errors import UsageError

    if output.suffix.lower() != ".png":
        raise UsageError(f"--output {output} is no PNG; give a name that ends in .png.")
    from edgeseg.simulation.plot import draw

    draw(_read(file), output, file.name)
    print(output)  # noqa: T201


def _read(file: Path) -> Trace:
    from edgeseg.errors import NotPermitted, UsageError
    from edgeseg.governor.trace import read

    try:
        with file.open(encoding="utf-8-sig") as text:
            return read(_lines(text, file), str(file))
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is no trace of the governor: it is no text; give what --trace wrote.") from error
    except PermissionError as error:
        raise NotPermitted(f"{file} may not be read: {error.strerror}.") from error
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.") from error


def _lines(text: TextIO, file: Path) -> Iterator[str]:
    """Its lines, none of them endless as of a device."""
    from edgeseg.errors import UsageError

    while line := text.readline(LONGEST):
        if len(line) == LONGEST:
            raise UsageError(f"{file} is no trace of the governor: a line has more than {LONGEST} characters.")
        yield line


def _trace_of(run: Run) -> Trace:
    from edgeseg.governor.trace import Look, Trace

    scenario = run.scenario
    looks = tuple(Look(seen, decision) for seen, decision in zip(run.seen, run.decisions, strict=True))
    return Trace(scenario.policy, scenario.board.ladder, run.first, looks)


def _write(path: Path, run: Run) -> None:
    from edgeseg.errors import NotPermitted, OutputError
    from edgeseg.governor.trace import first_line, look_line

    trace = _trace_of(run)
    lines = [first_line(trace.policy, trace.ladder, trace.rung)]
    lines += [look_line(look.seen, look.decision) for look in trace.looks]
    try:
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    except PermissionError as error:
        raise NotPermitted(f"{path} may not be written: {error.strerror}.") from error
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}.") from error


def _shown(row: Row) -> dict[str, str]:
    """A row for people."""

    def seconds(value: float | None) -> str:
        return "" if value is None else f"{value:.2f}"

    return {
        "scenario": row.scenario,
        "policy": row.policy,
        "in band, %": f"{row.in_band * 100:.1f}",
        "settles down, s": seconds(row.settle_down_s),
        "up, s": seconds(row.settle_up_s),
        "quality lost, %": f"{row.quality_regret * 100:.2f}",
        "of the span, %": f"{row.span_regret * 100:.1f}",
        "changes a minute": f"{row.switches_per_min:.2f}",
        "over a limit, s": f"{row.limit_violation_s:.1f}",
    }
