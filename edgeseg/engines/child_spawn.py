"""Starting an engine's process, hearing from it, and telling how it ended."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys

from edgeseg.clock import Clock
from edgeseg.engines import child_link as link
from edgeseg.ports import EngineWish, ModelIO

# Isolated, and with the parent's own search path: the same modules, and none from the folder it happens to run in.
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[2]);"
    "from edgeseg.engines.child_main import main; main(json.loads(sys.argv[1]))"
)
END_S = 0.5  # how long an engine may take to let go of its device
_HINTS: dict[int, str] = {
    signal.SIGKILL: ", killed from outside, perhaps because memory ran out",
    signal.SIGABRT: ", a library gave up",
}
_CHATTER = re.compile(r"^(INFO\b|I\d{4} |VERBOSE\b)")


class Gone(Exception):
    """The process is no more, or was ended because it did not answer; the message is how: "died of SIGSEGV"."""


class Spawned:
    """An engine's process, its end of the link, and its log. Not for two threads at once, but for `shut`."""

    def __init__(self, kind: str, target: str, model: bytes, io: ModelIO, wish: EngineWish, warm_up: int, clock: Clock):
        """Start it; what comes of that is the first message. Raises OSError if no process can be made."""
        self._clock = clock
        frames = link.memory("edgeseg-frames", link.size_of(io))
        content = link.memory("edgeseg-model", max(1, len(model)), model)
        self._log = link.memory("edgeseg-log", link.LOG_BYTES)
        life, self._life = os.pipe()
        self._link, theirs = link.pair()
        inherited = {"link": theirs.fileno(), "frames": frames, "model": content, "life": life}
        spec = {
            "kind": kind,
            "target": target,
            "io": dataclasses.asdict(io),
            "wish": dataclasses.asdict(wish),
            "model_bytes": len(model),
            "warm_up": warm_up,
        }
        try:
            self.frames = link.SharedFrames(frames, io)
            self._link.send(json.dumps(spec).encode())
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", _START, json.dumps(inherited), json.dumps(sys.path)],
                stdin=subprocess.DEVNULL,
                stdout=self._log,  # which may be the video's otherwise
                stderr=self._log,
                pass_fds=tuple(inherited.values()),
                start_new_session=True,  # Ctrl-C goes to the terminal's whole group
            )
        except BaseException:
            self._link.close()
            for descriptor in (self._log, self._life):
                os.close(descriptor)
            raise
        finally:
            theirs.close()
            for descriptor in (frames, content, life):
                os.close(descriptor)
        self._poll = select.poll()
        self._poll.register(self._link, select.POLLIN)

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def send(self, message: bytes) -> None:
        """Raises Gone."""
        try:
            self._link.send(message, socket.MSG_NOSIGNAL)
        except OSError:
            raise Gone(self._how_it_ended()) from None

    def receive(self, until: float) -> bytes | None:
        """The next message, or None if there is none at that time of the clock; raises Gone."""
        while not self._poll.poll(max(0.0, until - self._clock.now()) * 1e3):
            if self._clock.now() >= until:
                return None
        try:
            message = self._link.recv(link.LARGEST)
        except OSError:
            message = b""
        if not message:
            raise Gone(self._how_it_ended())
        return message

    def shut(self) -> None:
        """Close the link: the process ends, and a `receive` in another thread comes back."""
        with contextlib.suppress(OSError):
            self._link.shutdown(socket.SHUT_RDWR)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._reaped(1.0)

    def end(self) -> None:
        """Let it end by itself for a moment, then end it; what is shared stays until `release`."""
        self.shut()
        if not self._reaped(END_S):
            self._process.kill()
            self._reaped(END_S)

    def release(self) -> None:
        """Close what this side holds of it, the shared memory too."""
        self._link.close()
        del self.frames
        for descriptor in (self._log, self._life):
            os.close(descriptor)

    def last_words(self) -> str:
        """The end of its log as the end of a sentence, without what is no warning."""
        at = os.lseek(self._log, 0, os.SEEK_CUR)
        content = os.pread(self._log, link.LOG_BYTES, 0)
        text = (content[at:].lstrip(b"\0") + content[:at]).replace(b"\0", b"").decode("utf-8", "replace")
        lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
        lines = [line for line in lines if not _CHATTER.match(line)]
        return f"; its last words: {' | '.join(lines[-3:])[-400:].rstrip('.')}" if lines else ""

    def _reaped(self, timeout_s: float) -> bool:
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _how_it_ended(self) -> str:
        if not self._reaped(1.0):
            self.kill()
            return "closed its link and was ended" + self.last_words()
        code = self._process.returncode
        if code >= 0:
            return f"ended with exit code {code}{self.last_words()}"
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        return f"died of {name}{_HINTS.get(-code, '')}{self.last_words()}"
