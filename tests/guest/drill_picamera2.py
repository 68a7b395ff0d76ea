"""Runs under Python 3.13 in the lab's Debian 13 root: edgeseg's Picamera2Source on libcamera's virtual camera.

Prints one JSON object. test_guest_picamera2.py runs it and judges.
"""

import json
import sys
import time

from edgeseg.capture.picamera2 import Picamera2Source
from edgeseg.clock import SystemClock
from edgeseg.errors import EdgesegError
from edgeseg.frames import Size
from edgeseg.ports import SourceWish
from tests.lab import picamera2_virtual

WISH = SourceWish(size=Size(640, 480))
said = {"python": list(sys.version_info[:2])}


def refusal(where: str) -> str:
    try:
        Picamera2Source(where, WISH, SystemClock(), print).close()
    except EdgesegError as error:
        return f"{type(error).__name__}: {error}"
    return ""


said["no_such_camera"] = refusal("7")
said["not_yuv420"] = refusal("0")
picamera2_virtual.as_yuv420()
source = Picamera2Source("0", WISH, SystemClock(), lambda _: None)
said["in_use"] = refusal("0")
said["detail"], said["size"] = source.info.detail, list(source.info.size)
frames = [source.read() for _ in range(30)]
assert all(frames)
said["indexes"] = [frame.index for frame in frames]
said["times"] = [frame.time_s for frame in frames]
said["columns"] = [
    [int(plane[plane.shape[0] // 2, plane.shape[1] * middle // 16]) for plane in frames[-1].planes]
    for middle in range(1, 16, 2)
]
began = time.monotonic()
source.close()
source.close()
said["close_s"] = time.monotonic() - began
said["after_close"] = source.read() is None
again = Picamera2Source("0", WISH, SystemClock(), lambda _: None)
said["reopened"] = again.read() is not None
again.close()
print("\n" + json.dumps(said))
