"""What every command of ours does alike: one sentence and the documented exit code for whatever goes wrong."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import NoReturn

import typer

from edgeseg.errors import EdgesegError, OutputError, did_you_mean, one_line

# What typer raises for a wrong command line: click's class, or typer's own copy of it since it ships one.
WrongCommand: type[Exception] = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")


def run_command(app: typer.Typer, program: str) -> NoReturn:
    """Run a typer app as the process's command: every error of ours is one sentence on stderr and its exit code."""
    _open_standard_streams()
    try:
        code = app(standalone_mode=False) or 0
        sys.stdout.flush()
    except EdgesegError as error:
        code = error.exit_code
        say(str(error), program, lines=error.has_lines)
    except WrongCommand as error:
        code = 2
        message = _of_wrong_command(error)
        if message.startswith("Usage:"):  # a command without arguments: help is its message
            print(message, file=sys.stderr)  # noqa: T201
        else:
            say(message, program)
    except (KeyboardInterrupt, typer.Abort):
        code = 130
        say("Stopped.", program)
    except (BrokenPipeError, SystemExit):  # which rich and typer make of it
        code = 0  # whoever read our output has gone
    except OSError as error:
        code = OutputError.exit_code
        say(f"{error.filename or 'The output'} failed: {error.strerror or error}.", program)
    except Exception as error:
        if os.environ.get("EDGESEG_TRACEBACK"):
            raise
        code = 70
        what = f"A bug: {type(error).__name__}: {error}."
        say(f"{what} Set EDGESEG_TRACEBACK=1 to see where, and please report it.", program)
    # A hung engine's thread may never end, and a broken stream would be flushed once more: leave without either.
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()
    os._exit(code)


def _of_wrong_command(error: Exception) -> str:
    """What typer says of a wrong command line, with one suggestion for an unknown option and not a list of them."""
    message: str = error.format_message()  # type: ignore[attr-defined]
    near = getattr(error, "possibilities", None)
    option = getattr(error, "option_name", None)
    if near and option:
        return f"There is no option {option!r}; {did_you_mean(option, near)}"
    return message


def _open_standard_streams() -> None:
    """Whoever started us may have closed them: then files that we open would take their numbers, and our words."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)  # takes the lowest free number; what is written there fails
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - for the life of the process
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):  # names of files need not be text
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(message: str, program: str = "edgeseg", lines: bool = False) -> None:
    """One line on stderr; with `lines` those of the message stay apart."""
    for number, line in enumerate(message.splitlines() if lines else [message]):
        with contextlib.suppress(OSError, ValueError):
            print(f"{'' if number else f'{program}: '}{one_line(line)}", file=sys.stderr)  # noqa: T201
