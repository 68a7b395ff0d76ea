"""Times that can be compared on a machine that does other things too: everything takes its turn in every round."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

SESSIONS, ROUNDS, RUNS = 5, 9, 3  # rounds of each session, runs of each turn
LEAST_SAVED, AGREE = 0.03, 0.75  # shares: of the time, and of the rounds that must say the same

Times = npt.NDArray[np.float64]


def times_in_turns(load: Callable[[], Sequence[Callable[[], object]]]) -> Times:
    """Milliseconds of each thing that `load` gives to be run, (round, thing); in each turn the first run is left out.

    All are loaded anew several times, for where its memory lies makes a model some hundredths faster or slower.
    """
    return np.concatenate([_session(load()) for _ in range(SESSIONS)])


def _session(things: Sequence[Callable[[], object]]) -> Times:
    taken = np.empty((ROUNDS, len(things)))
    for number in range(ROUNDS):
        for column, run in enumerate(things):
            run()
            start = time.perf_counter()
            for _ in range(RUNS):
                run()
            taken[number, column] = (time.perf_counter() - start) / RUNS * 1e3
    return taken


def quiet(rounds: Times) -> float:
    """The lower quartile: where other programs run, a median is now of the quiet rounds and now of the others."""
    return float(np.percentile(rounds, 25))


def ratio(one: Times, other: Times) -> float:
    """The time of one as a share of the other's, the median of the rounds' own ratios."""
    return float(np.median(one / other))


def saved(before: Times, after: Times) -> float:
    """By how much `after` is faster, the median of the rounds; 0 where it is too little to be told from noise."""
    differences = before - after
    middle = float(np.median(differences))
    agree = float((np.sign(differences) == np.sign(middle)).mean())
    return middle if agree >= AGREE and abs(middle) >= LEAST_SAVED * float(np.median(before)) else 0.0
