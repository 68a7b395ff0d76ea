"""Errors as application/problem+json (RFC 9457): one sentence for people, a stable word for programs."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse

from edgeseg.config.secrets import hidden
from edgeseg.errors import (
    CandidateError,
    ConfigError,
    EdgesegError,
    NotPermitted,
    OutputError,
    SourceError,
    Unreachable,
    UsageError,
    one_line,
)
from edgeseg.remote.control import Refused, Stale
from edgeseg.remote.gallery import Full, NoSuchPicture
from edgeseg.remote.picture import NotAPicture

TYPE = "application/problem+json"
# The first class that fits: (class, status, word).
_OF = (
    (Stale, 412, "stale"),
    (NoSuchPicture, 404, "no-such-background"),
    (Full, 409, "gallery-full"),
    (Refused, 409, "refused"),
    (ConfigError, 409, "config-wrong"),
    (UsageError, 409, "refused"),
    (SourceError, 409, "source"),
    (CandidateError, 409, "engine"),
    (NotPermitted, 409, "not-permitted"),
    (OutputError, 409, "output"),
    (Unreachable, 503, "unreachable"),
)


class Problem(Exception):
    """An answer that is a problem; more: further members, headers: of the answer."""

    def __init__(self, status: int, word: str, detail: str, headers: dict[str, str] | None = None, **more: Any) -> None:
        super().__init__(detail)
        self.status, self.word, self.detail, self.headers, self.more = status, word, detail, headers, more

    def response(self) -> JSONResponse:
        """As it is sent."""
        body = {"type": f"urn:edgeseg:{self.word}", "title": TITLES[self.status], "status": self.status}
        return JSONResponse(
            {**body, "detail": self.detail, **self.more}, self.status, headers=self.headers, media_type=TYPE
        )


TITLES = {
    400: "Bad request",
    401: "Not signed in",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    408: "Too slow",
    409: "Not possible now",
    411: "Length required",
    412: "Changed meanwhile",
    413: "Too large",
    415: "Not that kind of content",
    421: "Wrong host",
    422: "Not valid",
    429: "Too many requests",
    500: "A bug",
    503: "Not available now",
}


def problem_of(error: EdgesegError) -> Problem:
    """The problem that an error of ours is."""
    detail = hidden(one_line(str(error)))
    if isinstance(error, NotAPicture):
        return Problem(
            413 if error.too_large else 415, "picture-too-large" if error.too_large else "no-picture", detail
        )
    more: dict[str, Any] = {"setting": error.setting} if isinstance(error, Refused) and error.setting else {}
    for kind, status, word in _OF:
        if isinstance(error, kind):
            return Problem(status, word, detail, **more)
    return Problem(500, "bug", detail)
