"""The app: routes, what the page is made of, health; and every error as a problem."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Match
from starlette.types import ASGIApp

import edgeseg
from edgeseg.config.problems import wanted
from edgeseg.errors import EdgesegError
from edgeseg.remote.around import Remote
from edgeseg.web import routes_board, routes_settings, routes_state
from edgeseg.web.access import Access
from edgeseg.web.board import Board
from edgeseg.web.context import PROBLEM_SCHEMA, Context, documented
from edgeseg.web.guard import Guard
from edgeseg.web.metrics import Metrics
from edgeseg.web.models import Health
from edgeseg.web.problems import TITLES, Problem, problem_of
from edgeseg.web.rules import Rules
from edgeseg.web.stream import Viewers

PAGE = Path(__file__).with_name("page")
_FORMS = {
    "color": "must be # and six hexadecimal digits, such as #00b140",
    "background": "must be the id of a picture of the gallery, or configured",
}
_DOWN = frozenset(("starting", "stalled", "ended"))


def make_app(remote: Remote, access: Access, rules: Rules) -> tuple[ASGIApp, Context]:
    """The app with its guard, and what it works with."""
    viewers = Viewers(remote.preview, remote.clock.now)
    remote.pictured.append(viewers.pictured)
    context = Context(remote, access, viewers, Board(remote.name if remote.keeps else None), Metrics(remote))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        import asyncio

        viewers.loop = asyncio.get_running_loop()
        yield
        viewers.close()

    app = FastAPI(
        title="edgeseg",
        version=edgeseg.__version__,
        description="One run of edgeseg: seen, changed, measured. Errors are application/problem+json.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.context = context
    context.listeners = routes_state.Listeners(context)
    for routes in (routes_state, routes_settings, routes_board):
        app.include_router(routes.router)
    _add_health(app, remote)
    _add_page(app)
    _add_errors(app)
    _add_schema(app)
    return Guard(app, access, rules, remote.clock.now), context


def _add_health(app: FastAPI, remote: Remote) -> None:
    @app.get("/healthz", response_model=Health, responses=documented(), tags=["health"])
    def healthz() -> dict[str, str]:
        """Whether this server answers; the pipeline may be dead."""
        return {"status": remote.live.status()[0], "detail": "The page is served."}

    @app.get("/readyz", response_model=Health, responses=documented(503), tags=["health"])
    def readyz() -> dict[str, str]:
        """Whether frames flow, or the rest is meant; 503 with the reason if not."""
        word, sentence = remote.live.status()
        if word in _DOWN:
            raise Problem(503, "not-ready", sentence, {"retry-after": "5"})
        return {"status": word, "detail": sentence}


def _add_page(app: FastAPI) -> None:
    """Every file of the page, read once: no request reaches the file system."""
    for path in sorted(PAGE.rglob("*")):
        if path.is_file():
            name = "/" + path.relative_to(PAGE).as_posix()
            app.add_route("/" if name == "/index.html" else name, _file(path), include_in_schema=False)


def _file(path: Path) -> Any:
    content = path.read_bytes()
    packed = gzip.compress(content, mtime=0)
    tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"

    async def serve(request: Request) -> Response:
        headers = {"etag": tag, "cache-control": "no-cache", "vary": "accept-encoding"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(packed, media_type=kind, headers={**headers, "content-encoding": "gzip"})
        return Response(content, media_type=kind, headers=headers)

    return serve


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(Problem)
    async def problem(request: Request, error: Problem) -> JSONResponse:
        return error.response()

    @app.exception_handler(EdgesegError)
    async def ours(request: Request, error: EdgesegError) -> JSONResponse:
        return problem_of(error).response()

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        told = [{"where": ".".join(map(str, each["loc"][1:])), "what": _what(each)} for each in error.errors()]
        words = "; ".join(f"{one['where'] or 'the request'}: {one['what']}" for one in told[:5])
        return Problem(422, "invalid", f"{words}.", errors=told).response()

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        words = {404: f"There is nothing at {request.url.path[:200]}.", 405: "This cannot be done here."}
        status = error.status_code if error.status_code in TITLES else 400
        headers = {"allow": _allowed(app, request)} if status == 405 else dict(error.headers or {})
        return Problem(status, "http", words.get(status, str(error.detail)), headers).response()

    @app.exception_handler(Exception)
    async def bug(request: Request, error: Exception) -> JSONResponse:
        return Problem(500, "bug", f"A bug: {type(error).__name__}; the log has more.").response()


def _what(error: Mapping[str, Any]) -> str:
    """What is wrong with one value, in the words of config files."""
    if error["type"] == "extra_forbidden":
        return "there is no such setting"
    if error["type"] == "string_pattern_mismatch":
        return _FORMS.get(error["loc"][-1], "is not of the form that is asked for")
    return wanted(error)


def _allowed(app: FastAPI, request: Request) -> str:
    """What may be done at this path, by all of its routes."""
    methods = set()
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        scope = {**request.scope, "method": method}
        if any(route.matches(scope)[0] is Match.FULL for route in app.routes):
            methods.add(method)
    return ", ".join(sorted(methods))


def _add_schema(app: FastAPI) -> None:
    plain = app.openapi

    def with_problems() -> dict[str, Any]:
        schema = plain()
        schema.setdefault("components", {}).setdefault("schemas", {}).setdefault("Problem", PROBLEM_SCHEMA)
        return schema

    app.openapi = with_problems  # type: ignore[method-assign]
