"""What the board is and what is in the way: the commands probe and doctor, each in a process of its own.

They try engines and look everywhere, which must neither slow the run nor end it; so they are nice, and one at a time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from typing import Any, NamedTuple

from edgeseg.web.problems import Problem

LONGEST_S = {"probe": 30.0, "doctor": 180.0}
FRESH_S = {"probe": 600.0, "doctor": 30.0}


class Told(NamedTuple):
    """What a command printed as JSON. at: UNIX time, for people. since: of a clock that nobody sets."""

    at: float
    since: float
    answer: dict[str, Any]


class Board:
    """Runs the commands and keeps what they said last. instance: of a service, whose config file the doctor reads."""

    def __init__(self, instance: str | None = None) -> None:
        self._more = {"doctor": ["--instance", instance] if instance is not None else []}
        self._told: dict[str, Told] = {}
        self._turns = {name: threading.Lock() for name in LONGEST_S}

    def newest(self, command: str) -> Told | None:
        """What it said last."""
        return self._told.get(command)

    def ask(self, command: str, *, anew: bool = False) -> Told:
        """What it says; as it said lately, unless `anew`. Raises Problem."""
        turn = self._turns[command]
        if not turn.acquire(timeout=1.0):
            raise Problem(503, "busy", f"edgeseg {command} is running already; ask again soon.", {"retry-after": "5"})
        try:
            told = self._told.get(command)
            if told is None or anew or time.monotonic() - told.since > FRESH_S[command]:
                answer = _run(command, self._more.get(command, []))
                told = self._told[command] = Told(time.time(), time.monotonic(), answer)
            return told
        finally:
            turn.release()


def _run(command: str, more: list[str]) -> dict[str, Any]:
    words = [sys.executable, "-m", "edgeseg", command, *more, "--json"]
    try:
        done = subprocess.run(
            ["nice", "-n", "15", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LONGEST_S[command],
            check=False,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        answer = json.loads(done.stdout)
    except subprocess.TimeoutExpired as error:
        raise Problem(503, "busy", f"edgeseg {command} took longer than {LONGEST_S[command]:g} s.") from error
    except (OSError, ValueError) as error:
        raise Problem(503, "unavailable", f"edgeseg {command} failed; run it on the board.") from error
    if not isinstance(answer, dict):
        raise Problem(503, "unavailable", f"edgeseg {command} said nothing; run it on the board.")
    return answer
