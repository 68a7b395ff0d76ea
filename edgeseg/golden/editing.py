"""The program in which people correct a mask."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from edgeseg.errors import UsageError

VARIABLE = "EDGESEG_MASK_EDITOR"


def open_editor(mask: Path, overlay: Path, environ: Mapping[str, str]) -> bool:
    """Open the mask in the editor of EDGESEG_MASK_EDITOR, a command, or in what the desktop opens PNGs with.

    In the command {mask} and {overlay} are replaced by the files; a command without {mask} gets it at its end. True if
    the editor was waited for, so that the mask is corrected now; the desktop's comes back at once. Raises UsageError if
    there is no editor, or it fails.
    """
    command = environ.get(VARIABLE, "")
    if not command:
        if shutil.which("xdg-open") is None:
            raise UsageError(f"There is no xdg-open to find an editor with; name one in {VARIABLE}, or correct {mask}.")
        _run(["xdg-open", str(mask)], "xdg-open")
        return False
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"{VARIABLE} is {command!r}, which is no command: {error}.") from error
    if not any("{mask}" in word for word in words):
        words.append("{mask}")
    files = {"{mask}": str(mask), "{overlay}": str(overlay)}
    _run([_filled(word, files) for word in words], VARIABLE)
    return True


def _filled(word: str, files: Mapping[str, str]) -> str:
    for name, file in files.items():
        word = word.replace(name, file)
    return word


def _run(command: list[str], called: str) -> None:
    try:
        done = subprocess.run(command, check=False)
    except OSError as error:
        raise UsageError(f"{called}: {command[0]} cannot be started: {error.strerror}.") from error
    if done.returncode:
        raise UsageError(f"{called}: {command[0]} ended with {done.returncode}; the mask waits, --accept takes it in.")
