"""A connection to a host by ssh (asyncssh), used from plain threads: its event loop runs in a thread of its own.

Hosts must be in known_hosts with the key that they show; nothing is ever added to it, and no password is tried. The
user's own configuration of ssh is not read: the farm file says all.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
import threading
from collections.abc import Coroutine, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import asyncssh

from deploy.farm.device import DeviceLost, Ended
from deploy.farm.there import LATE

T = TypeVar("T")

_MOST_SAID = 4000  # characters of stderr that are kept
_AT_ONCE = 8  # files on their way


@dataclass(frozen=True, slots=True)
class Hop:
    """One host. key: the private key's file, None: those of ssh-agent and ~/.ssh."""

    host: str
    port: int
    user: str
    key: Path | None
    known_hosts: Path

    def __str__(self) -> str:
        return f"{self.user}@{self.host}" if self.port == 22 else f"{self.user}@{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Way:
    """How to reach a host: by another one or not. alive_s: it is lost if it does not answer three times as long."""

    to: Hop
    jump: Hop | None = None
    alive_s: float = 10.0
    connect_s: float = 15.0


class Link:
    """An open connection. Every method raises DeviceLost with what to do."""

    def __init__(self, way: Way) -> None:
        self._way = way
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._hops: list[asyncssh.SSHClientConnection] = []
        try:
            self.wait(self._connect())
        except BaseException:
            self.close()
            raise

    def wait(self, doing: Coroutine[Any, Any, T]) -> T:
        """Have it done by the loop's thread, with errors of the connection as DeviceLost."""
        try:
            return asyncio.run_coroutine_threadsafe(doing, self._loop).result()
        except (asyncssh.Error, OSError) as error:
            raise DeviceLost(f"{self._way.to} was lost: {_reason(error)}.") from error

    def ask(self, command: str, text: str = "") -> tuple[int, str, str]:
        """Run a command that takes little time: its exit code, output and complaints."""

        async def run() -> tuple[int, str, str]:
            done = await self._hops[-1].run(command, input=text, errors="replace")
            return (-1 if done.exit_status is None else done.exit_status, str(done.stdout), str(done.stderr))

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

    def close(self) -> None:
        """End it; what runs over there ends with it."""
        if not self._thread.is_alive():
            return

        async def end() -> None:
            for hop in reversed(self._hops):
                hop.close()
            for hop in reversed(self._hops):
                with contextlib.suppress(asyncssh.Error, OSError, asyncio.TimeoutError):
                    await asyncio.wait_for(hop.wait_closed(), 2)
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            await asyncio.sleep(0)

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
                self._hops.append(await _reach(hop, tunnel, self._way))


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

        with contextlib.suppress(DeviceLost, RuntimeError):  # it is gone, and what it ran with it
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


async def _reach(hop: Hop, tunnel: asyncssh.SSHClientConnection | None, way: Way) -> asyncssh.SSHClientConnection:
    """One connection; what can be wrong with it is told by whose fault it is."""
    if hop.key is not None and not hop.key.is_file():
        raise DeviceLost(f"There is no key {hop.key}: name the private key of {hop} under 'key'.")
    keys: dict[str, Any] = {} if hop.key is None else {"client_keys": [str(hop.key)], "agent_path": None}
    known = asyncssh.read_known_hosts(str(hop.known_hosts)) if hop.known_hosts.is_file() else b""
    try:
        return await asyncssh.connect(
            hop.host,
            hop.port,
            tunnel=tunnel,
            config=None,
            username=hop.user,
            known_hosts=known,
            preferred_auth="publickey",
            connect_timeout=way.connect_s,
            login_timeout=way.connect_s,
            keepalive_interval=way.alive_s,
            keepalive_count_max=3,
            **keys,
        )
    except (asyncssh.HostKeyNotVerifiable, asyncssh.KeyExchangeFailed) as error:
        raise DeviceLost(_untrusted(hop, error)) from error
    except asyncssh.PermissionDenied as error:
        key = f"the key {hop.key}" if hop.key else "your keys"
        raise DeviceLost(f"{hop} refuses {key}: ssh-copy-id puts a key into its authorized_keys.") from error
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise DeviceLost(f"The key {hop.key} cannot be used ({_reason(error)}): unlock it for ssh-agent.") from error
    except (asyncssh.Error, OSError, asyncio.TimeoutError) as error:
        raise DeviceLost(f"{hop} cannot be reached: {_reason(error)}. Is it on, and its address right?") from error


def _untrusted(hop: Hop, error: Exception) -> str:
    name = hop.host if hop.port == 22 else f"[{hop.host}]:{hop.port}"
    known = asyncssh.read_known_hosts(str(hop.known_hosts)) if hop.known_hosts.is_file() else None
    if known is not None and known.match(hop.host, hop.host, hop.port)[0]:
        return (
            f"{hop} shows another key than {hop.known_hosts} has of it: another machine answers, or it was installed "
            f"anew. If you know that it was: ssh-keygen -f {hop.known_hosts} -R '{name}', and then add the new key."
        )
    if isinstance(error, asyncssh.KeyExchangeFailed) and known is not None and "host key" not in str(error):
        return f"{hop} and this machine have no algorithm in common: {_reason(error)}."
    return (
        f"{hop} is not in {hop.known_hosts}: ssh-keyscan -p {hop.port} {hop.host} >> {hop.known_hosts} adds its key, "
        "which you should compare with the host's own."
    )


def _is_lost(error: BaseException) -> bool:
    return isinstance(error, (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection))


def _reason(error: BaseException) -> str:
    if isinstance(error, asyncio.TimeoutError):
        return "it does not answer"
    if isinstance(error, OSError) and error.errno and error.errno > 0:
        return os.strerror(error.errno)
    text = getattr(error, "reason", None) or str(error) or type(error).__name__
    return str(text).strip().rstrip(".")
