"""Slow and vanishing clients, and two hundred connections: the run goes on, and whoever is refused is told."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import httpx
import psutil
import pytest
from paging import Paging, no_rate_limit, paging, soon

from edgeseg.web import server, stream
from edgeseg.web.server import MOST_CONNECTIONS, MOST_OF_ONE
from edgeseg.web.stream import MOST_VIEWERS


@pytest.fixture
def one(monkeypatch: pytest.MonkeyPatch) -> Iterator[Paging]:
    no_rate_limit(monkeypatch)
    with paging() as made:
        yield made


def raw(made: Paging, request: bytes = b"") -> socket.socket:
    assert made.web is not None
    made_one = socket.create_connection(("127.0.0.1", made.web.port), 10)
    if request:
        made_one.sendall(request)
    return made_one


STREAM = b"GET /api/v1/preview.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n"


def goes_on(made: Paging) -> None:
    shown = made.run.runtime.shown
    soon(lambda: made.run.runtime.shown > shown + 25)


def test_two_hundred_connections_are_some_too_many(one: Paging) -> None:
    process = psutil.Process()
    before = process.memory_info().rss
    with contextlib.ExitStack() as open_ones:
        many = [open_ones.enter_context(raw(one)) for _ in range(200)]
        soon(lambda: one.web is not None and len(one.web.server.server_state.connections) >= MOST_CONNECTIONS - 1)
        last = many[-1]
        last.settimeout(10)
        answer = b""
        while chunk := last.recv(4096):
            answer += chunk
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"too-many-connections" in answer
        assert b"Retry-After" in answer
        goes_on(one)
        assert process.memory_info().rss < before + 40e6
    soon(lambda: httpx.get(f"{one.url}/readyz").status_code == 200)


def test_one_address_does_not_take_them_all(one: Paging, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "is_loopback", lambda peer: peer != "127.0.0.2")
    assert one.web is not None
    where = "127.0.0.1", one.web.port
    with contextlib.ExitStack() as open_ones:
        many = [
            open_ones.enter_context(socket.create_connection(where, 10, ("127.0.0.2", 0)))
            for _ in range(MOST_OF_ONE + 1)
        ]
        assert many[-1].recv(4096).startswith(b"HTTP/1.1 429 ")
        assert httpx.get(f"{one.url}/readyz").status_code == 200  # of another address


def test_viewers_who_take_nothing_cost_nothing_and_too_many_are_told(one: Paging) -> None:
    process = psutil.Process()
    with contextlib.ExitStack() as open_ones:
        for _ in range(MOST_VIEWERS):
            open_ones.enter_context(raw(one, STREAM))
        soon(lambda: one.web is not None and one.web.context.viewers.count == MOST_VIEWERS)
        refused = one.client.get("/api/v1/preview.mjpg")
        assert (refused.status_code, refused.json()["type"]) == (503, "urn:edgeseg:too-many-viewers")
        before = process.memory_info().rss
        goes_on(one)
        assert process.memory_info().rss < before + 40e6
    soon(lambda: one.remote.preview.viewers == 0)  # they have vanished


def test_a_viewer_who_takes_nothing_is_sent_away(one: Paging, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_STUCK_S", 0.3)
    with raw(one, STREAM) as stuck:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        soon(lambda: one.remote.preview.viewers == 1)
        soon(lambda: one.remote.preview.viewers == 0, 60)


def test_a_viewer_who_cannot_keep_up_gets_a_smaller_picture(one: Paging, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_JUDGED_S", 0.5)
    preview = one.remote.preview
    with raw(one, STREAM) as quick, raw(one, STREAM) as slow:
        threading.Thread(target=drain, args=(quick,), daemon=True).start()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        soon(lambda: preview._wanted[960, False] == 2)
        soon(lambda: (slow.recv(1000), time.sleep(0.05), preview._wanted[960, False] < 2)[2], 60)
        soon(lambda: preview.viewers == 2)
        assert preview._wanted[960, False] == 1  # the quick one keeps what it had


def drain(viewer: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while viewer.recv(1 << 20):
            pass


def test_a_head_that_does_not_come_is_not_waited_for(one: Paging, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HEAD_S", 0.3)
    for begun in (b"", b"GET / HTTP/1.1\r\nHost: loc"):
        with raw(one, begun) as slow:
            assert slow.recv(1000).startswith(b"HTTP/1.1 408 ")


def test_a_head_without_end_is_refused(one: Paging) -> None:
    with raw(one, b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 40_000) as wide:
        assert wide.recv(100).startswith(b"HTTP/1.1 400 ")


def test_a_body_that_does_not_come_is_not_waited_for(one: Paging, monkeypatch: pytest.MonkeyPatch) -> None:
    from edgeseg.web import guard

    monkeypatch.setattr(guard, "BODY_S", 0.3)
    head = b"POST /api/v1/backgrounds HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nabc"
    with raw(one, head) as slow:
        slow.settimeout(20)
        assert slow.recv(100).startswith(b"HTTP/1.1 408 ")


def test_the_run_ends_while_somebody_looks(one: Paging) -> None:
    with raw(one, STREAM) as viewer:
        soon(lambda: one.remote.preview.viewers == 1)
        start = time.monotonic()
        one.close()
        assert time.monotonic() - start < 30
        viewer.settimeout(10)
        while viewer.recv(65536):
            pass
