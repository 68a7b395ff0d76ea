"""What people see while the farm runs: bars on a terminal, plain lines elsewhere; all of it on stderr."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from deploy.farm.card import Card
from deploy.farm.jobs import Job
from deploy.farm.judging import Outcome
from deploy.farm.rules import Status
from edgeseg.errors import one_line


class Screen:
    """A `lane.Told`. totals: how many jobs each device has left."""

    def __init__(self, console: Console, totals: Mapping[str, int], bars: Progress | None) -> None:
        self._console, self._totals, self._bars = console, totals, bars
        self._done = dict.fromkeys(totals, 0)
        self._lock = threading.Lock()
        self._tasks: dict[str, TaskID] = {}
        for name, total in totals.items():
            if bars is not None:
                self._tasks[name] = bars.add_task("waiting", total=total, device=name)

    def doing(self, job: Job, what: str, done: int, of: int) -> None:
        """See `lane.Told`."""
        if self._bars is not None:
            part = f" {done}/{of}" if of else ""
            share = 0.9 * done / of if of and what == "scoring" else 0.0
            where = self._done[job.device] + share
            text = f"{job.candidate.tier} {job.candidate.engine}: {what}{part}"
            self._bars.update(self._tasks[job.device], description=text, completed=where)

    def finished(self, job: Job, made: Card) -> None:
        """See `lane.Told`."""
        with self._lock:
            self._done[job.device] += 1
            number = self._done[job.device]
        if self._bars is not None:
            self._bars.update(self._tasks[job.device], completed=number)
        if self._bars is None or made.fault is not None:
            self._say(f"{job.device}: {number}/{self._totals[job.device]} {job.candidate}: {_told(made)}")

    def note(self, device: str, line: str) -> None:
        """See `lane.Told`."""
        self._say(f"{device}: {line}")

    def _say(self, line: str) -> None:
        with self._lock:
            self._console.print(one_line(line), markup=False, highlight=False, soft_wrap=True)


@contextmanager
def watching(totals: Mapping[str, int]) -> Iterator[Screen]:
    """A screen for a run of so many jobs a device."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Screen(console, totals, None)
        return
    columns = (TextColumn("{task.fields[device]}"), BarColumn(20), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.description}"), console=console, transient=True) as bars:
        yield Screen(bars.console, totals, bars)


def rows(title: str, headings: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """Print a table on stdout."""
    table = Table(*headings, title=title or None, title_justify="left", box=None, pad_edge=False)
    for line in lines:
        table.add_row(*map(one_line, line))
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = 200
    console.print(table)


def verdicts(outcomes: Sequence[Outcome]) -> None:
    """Print how each device stands, and a sentence for all that is not as it was."""
    devices = list(dict.fromkeys(outcome.card.device for outcome in outcomes))
    lines = []
    for device in devices:
        own = [outcome.verdict.status for outcome in outcomes if outcome.card.device == device]
        lines.append([device, *(str(own.count(status) or "-") for status in Status)])
    rows("", ["device", *(status.value for status in Status)], lines)
    console = Console(highlight=False, markup=False, soft_wrap=True)
    lost: dict[str, list[str]] = {}
    other_sets: dict[str, int] = {}
    for outcome in outcomes:
        if outcome.verdict.status is Status.LOST and outcome.card.fault is not None:
            lost.setdefault(f"{outcome.card.device}: {outcome.card.fault.detail}", []).append(
                outcome.card.candidate.key
            )
        elif outcome.verdict.status is Status.NOT_JUDGED:
            text = outcome.verdict.findings[0].text
            other_sets[text] = other_sets.get(text, 0) + 1
        elif outcome.verdict.status not in (Status.OK, Status.NEW):
            console.print(one_line(f"{outcome.verdict.status.value}: {outcome.verdict.sentence}"))
    for why, keys in lost.items():
        console.print(one_line(f"lost: {why} Nothing is known of {len(keys)} candidate{'s' if len(keys) > 1 else ''}."))
    for text, count in other_sets.items():
        console.print(one_line(f"not-judged: {count} candidate{'s' if count > 1 else ''}: {text}."))
    if other_sets:
        console.print("not-judged: run the baseline's set, or approve this run as the new baseline.")
    new = sum(outcome.verdict.status is Status.NEW for outcome in outcomes)
    if new:
        how = "python -m deploy.farm approve accepts the run as baseline"
        console.print(f"new: {new} of {len(outcomes)} candidates; {how}.")


def _told(made: Card) -> str:
    if made.fault is not None:
        return f"{made.fault.kind}: {made.fault.detail}"
    said = [] if made.miou is None else [f"mIoU {made.miou:.4f} of {made.golden.items} pictures"]
    if made.speed is not None:
        said.append(f"p90 {made.speed.p90:.2f} ms" + (" (emulated)" if made.timing == "emulated" else ""))
    return ", ".join(said)
