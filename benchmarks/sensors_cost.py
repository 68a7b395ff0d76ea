"""What the sensors cost: a reading, the sampler beside an idle program, and two ways to read a file.

    python -m benchmarks.sensors_cost [--seconds S] [--root DIR] [--json]

CPU time of this process, which does nothing else meanwhile; what it takes without the sampler is taken off. The goal is
under 1 ms a reading and under 0.5 % of a core.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgeseg.clock import SystemClock
from edgeseg.sensors.sampler import Sampler
from edgeseg.sensors.small_file import SmallFile
from edgeseg.sensors.system import SystemSensors

FILES = ("/proc/meminfo", "/proc/stat", "/proc/self/statm", "/proc/pressure/memory", "/sys/devices/system/cpu/online")


def cpu_us(call: Callable[[], object], times: int = 300, rounds: int = 7) -> float:
    """Microseconds of CPU time a call, median of the rounds."""
    taken = []
    for _ in range(rounds):
        start = time.process_time()
        for _ in range(times):
            call()
        taken.append((time.process_time() - start) / times * 1e6)
    return statistics.median(taken)


def of_a_core(seconds: float) -> float:
    """Percent of a core that this process takes while it sleeps."""
    start, start_cpu = time.monotonic(), time.process_time()
    time.sleep(seconds)
    return 100 * (time.process_time() - start_cpu) / (time.monotonic() - start)


def measure(root: Path, seconds: float) -> dict[str, Any]:
    """The figures."""
    clock = SystemClock()
    start = time.process_time()
    sensors = SystemSensors(root, clock=clock)
    made_ms = (time.process_time() - start) * 1e3
    readings = {"slow_us": cpu_us(sensors.read), "fast_us": cpu_us(lambda: sensors.read(slow=False))}
    sensors.close()
    idle = of_a_core(min(seconds, 5.0))
    sampler = Sampler(lambda: SystemSensors(root, clock=clock), clock=clock)
    time.sleep(1.0)  # what the board's first look takes is the start's
    sampled = of_a_core(seconds)
    sampler.stop()
    files = {}
    for path in filter(os.path.exists, FILES):
        kept, opened = SmallFile(path, keep=True), SmallFile(path, keep=False)
        files[path] = {"pread_us": round(cpu_us(kept.read), 2), "open_read_close_us": round(cpu_us(opened.read), 2)}
        kept.close()
    return {
        "root": str(root),
        "cpus": os.cpu_count(),
        "made_ms": round(made_ms, 2),
        "reading": {name: round(value, 1) for name, value in readings.items()},
        "seconds": seconds,
        "idle_percent_of_a_core": round(idle, 4),
        "sampler_percent_of_a_core": round(sampled - idle, 4),
        "files": files,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--root", type=Path, default=Path("/"))
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    found = measure(args.root, args.seconds)
    if args.json:
        print(json.dumps(found, indent=2))
        return
    print(f"made in {found['made_ms']} ms of CPU time")
    print(f"a reading: {found['reading']['slow_us']} us with the slow values, {found['reading']['fast_us']} us without")
    print(f"the sampler: {found['sampler_percent_of_a_core']} % of a core over {args.seconds:g} s")
    for path, costs in found["files"].items():
        print(f"{path}: {costs['pread_us']} us kept open, {costs['open_read_close_us']} us opened each time")


if __name__ == "__main__":
    main()
