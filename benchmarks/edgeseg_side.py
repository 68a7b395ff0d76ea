"""edgeseg's side of the benchmark: a co-process that answers requests.

    python edgeseg_side.py --clip CLIP --model MODEL.tflite --image BACKGROUND.png

The protocol is told in vs_mediapipe.py. Everything measured is the product's own: `build.make_pipeline`, the runtime
with its three threads, the null sink; every frame is inferred, refine is off, and the engine has one thread. The
model is the default tier's own file, built from the asset that `--model` names, at the same size and with the same
weights. `--model` itself is what MediaPipe runs; nothing is timed with it here.

How things are counted:
- "pipelined": frames decoded beforehand are read from memory by the runtime's capture thread; "ms" is the time between
  the first shown frame after five to warm up and the last, over the frames between;
- "decode": the same with the product's own file source;
- "one_thread": `Pipeline.process`, frame after frame, wall time of the whole loop, after five frames to warm up;
- "invoke": the interpreter's `invoke()` of the tier's file and nothing else, one thread;
- "blend": person * alpha + background * (1 - alpha) on 1280x720 BGR in 8 bits, cv2.multiply and cv2.add, one thread;
- "first": what `edgeseg run` itself reports for this: from the start of its process, by the kernel's account (ticks of
  10 ms), to the first frame handed to the sink; imports, command line, known-answer test and decoding included;
- "rss": VmRSS and VmHWM after a run straight from the file, in a process that was asked nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgeseg.build import Settings
    from edgeseg.facts import Fact
    from edgeseg.frames import Frame
    from edgeseg.pipeline import Pipeline
    from edgeseg.ports import SourceInfo

CACHED_FRAMES = 100
WARM_UP = 5
COLOR = "color:#c0c0c0"


class Memory:
    """A FrameSource over frames that are decoded already, in turn, `count` of them."""

    def __init__(self, frames: list[Frame], count: int) -> None:
        from edgeseg.ports import SourceInfo

        self.info: SourceInfo = SourceInfo(frames[0].size, Fraction(25), False, "memory", count)
        self._frames, self._count, self._next = frames, count, 0

    def read(self) -> Frame | None:
        """See `FrameSource.read`."""
        if self._next == self._count:
            return None
        frame = replace(self._frames[self._next % len(self._frames)], index=self._next, pts=self._next)
        self._next += 1
        return frame

    def close(self) -> None:
        """Nothing is open."""


class Pace:
    """An Emit that takes the time of a run's frames after the first few, which warm up."""

    def __init__(self) -> None:
        self._marks: list[float] = []

    def __call__(self, fact: Fact) -> None:
        """Note when a frame went out."""
        from edgeseg.facts import Shown

        if isinstance(fact, Shown):
            self._marks.append(time.perf_counter())

    @property
    def ms(self) -> float:
        """Milliseconds a frame, warm-up left out."""
        return (self._marks[-1] - self._marks[WARM_UP - 1]) / (len(self._marks) - WARM_UP) * 1e3


