"""Faults injected into a running engine's process at random moments, the whole line around it running live.

    .venv/bin/python tests/runtime/drill_faults.py [--times 20] [--seed 0]

For each kind: how often, pixels of the room that got out, and how long until the first frame with a mask by the CPU was
written, from the moment of the fault. The child is `testing.drill_engine`, the CPU a fake that finds the same person;
what is real are the processes, the signals, the pipes and the runtime.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from scene import GREY, Scene, finder, leaks

from edgeseg.backgrounds.color import ColorBackground
from edgeseg.clock import SystemClock
from edgeseg.engines.child import ChildEngine
from edgeseg.facts import ENGINE_LOST, Degraded, Fact, Recovered, Shown
from edgeseg.failover.engine import Failover
from edgeseg.failover.patience import Patience
from edgeseg.frames import Frame, Planes
from edgeseg.pipeline import Pipeline
from edgeseg.ports import EngineWish, ModelIO
from edgeseg.runtime import Limits, Runtime
from edgeseg.testing.drill_engine import TARGET
from edgeseg.testing.engine import FakeEngine
from edgeseg.testing.source import FakeSource
from edgeseg.trust import fault_of

IO = ModelIO(72, 128)
PLACE = (128, 76)
SIGNALS = {
    "SIGSEGV": signal.SIGSEGV,
    "SIGABRT": signal.SIGABRT,
    "SIGKILL": signal.SIGKILL,
    "SIGBUS": signal.SIGBUS,
    "SIGSTOP": signal.SIGSTOP,  # it hangs
}
ORDERS = ("exit", "late", "stuck", "memory", "nan", "shape", "x255", "half", "ones", "raise")
KINDS = (*SIGNALS, *ORDERS, "device gone")
LONG_S = 60.0  # for what must come, however busy the machine is


class CheckedSink:
    """Looks at every frame that goes out and keeps what it saw of the room."""

    detail, keeps_alpha = "checked", False

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.frames = 0
        self.leaks: list[str] = []

    def write(self, frame: Frame) -> None:
        """See `FrameSink.write`."""
        self.frames += 1
        leak = leaks(self._scene, frame, PLACE, "color")
        if leak is not None:
            self.leaks.append(f"frame {frame.index}: {leak}")

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class Result:
    """One kind of fault: seconds until the CPU served, each time; what got out; what was said."""

    kind: str
    seconds: list[float] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)
    said: str = ""


class Drill:
    """A live run whose accelerator is a child that can be hurt."""

    def __init__(self, folder: Path) -> None:
        self._lever = folder / "lever"
        self._lever.write_text("")
        self._device = folder / "device"
        self._device.write_text("")
        self._changed = threading.Condition()
        self._lost_at: float | None = None
        self._served_at: float | None = None
        self._own = 0  # frames with their own mask since the last change
        self._said = ""
        self._child: ChildEngine | None = None
        scene, self._clock = Scene(), SystemClock()
        picture = Planes.allocate(scene.size)
        scene.paint(PLACE, picture)
        known = scene.known()
        self._failover = Failover(
            "gpu",
            self._start,
            FakeEngine(IO, finder()),
            lambda engine: fault_of(engine, known),
            self._clock,
            self._take,
            present=self._device.exists,
            patience=Patience(first_s=0.02, most_s=0.1, flaps=1_000_000),
        )
        self.sink = CheckedSink(scene)
        pipeline = Pipeline(self._failover, ColorBackground(GREY), known, self._clock, refine=False)
        source = FakeSource(
            paint=lambda index, planes: picture.copy_to(planes),
            size=scene.size, count=None, fps=Fraction(60), live=True, clock=self._clock,
        )  # fmt: skip
        self._runtime = Runtime(source, pipeline, self.sink, self._clock, self._take, Limits(max_mask_age_s=0.1))
        self._thread = threading.Thread(target=self._runtime.run)

    def __enter__(self) -> Drill:
        self._thread.start()
        return self

    def __exit__(self, *what: object) -> None:
        self._runtime.stop()
        self._thread.join()
        self._failover.close()

    def hurt(self, kind: str, wait_s: float) -> Result:
        """Inject one fault after `wait_s` of a good run, and wait until the CPU and then the accelerator serve."""
        self._wait(lambda: not self._failover.is_lost and self._own >= 3, "the accelerator serves")
        time.sleep(wait_s)
        before = len(self.sink.leaks)
        with self._changed:
            self._lost_at = self._served_at = None
        at = time.monotonic()
        self._inject(kind)
        self._wait(lambda: self._served_at is not None, f"the CPU serves after {kind}")
        assert self._served_at is not None
        result = Result(kind, [self._served_at - at], self.sink.leaks[before:], self._said)
        self._lever.write_text("")
        self._device.write_text("")
        return result

    def _inject(self, kind: str) -> None:
        assert self._child is not None
        if kind in SIGNALS:
            os.kill(self._child.pid, SIGNALS[kind])
        elif kind == "device gone":
            self._device.unlink()
        else:
            self._lever.write_text(kind)

    def _start(self) -> ChildEngine:
        wish = EngineWish(library=str(self._lever))
        self._child = ChildEngine("gpu", b"", IO, wish, deadline_s=0.25, warm_up=0, target=TARGET)
        return self._child

    def _take(self, fact: Fact) -> None:
        now = time.monotonic()
        with self._changed:
            if isinstance(fact, Degraded) and fact.cause == ENGINE_LOST:
                self._lost_at, self._own, self._said = now, 0, fact.detail
            elif isinstance(fact, Recovered) and fact.cause == ENGINE_LOST:
                self._own = 0
            elif isinstance(fact, Shown) and fact.mask == "own":
                self._own += 1
                if self._lost_at is not None and self._served_at is None:
                    self._served_at = now
            self._changed.notify_all()

    def _wait(self, true: Callable[[], bool], what: str) -> None:
        with self._changed:
            if not self._changed.wait_for(true, LONG_S):
                raise TimeoutError(f"waited {LONG_S:g} s for: {what}")


def drill(times: int, seed: int, tell: Callable[[Result], None]) -> tuple[list[Result], list[str]]:
    """All kinds, `times` each, in an order and at moments drawn from `seed`, and what got out in all the time.

    `tell` hears of each kind when it is done.
    """
    rng = random.Random(seed)
    results = {kind: Result(kind) for kind in KINDS}
    order = [kind for kind in KINDS for _ in range(times)]
    rng.shuffle(order)
    with tempfile.TemporaryDirectory() as folder, Drill(Path(folder)) as running:
        for kind in order:
            one, kept = running.hurt(kind, rng.uniform(0.0, 0.15)), results[kind]
            kept.seconds += one.seconds
            kept.leaks += one.leaks
            kept.said = one.said
            if len(kept.seconds) == times:
                tell(kept)
    return list(results.values()), running.sink.leaks


def main() -> int:
    """Print the table; 5 if anything got out or the CPU took more than a second."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    results, leaked = drill(options.times, options.seed, lambda result: print(f"done: {result.kind}", file=sys.stderr))
    print("| fault | times | room shown | CPU serves after, median | at most | what is said |")
    print("| --- | ---: | ---: | ---: | ---: | --- |")
    for one in results:
        ordered = sorted(one.seconds)
        median, most = ordered[len(ordered) // 2], ordered[-1]
        said = one.said.partition(" The cpu engine serves")[0]
        print(
            f"| {one.kind} | {len(ordered)} | {len(one.leaks)} | {median * 1e3:.0f} ms | {most * 1e3:.0f} ms | {said} |"
        )
    print(f"\nFrames in which the room showed, in all the time: {len(leaked)}.")
    return 5 if leaked or any(max(one.seconds) > 1 for one in results) else 0


if __name__ == "__main__":
    sys.exit(main())
