"""Any GStreamer pipeline, run by `gst-launch-1.0` in a child process: Jetson's CSI cameras, RTSP, screens."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import threading
from collections import deque
from fractions import Fraction

from edgeseg.capture.y4m import MAGIC, Y4mStream
from edgeseg.clock import Clock
from edgeseg.errors import SourceError
from edgeseg.facts import Emit, Opened
from edgeseg.frames import Frame, PlanesPool, Size
from edgeseg.ports import SourceInfo, SourceWish

_PACKAGES = "gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good"
# One colour space, since YUV4MPEG2 does not say which; GStreamer converts where the pipeline gives another.
_TAIL = "! videoconvert ! video/x-raw,format=I420,colorimetry=bt601 ! y4menc ! fdsink fd=1"
_SILENCE_S = 10.0


class GstSource:
    """`gst:nvarguscamerasrc ! nvvidconv`: a pipeline as gst-launch-1.0 takes it, without a sink.

    Size and rate are chosen in the pipeline; frames come when it gives them, and count as live. The child ends
    with `close`, and with the thread that made the source, so make it in one that lives as long.
    """

    def __init__(self, where: str, wish: SourceWish, clock: Clock, emit: Emit) -> None:
        self._clock, self._where = clock, where
        self._closed, self._index, self._start_s = False, 0, 0.0
        self._errors: deque[str] = deque(maxlen=40)
        self._reading = threading.RLock()
        self._child = _launch(where)
        self._drain = threading.Thread(target=self._keep_errors, name="gst-stderr", daemon=True)
        self._drain.start()
        try:
            assert self._child.stdout is not None
            self._stream = Y4mStream(self._child.stdout, lambda: self._closed, _SILENCE_S)
            self._size, fps = self._header()
            self._pool = PlanesPool(self._size)
            self._first = self._next()
            if self._first is None:
                raise SourceError(f"The GStreamer pipeline {where!r} ended without a picture.")
        except BaseException:
            self.close()
            raise
        rate = f"{float(fps):.5g} fps" if fps else "no fixed rate"
        self.info = SourceInfo(self._size, fps, True, f"gst: {self._size}, {rate}, from {where}")
        emit(Opened("source", self.info.detail))

    def read(self) -> Frame | None:
        """See `FrameSource.read`."""
        if self._closed:
            return None
        with self._reading:
            frame, self._first = self._first or self._next(), None
        if frame is None:
            self.close()
        return frame

    def close(self) -> None:
        """See `FrameSource.close`."""
        self._closed = True
        # Asked first: Argus on a Jetson holds on to the camera of a client that was killed.
        for sign in (signal.SIGTERM, signal.SIGKILL):
            if self._child.poll() is not None:
                break
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._child.pid, sign)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(timeout=0.4)
        with self._reading:  # whoever reads has seen the end by now
            if self._child.stdout:
                self._child.stdout.close()

    def _header(self) -> tuple[Size, Fraction | None]:
        """Size and rate from the stream's first line, `YUV4MPEG2 W640 H480 F30:1 ...` (yuv4mpeg(5))."""
        words = self._stream.line().split()
        if not words:
            self._raise_failure()
            raise SourceError(f"The GStreamer pipeline {self._where!r} ended without a picture.")
        tags = {word[:1]: word[1:].decode("ascii", "replace") for word in words[1:]}
        try:
            rate, _, per = tags[b"F"].partition(":")
            return Size(int(tags[b"W"]), int(tags[b"H"])), Fraction(int(rate), int(per)) or None
        except (KeyError, ValueError, ZeroDivisionError) as error:
            raise SourceError(f"The GStreamer pipeline {self._where!r} prints to its standard output.") from error

    def _next(self) -> Frame | None:
        line = self._stream.line()
        if not line:
            self._raise_failure()
            return None
        if not line.startswith(MAGIC):
            raise SourceError(f"The GStreamer pipeline {self._where!r} changed its format midway; fix it with caps.")
        planes = self._pool.take()
        if not self._stream.picture(planes, self._size):
            self._raise_failure()
            return None
        now = self._clock.now()
        self._start_s = self._start_s if self._index else now
        pts = round((now - self._start_s) * 1e6)
        frame = Frame(planes, self._size, self._index, pts, captured_at=now)
        self._index += 1
        return self._pool.lend(frame)

    def _keep_errors(self) -> None:
        assert self._child.stderr is not None
        with self._child.stderr as lines:
            for line in lines:
                self._errors.append(line.decode("utf-8", "replace").strip())

    def _raise_failure(self) -> None:
        """Raise SourceError if the stream stopped for a reason, with the child's own words."""
        if self._closed:
            return
        try:
            code = self._child.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            raise SourceError(f"The GStreamer pipeline {self._where!r} gave no frame for {_SILENCE_S:g} s.") from None
        if code:
            self._drain.join(1.0)
            raise SourceError(f"The GStreamer pipeline {self._where!r} failed: {_reason(list(self._errors), code)}")


def _launch(where: str) -> subprocess.Popen[bytes]:
    launcher = shutil.which("gst-launch-1.0")
    if launcher is None:
        raise SourceError(f"gst-launch-1.0 is not installed; install it: apt install {_PACKAGES}.")
    try:
        command = [launcher, "-q", *shlex.split(where), *shlex.split(_TAIL)]
    except ValueError as error:
        raise SourceError(f"The GStreamer pipeline {where!r} has a quote that is not closed.") from error
    # setpriv (util-linux) asks the kernel to end the child when we are gone, even by SIGKILL.
    setpriv = shutil.which("setpriv")
    if setpriv:
        command = [setpriv, "--pdeathsig", "KILL", "--", *command]
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        start_new_session=True,
        env={**os.environ, "LC_ALL": "C.UTF-8"},  # error lines are told apart by their first, English, word
    )


def _reason(lines: list[str], code: int) -> str:
    errors = [line for line in lines if line.startswith(("ERROR: from", "WARNING: erroneous"))]
    words = (errors[:1] or [line for line in lines if line][-1:] or [f"exit status {code}"])[0]
    for file in (line for line in lines if line.startswith(("No such file", "system error"))):
        return f"{words} ({file})"
    return words
