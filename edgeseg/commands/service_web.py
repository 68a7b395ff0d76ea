"""`edgeseg service web`: the page of an instance, on and off, and its token."""

# ruff: noqa: T201 - what is printed here is the output
from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgeseg.commands.installed import WaitOption, WheelhouseOption

InstanceOption = Annotated[str, typer.Option(help="The instance whose page it is.")]

PAGE_S = 30.0  # in which a page must answer once frames flow

web_app = typer.Typer(
    help="The page of an instance: on, off, its token.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)


@web_app.command("on")
def turn_on(
    instance: InstanceOption = "camera",
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="0.0.0.0:8080 for all of the network.")
    ] = "127.0.0.1:8080",
    host: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A name by which browsers may call this board.")
    ] = None,
    show_source: Annotated[
        bool, typer.Option("--show-source", help="Let the page show the camera's own picture too, room and all.")
    ] = False,
    wheelhouse: WheelhouseOption = None,
    wait: WaitOption = 90.0,
) -> None:
    """Serve the page, and open the unit's network for that port alone; the token is shown once."""
    from edgeseg.install.__main__ import session
    from edgeseg.install.page import PageWish

    wish = PageWish(instance, listen, tuple(host or ()), show_source, wheelhouse, wait)
    made = session()
    token = _token(made.where.state, only_new=True)
    if token is not None:  # whatever comes of the rest
        print(f"the page's token, shown this once: {token}", flush=True)
    done = made.page_on(wish)
    _wait_for(listen, instance)
    print(f"the page of {instance}: http://{listen}/" if done else "nothing to do: the page is on")


@web_app.command("off")
def turn_off(instance: InstanceOption = "camera", wait: WaitOption = 90.0) -> None:
    """Serve no page, and shut the unit's network."""
    from edgeseg.install.__main__ import session

    done = session().page_off(instance, wait)
    print(f"the page of {instance} is off" if done else "nothing to do: the page is off")


@web_app.command("token")
def new_token() -> None:
    """Make a new token in place of the one before, and end all sessions."""
    from edgeseg.install.__main__ import session

    print(_token(session().where.state, only_new=False))


def _wait_for(listen: str, instance: str) -> None:
    """Until the page answers: frames may flow before it does. Raises CandidateError if it does not."""
    import socket
    import time

    from edgeseg.errors import CandidateError

    host, _, port = listen.rpartition(":")
    host = {"0.0.0.0": "127.0.0.1", "[::]": "::1"}.get(host, host.strip("[]"))
    until = time.monotonic() + PAGE_S
    while True:
        try:
            socket.create_connection((host, int(port)), 1.0).close()
        except OSError as error:
            if time.monotonic() > until:
                raise CandidateError(
                    f"Frames flow, but the page does not answer at {listen} ({error.strerror or error}):"
                    f" edgeseg service logs --instance {instance} says why."
                ) from None
            time.sleep(0.2)
        else:
            return


def _token(state: Path, only_new: bool) -> str | None:
    """A new one, that the service can read; None if there is one and that is enough."""
    import os

    from edgeseg.errors import NotPermitted, UsageError
    from edgeseg.install.systemd import RealSystemd
    from edgeseg.web.access import FILE_NAME, make_token

    if os.geteuid() != 0:
        raise NotPermitted("This changes the service: run the same with sudo.")
    if not state.is_dir():
        raise UsageError("edgeseg is not installed as a service here: edgeseg service install does that.")
    path = state / FILE_NAME
    if only_new and path.exists():
        return None
    token = make_token(path)
    RealSystemd().own(path)
    return token
