"""`python3 -m edgeseg.install` from inside the wheel, where nothing but Python is installed yet.

Its options are those of `edgeseg service install`.
"""

from __future__ import annotations

import argparse
import sys
from datetime import datetime
from pathlib import Path
from typing import NoReturn

from edgeseg.clock import SystemClock
from edgeseg.errors import EdgesegError, UsageError, one_line
from edgeseg.install.session import Session
from edgeseg.install.systemd import RealSystemd
from edgeseg.install.tools import RealTools
from edgeseg.install.where import Where
from edgeseg.install.wish import Wish

OPTIONS = {
    "instance": "Name of the instance, one for each camera.",
    "camera": "As edgeseg run --source: auto, camera:N, picamera2, gst:PIPELINE or a file.",
    "sink": "As edgeseg run --sink: v4l2:/dev/videoN, file:PATH or null.",
    "background": "As edgeseg run --background.",
    "wheel": "The wheel of edgeseg; else the one at hand.",
    "wheelhouse": "A folder of wheels, for a machine without a network.",
    "wait": "Seconds in which frames must flow.",
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see --help.")


def session() -> Session:
    """The one of this machine."""
    where = Where()

    def now() -> str:
        return datetime.now().astimezone().isoformat(timespec="seconds")

    return Session(where, RealSystemd(), RealTools(where), SystemClock(), _say, now)


def wish_of(given: argparse.Namespace) -> Wish:
    """The wish of the command line."""
    return Wish(
        instance=given.instance,
        camera=given.camera,
        sink=given.sink,
        background=given.background,
        wheel=given.wheel,
        wheelhouse=given.wheelhouse,
        network=given.network,
        os_packages=given.os_packages,
        calibrate=given.calibrate,
        wait_s=given.wait,
    )


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = _Parser(prog="python3 -m edgeseg.install", description="Install edgeseg as a service.", allow_abbrev=False)
    usual = Wish()
    kinds = {"wheel": Path, "wheelhouse": Path, "wait": float}
    for name, text in OPTIONS.items():
        names = ("--camera", "--source") if name == "camera" else (f"--{name}",)
        default = usual.wait_s if name == "wait" else getattr(usual, name)
        made.add_argument(*names, dest=name, type=kinds.get(name, str), default=default, help=text)
    made.add_argument("--network", action="store_true", help="Open the instance's network, for a camera that is there.")
    made.add_argument(
        "--os-packages", action=argparse.BooleanOptionalAction, help="Lend it the system's Python packages."
    )
    made.add_argument("--calibrate", action=argparse.BooleanOptionalAction, default=True, help="Measure the tiers.")
    made.add_argument("--dry-run", action="store_true", help="Only say what would be done.")
    return made


def main(argv: list[str]) -> int:
    """The exit code."""
    try:
        given = parser().parse_args(argv)
        done = session().install(wish_of(given), given.dry_run)
    except EdgesegError as error:
        _say(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        _say("Stopped; the same again goes on from there.")
        return 130
    for line in report(done, given.dry_run):
        print(line)  # noqa: T201 - this is the result
    return 0


def report(done: list[str], dry_run: bool) -> list[str]:
    """What an install prints at its end."""
    if not done:
        return ["nothing to do: it is installed, and it runs"]
    if dry_run:
        return [f"{number}. {words}" for number, words in enumerate(done, 1)]
    return ["installed; see: edgeseg service status"]


def _say(line: str) -> None:
    print(f"edgeseg: {one_line(line)}", file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
