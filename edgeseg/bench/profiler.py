"""LiteRT's own profiler: the time of every kernel, also of those inside a delegate.

The Python package gives no access to it, so its C functions are called, in a child process (profiler_child.py).
"""

from __future__ import annotations

import json
import platform
import signal
import struct
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

# Runtimes whose C structs and signatures were checked; another is not tried, it could read wrong numbers in silence.
CHECKED = ("ai-edge-litert 2.3.0",)
CHILD = Path(__file__).with_name("profiler_child.py")
WARM_UP_MS = 300  # a processor raises its frequency meanwhile
TIMEOUT_S = 300.0

# tflite/core/api/profiler.h, Profiler::EventType
DEFAULT, OPERATOR, DELEGATE_OPERATOR, DELEGATE_PROFILED = 1, 2, 4, 8


class Unavailable(Exception):
    """The profiler cannot be used here; the message says why."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """One kernel that ran. node: in the model if `partition` is None, else in the delegate's partition."""

    name: str
    us: float
    node: int
    partition: int | None


def profile(model: bytes, library: str, threads: int, runs: int) -> tuple[float, list[Kernel]]:
    """(microseconds of an inference, its kernels in the order they ran), means of the runs in the middle half.

    XNNPACK gives whole microseconds, rounded down (its function xnn_get_elapsed_time): a kernel loses half a
    microsecond on average. Raises Unavailable.
    """
    if library not in CHECKED:
        raise Unavailable(f"LiteRT's profiler is used with {' or '.join(CHECKED)} only, and this is {library}")
    if struct.calcsize("P") != 8 or platform.system() != "Linux":
        raise Unavailable("LiteRT's profiler is used on 64-bit Linux only")
    recorded = _recorded(model, _library_file(), threads, runs)
    first = [event[:2] for event in recorded[0]]
    if any([event[:2] for event in run] != first for run in recorded):
        raise Unavailable("LiteRT's profiler saw other events in each run")
    if first.count(["Invoke", DEFAULT]) != 1:
        raise Unavailable("LiteRT's profiler gave no time of the whole")
    whole = first.index(["Invoke", DEFAULT])
    # The same runs for the whole and its parts, or a disturbance would show as time between the ops. Means, for they
    # are finer than a median of whole microseconds.
    ordered = sorted(recorded, key=lambda run: int(run[whole][2]))
    cut = len(ordered) // 4
    middle = np.array([[event[2] for event in run] for run in ordered[cut : len(ordered) - cut]], np.float64)
    means = [float(mean) for mean in middle.mean(axis=0)]
    kernels = _kernels(recorded[0], means)
    if not kernels:
        raise Unavailable("LiteRT's profiler gave no times of ops")
    return means[whole], kernels


def _kernels(events: list[list[Any]], means: list[float]) -> list[Kernel]:
    """A delegate numbers its ops from 0 in every partition, and the runtime those of the model."""
    kernels, partition, last = [], -1, None
    for (tag, kind, _, node), us in zip(events, means, strict=True):
        if kind in (DELEGATE_OPERATOR, DELEGATE_PROFILED):
            partition += last is None or node <= last
            last = node
            kernels.append(Kernel(tag, us, node, partition))
        elif kind == OPERATOR:
            last = None
            kernels.append(Kernel(tag, us, node, None))
    return kernels


def _library_file() -> Path:
    package = find_spec("ai_edge_litert")
    places = package.submodule_search_locations if package else None
    files = [Path(place, "libLiteRt.so") for place in places or ()]
    for file in files:
        if file.is_file():
            return file
    raise Unavailable("ai-edge-litert is here without its libLiteRt.so")


def _recorded(model: bytes, library: Path, threads: int, runs: int) -> list[list[list[Any]]]:
    """The events of each run: [tag, type, microseconds, node]."""
    command = [sys.executable, "-I", str(CHILD), str(library), str(threads), str(runs), str(WARM_UP_MS)]
    try:
        done = subprocess.run(command, input=model, capture_output=True, timeout=TIMEOUT_S, check=False)
        if done.returncode < 0:
            raise Unavailable(f"LiteRT's profiler died of {signal.Signals(-done.returncode).name}")
        answer = json.loads(done.stdout)
        if "error" in answer:
            raise Unavailable(f"LiteRT's profiler failed: {answer['error']}")
        recorded: list[list[list[Any]]] = answer["runs"]
    except subprocess.TimeoutExpired:
        raise Unavailable(f"LiteRT's profiler was not done in {TIMEOUT_S:.0f} s") from None
    except (OSError, ValueError, KeyError) as error:
        raise Unavailable(f"LiteRT's profiler gave no answer ({error})") from None
    return recorded
