"""The page for people: problems with their remedies first, then what was found, then one sentence that says it all."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from edgeseg import __version__
from edgeseg.config.places import shipped
from edgeseg.doctor.examine import Report
from edgeseg.doctor.finding import Finding, Severity
from edgeseg.doctor.limits import hottest
from edgeseg.doctor.trial import Trial
from edgeseg.engines import ENGINES
from edgeseg.errors import one_line
from edgeseg.tiers.ladder import Candidate

WIDTH = 80
_INDENT = 10
_STYLES: dict[Severity, str] = {"fault": "bold red", "warning": "bold yellow", "note": "cyan", "fine": "green"}


class Line(NamedTuple):
    """A line of the page. lead: its beginning, which is shown in `style`."""

    lead: str
    rest: str = ""
    style: str = ""

    def __str__(self) -> str:
        return (self.lead + self.rest).rstrip()


def page(report: Report, width: int = WIDTH, hide: Callable[[str], str] = str) -> list[Line]:
    """All lines, none longer than `width` but for words that are. hide: what becomes of each text."""
    problems = [one for one in report.findings if one.severity != "fine"]
    lines = [*_wrapped("", hide(_title(report)), width, "bold"), Line("")]
    for one in problems:
        one = replace(one, what=hide(one.what), where=hide(one.where), remedy=one.remedy and hide(one.remedy))
        lines += _finding(one, width)
        lines.append(Line(""))
    sections = (
        ("what runs", _runs(report)),
        ("engines tried", _trials(report)),
        ("board", _board(report)),
        ("fine", ((one.area, one.what) for one in report.findings if one.severity == "fine")),
    )
    for title, rows in sections:
        told = list(rows)
        if told:
            lines.append(Line(title, style="bold"))
            lines += [line for row in told for line in _row(row[0], hide(row[1]), width)]
            lines.append(Line(""))
    verdict = "green" if not any(one.severity in ("fault", "warning") for one in problems) else "bold"
    return [*lines, *_wrapped("", hide(last_sentence(report)), width, verdict)]


def last_sentence(report: Report) -> str:
    """Whether all is well."""
    counts = {name: sum(one.severity == name for one in report.findings) for name in ("fault", "warning", "note")}
    told = [f"{count} {name}{'s' if count > 1 else ''}" for name, count in counts.items() if count]
    notes = f"; {told[-1]} worth knowing" if counts["note"] else ""
    if not counts["fault"] and not counts["warning"]:
        return f"{'As far as was saved, all' if report.is_saved else 'All'} is well{notes}."
    worst = report.findings[0]
    return f"Not all is well: {' and '.join(told[: 2 if not counts['note'] else -1])}{notes}. First: {worst.what}"


def _title(report: Report) -> str:
    board = report.found.board.model
    profile = report.asked.effective.profile if report.asked.effective else "none"
    virtual = report.found.software.virtual
    name = board.value if board else "a virtual machine" if virtual else "a board whose name is not known"
    saved = "; a saved board, nothing was tried" if report.is_saved else ""
    return f"edgeseg {__version__} on {name}, profile {profile}{saved}"


def _finding(one: Finding, width: int) -> Iterator[Line]:
    lead = f"{one.severity.upper()}".ljust(_INDENT)
    yield from _wrapped(lead, f"{one.what}", width, _STYLES[one.severity])
    if one.remedy:
        yield from _wrapped("  remedy".ljust(_INDENT), one.remedy, width, "bold")
    if one.where:
        yield from _wrapped("  seen".ljust(_INDENT), f"{one.where} ({one.area})", width, "dim")


def _runs(report: Report) -> Iterator[tuple[str, str]]:
    asked, taken = report.asked, report.taken
    by = f" ({asked.engine_by})" if asked.engine_by else ""
    yield (
        "asked for",
        f"engine {asked.settings.engine}{by}, tier {asked.settings.tier}, {asked.size} at {asked.fps:g} fps",
    )
    if asked.effective is not None:
        engines = ", ".join(asked.effective.keys.engines)
        yield "may be tried", f"{engines} ({_short(asked.effective.origin('engines'))})"
        if not asked.uses_files and not report.is_saved:
            yield (
                "profile",
                "without a config file or --profile only a live run's governor takes from it: targets and limits",
            )
    if taken.candidate is not None and not report.is_saved:
        yield "a run takes", taken.why if taken.choice else f"{_named(taken.candidate)}: {taken.reason}"
    elif taken.candidate is None:
        yield "a run takes", taken.why
    serves = report.serves
    if serves is not None and serves.report is not None:
        adapter = f", {serves.report.adapter}" if serves.report.adapter else ""
        yield "serves", f"{serves.engine}{adapter}, with {serves.tier}"


def _short(origin: str) -> str:
    """A profile that comes with edgeseg is known by its name."""
    return origin.replace(f"{shipped()}/", "profile ")


def _named(candidate: Candidate) -> str:
    """0 threads are as many as the engine takes by itself."""
    return str(candidate) if candidate.threads else f"{candidate.tier} on {candidate.engine}"


def _trials(report: Report) -> Iterator[tuple[str, str]]:
    if report.is_saved:
        return
    for trial in report.trials:
        yield trial.engine, _outcome(trial)
        for seen in trial.report.evidence if trial.report else ():
            yield "", f"- {seen}"
    left = [name for name in ENGINES if name != "chroma" and name not in {trial.engine for trial in report.trials}]
    if left:
        yield ", ".join(left), "not tried: nothing for them was found here, and nobody asks for them"


def _outcome(trial: Trial) -> str:
    report = trial.report
    if trial.refusal is not None or report is None:
        return f"does not run: {trial.refusal}"
    parts = ["works" if trial.works else "answers wrongly"]
    if trial.p50_ms is not None:
        parts[0] += f", {trial.p50_ms:.2f} ms an inference (median of {trial.runs})"
    if report.adapter:
        parts.append(f"{report.adapter}{' (software, on the CPU)' if report.software else ''}")
    partitions = (
        f" in {report.partitions} partition{'s' if report.partitions != 1 else ''}" if report.partitions else ""
    )
    parts.append(
        f"{report.delegated_nodes} of {report.all_nodes} operations by {report.delegate or 'no delegate'}{partitions}"
    )
    parts.append(f"{trial.tier}, {report.library}, {report.threads} thread{'s' if report.threads != 1 else ''}")
    return "; ".join(parts)


def _board(report: Report) -> Iterator[tuple[str, str]]:
    found = report.found
    cpu, memory = found.cpu, found.memory
    parts = [fact.value for fact in (cpu.model, cpu.architecture) if fact]
    parts += [f"{cpu.cores.value} cores"] if cpu.cores else []
    yield "processor", ", ".join(parts) or "not known"
    for cluster in cpu.clusters:
        if cluster.now_mhz and cluster.max_mhz:
            governor = f", {cluster.governor.value}" if cluster.governor else ""
            what = f"{cluster.now_mhz.value:.0f} of {cluster.max_mhz.value:.0f} MHz now{governor}"
            yield "clock", f"cores {cluster.cores[0]} to {cluster.cores[-1]}: {what}"
    if memory.total_mb:
        free = f", {memory.available_mb.value:.0f} free" if memory.available_mb else ""
        yield "memory", f"{memory.total_mb.value:.0f} MB{free}"
    yield "heat", _heat(report)
    yield "power", f"{found.power.board_w.value:.2f} W" if found.power.board_w else "not measured"
    for one in found.accelerators:
        yield "accelerator", f"{one.name} ({one.kind}; engine: {one.engine or 'none of edgeseg'})"
    for node in found.cameras.nodes:
        if node.kind in ("camera", "loopback", "test"):
            yield node.node.removeprefix("/dev/"), f"{node.kind}: {node.name.value if node.name else '?'}"
    software = found.software
    names = [fact.value for fact in (software.os, software.kernel) if fact]
    yield "system", ", ".join(names + ([f"Python {software.python.value}"] if software.python else []))
    if software.packages:
        yield "packages", ", ".join(f"{name} {fact.value}" for name, fact in software.packages.items())


def _heat(report: Report) -> str:
    zone, throttle = hottest(report.found), report.found.thermal.throttle
    told = "no sensor"
    if zone is not None and zone.temp_c is not None:
        told = f"{zone.temp_c.value:.1f} C ({zone.type.value if zone.type else zone.name})"
    if throttle.flags is not None:
        told += f"; throttled: {', '.join(throttle.flags.value) or 'no'}"
    limit = report.asked.limit("temp_c")
    return f"{told}; limit {limit:g} C" if limit is not None else told


def _row(what: str, value: str, width: int) -> Iterable[Line]:
    """What does not fit into the first column stands above its value."""
    if len(what) > 12:
        return [Line(f"  {what}"), *_wrapped(" " * 16, value, width)]
    return _wrapped(f"  {what}".ljust(16), value, width)


def _wrapped(lead: str, text: str, width: int, style: str = "") -> list[Line]:
    """`text` beside its lead, further lines below it; without a lead all of it is in the style."""
    room = max(24, width - len(lead))
    parts = textwrap.wrap(one_line(text), room, break_on_hyphens=False, break_long_words=False) or [""]
    if not lead:
        return [Line(part, style=style) for part in parts]
    return [Line(lead, parts[0], style), *(Line(" " * len(lead), part) for part in parts[1:])]
