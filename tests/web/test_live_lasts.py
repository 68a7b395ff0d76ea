"""The WebSocket of the page is not a request whose head never comes."""

from __future__ import annotations

import time

import pytest
from paging import paging
from websockets.sync.client import connect

from edgeseg.web import server


def test_a_websocket_outlasts_the_patience_with_a_requests_head(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HEAD_S", 0.5)
    with paging() as made, connect(made.url.replace("http", "ws") + "/api/v1/live") as socket:
        until = time.monotonic() + 4 * server.HEAD_S
        while time.monotonic() < until:
            assert '"type":' in str(socket.recv(timeout=10))
