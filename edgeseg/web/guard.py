"""What every request must pass before anything looks at it, and what every answer carries. Pure ASGI.

In this order: the Host it names (DNS rebinding), who sent it here (other sites), how often (rate), who asks (token),
whether a page of ours asks (CSRF), how much it brings and how slowly (body).
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import re
import socket
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edgeseg.web.access import Access
from edgeseg.web.problems import Problem

BODY_BYTES, PICTURE_BYTES = 64_000, 12_500_000
BODY_S = 30.0  # in which a body must have come
CSRF = "x-csrf-token"
SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
_OPEN = frozenset(("/healthz", "/readyz", "/api/v1/session"))  # to everybody; and what the page is made of
_GUARDED = ("/api/", "/metrics", "/status.")
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
        "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), display-capture=()",
}


@dataclass(frozen=True, slots=True)
class Rules:
    """hosts: names by which the board may be called, beside addresses. token: everybody must show it.

    rate, burst: requests of one address: a second, and at once.
    """

    hosts: frozenset[str]
    token: bool
    rate: float = 20.0
    burst: float = 100.0


def rules(listen_host: str, hosts: Collection[str] = ()) -> Rules:
    """Those that go with an address to listen on. Whoever names further hosts has something before us, or beside."""
    own = socket.gethostname().lower()
    names = {"localhost", own, f"{own}.local", *(name.lower() for name in hosts)}
    return Rules(frozenset(names), token=not is_loopback(listen_host) or bool(hosts))


def is_loopback(host: str) -> bool:
    """Whether an address or name is this machine's own alone."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


class Buckets:
    """Token buckets by address, the most recent thousand of them. now: seconds."""

    def __init__(self, rate: float, burst: float, now: Callable[[], float]) -> None:
        self._rate, self._burst, self._now = rate, burst, now
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, address: str) -> float:
        """0 if one more is allowed, which is counted then; else how long to wait for it."""
        now = self._now()
        left, at = self._left.pop(address, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._rate)
        allowed = left >= 1
        self._left[address] = (left - allowed, now)
        while len(self._left) > 1000:
            self._left.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self._rate


