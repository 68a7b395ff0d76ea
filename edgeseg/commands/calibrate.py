"""`edgeseg calibrate` and `edgeseg ladder`: measure what this device can do, and show what was measured."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgeseg.commands.options import (
    EngineDeviceOption,
    EngineLibraryOption,
    JsonOption,
    ModelsOption,
    SoftwareGpuOption,
)
from edgeseg.errors import CandidateError, UsageError, did_you_mean
from edgeseg.stopping import interruptible

if TYPE_CHECKING:
    from edgeseg.calibrate.steps import Step

FpsOption = Annotated[
    float | None, typer.Option(help="Frames a second that are to be held; the profile's if not given.")
]
ProfileOption = Annotated[str | None, typer.Option(help="The profile of a kind of board, see `edgeseg profile list`.")]
FramingOption = Annotated[str, typer.Option(help="What is good: any, stills (people) or webcam (one at a desk).")]


def calibrate(
    time: Annotated[float, typer.Option(metavar="S", help="Seconds that it may take.")] = 60.0,
    fps: FpsOption = None,
    again: Annotated[bool, typer.Option("--again", help="Measure anew what is known.")] = False,
    engine: Annotated[
        list[str] | None, typer.Option(help="Only this one; more than one may be named. The profile's if not given.")
    ] = None,
    allow_software_gpu: SoftwareGpuOption = False,
    engine_library: EngineLibraryOption = None,
    engine_device: EngineDeviceOption = None,
    framing: FramingOption = "any",
    profile: ProfileOption = None,
    models: ModelsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure which tiers run here, how fast and how well, and keep what is best; Ctrl-C keeps what there is."""
    from datetime import datetime

    from edgeseg.calibrate import page
    from edgeseg.calibrate.device import allowed_here, with_hardware
    from edgeseg.calibrate.device import calibrate as calibrate_here
    from edgeseg.clock import SystemClock
    from edgeseg.command import say
    from edgeseg.probe import probe
    from edgeseg.resolve import resolve

    _check(fps, framing)
    if not 1 <= time <= 86_400:
        raise UsageError(f"--time is {time:g}; give 1 to 86400 seconds.")
    found = probe()
    keys = resolve(found, profile=profile).keys
    fps = fps or float(keys.fps or keys.targets.fps)
    engines = tuple(engine or with_hardware(found, keys.engines))
    without = [] if engine else [name for name in keys.engines if name not in engines]
    if without:
        say(f"Not tried, for the probe found no hardware for them: {', '.join(without)} (--engine NAME tries one).")
    allowed = allowed_here(found, engines, fps, keys.limits.memory_mb)
    today = datetime.now().astimezone().date().isoformat()
    options = {
        "allow_software_gpu": allow_software_gpu or keys.allow_software_gpu,
        "engine_library": engine_library or keys.engine_library,
        "engine_device": engine_device or keys.engine_device,
    }
    more: dict[str, Any] = {"time_s": time, "again": again, "models": models or None, "framing": framing}
    try:
        with interruptible() as interrupt, _bar(time, quiet=as_json) as shown:

            def told(step: Step) -> None:
                interrupt.check()
                shown(step)

            made = calibrate_here(allowed, SystemClock(), today, told, options=options, **more)
    except KeyboardInterrupt:
        say("Stopped before anything was measured.")
        raise typer.Exit(130) from None
    for note in made.notes:
        say(note)
    if made.interrupted:
        say(f"Stopped: {made.new} candidates were measured, and {len(made.left)} are left.")
    if as_json:
        rest = {
            "new": made.new,
            "left": [one._asdict() for one in made.left],
            "interrupted": made.interrupted,
            "path": str(made.path) if made.path is not None else None,
        }
        print(json.dumps(page.as_json(made.kept, made.ladder, made.choice, fps, rest)))  # noqa: T201
    else:
        _show(
            page.ladder_rows(made.ladder, made.choice),
            page.summary_lines(made.kept, made.ladder, made.choice, len(made.left)),
        )
        if not made.new and not made.left:
            print("nothing was left to measure; --again measures anew")  # noqa: T201
        if made.path is not None:
            print(f"kept in {made.path}")  # noqa: T201
    if made.not_kept is not None:
        raise made.not_kept
    served = {one.candidate.engine for one in made.kept.measured}
    if engine and not served & set(engine) and not made.interrupted:
        raise CandidateError(f"Nothing can be used with --engine {' or '.join(engine)} here; the reasons are above.")


def ladder(
    fps: FpsOption = None,
    framing: FramingOption = "any",
    profile: ProfileOption = None,
    models: ModelsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what edgeseg calibrate measured here, and what would be taken for a frame rate."""
    from edgeseg.calibrate import page
    from edgeseg.calibrate.device import kept_here
    from edgeseg.command import say
    from edgeseg.probe import probe
    from edgeseg.resolve import resolve
    from edgeseg.tiers.ladder import choose, ladder_of

    _check(fps, framing)
    kept, notes = kept_here(models or None)
    if kept is None or not kept.measured:
        raise CandidateError(" ".join([*notes, "There is no ladder of this device: run edgeseg calibrate."]))
    for note in notes:
        say(note)
    if fps is None:
        keys = resolve(probe, profile=profile).keys
        fps = float(keys.fps or keys.targets.fps)
    rungs = ladder_of(kept.measured, framing)
    choice = choose(rungs, fps)
    if as_json:
        print(json.dumps(page.as_json(kept, rungs, choice, fps)))  # noqa: T201
    else:
        _show(page.ladder_rows(rungs, choice), page.summary_lines(kept, rungs, choice, 0))


def _check(fps: float | None, framing: str) -> None:
    from edgeseg.tiers.ladder import FRAMINGS

    if fps is not None and not (math.isfinite(fps) and 0.001 <= fps <= 1000):
        raise UsageError(f"--fps is {fps:g}; give 0.001 to 1000.")
    if framing not in FRAMINGS:
        raise UsageError(f"There is no --framing {framing!r}; {did_you_mean(framing, FRAMINGS)}")


def _show(rows: list[dict[str, str]], lines: list[str]) -> None:
    from edgeseg.errors import one_line
    from edgeseg.screen import print_table

    if rows:
        print_table(rows)
    for line in lines:
        print(one_line(line))  # noqa: T201


@contextmanager
def _bar(seconds: float, quiet: bool) -> Iterator[Callable[[Step], None]]:
    """A progress bar of the time; where there is no terminal, nothing."""
    from rich.console import Console

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda step: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), TimeRemainingColumn(), TextColumn("{task.fields[done]} done, {task.description}"))
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task("starting", total=seconds, done=0)
        yield lambda step: bars.update(
            task, completed=min(step.seconds, seconds), description=step.what, done=step.done
        )
