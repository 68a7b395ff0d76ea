"""Who may ask: tokens, sessions, hosts, other sites, rates, bodies."""

from __future__ import annotations

import json
import socket
import stat
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from paging import Paging, paging
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from edgeseg.web import access, server
from edgeseg.web.access import Access, make_token, token_file
from edgeseg.web.guard import Buckets, is_loopback, rules

SESSION, STATE = "/api/v1/session", "/api/v1/state"


@pytest.fixture(scope="module")
def one() -> Iterator[Paging]:
    with paging() as made:
        yield made


@pytest.fixture(scope="module")
def guarded() -> Iterator[tuple[Paging, str]]:
    """One that asks everybody for a token."""
    token_file().unlink(missing_ok=True)
    with paging(hosts=("cam.example",)) as made:
        token = made.web.token
        assert token is not None
        yield made, token


def signed_in(made: Paging, token: str) -> httpx.Client:
    client = httpx.Client(base_url=made.url, timeout=20.0)
    answer = client.post(SESSION, json={"token": token})
    assert answer.status_code == 200, answer.text
    client.headers["X-CSRF-Token"] = answer.json()["csrf"]
    return client  # for whoever closes it


def test_the_token_is_made_once_and_kept_as_a_hash(guarded: tuple[Paging, str]) -> None:
    made, token = guarded
    assert stat.S_IMODE(token_file().stat().st_mode) == 0o600
    assert token not in token_file().read_text()
    assert any(token in str(fact) for fact in made.facts)  # shown, once
    with paging(hosts=("cam.example",)) as again:
        assert again.web.token is None


def test_without_it_only_the_page_and_health_are_served(guarded: tuple[Paging, str]) -> None:
    made, _ = guarded
    for path in ("/", "/app.js", "/style.css", "/healthz", "/readyz", SESSION):
        assert made.client.get(path).status_code == 200, path
    for path in (
        STATE,
        "/api/v1/preview.mjpg",
        "/api/v1/snapshot.jpg",
        "/metrics",
        "/status.txt",
        "/api/v1/openapi.json",
    ):
        answer = made.client.get(path)
        assert (answer.status_code, answer.json()["type"]) == (401, "urn:edgeseg:not-signed-in"), path
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert made.client.get(SESSION).json() == {"signed_in": False, "needs_token": True, "csrf": None, "warnings": []}
    with pytest.raises(InvalidStatus) as refused:
        connect(made.url.replace("http", "ws") + "/api/v1/live")
    assert refused.value.response.status_code in (401, 403)


def test_a_session_from_the_token_to_the_sign_out(guarded: tuple[Paging, str]) -> None:
    made, token = guarded
    with closing(signed_in(made, token)) as client:
        assert client.get(STATE).status_code == 200
        assert client.get(SESSION).json()["warnings"]  # that it is not encrypted
        cookie = next(iter(client.cookies.jar))
        assert (cookie.get_nonstandard_attr("SameSite"), cookie.has_nonstandard_attr("HttpOnly")) == ("strict", True)
        assert client.patch("/api/v1/settings", json={"refine": False}).status_code == 200
        kept = dict(client.cookies)
        assert client.delete(SESSION).status_code == 204
        again = httpx.get(made.url + STATE, cookies=kept)
        assert (again.status_code, again.json()["detail"]) == (401, "Your session has ended; show the token again.")


def test_a_bearer_token_needs_no_session_and_no_csrf(guarded: tuple[Paging, str]) -> None:
    made, token = guarded
    bearer = {"Authorization": f"Bearer {token}"}
    assert made.client.get("/metrics", headers=bearer).status_code == 200
    assert made.client.patch("/api/v1/settings", json={"refine": True}, headers=bearer).status_code == 200
    with connect(made.url.replace("http", "ws") + "/api/v1/live", additional_headers=bearer) as ws:
        assert json.loads(ws.recv(5))["type"] == "state"


def test_a_new_token_ends_the_sessions_of_the_old(guarded: tuple[Paging, str]) -> None:
    made, token = guarded
    with closing(signed_in(made, token)) as client:
        kept = token_file().read_bytes()
        make_token(token_file())
        assert client.get(STATE).status_code == 401
        token_file().write_bytes(kept)
        assert client.get(STATE).status_code == 200


def test_a_change_needs_the_word_of_the_page(guarded: tuple[Paging, str]) -> None:
    made, token = guarded
    with closing(signed_in(made, token)) as client:
        del client.headers["X-CSRF-Token"]
        answer = client.patch("/api/v1/settings", json={"refine": True})
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:edgeseg:csrf")


