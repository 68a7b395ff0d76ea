"""GStreamer pipelines: pictures, endings, failures, and that no child outlives its parent."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from edgeseg.capture import gst
from edgeseg.capture.gst import GstSource
from edgeseg.capture.y4m import Y4mStream
from edgeseg.clock import SystemClock
from edgeseg.errors import SourceError
from edgeseg.frames import Planes, Size
from edgeseg.ports import SourceWish

installed = pytest.mark.skipif(not shutil.which("gst-launch-1.0"), reason="gst-launch-1.0 is not installed")


SIZES = [Size(64, 48), Size(7, 5), Size(6, 4), Size(4, 2), Size(12, 5), Size(1280, 720)]


def open_gst(where: str) -> GstSource:
    return GstSource(where, SourceWish(), SystemClock(), lambda fact: None)


@installed
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_every_size_shows_the_colour(size: Size) -> None:
    caps = f"video/x-raw,width={size.width},height={size.height},framerate=30000/1001"
    source = open_gst(f"videotestsrc num-buffers=3 pattern=red ! {caps}")
    assert (source.info.size, source.info.fps) == (size, Fraction(30000, 1001))
    frames = [source.read() for _ in range(3)]
    assert source.read() is None
    for frame in frames:
        assert frame is not None
        y, u, v = (set(np.unique(plane)) for plane in frame.planes)
        assert y <= {80, 81, 82}
        assert u <= {89, 90, 91}
        assert v <= {239, 240, 241}


FAILURES = [
    ("videotestsrc ! nosuch", 'failed: WARNING: erroneous pipeline: no element "nosuch"'),
    ("filesrc location=/nope ! decodebin", 'Resource not found. (No such file "/nope")'),
    ("videotestsrc num-buffers=0", "'videotestsrc num-buffers=0' ended without a picture."),
    ('videotestsrc "', "has a quote that is not closed."),
    ("", "failed: WARNING: erroneous pipeline: syntax error"),
]


@installed
@pytest.mark.parametrize(("where", "message"), FAILURES)
def test_a_failure_is_said_in_the_pipelines_own_words(where: str, message: str) -> None:
    with pytest.raises(SourceError) as caught:
        open_gst(where)
    assert str(caught.value).startswith("The GStreamer pipeline ")
    assert str(caught.value).endswith(message)


@installed
def test_a_failure_midway_is_an_error_after_the_frames() -> None:
    source = open_gst("videotestsrc ! identity error-after=4 ! video/x-raw,width=64,height=48")
    with pytest.raises(SourceError, match="GstIdentity:identity0: Failed after iterations") as caught:
        [None for _ in range(9) if source.read()]
    assert "failed: ERROR: from element" in str(caught.value)
    source.close()


@installed
def test_a_pipeline_that_stalls_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gst, "_SILENCE_S", 0.4)
    with pytest.raises(SourceError, match=r"gave no frame for 0\.4 s\.$"):
        open_gst("fakesrc is-live=true sizetype=empty ! valve drop=true ! jpegdec")


def test_gst_launch_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(
        SourceError, match=r"^gst-launch-1\.0 is not installed; install it: apt install gstreamer1\.0-tools"
    ):
        open_gst("videotestsrc")


@installed
@pytest.mark.skipif(not shutil.which("setpriv"), reason="setpriv (util-linux) is not installed")
def test_the_child_dies_with_a_parent_that_was_killed() -> None:
    code = """
import time
from edgeseg.capture.gst import GstSource
from edgeseg.clock import SystemClock
from edgeseg.ports import SourceWish
source = GstSource("videotestsrc is-live=true", SourceWish(), SystemClock(), lambda fact: None)
print(source._child.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        os.kill(parent.pid, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while alive(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive(child)


def alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("count", [1, 2])
def test_rows_without_padding_are_read_too(tmp_path: Path, count: int) -> None:
    """GStreamer's newer releases and every other program write them so."""
    size, planes = Size(7, 5), Planes.allocate(Size(7, 5))
    picture = bytes(range(35)) + bytes([90] * 12) + bytes([160] * 12)
    read, write = os.pipe()
    os.write(write, b"FRAME\n" + picture + (b"FRAME\n" + picture) * (count - 1))
    os.close(write)
    with open(read, "rb", buffering=0) as pipe:
        stream = Y4mStream(pipe, lambda: False, 1.0)
        for _ in range(count):
            assert stream.line() == b"FRAME"
            assert stream.picture(planes, size)
            assert planes.y[:5, :7].tobytes() == bytes(range(35))
            assert (int(planes.u.min()), int(planes.v.max())) == (90, 160)
        assert stream.line() == b""
        assert not stream.picture(planes, size)
