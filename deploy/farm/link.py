"""A connection to a host by ssh (asyncssh), used from plain threads: its event loop runs in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import stat
import threading
from collections.abc import Coroutine, Iterator, Mapping
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any, TypeVar

import asyncssh

from deploy.farm.device import DeviceLost, Ended
from deploy.farm.hops import Hop, Way, reach, reason
from deploy.farm.there import LATE

T = TypeVar("T")

_MOST_SAID = 4000  # characters of stderr that are kept
_AT_ONCE = 8  # files on their way


class Link:
    """An open connection. Every method raises DeviceLost with what to do."""

    def __init__(self, way: Way) -> None:
        self._way = way
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._hops: list[asyncssh.SSHClientConnection] = []
        self._lock, self._is_closed = threading.Lock(), False
        self._why = f"The connection to {way.to} is closed."
        try:
            self.wait(self._connect())
        except BaseException:
            self.close()
            raise

    def wait(self, doing: Coroutine[Any, Any, T]) -> T:
        """Have it done by the loop's thread, with errors of the connection as DeviceLost."""
        with self._lock:
            if self._is_closed:
                doing.close()
                raise DeviceLost(self._why)
            future = asyncio.run_coroutine_threadsafe(doing, self._loop)
        try:
            return future.result()
        except (asyncssh.Error, OSError, DeviceLost, CancelledError) as error:
            if self._is_closed:
                raise DeviceLost(self._why) from error
            if isinstance(error, DeviceLost):
                raise
            raise DeviceLost(f"{self._way.to} was lost: {reason(error)}.") from error

    def ask(self, command: str, text: str = "") -> tuple[int, str, str]:
        """Run a command that takes little time: its exit code, output and complaints."""

        async def run() -> tuple[int, str, str]:
            process = await self._hops[-1].create_process(command, errors="replace")
            with contextlib.suppress(OSError):  # it may end without having read all of it
                process.stdin.write(text)
                process.stdin.write_eof()
            done = await process.wait()
            if done.exit_status is None:
                raise DeviceLost(f"{self._way.to} was lost while a command ran there.")
            return done.exit_status, str(done.stdout), str(done.stderr)

        return self.wait(run())

    def start(self, command: str) -> Running:
        """Start a command; its stdin stays open until it is to end."""

        async def begin() -> asyncssh.SSHClientProcess[str]:
            return await self._hops[-1].create_process(command, errors="replace")

        return Running(self, self.wait(begin()), self._way.to)

    def send(self, files: Mapping[str, Path]) -> None:
        """Copy files to their paths there, whose folders exist. Raises asyncssh.SFTPError if one cannot be written."""

        async def put() -> asyncssh.SFTPError | None:
            gate = asyncio.Semaphore(_AT_ONCE)
            async with self._hops[-1].start_sftp_client() as sftp:

                async def one(path: str, source: Path) -> None:
                    async with gate:
                        await sftp.put(source, path)

                results = await asyncio.gather(*(one(*item) for item in files.items()), return_exceptions=True)
            wrong = [one for one in results if isinstance(one, BaseException)]
            if wrong and not (isinstance(wrong[0], asyncssh.SFTPError) and not _is_lost(wrong[0])):
                raise wrong[0]
            return wrong[0] if wrong and isinstance(wrong[0], asyncssh.SFTPError) else None

        if (fault := self.wait(put())) is not None:
            raise fault

    def fetch(self, path: str, to: Path) -> None:
        """Copy a file, or what is in a folder, from there. Raises FileNotFoundError."""

        async def get() -> bool:
            async with self._hops[-1].start_sftp_client() as sftp:
                try:
                    mode = (await sftp.stat(path)).permissions or 0
                except asyncssh.SFTPNoSuchFile:
                    return False
                if not stat.S_ISDIR(mode):
                    await sftp.get(path, to)
                    return True
                to.mkdir(parents=True, exist_ok=True)
                names = [str(name) for name in await sftp.listdir(path) if name not in (".", "..")]
                await sftp.get([f"{path}/{name}" for name in names], to, recurse=True)
                return True

        if not self.wait(get()):
            raise FileNotFoundError(2, "No such file or directory", path)

    def close(self, why: str | None = None) -> None:
        """End it; what runs over there ends with it. why: what is told to whoever still uses it."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed, self._why = True, why or self._why

        async def end() -> None:
            for hop in reversed(self._hops):
                hop.close()
            for hop in reversed(self._hops):
                with contextlib.suppress(asyncssh.Error, OSError, asyncio.TimeoutError):
                    await asyncio.wait_for(hop.wait_closed(), 2)
            left = asyncio.all_tasks() - {asyncio.current_task()}
            for task in left:
                task.cancel()
            if left:
                await asyncio.wait(left, timeout=2)

        with contextlib.suppress(Exception):
            asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        if not self._thread.is_alive():
            self._loop.close()

    async def _connect(self) -> None:
        for hop in (self._way.jump, self._way.to):
            if hop is not None:
                tunnel = self._hops[-1] if self._hops else None
                self._hops.append(await reach(hop, tunnel, self._way))


class Running:
    """A command that runs there: a `device.Command`."""

    def __init__(self, link: Link, process: asyncssh.SSHClientProcess[str], host: Hop) -> None:
        self._link, self._process, self._host = link, process, host
        self._said = ""
        self._reading = link.wait(self._begin())

    def lines(self) -> Iterator[str]:
        """See `device.Command`."""
        while line := self._link.wait(self._line()):
            yield line.rstrip("\n")

    def wait(self) -> Ended:
        """See `device.Command`."""
        code = self._link.wait(self._end())
        return Ended(None if code == LATE else code, self._said)

    def kill(self) -> None:
        """See `device.Command`. Its stdin ends; what runs it over there sees to the rest."""

        async def end() -> None:
            with contextlib.suppress(OSError, asyncssh.Error):
                self._process.stdin.write_eof()

        with contextlib.suppress(DeviceLost):  # it is gone, and what it ran with it
            self._link.wait(end())

    async def _begin(self) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(self._listen())

    async def _listen(self) -> None:
        with contextlib.suppress(asyncssh.Error, OSError):
            while text := await self._process.stderr.read(4096):
                self._said = (self._said + text)[-_MOST_SAID:]

    async def _line(self) -> str:
        return await self._process.stdout.readline()

    async def _end(self) -> int:
        await self._process.wait_closed()
        await asyncio.gather(self._reading, return_exceptions=True)
        if self._process.exit_status is not None and self._process.exit_status >= 0:
            return self._process.exit_status
        if self._process.exit_signal:
            return 128 + 9  # of the program that ran it: sshd tells a name, and people kill by the ninth
        raise DeviceLost(f"{self._host} was lost while a command ran there.")


def _is_lost(error: BaseException) -> bool:
    return isinstance(error, (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection))