class Guard:
    """ASGI middleware around the app. now: seconds, never going back."""

    def __init__(self, app: ASGIApp, access: Access, rules: Rules, now: Callable[[], float]) -> None:
        self._app, self._access, self._rules = app, access, rules
        self._requests = Buckets(rules.rate, rules.burst, now)
        self._tries = Buckets(1 / 12, 5, now)  # of the token: five at once, five a minute

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        try:
            self._check(scope)
        except Problem as problem:
            await _refuse(scope, receive, send, problem)
            return
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
        else:
            await self._answer(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        path = scope["path"]
        self._check_host(headers)
        _check_site(scope, headers)
        address = _address(scope, headers)
        _limit(self._requests, address, "Too many requests from this address; slow down.")
        is_safe = scope["type"] == "http" and scope["method"] in SAFE
        if path == "/api/v1/session" and not is_safe and scope.get("method") == "POST":
            _limit(self._tries, address, "The token was tried too often; wait a little.")
        cookie = _cookie(headers, cookie_name(scope))
        session = self._access.session(cookie)
        bearer = headers.get("authorization", "")
        scope["edgeseg.cookie"], scope["edgeseg.session"] = cookie, session
        scope["edgeseg.needs_token"] = needs = self.needs_token(scope, headers)
        is_bearer = bearer.lower().startswith("bearer ")
        if is_bearer and not self._access.knows(bearer[7:].strip()):
            _limit(self._tries, address, "A wrong token was shown too often; wait a little.")
            raise _who("The token is not the one of this board.")
        known = is_bearer or session is not None
        scope["edgeseg.known"] = known or not needs
        if needs and not known and path not in _OPEN and path.startswith(_GUARDED):
            raise _who("Your session has ended; show the token again." if cookie else "Show the token first.")
        if not is_safe and scope["type"] == "http" and not is_bearer:
            self._check_csrf(headers, path, session.csrf if session is not None else None)

    def needs_token(self, scope: Scope, headers: Headers) -> bool:
        """Whether this request must show it: all do but those of this machine itself, with nothing in between."""
        peer = scope["client"][0] if scope.get("client") else ""
        between = any(name in headers for name in ("forwarded", "x-forwarded-for", "x-real-ip", "via"))
        return self._rules.token or between or not is_loopback(peer)

    def _check_host(self, headers: Headers) -> None:
        given = headers.getlist("host")
        if len(given) != 1:
            raise Problem(400, "bad-request", "A request names one Host.")
        name = re.sub(r":\d*$", "", given[0].strip()).lower()
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            if name.rstrip(".") not in self._rules.hosts:
                raise Problem(
                    421,
                    "wrong-host",
                    f"This board is not called {name[:80]!r}; use its address, or allow the name by --web-host.",
                ) from None

    def _check_csrf(self, headers: Headers, path: str, csrf: str | None) -> None:
        """A browser says where it is; with a session, or from a browser at all, our page's word is needed."""
        if path == "/api/v1/session" and csrf is None:
            return
        shown = headers.get(CSRF)
        if csrf is None and "origin" not in headers and "sec-fetch-site" not in headers:
            return  # no browser, and nothing that a browser would have sent by itself
        if shown != (csrf or self._access.csrf):
            raise Problem(403, "csrf", "The request lacks the word of this page (X-CSRF-Token); load the page again.")

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        most = PICTURE_BYTES if scope["path"] == "/api/v1/backgrounds" else BODY_BYTES
        headers = Headers(scope=scope)
        length = headers.get("content-length")
        try:
            if length is not None and (not length.isdecimal() or int(length) > most):
                raise _too_large(most)
            body = _Body(receive, most)
            answer = _Answer(send, body)
            try:
                await self._app(scope, body, answer)
            except Problem as problem:
                if answer.has_begun:
                    raise
                await problem.response()(scope, receive, answer)
        except Problem as problem:
            await problem.response()(scope, receive, _Answer(send))


class _Body:
    """A `Receive` that counts, and does not wait for ever."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive, self._most, self._count, self._over = receive, most, 0, False
        self.problem: Problem | None = None  # the app may make something else of it

    async def __call__(self) -> Message:
        if self.problem is not None:
            raise self.problem
        if self._over:  # what waits now waits for the client to go
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), BODY_S)
        except asyncio.TimeoutError:
            self.problem = Problem(408, "too-slow", "The request did not come in time.", {"connection": "close"})
            raise self.problem from None
        if message["type"] == "http.request":
            self._count += len(message.get("body", b""))
            self._over = not message.get("more_body", False)
            if self._count > self._most:
                self.problem = _too_large(self._most)
                raise self.problem
        return message


class _Answer:
    """A `Send` that puts our headers on; what was wrong with the body goes before what the app says of it."""

    def __init__(self, send: Send, body: _Body | None = None) -> None:
        self._send, self._body = send, body
        self.has_begun = self._is_over = False

    async def __call__(self, message: Message) -> None:
        if self._is_over:
            return
        if self._body is not None and self._body.problem is not None and not self.has_begun:
            problem, self._body = self._body.problem, None
            await problem.response()({"type": "http", "method": "GET"}, _nothing, self)
            self._is_over = True
            return
        if message["type"] == "http.response.start":
            self.has_begun = True
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("cache-control", "no-store")
        await self._send(message)


async def _nothing() -> Message:
    raise AssertionError("a problem asks nothing")


def _too_large(most: int) -> Problem:
    return Problem(413, "too-large", f"At most {most} bytes are taken here.", {"connection": "close"})


def _check_site(scope: Scope, headers: Headers) -> None:
    """What another site's page asks for in a visitor's browser is refused, whatever cookies it brings."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    is_ours = site in (None, "same-origin", "none")
    if origin is not None:
        is_ours = is_ours and urlsplit(origin).netloc.lower() == headers.get("host", "").strip().lower()
    if not is_ours and (scope["path"].startswith(_GUARDED) or origin is not None):
        raise Problem(403, "cross-site", "Another site's page may ask nothing here.")


def _address(scope: Scope, headers: Headers) -> str:
    """Who asks: behind a proxy on this machine, whom that one names last."""
    peer = str(scope["client"][0]) if scope.get("client") else ""
    named = headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    return named[:64] if named and is_loopback(peer) else peer


def _limit(buckets: Buckets, address: str, detail: str) -> None:
    wait_s = buckets.wait_s(address)
    if wait_s:
        raise Problem(429, "too-many", detail, {"retry-after": str(int(wait_s) + 1)})


def _who(detail: str) -> Problem:
    return Problem(401, "not-signed-in", detail, {"www-authenticate": 'Bearer realm="edgeseg"'})


def cookie_name(scope: Scope) -> str:
    """One for each port, which cookies do not tell apart by themselves."""
    return f"edgeseg_session_{(scope.get('server') or ('', 0))[1] or 0}"


def _cookie(headers: Headers, name: str) -> str | None:
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load(headers.get("cookie", ""))
    except CookieError:
        return None
    return jar[name].value if name in jar else None


async def _refuse(scope: Scope, receive: Receive, send: Send, problem: Problem) -> None:
    if scope["type"] == "http":
        await problem.response()(scope, receive, _Answer(send))
    elif "websocket.http.response" in scope.get("extensions", {}):
        response = problem.response()
        headers = [*response.raw_headers]
        await send({"type": "websocket.http.response.start", "status": response.status_code, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": bytes(response.body)})
    else:
        await send({"type": "websocket.close", "code": 1008, "reason": json.dumps(problem.detail)[:120]})
