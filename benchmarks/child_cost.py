"""What a process of its own costs an engine: the same engine in this process and in a child, in pairs.

    python -m benchmarks.child_cost [--tier T] [--pairs N] [--json]

One thread, the cpu engine, noise for a picture. In each pair both infer once, which one first changes; the cost is the
median of the pairs' own differences, so that what else the machine does falls out. Before that the child's
answer is compared with the other's, bit for bit.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from edgeseg.bench.tier_times import noise
from edgeseg.engines.child import ChildEngine
from edgeseg.engines.litert import CpuEngine
from edgeseg.ports import ModelIO
from edgeseg.testing.child_engine import TARGET, orders
from edgeseg.tiers import files
from edgeseg.tiers.catalogue import DEFAULT_TIER

WARM_UP = 50


def pairs(one: Callable[[], object], other: Callable[[], object], count: int) -> Any:
    """(count, 2) milliseconds."""
    calls = (one, other)
    for _ in range(WARM_UP):
        one(), other()
    times = np.empty((count, 2))
    for number in range(count):
        for column in (0, 1) if number % 2 else (1, 0):
            start = time.perf_counter()
            calls[column]()
            times[number, column] = (time.perf_counter() - start) * 1e3
    return times


def link_alone(io: ModelIO, count: int) -> float:
    """Median milliseconds of a child whose engine only copies: what the link takes, at its best."""
    engine = ChildEngine("cpu", orders(), io, target=TARGET)
    picture = noise(io)
    try:
        times = pairs(lambda: engine.infer(picture), lambda: None, count)
    finally:
        engine.close()
    return float(np.median(times[:, 0]))


def measure(tier_name: str, count: int) -> dict[str, Any]:
    """The figures."""
    tier = files.tier(tier_name)
    model, picture = files.load(tier), noise(tier.io)
    inside, child = CpuEngine(model, tier.io), ChildEngine("cpu", model, tier.io)
    try:
        if not np.array_equal(inside.infer(picture), child.infer(picture)):
            raise SystemExit("The child answers otherwise.")
        times = pairs(lambda: inside.infer(picture), lambda: child.infer(picture), count)
    finally:
        inside.close()
        child.close()
    cost = times[:, 1] - times[:, 0]
    return {
        "tier": tier_name,
        "pairs": count,
        "in_process_ms": round(float(np.median(times[:, 0])), 3),
        "in_child_ms": round(float(np.median(times[:, 1])), 3),
        "cost_ms": {
            name: round(float(np.percentile(cost, q)), 3) for name, q in (("p25", 25), ("p50", 50), ("p75", 75))
        },
        "fake_engine_in_child_ms": round(link_alone(tier.io, count), 3),
    }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tier", default=DEFAULT_TIER)
    parser.add_argument("--pairs", type=int, default=2000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = measure(options.tier, options.pairs)
    if options.json:
        print(json.dumps(figures))
        return 0
    print(f"{figures['tier']}, {figures['pairs']} pairs, medians in ms")
    print(f"  in this process     {figures['in_process_ms']:7.3f}")
    print(f"  in a child          {figures['in_child_ms']:7.3f}")
    cost = figures["cost_ms"]
    print(f"  cost of the child   {cost['p50']:7.3f}  (quartiles {cost['p25']:.3f} and {cost['p75']:.3f})")
    print(f"  a fake in a child   {figures['fake_engine_in_child_ms']:7.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