def test_a_browser_on_this_machine_needs_the_word_too(one: Paging) -> None:
    origin = {"Origin": one.url, "Sec-Fetch-Site": "same-origin"}
    answer = one.client.patch("/api/v1/settings", json={"refine": True}, headers=origin)
    assert answer.json()["type"] == "urn:edgeseg:csrf"
    word = one.client.get(SESSION).json()["csrf"]
    answer = one.client.patch("/api/v1/settings", json={"refine": True}, headers={**origin, "X-CSRF-Token": word})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_site_may_ask_nothing(one: Paging, headers: dict[str, str]) -> None:
    for method, path in (("GET", STATE), ("GET", "/api/v1/preview.mjpg"), ("POST", "/api/v1/backgrounds")):
        answer = one.client.request(method, path, headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:edgeseg:cross-site")
    with pytest.raises(InvalidStatus):
        connect(one.url.replace("http", "ws") + "/api/v1/live", additional_headers=headers)


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8080", "", "a b", "[::1"]
)
def test_a_name_that_is_not_the_boards_is_refused(one: Paging, host: str) -> None:
    answer = one.client.get(STATE, headers={"Host": host})
    assert answer.status_code in (400, 421)


@pytest.mark.parametrize("host", ["localhost:99", "127.0.0.1", "[::1]:8080", "192.168.3.4:8080", socket.gethostname()])
def test_an_address_or_its_own_name_is_taken(one: Paging, host: str) -> None:
    assert one.client.get(STATE, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"])
def test_what_comes_by_a_proxy_needs_the_token(one: Paging, header: str) -> None:
    assert one.client.get(STATE, headers={header: "for=1.2.3.4"}).status_code == 401


def test_the_token_can_be_tried_a_few_times_only() -> None:
    with paging(hosts=("cam.example",)) as made:
        codes = [made.client.post(SESSION, json={"token": f"wrong{n}"}).status_code for n in range(7)]
        assert codes == [401] * 5 + [429] * 2
        answer = made.client.post(SESSION, json={"token": "wrong"})
        assert int(answer.headers["retry-after"]) >= 1
        assert "wait" in answer.json()["detail"]


def test_too_many_requests_are_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = server.rules
    monkeypatch.setattr(server, "rules", lambda *parts: replace(plain(*parts), rate=1.0, burst=20.0))
    with paging() as made:
        answers = [made.client.get("/healthz") for _ in range(30)]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert refused
        assert refused[0].json()["type"] == "urn:edgeseg:too-many"


def test_buckets_fill_again_and_stay_few() -> None:
    now = [0.0]
    buckets = Buckets(2.0, 3, lambda: now[0])
    assert [buckets.wait_s("a") for _ in range(4)] == [0, 0, 0, 0.5]
    now[0] = 0.5
    assert buckets.wait_s("a") == 0
    for number in range(3000):
        buckets.wait_s(str(number))
    assert len(buckets._left) == 1000


def test_a_body_too_large_or_without_end_is_refused(one: Paging) -> None:
    answer = one.client.patch("/api/v1/settings", content=b"x" * 70_000, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:edgeseg:too-large")

    def endless() -> Iterator[bytes]:
        for _ in range(1000):
            yield b"[" * 1000

    answer = one.client.patch("/api/v1/settings", content=endless(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "body", [b"", b"[", b"null", b'"x"', b"[" * 30_000, b'{"on": 1e999}', b"\xff\xfe", b'{"a":' * 9000]
)
def test_a_body_that_is_no_change_is_refused_in_words(one: Paging, body: bytes) -> None:
    answer = one.client.patch("/api/v1/settings", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["detail"]


@pytest.mark.parametrize(
    "path", ["/../edgeseg/app.py", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/app.js/", "/index.html%00"]
)
def test_no_path_reaches_the_disk(one: Paging, path: str) -> None:
    with socket.create_connection(("127.0.0.1", one.web.port)) as raw:
        raw.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while chunk := raw.recv(65536):
            answer += chunk
    assert answer.split(b" ", 2)[1] in (b"404", b"400")
    assert b"application/problem+json" in answer


def test_every_answer_has_the_headers(one: Paging) -> None:
    for path in ("/", "/app.js", STATE, "/nothing", "/api/v1/source.mjpg"):
        headers = one.client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "server" not in headers


def test_sessions_are_few_and_end(tmp_path: Path) -> None:
    now = [0.0]
    made = make_token(tmp_path / "token")
    entry = Access(tmp_path / "token", lambda: now[0])
    assert entry.knows(made)
    assert not entry.knows(made + "x")
    assert not entry.knows("")
    names = [entry.open()[0] for _ in range(access.MOST_SESSIONS + 1)]
    assert entry.session(names[0]) is None
    assert entry.session(names[-1]) is not None
    now[0] = access.SESSION_S + 1
    assert entry.session(names[-1]) is None
    assert not Access(tmp_path / "none").knows("")


def test_which_addresses_are_this_machines_own() -> None:
    assert all(is_loopback(one) for one in ("127.0.0.1", "127.3.2.1", "::1", "localhost"))
    assert not any(is_loopback(one) for one in ("0.0.0.0", "::", "192.168.1.2", "example", "10.0.0.1"))
    assert rules("0.0.0.0").token
    assert rules("127.0.0.1", ["cam.example"]).token
    assert not rules("::1").token
