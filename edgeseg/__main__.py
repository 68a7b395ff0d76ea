"""The `edgeseg` command, and `python -m edgeseg`: ready for Ctrl-C before it imports anything that takes time."""

from __future__ import annotations

import gc
import os
import signal
import sys
from types import FrameType
from typing import NoReturn


def main() -> NoReturn:
    """The command; `edgeseg.cli` is its body."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    # Nothing here multiplies matrices: NumPy's library for that need not start its threads.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # OpenCV holds on to a camera that gives nothing for ten seconds; we have given it up by then.
    os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "5")
    # Importing makes objects and next to no garbage, so it is searched for less often.
    gc.set_threshold(50_000, 20, 20)
    from edgeseg.cli import main as command

    command()


def _leave(number: int, frame: FrameType | None) -> None:
    """End without a word: nothing was begun. A run and a service end with 0 whenever they are stopped."""
    is_run = sys.argv[1:2] == ["run"] or sys.argv[1:3] == ["service", "run"]
    os._exit(0 if is_run else 128 + number)


if __name__ == "__main__":
    main()
