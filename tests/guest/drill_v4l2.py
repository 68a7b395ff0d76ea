"""Runs as root in the lab's guest: edgeseg's camera source and webcam sink on the kernel's own V4L2 devices.

/dev/video0 and 1 are vivid webcams, /dev/video10 and 11 are v4l2loopback. Each step prints one JSON object with what it
saw, or the error that ended it; test_guest_v4l2.py judges.
"""

import faulthandler
import json
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path

import cv2
import numpy as np

from edgeseg.build import Settings
from edgeseg.capture.v4l2 import CameraSource, open_device
from edgeseg.clock import SystemClock
from edgeseg.doctor.asked import Options
from edgeseg.doctor.examine import examine
from edgeseg.errors import EdgesegError
from edgeseg.frames import Frame, Planes, Size
from edgeseg.ports import SinkWish, SourceWish
from edgeseg.probe import probe
from edgeseg.sinks.v4l2 import V4l2Sink

CAMERA, OTHER_CAMERA, WEBCAM, IDLE_WEBCAM = "/dev/video0", "/dev/video1", "/dev/video10", "/dev/video11"
DIRECTORY = Path(__file__).parent
SIZE = Size(640, 360)


def shell(*words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    print("$", *words, "->", done.returncode, done.stdout, done.stderr, file=sys.stderr)
    return done.stdout


def opened(where=CAMERA, size=SIZE, **more):
    return CameraSource(where, SourceWish(size=size), SystemClock(), lambda fact: print(fact, file=sys.stderr), **more)


def sink(where=WEBCAM):
    return V4l2Sink(where, SinkWish(), lambda fact: print(fact, file=sys.stderr))


def refused(make, *args):
    """How it was refused, and after how long."""
    began = time.monotonic()
    try:
        it = make(*args)
    except EdgesegError as error:
        return {"error": type(error).__name__, "message": str(error), "seconds": time.monotonic() - began}
    if hasattr(it, "close"):
        it.close()
    return {"error": None, "message": repr(it), "seconds": time.monotonic() - began}


class Only:
    """A device that has no pixel format but one: vivid has them all, and the first would always be taken."""

    def __init__(self, where, fourcc):
        self._capture, self._code = open_device(where), int.from_bytes(fourcc.encode(), "little")

    def set(self, prop, value):
        if prop == cv2.CAP_PROP_FOURCC and value != self._code:
            return False
        return self._capture.set(prop, value)

    def __getattr__(self, name):
        return getattr(self._capture, name)


def watch(source, count=6):
    """Read frames: their numbers and times, and Y, U and V in the middle of each of the eight colour bars."""
    frames = [source.read() for _ in range(count)]
    planes = frames[-1].planes
    bars = [[int(p[p.shape[0] * 3 // 4, p.shape[1] * (2 * bar + 1) // 16]) for p in planes] for bar in range(8)]
    return {
        "detail": source.info.detail,
        "size": list(source.info.size),
        "fps": float(source.info.fps) if source.info.fps else None,
        "full_range": frames[-1].color.full_range,
        "indexes": [frame.index for frame in frames],
        "times": [frame.time_s for frame in frames],
        "bars": bars,
    }


def noise(seed, size=SIZE):
    """A frame whose every byte is its own."""
    w, h = size.even
    block = np.random.default_rng(seed).integers(0, 256, (h * 3 // 2, w), np.uint8)
    return Frame(Planes.of_block(block), size, seed, seed)


class Writer(threading.Thread):
    """Writes the same eight noise frames round and round until told to stop."""

    def __init__(self, size=SIZE, where=WEBCAM):
        super().__init__(daemon=True)
        self.frames, self.sink = [noise(seed, size) for seed in range(8)], sink(where)
        self.sink.write(self.frames[0])
        self.stopped, self.stalled = threading.Event(), threading.Event()
        self.start()

    def run(self):
        number = 0
        while not self.stopped.wait(0.03):
            if not self.stalled.is_set():
                self.sink.write(self.frames[number % 8])
                number += 1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.join()
        self.sink.close()

    def which(self, planes):
        """The number of the frame that has just these bytes, None if none has."""
        same = [all(np.array_equal(*pair) for pair in zip(planes, one.planes, strict=True)) for one in self.frames]
        return same.index(True) if any(same) else None


def devices():
    shell("modprobe", "vivid", "n_devs=2", "node_types=0x1,0x1", "num_inputs=1,1", "input_types=0,0")
    shell("modprobe", "v4l2loopback", "video_nr=10,11", "card_label=edgeseg,idle", "exclusive_caps=1,1")
    for where in (CAMERA, OTHER_CAMERA):
        shell("v4l2-ctl", "-d", where, "-c", "test_pattern=1,osd_text_mode=2")
    return {"there": sorted(map(str, Path("/dev").glob("video*")))}


def probed():
    nodes = probe().cameras.nodes
    modes = {node.node: sorted({(mode.format, mode.width, mode.height) for mode in node.modes.value}) for node in nodes}
    return {"kinds": {node.node: node.kind for node in nodes}, "modes": modes}


def reads(fourcc, width, height):
    source = opened(size=Size(width, height), open_capture=lambda where: Only(where, fourcc))
    try:
        return watch(source) | {"kernel": shell("v4l2-ctl", "-d", CAMERA, "--get-fmt-video")}
    finally:
        source.close()


def its_own_choice():
    source = opened("0", None)
    try:
        return watch(source)
    finally:
        source.close()


def nearest_size():
    source = opened(size=Size(600, 340))
    try:
        return watch(source, 2)
    finally:
        source.close()


def in_use():
    source = opened()
    source.read()
    ours = refused(opened)
    streaming = "v4l2-ctl", "-d", OTHER_CAMERA, "--stream-mmap", "--stream-count=0"
    with subprocess.Popen(streaming, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as another:
        time.sleep(3)
        theirs = refused(opened, OTHER_CAMERA)
        another.terminate()
    still = source.read() is not None
    source.close()
    return {
        "ours": ours,
        "theirs": theirs,
        "pid": another.pid,
        "first_still_reads": still,
        "free_again": refused(opened),
    }


def unplugged():
    source = opened()
    source.read()
    seen = {}

    reader = threading.Thread(target=lambda: seen.update(refused(read_on, source)), daemon=True)
    reader.start()
    time.sleep(1)
    shell("v4l2-ctl", "-d", CAMERA, "-c", "disconnect=1")
    began = time.monotonic()
    reader.join(10)
    seen |= {"after_s": time.monotonic() - began, "hangs": reader.is_alive()}
    source.close()
    shell("modprobe", "-r", "vivid")
    devices()
    return seen | {"replugged": refused(opened)}


def webcam(width, height):
    size = Size(width, height)
    with Writer(size) as writer:
        source = opened(WEBCAM, size.even)
        got = [writer.which(source.read().planes) for _ in range(10)]
        second = refused(lambda: sink().write(noise(1, size)))
        detail, came = writer.sink.detail, source.info.detail
        source.close()
    return {"frames": got, "sink": detail, "source": came, "second_writer": second}


def webcam_by_v4l2_ctl():
    kept = DIRECTORY / "kept.yuv"
    with Writer() as writer:
        shell("v4l2-ctl", "-d", WEBCAM, "--stream-mmap", "--stream-count=5", f"--stream-to={kept}")
        blocks = np.fromfile(kept, np.uint8).reshape(-1, SIZE.height * 3 // 2, SIZE.width)
        kept.unlink()
        return {"frames": [writer.which(Planes.of_block(block)) for block in blocks]}


def read_on(source):
    while source.read():
        pass


def silent_then_closed():
    with Writer() as writer:
        source = opened(WEBCAM)
        source.read()
        writer.stalled.set()
        closing = []
        closer = threading.Timer(1, lambda: closing.append(time.monotonic()) or source.close())
        closer.start()
        read_on(source)
        ended = time.monotonic()
        closer.join()
        # The device goes back only when the driver answers again; v4l2loopback's readers share one set of buffers.
        writer.stalled.clear()
        time.sleep(1)
    return {"ended_after_s": ended - closing[0]}


def silent():
    with Writer() as writer:
        source = opened(WEBCAM)
        writer.stalled.set()
        starved = refused(read_on, source)
        source.close()
    return starved


def doctor():
    """What the doctor says of virtual cameras: of one that shows another size, and of no exclusive_caps."""
    options = Options(Settings(sink=f"v4l2:{WEBCAM}"))

    def said():
        findings = examine(options, SystemClock()).findings
        return [[one.severity, one.what, one.remedy] for one in findings if one.area == "virtual camera"]

    with Writer():
        written = said()
    shell("modprobe", "-r", "v4l2loopback")
    gone = said()
    shell("modprobe", "v4l2loopback", "video_nr=10,11", "exclusive_caps=0,1", "max_openers=1")
    lacking = said()
    shell("modprobe", "-r", "v4l2loopback")
    shell("modprobe", "v4l2loopback", "video_nr=10,11", "card_label=edgeseg,idle", "exclusive_caps=1,1")
    return {"written": written, "gone": gone, "lacking": lacking, "well": said()}


def not_there():
    return {
        "camera": refused(opened, "/dev/video77"),
        "camera_number": refused(opened, "77"),
        "no_camera": refused(opened, "/dev/null"),
        "webcam_without_writer": refused(opened, IDLE_WEBCAM),
        "sink": refused(sink, "/dev/video77"),
        "sink_on_camera": refused(sink, CAMERA),
        "sink_on_null": refused(sink, "/dev/null"),
    }


FORMATS = [("YU12", 640, 360), ("NV12", 640, 360), ("YUYV", 640, 360), ("GREY", 640, 360), ("BGR3", 640, 360)]
FORMATS += [(fourcc, 320, 180) for fourcc in ("YU12", "NV12", "YUYV", "GREY")] + [("NV12", 1280, 720)]
STEPS = (
    [(devices,), (probed,)]
    + [(reads, *one) for one in FORMATS]
    + [(its_own_choice,), (nearest_size,), (in_use,), (unplugged,)]
)
STEPS += [(webcam, 640, 360), (webcam, 322, 182), (webcam, 321, 181), (webcam_by_v4l2_ctl,)]
STEPS += [(silent_then_closed,), (silent,), (not_there,), (doctor,)]

for step, *args in STEPS:
    faulthandler.dump_traceback_later(60, exit=True)
    began = time.monotonic()
    said = {"step": " ".join([step.__name__, *map(str, args)])}
    try:
        said |= step(*args)
    except Exception as error:  # noqa: BLE001 - the step's result
        traceback.print_exc()
        said["failed"] = f"{type(error).__name__}: {error}"
    print(json.dumps(said | {"took_s": time.monotonic() - began}), flush=True)
faulthandler.cancel_dump_traceback_later()
