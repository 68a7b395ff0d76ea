"""What the routes work with, and what they say of themselves in the OpenAPI."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fastapi import Request

from edgeseg.remote.around import Remote
from edgeseg.web.access import Access
from edgeseg.web.models import ProblemShape
from edgeseg.web.problems import TITLES, TYPE
from edgeseg.web.stream import Viewers

if TYPE_CHECKING:
    from edgeseg.web.board import Board
    from edgeseg.web.metrics import Metrics
    from edgeseg.web.routes_state import Listeners

_ALWAYS = (400, 401, 403, 421, 422, 429, 500)  # what the guard may answer, and a bug


@dataclass
class Context:
    """remote: the run. warnings: what whoever signs in should know."""

    remote: Remote
    access: Access
    viewers: Viewers
    board: Board
    metrics: Metrics
    warnings: list[str] = field(default_factory=list)
    listeners: Listeners = field(init=False)


def context_of(request: Request) -> Context:
    """Of the app that this request came to."""
    context: Context = request.app.state.context
    return context


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems that a route may answer with, beside those that every one may."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": TITLES[status], "content": {TYPE: {"schema": schema}}}
        for status in sorted({*_ALWAYS, *statuses})
    }


PROBLEM_SCHEMA = ProblemShape.model_json_schema()
