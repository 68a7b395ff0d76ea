"""MediaPipe's side of the benchmark: a co-process that answers requests, in a venv where edgeseg is not.

    python mediapipe_side.py --clip CLIP --model MODEL.tflite --image BACKGROUND.png

It reads one JSON request a line on stdin and answers each with one JSON line on stdout; the protocol is told in
vs_mediapipe.py. It loads nothing heavy before the first request, so that a fresh process can be asked for "first".

The loop is that of MediaPipe's own sample (google-ai-edge/mediapipe-samples, examples/image_segmentation/python/
image_segmentation.ipynb) with the task in VIDEO mode, as the guide has it for decoded frames
(https://ai.google.dev/edge/mediapipe/solutions/vision/image_segmenter/python): convert to RGB, wrap in mp.Image,
segment_for_video, stack the mask three times, compare with 0.2, np.where. Where there is a choice, MediaPipe gets the
faster one: confidence masks only, the frame composited as OpenCV gave it, without converting back, and the mask
stacked as in the sample's earlier form (commit 6888201), because the present form, which broadcasts
it, was slower here (10 against 13 to 15 ms a frame, where the mask alone took 5).

How things are counted:
- fed decoded frames: the clip's first frames are decoded to BGR before the clock starts and used in turn;
- "ms" is the wall time of the whole loop over its frames, after five frames to warm up;
- "first" runs from the start of the process, as the kernel keeps it in /proc/self/stat (in ticks of 10 ms), to the
  first composited frame, interpreter start, imports, model, and the decoding of that one frame included;
- "rss" streams frames from the file, one at a time, so that no cache of decoded frames is in it, through the documented
  loop, and then reads VmRSS and VmHWM in /proc/self/status: ask it in a process that was asked for nothing but "first".
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

CACHED_FRAMES = 100
WARM_UP = 5
GREY = 192  # the sample's background
FRAME_MS = 40


class Loop:
    """MediaPipe's segmenter and the composites made of its masks."""

    def __init__(self, clip: str, model: str, image: str) -> None:
        import cv2
        import mediapipe as mp
        import numpy as np
        from mediapipe.tasks.python import BaseOptions, vision

        self.cv2, self.mp, self.np = cv2, mp, np
        self._clip = clip
        self._image, self.model = image, model
        self._segmenter = vision.ImageSegmenter.create_from_options(
            vision.ImageSegmenterOptions(
                base_options=BaseOptions(model_asset_path=model),
                running_mode=vision.RunningMode.VIDEO,
                output_confidence_masks=True,
                output_category_mask=False,
            )
        )
        self._timestamp_ms = 0
        self._frames: list[Any] = []

    def mask(self, frame: Any) -> Any:
        """Confidence that each pixel is the person: (H, W) float32 for a (H, W, 3) uint8 BGR frame."""
        image = self.mp.Image(
            image_format=self.mp.ImageFormat.SRGB, data=self.cv2.cvtColor(frame, self.cv2.COLOR_BGR2RGB)
        )
        self._timestamp_ms += FRAME_MS
        result = self._segmenter.segment_for_video(image, self._timestamp_ms)
        return self.np.squeeze(result.confidence_masks[0].numpy_view())

    def documented(self, frame: Any, background: Any) -> Any:
        """The sample's composite: a hard edge where the mask passes 0.2."""
        condition = self.np.stack((self.mask(frame),) * 3, axis=-1) > 0.2
        return self.np.where(condition, frame, background)

    def blend8(self, frame: Any, background: Any) -> Any:
        """A soft edge in 8 bits, as someone who knows OpenCV would write it."""
        cv2 = self.cv2
        alpha = cv2.convertScaleAbs(self.mask(frame), alpha=255)
        alpha = cv2.merge([alpha, alpha, alpha])
        person = cv2.multiply(frame, alpha, scale=1 / 255)
        return cv2.add(person, cv2.multiply(background, cv2.bitwise_not(alpha), scale=1 / 255))

    def background(self, kind: str, frame: Any) -> Any:
        """A background for frames like this one, (H, W, 3) uint8 BGR: "color" or "image"."""
        if kind == "image":
            return self.cv2.imread(self._image)
        return self.np.full_like(frame, GREY)

    def stream(self) -> Iterator[Any]:
        """The clip's frames, decoded one at a time, over and over."""
        while True:
            capture = self.cv2.VideoCapture(self._clip)
            ok, frame = capture.read()
            if not ok:
                raise RuntimeError(f"OpenCV cannot decode {self._clip}")
            while ok:
                yield frame
                ok, frame = capture.read()
            capture.release()

    def decoded(self) -> list[Any]:
        """The first frames of the clip, decoded once."""
        if not self._frames:
            stream = self.stream()
            self._frames = [next(stream) for _ in range(CACHED_FRAMES)]
        return self._frames


