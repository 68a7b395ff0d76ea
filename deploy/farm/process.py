"""A command on this machine as a `device.Command`: it ends with its time, and all its children with it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil

from deploy.farm.device import DeviceLost, Ended

_MOST_SAID = 4000  # bytes of stderr that are kept
_WAIT_S = 5.0


def environment(more: Mapping[str, str]) -> dict[str, str]:
    """This machine's environment without what would change which edgeseg, packages or models are used, and `more`."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("EDGESEG_", "PYTHON"))}
    return {**plain, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1", **more}


class Process:
    """A `device.Command`. Raises DeviceLost if it cannot be started."""

    def __init__(self, argv: Sequence[str], cwd: Path, env: Mapping[str, str], timeout_s: float) -> None:
        self._late = False
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed by wait
        # Whoever runs the farm may be killed: then what it started is not to go on, and util-linux can see to that.
        keeper = shutil.which("setpriv")
        prefix = [keeper, "--pdeathsig", "KILL", "--"] if keeper else []
        try:
            self._process = subprocess.Popen(
                [*prefix, *argv],
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=self._said,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            self._said.close()
            raise DeviceLost(f"{argv[0]} cannot be started: {error.strerror or error}.") from error
        self._timer = threading.Timer(timeout_s, self._time_is_up)
        self._timer.daemon = True
        self._timer.start()

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def lines(self) -> Iterator[str]:
        """See `device.Command`."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            yield line.rstrip("\n")

    def wait(self) -> Ended:
        """See `device.Command`."""
        code = self._process.wait()
        self._timer.cancel()
        if self._process.stdout is not None:
            self._process.stdout.close()
        end = self._said.seek(0, os.SEEK_END)
        self._said.seek(max(0, end - _MOST_SAID))
        said = self._said.read().decode("utf-8", "replace")
        self._said.close()
        return Ended(None if self._late else code, said)

    def kill(self) -> None:
        """See `device.Command`. What its children started in sessions of their own ends, too."""
        self._timer.cancel()
        with contextlib.suppress(psutil.Error):
            whole = psutil.Process(self._process.pid)
            for one in [*whole.children(recursive=True), whole]:
                with contextlib.suppress(psutil.Error):
                    one.kill()
        if self._process.poll() is None:
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_WAIT_S)

    def _time_is_up(self) -> None:
        if self._process.poll() is None:
            self._late = True
            self.kill()