class Bench:
    """Answers the requests of one process."""

    def __init__(self, clip: str, image: str) -> None:
        self._clip, self._image = clip, image
        self._frames: list[Frame] = []

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer to one request."""
        background = {"color": COLOR, "image": f"image:{self._image}", "blur": "blur"}[
            request.get("background", "color")
        ]
        frames = int(request.get("frames", 100))
        do: dict[str, Callable[[], dict[str, Any]]] = {
            "versions": self._versions,
            "pipelined": lambda: self._pipelined(background, frames),
            "decode": lambda: self._from_file(background, frames),
            "one_thread": lambda: self._one_thread(background, frames),
            "invoke": lambda: self._invoke(frames),
            "blend": lambda: self._blend(frames),
            "first": lambda: self._first(background),
            "rss": lambda: self._rss(background, frames),
        }
        return do[request["do"]]()

    def _settings(self, background: str, frames: int) -> Settings:
        from edgeseg.build import Settings

        return Settings(source=self._clip, background=background, sink="null", threads=1, refine=False, frames=frames)

    def _decoded(self) -> list[Frame]:
        """The clip's first frames, decoded once."""
        if not self._frames:
            from edgeseg.build import open_source
            from edgeseg.clock import SystemClock
            from edgeseg.facts import ignore
            from edgeseg.ports import SourceWish

            source = open_source(self._clip, SourceWish(), SystemClock(), ignore)
            while len(self._frames) < CACHED_FRAMES and (frame := source.read()) is not None:
                self._frames.append(frame)
            source.close()
        return self._frames

    def _pipeline(self, background: str) -> Pipeline:
        import cv2

        from edgeseg.build import make_pipeline, open_background
        from edgeseg.clock import SystemClock

        cv2.setNumThreads(1)
        mode, behind = open_background(background)
        pipeline, _ = make_pipeline(self._settings(background, 1), mode, behind, SystemClock())
        return pipeline

    def _pipelined(self, background: str, frames: int) -> dict[str, Any]:
        from edgeseg.clock import SystemClock
        from edgeseg.facts import ignore
        from edgeseg.ports import SinkWish
        from edgeseg.runtime import Runtime
        from edgeseg.sinks.null import NullSink

        source = Memory(self._decoded(), frames + WARM_UP)
        pipeline, pace = self._pipeline(background), Pace()
        runtime = Runtime(source, pipeline, NullSink("", SinkWish(), ignore), SystemClock(), pace)
        runtime.run()
        pipeline.close()
        return {"ms": pace.ms, "stages": runtime.times.table()}

    def _from_file(self, background: str, frames: int) -> dict[str, Any]:
        from edgeseg.build import build

        pace = Pace()
        run = build(self._settings(background, frames + WARM_UP), pace)
        run.runtime.run()
        run.pipeline.close()
        return {"ms": pace.ms, "stages": run.runtime.times.table()}

    def _one_thread(self, background: str, frames: int) -> dict[str, Any]:
        pictures = self._decoded()
        pipeline = self._pipeline(background)
        pipeline.prove()
        ms = _timed(lambda n: pipeline.process(pictures[n % len(pictures)]), frames)
        stages = pipeline.times.table()
        pipeline.close()
        return {"ms": ms, "stages": stages}

    def _invoke(self, frames: int) -> dict[str, Any]:
        from ai_edge_litert.interpreter import Interpreter

        from edgeseg.tiers.files import load, tier

        interpreter = Interpreter(model_content=load(tier()), num_threads=1)
        interpreter.allocate_tensors()
        return {"ms": _timed(lambda n: interpreter.invoke(), frames)}

    def _blend(self, frames: int) -> dict[str, Any]:
        import cv2
        import numpy as np

        cv2.setNumThreads(1)
        person, background = np.random.default_rng(0).integers(0, 256, (2, 720, 1280, 3), np.uint8)
        alpha = np.zeros_like(person)
        alpha[100:, 300:900] = 255
        rest = 255 - alpha
        one, two = np.empty_like(person), np.empty_like(person)

        def own(n: int) -> None:
            cv2.add(cv2.multiply(person, alpha, scale=1 / 255), cv2.multiply(background, rest, scale=1 / 255))

        def given(n: int) -> None:
            cv2.multiply(person, alpha, dst=one, scale=1 / 255)
            cv2.multiply(background, rest, dst=two, scale=1 / 255)
            cv2.add(one, two, dst=one)

        return {"ms": _timed(own, frames), "ms_dst": _timed(given, frames)}

    def _first(self, background: str) -> dict[str, Any]:
        from edgeseg.tiers.catalogue import DEFAULT_TIER  # MediaPipe's model, whatever was found to be best here

        command = [sys.executable, "-m", "edgeseg", "run", "--source", self._clip, "--background", background]
        command += ["--frames", "1", "--json", "--no-refine", "--threads", "1", "--tier", DEFAULT_TIER]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return {"s": json.loads(done.stdout)["first_frame_s"]}

    def _rss(self, background: str, frames: int) -> dict[str, Any]:
        import edgeseg.cli
        import edgeseg.commands.run

        assert edgeseg.cli
        assert edgeseg.commands.run
        self._from_file(background, frames)
        status = Path("/proc/self/status").read_text()
        kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in status.splitlines() if line.startswith("Vm")}
        return {"mb": kilobytes["VmRSS"] * 1.024e-3, "peak_mb": kilobytes["VmHWM"] * 1.024e-3, "frames": frames}

    def _versions(self) -> dict[str, Any]:
        import av
        import cv2
        import numpy as np

        import edgeseg
        from edgeseg.build import Settings, make_engine

        engine = make_engine(Settings(threads=1))
        return {
            "python": sys.version.split()[0],
            "edgeseg": edgeseg.__version__,
            "runtime": engine.report.library,
            "numpy": np.__version__,
            "opencv": cv2.__version__,
            "av": av.__version__,
        }


def _timed(step: Callable[[int], object], frames: int) -> float:
    """Milliseconds a call over `frames` calls, after a few to warm up."""
    for n in range(WARM_UP):
        step(n)
    start = time.perf_counter()
    for n in range(frames):
        step(n)
    return (time.perf_counter() - start) / frames * 1e3


def main() -> None:
    """Answer requests until stdin ends."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clip", required=True)
    parser.add_argument("--model", required=True, help="what MediaPipe runs; the tier's own file is run here")
    parser.add_argument("--image", required=True, help="a background picture of the clip's size")
    options = parser.parse_args()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever the libraries print must not get between the answers
    bench = Bench(options.clip, options.image)
    for line in sys.stdin:
        try:
            said = bench.answer(json.loads(line))
        except Exception as error:  # noqa: BLE001 - the driver must hear of it, whatever it is
            said = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(said), file=answers, flush=True)


if __name__ == "__main__":
    main()