def timed(loop: Loop, mode: str, background: str, frames: int) -> dict[str, float]:
    """Milliseconds a frame of one mode, fed decoded frames."""
    pictures = loop.decoded()
    behind = loop.background(background, pictures[0])
    step: Callable[[Any], Any] = {
        "mask": loop.mask,
        "documented": lambda frame: loop.documented(frame, behind),
        "blend8": lambda frame: loop.blend8(frame, behind),
    }[mode]
    for frame in pictures[:WARM_UP]:
        step(frame)
    marks = [time.perf_counter()]
    for n in range(frames):
        step(pictures[n % len(pictures)])
        marks.append(time.perf_counter())
    each = [(after - before) * 1000 for before, after in itertools.pairwise(marks)]
    return {"ms": sum(each) / frames, "p50_ms": statistics.median(each), "frames": frames}


def first(loop: Loop, background: str) -> dict[str, float]:
    """Seconds from the start of this process to its first composited frame."""
    frame = next(loop.stream())
    loop.documented(frame, loop.background(background, frame))
    return {"s": seconds_since_start()}


def memory(loop: Loop, background: str, frames: int) -> dict[str, float]:
    """Resident megabytes (10^6 bytes) after `frames` frames straight from the file."""
    stream = loop.stream()
    behind = loop.background(background, next(stream))
    for _ in range(frames):
        loop.documented(next(stream), behind)
    status = Path("/proc/self/status").read_text()
    kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in status.splitlines() if line.startswith("Vm")}
    return {"mb": kilobytes["VmRSS"] * 1.024e-3, "peak_mb": kilobytes["VmHWM"] * 1.024e-3, "frames": frames}


def seconds_since_start() -> float:
    """How long this process has run, by the kernel's account."""
    after_name = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    started = int(after_name[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started


def masks(loop: Loop, runs: list[list[str]]) -> dict[str, int]:
    """Write beside each picture PATH its mask PATH.mask.png, 8 bits; each run is a sequence, or one still by itself."""
    from mediapipe.tasks.python import BaseOptions, vision

    count = 0
    for run in runs:
        mode = vision.RunningMode.VIDEO if len(run) > 1 else vision.RunningMode.IMAGE
        options = vision.ImageSegmenterOptions(
            base_options=BaseOptions(model_asset_path=loop.model), running_mode=mode, output_confidence_masks=True
        )
        with vision.ImageSegmenter.create_from_options(options) as segmenter:
            for n, path in enumerate(run):
                rgb = loop.cv2.cvtColor(loop.cv2.imread(path), loop.cv2.COLOR_BGR2RGB)
                image = loop.mp.Image(image_format=loop.mp.ImageFormat.SRGB, data=rgb)
                found = segmenter.segment_for_video(image, n * 66 + 1) if len(run) > 1 else segmenter.segment(image)
                mask = loop.np.squeeze(found.confidence_masks[0].numpy_view())
                loop.cv2.imwrite(f"{path}.mask.png", loop.cv2.convertScaleAbs(mask, alpha=255))
                count += 1
    return {"masks": count}


def versions(loop: Loop) -> dict[str, str]:
    """What is at work here."""
    return {
        "python": sys.version.split()[0],
        "mediapipe": loop.mp.__version__,
        "numpy": loop.np.__version__,
        "opencv": loop.cv2.__version__,
    }


def answer(loop: Loop, request: dict[str, Any]) -> dict[str, Any]:
    """The answer to one request."""
    do, background, frames = request["do"], request.get("background", "color"), int(request.get("frames", 100))
    if do == "versions":
        return versions(loop)
    if do == "masks":
        return masks(loop, request["runs"])
    if do == "first":
        return first(loop, background)
    if do == "rss":
        return memory(loop, background, frames)
    return timed(loop, do, background, frames)


def main() -> None:
    """Answer requests until stdin ends."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clip", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--image", required=True, help="a background picture of the clip's size")
    options = parser.parse_args()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever the libraries print must not get between the answers
    loop: Loop | None = None
    for line in sys.stdin:
        try:
            loop = loop or Loop(options.clip, options.model, options.image)
            said = answer(loop, json.loads(line))
        except Exception as error:  # noqa: BLE001  the driver must hear of it, whatever it is
            said = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(said), file=answers, flush=True)


if __name__ == "__main__":
    main()
