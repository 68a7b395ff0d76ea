"""Idle: how long the first frame takes once somebody reads, and what a core does while nobody does.

    python -m benchmarks.idle [--times N] [--seconds S] [--tier T] [--size WxH] [--json]

The real pipeline with the default tier and a blurred background, the governor and the sensors beside it as in any live
run. The camera is a fake that gives 30 frames a second and opens at once; a real one takes its time, in which readers
see the cover. The sink is a fake with a switch, which is asked every 50 ms as a real one is. Counted from the switch
on: the first frame that the sink gets (the cover), and the first one with a mask. The goals: 300 ms, 2 % of a core.
"""

from __future__ import annotations

import argparse
import json
import statistics
import threading
import time
from fractions import Fraction
from typing import Any

import cv2

from edgeseg.backgrounds.blur import BlurBackground
from edgeseg.build import Settings, make_pipeline
from edgeseg.clock import SystemClock
from edgeseg.config.quantities import size_of
from edgeseg.errors import CandidateError
from edgeseg.facts import Fact, Shown, ignore
from edgeseg.frames import Frame, Planes, Size
from edgeseg.governor import Policy, Rung
from edgeseg.pipeline import Mode
from edgeseg.ports import FrameSource
from edgeseg.runtime import Limits, Plan, Runtime
from edgeseg.sensors.sampler import Sampler
from edgeseg.sensors.system import SystemSensors
from edgeseg.steering import Steering
from edgeseg.testing.sink import FakeSink
from edgeseg.testing.source import FakeSource
from edgeseg.trust import KnownAnswer

CLOCK = SystemClock()
GOAL_MS, GOAL_PERCENT = 300.0, 2.0


class Bench:
    """A run that rests at once when the switch says that nobody reads."""

    def __init__(self, tier: str, size: Size) -> None:
        self.sink = FakeSink(keep=1, watched=True, slow=self._written)
        self.first_at: float | None = None
        self.masked_at: float | None = None
        self._person = Planes.allocate(size)
        for small, large in zip(KnownAnswer.portrait().frame.planes, self._person, strict=True):
            cv2.resize(small, large.shape[::-1], dst=large)
        self._size = size
        pipeline, _ = make_pipeline(Settings(tier=tier), Mode.REPLACE, BlurBackground("50"), CLOCK)
        limits = Limits(idle_after_s=0.0)
        self.runtime = Runtime(self._camera(), pipeline, self.sink, CLOCK, self._fact, limits, reopen=self._camera)
        self._thread = threading.Thread(target=self.runtime.run)
        self._thread.start()
        self._sampler = Sampler(lambda: SystemSensors(clock=CLOCK), clock=CLOCK)
        rung = Rung("", tier, 1, 5.0, 5.0, 0.9, 200.0)  # the only one: nothing is ever built
        self._steering = Steering(
            self.runtime, Policy(fps=30.0), (rung,), "", self._nothing, self._sampler.newest, CLOCK, ignore
        )
        self._steering.start()

    @staticmethod
    def _nothing(rung: Rung) -> Plan:
        raise CandidateError(f"There is nothing but {rung.name}.")

    def _camera(self) -> FrameSource:
        def paint(index: int, planes: Planes) -> None:
            self._person.copy_to(planes)

        return FakeSource(paint=paint, size=self._size, count=None, fps=Fraction(30), live=True, clock=CLOCK)

    def _written(self, frame: Frame) -> None:
        if self.sink.watched and self.first_at is None:
            self.first_at = CLOCK.now()

    def _fact(self, fact: Fact) -> None:
        if isinstance(fact, Shown) and fact.mask == "own" and self.sink.watched and self.masked_at is None:
            self.masked_at = CLOCK.now()

    def rest(self) -> None:
        """Wait until it rests."""
        self.sink.watched = False
        while not self.runtime.idle:
            time.sleep(0.01)

    def wake(self) -> tuple[float, float]:
        """Milliseconds from the reader to the first frame out, and to the first with a mask of its own."""
        self.first_at = self.masked_at = None
        began = CLOCK.now()
        self.sink.watched = True
        while self.masked_at is None or self.first_at is None:
            time.sleep(0.001)
        return 1e3 * (self.first_at - began), 1e3 * (self.masked_at - began)

    def close(self) -> None:
        """End the run."""
        self._steering.close()
        self._sampler.stop()
        self.runtime.stop()
        self._thread.join()


def of_a_core(seconds: float) -> float:
    """Percent of a core that this process takes while this thread sleeps."""
    start, start_cpu = time.monotonic(), time.process_time()
    time.sleep(seconds)
    return 100 * (time.process_time() - start_cpu) / (time.monotonic() - start)


def measure(times: int, seconds: float, tier: str, size: Size) -> dict[str, Any]:
    """The figures."""
    bench = Bench(tier, size)
    try:
        bench.wake()  # the run's own start
        awake = of_a_core(min(5.0, seconds))
        firsts, masked = [], []
        for number in range(times):
            bench.rest()
            time.sleep(1.0 + 0.037 * number)  # so that it is not always asked at the same moment
            first, own = bench.wake()
            firsts.append(first)
            masked.append(own)
            time.sleep(0.3)
        bench.rest()
        time.sleep(1.0)
        idle = of_a_core(seconds)
    finally:
        bench.close()
    return {
        "tier": tier,
        "size": str(size),
        "times": times,
        "first_frame_ms": {"median": round(statistics.median(firsts), 1), "worst": round(max(firsts), 1)},
        "first_mask_ms": {"median": round(statistics.median(masked), 1), "worst": round(max(masked), 1)},
        "seconds": seconds,
        "idle_percent_of_a_core": round(idle, 2),
        "awake_percent_of_a_core": round(awake, 1),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--tier", default=Settings().tier)
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    size = size_of(options.size)
    if size is None:
        parser.error(f"--size is {options.size!r}; write WIDTHxHEIGHT, such as 1280x720")
    figures = measure(options.times, options.seconds, options.tier, size)
    if options.json:
        print(json.dumps(figures))
        return
    first, own = figures["first_frame_ms"], figures["first_mask_ms"]
    print(f"{figures['tier']}, {figures['size']}, {figures['times']} times")
    print(f"first frame out: median {first['median']} ms, worst {first['worst']} ms (goal {GOAL_MS:g})")
    print(f"first with a mask: median {own['median']} ms, worst {own['worst']} ms (goal {GOAL_MS:g})")
    print(
        f"idle: {figures['idle_percent_of_a_core']} % of a core over {figures['seconds']:g} s (goal {GOAL_PERCENT:g});"
        f" awake: {figures['awake_percent_of_a_core']} %"
    )


if __name__ == "__main__":
    main()
