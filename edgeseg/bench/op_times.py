"""The time of each op of a model, and what is not delegated and why; also for reports, on any model's bytes."""

from __future__ import annotations

from dataclasses import dataclass

from edgeseg.bench.cut import NotCut
from edgeseg.bench.graph import Graph, Node, graph_of
from edgeseg.bench.kernels import nodes_of
from edgeseg.bench.prefixes import group_times
from edgeseg.bench.profiler import Kernel, Unavailable, profile
from edgeseg.bench.refusals import Refusals
from edgeseg.clock import Clock, SystemClock
from edgeseg.errors import CandidateError

# The last row: what the whole takes beyond its kernels. With the profiler most of it is the instrument: half a
# microsecond a kernel is lost in rounding, and noting a kernel takes about as long again.
REST, REST_NAME = "runtime", "between the ops"


@dataclass(frozen=True, slots=True)
class OpTime:
    """One op that ran, or a group of them.

    name: for people. kind: the op, such as CONV_2D, "group" or "runtime". kernel: what the delegate calls it, "" where
    it does not say. ms: milliseconds an inference. share: of the whole. delegated: None for a group of both and for the
    rest. node: its index in the model, None if that is not known.
    """

    name: str
    kind: str
    kernel: str
    ms: float
    share: float
    delegated: bool | None
    node: int | None


@dataclass(frozen=True, slots=True)
class NotDelegated:
    """A node left to the runtime's own kernels; `why` begins with "not known" where that could not be shown."""

    op: str
    node: int
    why: str


@dataclass(frozen=True, slots=True)
class OpTimes:
    """ms: of one inference in which the ops were timed. ops: in the order they ran; the shares add up to 1.

    method: "profiler" (LiteRT's own) or "prefixes" (differences between cut models). note: what to know of it, or "".
    partitions: how many the delegate took over. delegated, nodes: of the model's nodes.
    """

    library: str
    threads: int
    runs: int
    method: str
    note: str
    ms: float
    delegated: int
    nodes: int
    partitions: int
    ops: tuple[OpTime, ...]
    not_delegated: tuple[NotDelegated, ...]


def op_times(model: bytes, threads: int, runs: int, clock: Clock | None = None) -> OpTimes:
    """Time each op of a model; raises CandidateError if it cannot be run, or not be taken apart."""
    graph = graph_of(model, threads)
    try:
        whole_us, kernels = profile(model, graph.library, threads, runs)
    except Unavailable as error:
        method, note = "prefixes", f"{error}; so the times are of groups of ops, differences between cut models"
        try:
            ms, groups = group_times(model, graph, threads, runs, clock or SystemClock())
        except NotCut as refused:
            raise CandidateError(f"The ops cannot be timed: {error}, and {refused}.") from None
        rows = [_group_row(graph, number, group.nodes, group.ms) for number, group in enumerate(groups)]
    else:
        method, ms = "profiler", whole_us / 1e3
        rows = _kernel_rows(graph, kernels)
        own = sum(kernel.partition is None for kernel in kernels)
        left = len([node for node in graph.nodes if not node.constant and node.index not in graph.delegated])
        note = "" if own == left else f"while profiled, {own} nodes were not delegated instead of {left}"
    whole = max(ms, sum(row.ms for row in rows))
    rows.append(OpTime(REST_NAME, REST, "", whole - sum(row.ms for row in rows), 0.0, None, None))
    refusals = Refusals(model, graph, threads)
    return OpTimes(
        library=graph.library,
        threads=threads,
        runs=runs,
        method=method,
        note=note,
        ms=ms,
        delegated=len(graph.delegated),
        nodes=len(graph.nodes),
        partitions=len(graph.partitions),
        ops=tuple(_with_share(row, whole) for row in rows),
        not_delegated=tuple(
            NotDelegated(node.op, node.index, refusals.why(node))
            for node in graph.nodes
            if node.index not in graph.delegated
        ),
    )


def _kernel_rows(graph: Graph, kernels: list[Kernel]) -> list[OpTime]:
    count = len({kernel.partition for kernel in kernels} - {None})
    nodes = {}
    if count == len(graph.partitions):
        for number, members in enumerate(graph.partitions):
            names = [kernel.name for kernel in kernels if kernel.partition == number]
            nodes[number] = iter(nodes_of(names, [graph.nodes[index] for index in members]))
    rows = []
    for kernel in kernels:
        if kernel.partition is None:
            node = graph.nodes[kernel.node] if kernel.node < len(graph.nodes) else None
            node = node if node and node.op == kernel.name else None
        else:
            node = next(nodes[kernel.partition]) if nodes else None
        name, kind = (node.name, node.op) if node else (kernel.name, kernel.name.split(" (")[0])
        called = "" if kernel.partition is None else kernel.name
        index = node.index if node else None
        rows.append(OpTime(name, kind, called, kernel.us / 1e3, 0.0, kernel.partition is not None, index))
    return rows


def _group_row(graph: Graph, number: int, nodes: tuple[Node, ...], ms: float) -> OpTime:
    first, last = nodes[0], nodes[-1]
    states = {node.index in graph.delegated for node in nodes}
    name = f"{number}: {first.name} to {last.name}"
    return OpTime(name, "group", "", ms, 0.0, states.pop() if len(states) == 1 else None, None)


def _with_share(row: OpTime, whole: float) -> OpTime:
    share = row.ms / whole if whole else 0.0
    return OpTime(row.name, row.kind, row.kernel, row.ms, share, row.delegated, row.node)
