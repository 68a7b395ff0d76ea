"""The figures of `edgeseg bench` as lines and rows for people."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

COSTLIEST = 12

Row = dict[str, Any]


def summary(figures: dict[str, Any]) -> list[str]:
    """What was measured, in a few lines."""
    ms, threads = figures["ms"], figures["threads"]
    who = f"delegated to {figures['delegate']}" if figures["delegate"] else "delegated"
    nodes = f"{figures['delegated']} of {figures['nodes']} nodes {who}"
    if "partitions" in figures:
        nodes += f" in {figures['partitions']} partition{'' if figures['partitions'] == 1 else 's'}"
    who = f"{figures['engine']}, {figures['adapter']}" if figures.get("adapter") else figures["engine"]
    lines = [
        f"{figures['tier']} on {who} ({figures['library']}), threads: {threads}, {nodes}",
        f"p50 {ms['p50']:.2f} ms, p95 {ms['p95']:.2f} ms of {figures['runs']} runs",
    ]
    lines += [f"seen: {one}" for one in figures.get("evidence", ())]
    if figures.get("ops"):
        lines.append(f"{figures['profiled_ms']:.2f} ms while the ops were timed ({figures['method']})")
    if figures.get("note"):
        lines.append(f"Note: {figures['note']}.")
    return lines


def kinds(figures: dict[str, Any]) -> list[Row]:
    """The kinds of ops, the costliest first; none where the ops were timed in groups."""
    if figures.get("method") != "profiler":
        return []
    sums: dict[tuple[str, str], list[float]] = defaultdict(list)
    for op in figures["ops"]:
        sums[op["kind"], _yes(op["delegated"])].append(op["ms"])
    whole = sum(op["ms"] for op in figures["ops"]) or 1.0
    ordered = sorted(sums.items(), key=lambda item: -sum(item[1]))
    return [
        {"kind": kind, "times": len(ms), "ms": f"{sum(ms):.3f}", "share": f"{sum(ms) / whole:.1%}", "delegated": taken}
        for (kind, taken), ms in ordered
    ]


def costliest(figures: dict[str, Any]) -> list[Row]:
    """The ops that take the longest; groups of them in their order."""
    ops = [op for op in figures.get("ops", ()) if op["kind"] != "runtime"]
    if figures.get("method") == "profiler":
        ops = sorted(ops, key=lambda op: -op["ms"])[:COSTLIEST]
    return [
        {
            "op": op["name"],
            "ms": f"{op['ms']:.3f}",
            "share": f"{op['share']:.1%}",
            "delegated": _yes(op["delegated"]),
            "kernel": op["kernel"],
        }
        for op in ops
    ]


def not_delegated(figures: dict[str, Any]) -> list[Row]:
    """What the runtime's own kernels run, and why; nodes of one op and reason together."""
    nodes: dict[tuple[str, str], list[int]] = defaultdict(list)
    for one in figures.get("not_delegated", ()):
        nodes[one["op"], one["why"]].append(one["node"])
    return [
        {"not delegated": op, "nodes": ", ".join(str(node) for node in indexes), "why": why}
        for (op, why), indexes in nodes.items()
    ]


def _yes(delegated: bool | None) -> str:
    return {True: "yes", False: "no", None: ""}[delegated]
