"""What people see in the terminal: live figures, progress bars, tables. All of it goes to stderr but the results."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from edgeseg.errors import one_line
from edgeseg.facts import Awake, Degraded, Fact, Idle, Noted, Opened, Recovered, RungChanged, Tally
from edgeseg.report import rss_mb

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Table

    from edgeseg.build import Run
    from edgeseg.demo import Made
    from edgeseg.golden.evaluate import Scorecard
    from edgeseg.probe import Capabilities


def _console(stderr: bool = False) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)


class Watch:
    """An `Emit`: counts facts, says the rare ones, and shows the figures of a run while it lasts.

    On a terminal the figures are one table that is drawn anew twice a second; elsewhere there are none, so that a
    log holds what happened and no more.
    """

    def __init__(self, tally: Tally, quiet: bool) -> None:
        self._tally = tally
        self._console = None if quiet else _console(stderr=True)
        self._lock = threading.Lock()
        self._table: Table | None = None  # as it was drawn last

    def __call__(self, fact: Fact) -> None:
        """Take one fact, from any thread."""
        with self._lock:
            self._tally(fact)
        if isinstance(fact, Degraded):
            self._say(f"degraded ({fact.cause}): {fact.detail}")
        elif isinstance(fact, Recovered):
            self._say(f"recovered ({fact.cause})")
        elif isinstance(fact, Idle):
            self._say(f"idle: {fact.reason}")
        elif isinstance(fact, Awake):
            self._say(f"awake after {fact.after_s:.0f} s: {fact.reason}")
        elif isinstance(fact, RungChanged):
            self._say(f"rung: {fact.detail}")
        elif isinstance(fact, Noted | Opened):
            self._say(f"{fact.what}: {fact.detail}")

    def _say(self, line: str) -> None:
        # A stderr that is full or gone stops no run.
        with contextlib.suppress(OSError, ValueError):
            if self._console is not None and self._console.is_terminal:
                self._console.print(one_line(line), markup=False, soft_wrap=True)
            else:
                print(one_line(line), file=sys.stderr, flush=True)  # noqa: T201

    @contextlib.contextmanager
    def showing(self, run: Run) -> Iterator[None]:
        """Show the figures of `run` while the block runs."""
        if self._console is None or not self._console.is_terminal:
            yield
            return
        from rich.live import Live

        with Live(
            get_renderable=lambda: self._figures(run), console=self._console, refresh_per_second=2, transient=True
        ):
            yield

    def _figures(self, run: Run) -> Table:
        runtime = run.runtime
        if self._table is None or not runtime.idle:  # sorting all times is too much for a run that rests
            self._table = _stages(runtime.times.table())
        drops = sum(self._tally.drops.values())
        rate = "idle" if runtime.idle else f"{runtime.fps or 0.0:.1f} FPS"
        self._table.title = f"{runtime.shown} frames, {rate}, {drops} dropped, {rss_mb():.0f} MB"
        return self._table


def print_figures(figures: dict[str, Any]) -> None:
    """The end of a run, for people."""
    console = _console(stderr=True)
    fps = f"{figures['fps']} FPS" if figures["fps"] else "-"
    drops = ", ".join(f"{count} {cause}" for cause, count in figures["drops"].items()) or "none"
    first = f", first after {figures['first_frame_s']} s" if figures["frames"] else ""
    lines = [
        f"{figures['frames']} frames at {fps}{first}, {figures['rss_mb']} MB",
        f"dropped: {drops}; covered: {figures['masks'].get('cover', 0)}; carried: {figures['masks'].get('carried', 0)}",
    ]
    if figures["idle"]["times"]:
        lines.append(f"idle: {figures['idle']['seconds']} s, {figures['idle']['times']} times")
    if figures["engine"]:
        who = f"{figures['engine']}, {figures['adapter']}" if figures["adapter"] else figures["engine"]
        lines.append(
            f"{figures['tier'] or 'no tier'} on {who} ({figures['library']}),"
            f" threads: {figures['threads']}, nodes delegated: {figures['delegated']}"
        )
    if figures["rung_changes"]:
        lines.append(f"rung: {figures['rung']}, after {figures['rung_changes']} changes")
    lines.append(f"output: {figures['output']}")
    with contextlib.suppress(OSError, ValueError, SystemExit):  # the run was good, whoever reads of it
        console.print(_stages(figures["stages"]))
        for line in lines:
            console.print(one_line(line), markup=False, soft_wrap=True)


def print_demo(made: Made) -> None:
    """The end of a demo: the table of stages, and where everything is."""
    print_figures(made.figures)
    console = _console()
    if made.stills:
        console.print("No camera was found: this is the pinned clip, and a photograph.")
    for what, path in (("video", made.video), ("contact sheet", made.sheet), *made.stills):
        console.print(f"{what}: {path}", markup=False, soft_wrap=True)


def print_table(rows: list[dict[str, Any]]) -> None:
    """Rows with the same keys, one below the other."""
    from rich.table import Table

    table = Table(*rows[0], box=None, header_style="bold")
    for column in table.columns:
        column.overflow = "fold"
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    console = _console()
    if not console.is_terminal:  # whoever reads a pipe wants a line a row
        console.width = max(80, console.measure(table, options=console.options.update(width=1000)).maximum)
    console.print(table)


def print_tiers(rows: list[dict[str, Any]]) -> None:
    """The tiers with their scores: mean IoU on the golden sets, in percent."""
    shown = []
    for row in rows:
        scores = {name: f"{row['golden'][name]:.1%}" if name in row["golden"] else "" for name in ("stills", "webcam")}
        note = "missing" if not row["here"] else "default" if row["default"] else ""
        shown.append({"tier": row["name"], **scores, "kB": row["bytes"] // 1000, "": note})
    print_table(shown)


def print_bench(figures: dict[str, Any]) -> None:
    """How long a tier takes, and if its ops were timed, the kinds of them, the costliest, and what is not delegated."""
    from edgeseg.bench.tables import costliest, kinds, not_delegated, summary

    console = _console()
    for line in summary(figures):
        console.print(one_line(line), markup=False, soft_wrap=True)
    for rows in (kinds(figures), costliest(figures), not_delegated(figures)):
        if rows:
            console.print()
            print_table(rows)


def print_probe(found: Capabilities) -> None:
    """What is known of the board, section by section, with the evidence beside each fact."""
    from rich.markup import escape
    from rich.table import Table

    from edgeseg.probe.page import page

    console = _console()
    if not console.is_terminal:
        console.width = 160  # whoever reads a pipe wants a line a fact
    for title, rows in page(found):
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), title=title, title_justify="left")
        table.title_style = "bold"
        table.add_column(style="cyan", min_width=20)
        table.add_column(overflow="fold", min_width=20)
        table.add_column(style="dim", overflow="fold")
        for row in rows:
            table.add_row(*(escape(one_line(text)) for text in row))
        console.print(table)
        console.print()
    for sentence in found.advice:
        console.print(one_line(sentence), markup=False, soft_wrap=not console.is_terminal)
    for note in found.notes:
        console.print(one_line(f"not believed: {note.where} {note.why}"), markup=False, style="dim", soft_wrap=True)


def print_scorecard(card: Scorecard) -> None:
    """A scorecard without its single pictures, a row a figure, rounded: --json has all of it."""
    import dataclasses

    from rich.markup import escape

    rows = []
    for name, value in dataclasses.asdict(card).items():
        parts = value.items() if isinstance(value, dict) else [("", value)]
        for part, one in parts if name != "per_item" else ():
            shown = "-" if one is None else f"{one:.4g}" if isinstance(one, float) else one_line(str(one))
            rows.append({"score": escape(one_line(f"{name} {part}".rstrip())), "value": escape(shown)})
    print_table(rows)


def _stages(stages: dict[str, dict[str, float]]) -> Table:
    from rich.table import Table

    table = Table("stage", box=None, header_style="bold", title_justify="left")
    table.add_column("p50 ms", justify="right")
    table.add_column("p95 ms", justify="right")
    for name, times in stages.items():
        table.add_row(name, f"{times['p50_ms']:.2f}", f"{times['p95_ms']:.2f}")
    return table


@contextlib.contextmanager
def download_bar() -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar for `assets.store`, once there is progress; where there is no terminal, a line a package."""
    with contextlib.ExitStack() as stack:
        tasks: dict[str, Any] = {}
        bars: Progress | None = None

        def progress(what: str, done: int, total: int) -> None:
            nonlocal bars
            console = _console(stderr=True)
            if not console.is_terminal:
                if what not in tasks:
                    tasks[what] = None
                    print(f"fetching {what} ({total / 1e6:.0f} MB)", file=sys.stderr, flush=True)  # noqa: T201
                return
            if bars is None:
                from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

                columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
                bars = stack.enter_context(Progress(*columns, console=console))
            if what not in tasks:
                tasks[what] = bars.add_task(f"fetching {what}", total=total)
            bars.update(tasks[what], completed=done, total=total)

        yield progress


@contextlib.contextmanager
def counting(what: str, quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """A progress bar that counts."""
    console = _console(stderr=True)
    if quiet or not console.is_terminal:
        yield None
        return
    from rich.progress import Progress

    with Progress(console=console, transient=True) as bars:
        task = bars.add_task(what, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)
