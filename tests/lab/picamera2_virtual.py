"""Stand-ins that let PyPI's picamera2 run on libcamera's virtual camera; imported before anything imports picamera2.

What a PC has not: DRM previews (pykms), raw sensor modes, DNG files (pidng), dma-heap buffers. And the virtual camera
speaks NV12 only, each plane on a page of its own, where a Pi's image processor gives YUV420 in one piece; with
`as_yuv420()` it is handed out as that. The rest is the real picamera2 and the real libcamera.
"""

from __future__ import annotations

import sys
from typing import Any
from unittest.mock import MagicMock

import numpy as np

for _absent in ("pykms", "kms", "pidng", "pidng.core", "pidng.camdefs"):
    sys.modules[_absent] = MagicMock()

import picamera2.picamera2 as real  # noqa: E402
from picamera2.allocators import LibcameraAllocator  # noqa: E402
from picamera2.request import CompletedRequest  # noqa: E402

_init, _configuration = real.Picamera2.__init__, real.Picamera2.camera_configuration
_make_buffer = CompletedRequest.make_buffer
_PAGE = 4096


def _with_libcamera_buffers(camera: Any, *args: Any, **named: Any) -> None:
    _init(camera, *args, **named)
    camera.allocator = LibcameraAllocator(camera.camera)


real.DmaAllocator = lambda *_: None
real.Picamera2.__init__ = _with_libcamera_buffers
real.Picamera2._get_raw_modes = lambda _: [{"format": "NV12", "size": (640, 480)}]


def as_yuv420() -> None:
    """Let NV12 be called YUV420, and give its buffers in that order."""

    def configuration(camera: Any, *name: str) -> Any:
        answer = dict(_configuration(camera, *name))
        answer["main"] = dict(answer["main"], format="YUV420")
        return answer

    def make_buffer(request: Any, name: str) -> Any:
        nv12 = _make_buffer(request, name)
        main = request.picam2.camera_config["main"]
        luma = main["stride"] * main["size"][1]
        start = -(-luma // _PAGE) * _PAGE
        pairs = nv12[start : start + luma // 2]
        return np.concatenate([nv12[:luma], pairs[0::2], pairs[1::2]])

    real.Picamera2.camera_configuration = configuration
    CompletedRequest.make_buffer = make_buffer
