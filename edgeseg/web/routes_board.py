"""Routes about the board: probe, doctor; and who is signed in."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from edgeseg.web.access import SESSION_S
from edgeseg.web.context import context_of, documented
from edgeseg.web.guard import cookie_name
from edgeseg.web.models import SessionNow, TokenShown
from edgeseg.web.problems import Problem

router = APIRouter()


@router.get("/api/v1/session", response_model=SessionNow, responses=documented(), tags=["session"])
def session(request: Request) -> dict[str, Any]:
    """Whether requests are answered, and the word that changes need. Open to everybody."""
    context, scope = context_of(request), request.scope
    known = bool(scope["edgeseg.known"])
    own = scope["edgeseg.session"]
    return {
        "signed_in": known,
        "needs_token": bool(scope["edgeseg.needs_token"]),
        "csrf": (own.csrf if own is not None else context.access.csrf) if known else None,
        "warnings": _warnings(request, context.warnings) if known else [],
    }


@router.post("/api/v1/session", response_model=SessionNow, responses=documented(413), tags=["session"])
def sign_in(request: Request, response: Response, shown: TokenShown) -> dict[str, Any]:
    """Show the token; a cookie is the session."""
    context = context_of(request)
    if not context.access.knows(shown.token.strip()):
        raise Problem(401, "not-signed-in", "The token is not the one of this board.", {"www-authenticate": "Bearer"})
    name, opened = context.access.open()
    is_tls = request.url.scheme == "https" or request.headers.get("x-forwarded-proto") == "https"
    response.set_cookie(
        cookie_name(request.scope), name, int(SESSION_S), secure=is_tls, httponly=True, samesite="strict", path="/"
    )
    return {
        "signed_in": True,
        "needs_token": True,
        "csrf": opened.csrf,
        "warnings": _warnings(request, context.warnings),
    }


@router.delete("/api/v1/session", status_code=204, response_class=Response, responses=documented(), tags=["session"])
def sign_out(request: Request) -> Response:
    """End the session."""
    context_of(request).access.end(request.scope["edgeseg.cookie"])
    response = Response(status_code=204)
    response.delete_cookie(cookie_name(request.scope), path="/", httponly=True, samesite="strict")
    return response


@router.get("/api/v1/probe", responses=documented(503), tags=["board"])
def probe(request: Request) -> dict[str, Any]:
    """What the board is, as `edgeseg probe --json` has it."""
    return context_of(request).board.ask("probe").answer


@router.get("/api/v1/doctor", responses=documented(503), tags=["board"])
def doctor(request: Request) -> dict[str, Any]:
    """What `edgeseg doctor --json` said last: {"at": UNIX time, "report": ...}; both null before it was asked."""
    told = context_of(request).board.newest("doctor")
    return {"at": told.at, "report": told.answer} if told is not None else {"at": None, "report": None}


@router.post("/api/v1/doctor", responses=documented(503), tags=["board"])
def ask_doctor(request: Request) -> dict[str, Any]:
    """Ask the doctor now; it takes some seconds, in which the run goes on."""
    told = context_of(request).board.ask("doctor")
    return {"at": told.at, "report": told.answer}


def _warnings(request: Request, always: list[str]) -> list[str]:
    is_plain = request.scope["edgeseg.needs_token"] and not (
        request.url.scheme == "https" or request.headers.get("x-forwarded-proto") == "https"
    )
    plain = ["This connection is not encrypted: whoever is on this network can read the token and the picture."]
    return [*always, *(plain if is_plain else [])]
