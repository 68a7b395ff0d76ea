"""uvicorn in a thread of its own, so that no frame waits for a request; connections are counted and do not linger."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from edgeseg.remote.around import Remote
from edgeseg.web.access import Access
from edgeseg.web.app import make_app
from edgeseg.web.context import Context
from edgeseg.web.problems import TYPE
from edgeseg.web.rules import Rules, is_loopback

MOST_CONNECTIONS = 128
MOST_OF_ONE = 64  # connections of one address; a proxy on this machine has as many as there are
HEAD_S = 10.0  # in which a request's head must have come
STUCK_S = 15.0  # who takes nothing of what waits for so long is cut off


def make_server(remote: Remote, access: Access, rules: Rules) -> tuple[uvicorn.Server, Context]:
    """A server that runs in any thread (`run(sockets=...)`), and what its routes work with."""
    app, context = make_app(remote, access, rules)
    return _Server(_config(app)), context


class _Server(uvicorn.Server):
    """Also cuts off who takes nothing."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._stuck: dict[Any, tuple[int, float]] = {}

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
            self._refuse(_FULL)
        elif self._of_this_address() > MOST_OF_ONE:
            self._refuse(_ENOUGH)
        else:
            self._wait()

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._wait_no_more()
        elif self._patience is None and self.transport.get_protocol() is self:  # else it is a WebSocket's now
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

    def _of_this_address(self) -> int:
        """How many connections there are; 0 for this machine's own."""
        peer = self.client[0] if self.client else ""
        if is_loopback(peer):
            return 0
        return sum((getattr(one, "client", None) or ("",))[0] == peer for one in self.connections)

    def _refuse(self, answer: bytes) -> None:
        self.transport.write(answer)
        self.transport.close()

    def _wait(self) -> None:
        self._patience = self.loop.call_later(HEAD_S, self._give_up)

    def _wait_no_more(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _give_up(self) -> None:
        self._patience = None
        if self.transport is not None and not self.transport.is_closing():
            self._refuse(_SLOW)


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
_ENOUGH = _plain(
    "429 Too Many Requests",
    "too-many",
    f"{MOST_OF_ONE} connections of this address are open already, which is all that one gets; close some.",
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
