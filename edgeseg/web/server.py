"""uvicorn in a thread of its own, so that no frame waits for a request; connections are counted and do not linger."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from edgeseg.errors import NotPermitted, OutputError, UsageError
from edgeseg.remote.around import Remote
from edgeseg.web.access import Access, make_token, token_file
from edgeseg.web.app import make_app
from edgeseg.web.guard import is_loopback, rules
from edgeseg.web.problems import TYPE
from edgeseg.web.wish import WebWish, address

MOST_CONNECTIONS = 128
HEAD_S = 10.0  # in which a request's head must have come
STUCK_S = 15.0  # who takes nothing of what waits for so long is cut off
_SEND_BUFFER = 256 * 1024  # of the kernel: more would only hold pictures of long ago
_START_S = 10.0


class Web:
    """The page of one run, listening from `start` to `close`. token: shown by the caller, once, if it was made now.

    Raises UsageError for a wrong address, OutputError if it is taken, NotPermitted if it, or the token, may not be.
    """

    def __init__(self, remote: Remote, wish: WebWish) -> None:
        host, port = address(wish.listen)
        self.rules = rules(host, wish.hosts)
        path = token_file()
        access = Access(path)
        self.token = None
        if self.rules.token and not access.has_token:
            if not wish.makes_token:
                raise UsageError(f"There is no token at {path}, which the page needs: sudo edgeseg service web token")
            self.token = make_token(path)
        self._socket = _listening(host, port)
        app, context = make_app(remote, access, self.rules)
        self.port = int(self._socket.getsockname()[1])
        shown = f"[{host}]" if ":" in host else host
        shown = {"0.0.0.0": socket.gethostname(), "[::]": socket.gethostname()}.get(shown, shown)
        self.url = f"http://{shown}:{self.port}/"
        self.warning = None
        if not is_loopback(host):
            self.warning = (
                "it is plain HTTP beyond this machine: whoever is on the network can read along (docs/api.md)"
            )
        self._context = context
        self._server = _Server(_config(app))
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="edgeseg-web", daemon=True
        )

    @property
    def told(self) -> list[str]:
        """What whoever starts it is told: where it is, the token if it was made now, and what is not safe."""
        token = [f"its token, shown this once: {self.token}"] if self.token is not None else []
        return [self.url, *token, *([self.warning] if self.warning is not None else [])]

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()
        self._server.has_begun.wait(_START_S)

    def close(self) -> None:
        """Answer no more; streams end."""
        loop = self._context.viewers.loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._context.listeners.tick)  # the last one
            loop.call_soon_threadsafe(self._context.viewers.close)
        self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join(timeout=3.0)
        self._socket.close()


class _Server(uvicorn.Server):
    """Also cuts off who takes nothing."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.has_begun = threading.Event()
        self._stuck: dict[Any, tuple[int, float]] = {}

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn."""
        await super().startup(sockets)
        self.has_begun.set()

    async def on_tick(self, counter: int) -> bool:
        """See uvicorn: ten times a second."""
        if counter % 20 == 0:
            self._cut_off()
        return await super().on_tick(counter)

    def _cut_off(self) -> None:
        now = asyncio.get_running_loop().time()
        stuck: dict[Any, tuple[int, float]] = {}
        for one in tuple(self.server_state.connections):
            transport = getattr(one, "transport", None)
            if transport is None or not (waits := transport.get_write_buffer_size()):
                continue
            before, since = self._stuck.get(one, (waits + 1, now))
            since = since if waits >= before else now
            if now - since > STUCK_S:
                transport.abort()
            else:
                stuck[one] = waits, since
        self._stuck = stuck


class _Protocol(H11Protocol):
    """Refuses a connection too many in words, and does not wait for ever for a request's head."""

    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.write(_FULL)
            transport.close()
            return
        self._wait()

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._wait_no_more()
        elif self._patience is None:
            self._wait()

    def on_response_complete(self) -> None:
        """See uvicorn."""
        super().on_response_complete()
        self._wait_no_more()

    def handle_websocket_upgrade(self, event: Any) -> None:
        """See uvicorn; from here on another protocol has the connection."""
        self._wait_no_more()
        super().handle_websocket_upgrade(event)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self._wait_no_more()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._patience = self.loop.call_later(HEAD_S, self._give_up)

    def _wait_no_more(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _give_up(self) -> None:
        self._patience = None
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(_SLOW)
            self.transport.close()


def _plain(status: str, word: str, detail: str, more: str = "") -> bytes:
    number, _, title = status.partition(" ")
    body = json.dumps({"type": f"urn:edgeseg:{word}", "title": title, "status": int(number), "detail": detail}).encode()
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {TYPE}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{more}\r\n"
    )
    return head.encode() + body


_FULL = _plain(
    "503 Service Unavailable",
    "too-many-connections",
    f"{MOST_CONNECTIONS} connections are open already, which is all that this board serves; try again later.",
    "Retry-After: 5\r\n",
)
_SLOW = _plain("408 Request Timeout", "too-slow", f"No request came within {HEAD_S:g} s.")


def _config(app: ASGIApp) -> uvicorn.Config:
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
    return uvicorn.Config(
        app,
        http=_Protocol,
        ws="websockets-sansio",
        ws_max_size=4096,
        ws_ping_interval=20.0,
        ws_ping_timeout=20.0,
        loop="asyncio",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=1,
        h11_max_incomplete_event_size=16_384,
        backlog=64,
    )


def _listening(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except OSError as error:
        raise UsageError(f"--web-listen: {host!r} is no address of this machine: {error.strerror}.") from error
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        if family == socket.AF_INET6 and host == "::":
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(where)
        listener.listen(64)
    except PermissionError as error:
        listener.close()
        raise NotPermitted(
            f"The page may not listen on {host}:{port}: {error.strerror}; take a port above 1023."
        ) from error
    except OSError as error:
        listener.close()
        raise OutputError(f"The page cannot listen on {host}:{port}: {error.strerror}; choose another port.") from error
    listener.setblocking(False)
    return listener
