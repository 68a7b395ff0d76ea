"""Runs as root in the lab's guest: a run with vivid's camera and v4l2loopback, which rests while nobody reads.

There is no model in there: the chroma key segments. Each step prints one JSON object; test_guest_idle.py judges.
"""

import faulthandler
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from edgeseg.build import Settings, build
from edgeseg.clock import SystemClock
from edgeseg.facts import Awake, Idle, Shown, ignore
from edgeseg.frames import Size
from edgeseg.ports import SinkWish
from edgeseg.sinks.v4l2 import V4l2Sink

CAMERA, WEBCAM, OTHER = "/dev/video0", "/dev/video10", "/dev/video11"
REFERENCES = Path("/sys/module/v4l2loopback/refcnt")
CLOCK = SystemClock()


def shell(*words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    print("$", *words, "->", done.returncode, done.stdout, done.stderr, file=sys.stderr)
    return done.stdout


def soon(true, seconds=60):
    end = CLOCK.now() + seconds
    while not true():
        if CLOCK.now() > end:
            return False
        time.sleep(0.005)
    return True


def counted():
    """What the sink says, beside what is open."""
    said = {"nobody": int(REFERENCES.read_text())}
    sink = V4l2Sink(WEBCAM, SinkWish(), ignore)
    said["ours"] = [int(REFERENCES.read_text()), sink.watched]
    fd = os.open(WEBCAM, os.O_RDWR)
    said["a_reader"] = [int(REFERENCES.read_text()), sink.watched]
    os.close(fd)
    fd = os.open(OTHER, os.O_RDWR)
    said["of_another"] = sink.watched
    os.close(fd)
    said["again_ours"] = sink.watched
    reads = 2000
    began = time.process_time()
    for _ in range(reads):
        _ = sink.watched
    said["us"] = (time.process_time() - began) / reads * 1e6
    sink.close()
    said["closed"] = sink.watched
    return said


class Live:
    """A run in a thread, with the times of its facts."""

    def __init__(self, background="color:#112233"):
        self.facts = []
        settings = Settings(
            source=f"camera:{CAMERA}",
            sink=f"v4l2:{WEBCAM}",
            background=background,
            segmenter="chroma",
            size=Size(320, 180),
            idle_after_s=1.0,
        )
        self.run = build(settings, lambda fact: self.facts.append((CLOCK.now(), fact)))
        self.thread = threading.Thread(target=self.run.runtime.run)
        self.thread.start()

    def last(self, kind):
        return max((at for at, fact in list(self.facts) if isinstance(fact, kind)), default=0.0)

    def close(self):
        self.run.runtime.stop()
        self.thread.join()
        self.run.pipeline.close()


def has_open(where):
    """Whether this process has the device open."""
    return any(str(fd.readlink()) == where for fd in Path("/proc/self/fd").iterdir() if fd.is_symlink())


def rests():
    live = Live()
    try:
        assert soon(lambda: live.run.runtime.shown > 0)
        said = {"camera_at_work": has_open(CAMERA)}
        said["rested"] = soon(lambda: live.run.runtime.idle and live.last(Idle))
        said["camera_at_rest"] = not soon(lambda: not has_open(CAMERA), 10)
        began, began_cpu = CLOCK.now(), time.process_time()
        time.sleep(10)
        said["cpu_percent"] = 100 * (time.process_time() - began_cpu) / (CLOCK.now() - began)
        said["format"] = shell("v4l2-ctl", "-d", WEBCAM, "--get-fmt-video")
        wakes = []
        for _ in range(3):
            assert soon(lambda: live.run.runtime.idle)
            time.sleep(2)
            began = CLOCK.now()
            fd = os.open(WEBCAM, os.O_RDWR)
            assert soon(lambda: live.run.runtime.last_shown_at > live.last(Awake) > live.last(Idle))
            shown_at = next(at for at, fact in list(live.facts) if isinstance(fact, Shown) and at > live.last(Awake))
            wakes.append({"awake_ms": 1e3 * (live.last(Awake) - began), "shown_ms": 1e3 * (shown_at - began)})
            os.close(fd)
        said["wakes"] = wakes
        said["idles"] = live.run.runtime.idles
        return said
    finally:
        live.close()


def read():
    """Which levels a reader sees at first and at last, where nothing is hidden: the camera's bars have many."""
    live = Live("none")
    try:
        assert soon(lambda: live.run.runtime.idle)
        time.sleep(2)
        kept = Path("kept.yuv")
        shell("v4l2-ctl", "-d", WEBCAM, "--stream-mmap", "--stream-count=90", f"--stream-to={kept}")
        frame, luma = 320 * 180 * 3 // 2, 320 * 180
        data = kept.read_bytes()
        kept.unlink()
        levels = [sorted(set(data[at : at + luma])) for at in range(0, len(data) - frame + 1, frame)]
        return {"frames": len(levels), "first": levels[0], "last": len(levels[-1])}
    finally:
        live.close()


shell("modprobe", "vivid", "n_devs=1", "node_types=0x1", "num_inputs=1", "input_types=0")
shell("modprobe", "v4l2loopback", "video_nr=10,11", "card_label=edgeseg,other", "exclusive_caps=1,1")
for step in (counted, rests, read):
    faulthandler.dump_traceback_later(200, exit=True)
    said = {"step": step.__name__}
    try:
        said |= step()
    except Exception as error:  # noqa: BLE001 - the step's result
        import traceback

        traceback.print_exc()
        said["failed"] = f"{type(error).__name__}: {error}"
    print(json.dumps(said), flush=True)
faulthandler.cancel_dump_traceback_later()
