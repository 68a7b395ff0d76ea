"""`edgeseg service install`, `upgrade` and what belongs to them: the service put on this machine and changed."""

# ruff: noqa: T201 - what is printed here is the output
from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgeseg.errors import CandidateError, UsageError

if TYPE_CHECKING:
    from edgeseg.install.history import Outcome
    from edgeseg.install.session import Session

FILE: dict[str, Any] = {"readable": False}
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
WaitOption = Annotated[float, typer.Option(min=1, metavar="S", help="Seconds in which frames must flow.")]
WheelhouseOption = Annotated[
    Path | None, typer.Option(**FILE, metavar="DIR", help="A folder of wheels, for a machine without a network.")
]
InstanceOption = Annotated[str | None, typer.Option(help="Only this instance; else all that there are.")]


def install(
    instance: Annotated[str, typer.Option(help="Name of the instance, one for each camera.")] = "camera",
    camera: Annotated[
        str, typer.Option("--camera", "--source", help="As edgeseg run --source: auto, camera:N, picamera2, a file.")
    ] = "auto",
    sink: Annotated[
        str, typer.Option(help="As edgeseg run --sink: v4l2:/dev/videoN, file:PATH or null.")
    ] = "v4l2:/dev/video10",
    background: Annotated[str, typer.Option(help="As edgeseg run --background.")] = "blur",
    wheel: Annotated[Path | None, typer.Option(**FILE, help="The wheel of edgeseg; else the one at hand.")] = None,
    wheelhouse: WheelhouseOption = None,
    network: Annotated[
        bool, typer.Option("--network", help="Open the instance's network, for a camera that is there.")
    ] = False,
    os_packages: Annotated[
        bool | None,
        typer.Option(
            "--os-packages/--no-os-packages",
            help="Lend it the system's Python packages. [default: where picamera2 is wanted]",
            show_default=False,
        ),
    ] = None,
    calibrate: Annotated[bool, typer.Option("--calibrate/--no-calibrate", help="Measure the tiers.")] = True,
    wait: WaitOption = 90.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Install edgeseg as a service and prove that frames flow; a second time there is nothing to do."""
    from edgeseg.install.__main__ import report, session
    from edgeseg.install.wish import Wish

    wish = Wish(instance, camera, sink, background, wheel, wheelhouse, network, os_packages, calibrate, wait)
    with _not_hung_up():
        done = session().install(wish, dry_run)
    if as_json:
        print(json.dumps({"dry_run": dry_run, "steps": done}))
        return
    for line in report(done, dry_run):
        print(line)


def uninstall(
    keep_state: Annotated[bool, typer.Option("--keep-state", help="Leave settings and measurements.")] = False,
) -> None:
    """Stop the service and take away all that was installed."""
    with _not_hung_up():
        gone = _session().uninstall(keep_state)
    for path in gone:
        print(f"gone: {path}")


def upgrade(
    wheel: Annotated[Path | None, typer.Argument(**FILE, help="The new wheel; else the one at hand.")] = None,
    wheelhouse: WheelhouseOption = None,
    watch: Annotated[
        float, typer.Option(min=1, max=86_400, metavar="S", help="Seconds for which it is watched, then kept.")
    ] = 60.0,
    keep: Annotated[int, typer.Option(min=2, max=100, help="Releases that stay on the disk.")] = 3,
    as_json: JsonOption = False,
) -> None:
    """Try another release and keep it, or go back by itself; exit 4 if it was not kept."""
    with _not_hung_up():
        outcome = _session().upgrade(wheel, wheelhouse, watch, keep)
    _tell(outcome, as_json)


def rollback(
    version: Annotated[str | None, typer.Argument(help="The release to go to; else the one before.")] = None,
    wait: WaitOption = 90.0,
    as_json: JsonOption = False,
) -> None:
    """Go back to a release that is installed."""
    with _not_hung_up():
        outcome = _session().roll_back(version, wait)
    _tell(outcome, as_json)


def releases(
    remove: Annotated[str | None, typer.Option(metavar="VERSION", help="Take an old one away.")] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Compare every file with what was installed.")] = False,
    as_json: JsonOption = False,
) -> None:
    """The releases that are installed, and what came of upgrades."""
    from edgeseg.commands.shown import columns
    from edgeseg.install import history, release

    session = _session()
    if remove is not None:
        session.discard(remove)
    where = session.where
    rows = [release.as_row(where, version) for version in release.versions(where)]
    past = [asdict(one) for one in history.outcomes(where)]
    if verify:
        for row in rows:
            release.verify(where, row["version"])
    if as_json:
        print(json.dumps({"releases": rows, "history": past}))
        return
    if not rows:
        print("edgeseg is not installed as a service here.")
    for line in columns([row["version"], row["is"], f"installed {row['made']}"] for row in rows) if rows else ():
        print(line)
    for one in past:
        why = f": {one['reason']}" if one["reason"] else ""
        print(f"{one['when']}  {one['old']} to {one['new']}: {one['result']}{why}")


def status(as_json: JsonOption = False) -> None:
    """What is installed, what runs and how it fares; exit 4 if an instance does not run."""
    from edgeseg.errors import one_line
    from edgeseg.install.status import lines
    from edgeseg.install.status import status as found

    session = _session()
    now = found(session.where, session.systemd)
    if as_json:
        print(json.dumps(now))
    else:
        for line in lines(now):
            print(one_line(line))
    if any(one["enabled"] and one["active"] != "active" for one in now["instances"]):
        raise typer.Exit(CandidateError.exit_code)


def logs(
    instance: InstanceOption = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="Of the newest so many.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="And what comes, until Ctrl-C.")] = False,
) -> None:
    """What the service wrote, by journalctl."""
    from edgeseg.install.systemd import journal
    from edgeseg.install.where import instance_unit

    command = journal([instance_unit(instance) if instance else "edgeseg@*.service"], lines, follow)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        raise UsageError("There is no journalctl here, by which systemd shows logs.") from error


def settle(at_boot: Annotated[bool, typer.Option("--at-boot", help="Nothing runs yet.")] = False) -> None:
    """End an upgrade that was cut short: go back to the release before it."""
    outcome = _session().settle(at_boot)
    print(f"went back to {outcome.old}: {outcome.reason}" if outcome else "nothing was cut short")


def self_check(
    golden: Annotated[Path | None, typer.Option(**FILE, metavar="DIR", help="Another golden set.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Score the tiers that the instances take, on this device."""
    from edgeseg.self_check import self_check as check

    found = check(golden)
    if as_json:
        print(json.dumps(found.as_json()))
        return
    for one in found.scores:
        note = f" ({one.note})" if one.note else ""
        print(f"{one.instance}: {one.tier} on {one.engine} scores {one.miou:.1%} on {one.dataset}{note}")


# In the order of `edgeseg service --help`.
COMMANDS: dict[str, Callable[..., None]] = {
    "install": install,
    "uninstall": uninstall,
    "status": status,
    "logs": logs,
    "releases": releases,
    "upgrade": upgrade,
    "rollback": rollback,
    "settle": settle,
    "self-check": self_check,
}


def add_to(app: typer.Typer) -> None:
    """Make them commands of an app."""
    for name, function in COMMANDS.items():
        app.command(name)(function)


def _session() -> Session:
    from edgeseg.install.__main__ import session

    return session()


def _tell(outcome: Outcome, as_json: bool) -> None:
    from edgeseg.errors import one_line
    from edgeseg.install.history import ASKED, KEPT

    if as_json:
        print(json.dumps(asdict(outcome)))
    else:
        why = f": {outcome.reason}" if outcome.reason else ""
        print(one_line(f"{outcome.old} to {outcome.new}: {outcome.result}{why}"))
    if outcome.result not in (KEPT, ASKED):
        raise typer.Exit(CandidateError.exit_code)


@contextmanager
def _not_hung_up() -> Iterator[None]:
    """A connection that is lost does not end an upgrade in its middle; being asked to end does so as Ctrl-C does."""

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = {signal.SIGHUP: signal.signal(signal.SIGHUP, signal.SIG_IGN)}
    before[signal.SIGTERM] = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
