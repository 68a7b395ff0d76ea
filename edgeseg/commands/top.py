"""`edgeseg top`: the live figures of a run in a terminal, over its API."""

# ruff: noqa: T201 - what is printed here is the output
from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgeseg.commands.options import JsonOption
from edgeseg.errors import NotPermitted, Unreachable, UsageError, one_line

if TYPE_CHECKING:
    from rich.console import Group

TOKEN = "EDGESEG_TOKEN"
_WAIT_S = 5.0
_WAY = ("preprocess", "infer", "postprocess", "refine", "carry", "background", "composite", "write")


def top(
    url: Annotated[str, typer.Argument(help="Where the page is.")] = "http://127.0.0.1:8080",
    once: Annotated[bool, typer.Option("--once", help="Look once, and end.")] = False,
    every: Annotated[float, typer.Option(min=0.2, max=60, metavar="S", help="Seconds between two looks.")] = 1.0,
    as_json: JsonOption = False,
) -> None:
    """Show what a run with a page does, until Ctrl-C; its token, if it needs one, is in $EDGESEG_TOKEN."""
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"{url!r} is no address of a page; write http://HOST:PORT.")
    address = url.rstrip("/") + "/api/v1/state"
    now = _state(address)
    if as_json:
        print(json.dumps(now))
        return
    from rich.console import Console
    from rich.live import Live

    console = Console(highlight=False)
    if once or not console.is_terminal:
        console.print(_figures(now))
        return
    try:
        with Live(_figures(now), console=console, auto_refresh=False, screen=True) as live:
            while True:
                time.sleep(every)
                live.update(_figures(_state(address)), refresh=True)
    except KeyboardInterrupt:
        return


def _state(address: str) -> dict[str, Any]:
    request = urllib.request.Request(address)
    if token := os.environ.get(TOKEN):
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=_WAIT_S) as answer:
            found = json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            why = _detail(error)
        if error.code in (401, 403):
            raise NotPermitted(f"{address}: {why} Its token goes into ${TOKEN}.") from error
        raise Unreachable(f"{address}: {why}") from error
    except (OSError, ValueError) as error:
        raise Unreachable(f"Nothing answers at {address}: {getattr(error, 'reason', error)}.") from error
    if not isinstance(found, dict) or "status" not in found:
        raise Unreachable(f"{address} is no page of edgeseg.")
    return found


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        return one_line(str(json.load(error)["detail"]))
    except (OSError, ValueError, KeyError, TypeError):
        return f"it answers {error.code}."


def _figures(now: dict[str, Any]) -> Group:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    facts = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, value in _rows(now):
        facts.add_row(name, Text(one_line(value)))
    stages = Table("stage", "p50 ms", "p95 ms", "", box=None, header_style="bold")
    longest = max((now["stages"].get(stage, {}).get("p95_ms", 0) for stage in _WAY), default=0) or 1
    for stage in _WAY:
        if times := now["stages"].get(stage):
            bar = "█" * round(20 * times["p95_ms"] / longest)
            stages.add_row(stage, f"{times['p50_ms']:.2f}", f"{times['p95_ms']:.2f}", bar)
    title = Text(f"edgeseg {now['version']} {now['instance']}: {one_line(now['sentence'])}", style="bold")
    return Group(title, facts, Text(), stages)


def _rows(now: dict[str, Any]) -> list[tuple[str, str]]:
    def known(value: float | None, unit: str, digits: int = 1) -> str:
        return f"{value:.{digits}f} {unit}" if value is not None else "-"

    frames = now["frames"]
    drops = ", ".join(f"{count} {cause}" for cause, count in now["drops"].items()) or "none"
    return [
        ("rate", f"{known(now['fps'], 'fps')}, {frames['shown']} frames shown of {frames['captured']}"),
        ("latency", known(now["latency_ms"], "ms")),
        ("runs", f"{now['tier'] or 'no tier'} on {now['engine'] or 'no engine'}"),
        ("rung", now["rung"]["words"]),
        ("source", now["source"] or "-"),
        ("output", now["sink"] or "-"),
        ("dropped", drops),
        ("board", f"{known(now['temp_c'], 'C')}, {known(now['power_w'], 'W')}, {known(now['memory_mb'], 'MB', 0)}"),
        ("viewers", str(now["viewers"])),
    ]
