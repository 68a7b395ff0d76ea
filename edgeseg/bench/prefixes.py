"""The times of groups of ops where there is no profiler: the model is cut off after more and more nodes, and the
times are subtracted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeseg.bench.cut import Cut
from edgeseg.bench.graph import Graph, Node, fill_inputs, graph_of
from edgeseg.clock import Clock

GROUPS = 12  # more would be smaller than the noise, and each keeps a copy of the weights in memory
WARM_UP = 5


@dataclass(frozen=True, slots=True)
class Group:
    """Nodes in a row, and the milliseconds that the model takes longer with them."""

    nodes: tuple[Node, ...]
    ms: float


def group_times(model: bytes, graph: Graph, threads: int, runs: int, clock: Clock) -> tuple[float, list[Group]]:
    """(milliseconds of the whole, its groups).

    The prefixes take turns, so that a disturbance meets all of them. A prefix measured as faster than a shorter one
    counts as equal to it. Raises NotCut, and CandidateError if a prefix cannot be run.
    """
    working = [node for node in graph.nodes if not node.constant]
    count = min(GROUPS, len(working))
    ends = [len(working) * (step + 1) // count for step in range(count)]
    cuts = [graph.interpreter]
    for end in reversed(ends[:-1]):
        last = working[end - 1]
        cuts.insert(0, graph_of(Cut(model).prefix(last.index + 1, last.outputs), threads).interpreter)
    times = np.empty((runs, count))
    for interpreter in cuts:
        fill_inputs(interpreter)
        for _ in range(WARM_UP):
            interpreter.invoke()
    for run in range(runs):
        for column, interpreter in enumerate(cuts):
            start = clock.now()
            interpreter.invoke()
            times[run, column] = clock.now() - start
    medians = np.median(times, axis=0) * 1e3
    upto = np.maximum.accumulate(np.minimum(medians, medians[-1]))
    steps = np.diff(upto, prepend=0.0)
    starts = [0, *ends[:-1]]
    groups = [
        Group(tuple(working[start:end]), float(step)) for start, end, step in zip(starts, ends, steps, strict=True)
    ]
    return float(medians[-1]), groups
